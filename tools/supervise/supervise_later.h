/* SPDX-License-Identifier: ISC */
/*
 * supervise_later: what can only be done once a call has been made: the
 * source address is chosen in connect(2), and the port, if the program bound
 * none, in listen(2). The worker sees a call before it is made, so it looks at
 * the socket again after a moment.
 */
#ifndef KASHIM_SUPERVISE_LATER_H
#define KASHIM_SUPERVISE_LATER_H

#include <stdint.h>

#include "supervise/supervise_socket.h"

/* The call is on its way: connect. */
void later_connected(const struct borrowed_socket *borrowed,
    const struct target *target, const struct apply_end *to);

/* The call is on its way: listen, of a socket without a port. */
void later_listening(
    const struct borrowed_socket *borrowed, const struct target *target);

/*
 * Does it now, for a socket whose program is about to set an option of its
 * own: the rule came first.
 */
void later_settle(const struct borrowed_socket *borrowed);

/* When something is due, by the clock of supervise_clock.h. */
int64_t later_due_ms(void);

/* Does what is due, for a slice of time at most. */
void later_run(void);

#endif
