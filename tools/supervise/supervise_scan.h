/* SPDX-License-Identifier: ISC */
/*
 * supervise_scan: looks through the descriptors of a supervised process, and
 * of what it started, for connections that it accepted.
 */
#ifndef KASHIM_SUPERVISE_SCAN_H
#define KASHIM_SUPERVISE_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervise/supervise_socket.h"

/*
 * Connections to this listener's port are of interest. Returns false if it has
 * none.
 */
bool scan_add_listener(int listener);

/*
 * Does so now for one that was accepted, if that is what it is, before its
 * program sets an option of its own.
 */
void scan_settle(const struct borrowed_socket *borrowed);

/*
 * Asks for a look at the process that pidfd is for, whose number is process,
 * and at its descendants: what the rules say is set on each connection, to a
 * port of interest, that was not there at the last look; and on each listener
 * that the program did not make itself, whose port is of interest from then on.
 * Of processes with
 * several threads only those children are known that the first one started,
 * or thread. Returns false if there is no room: to be asked again.
 */
bool scan_ask(int pidfd, pid_t process, pid_t thread);

/*
 * Have connections waited in the queue of such a listener, since this was last
 * asked?
 */
bool scan_took_waiting(void);

/*
 * When scan_run() is to be called next: CLOCK_NEVER if nobody has asked. A
 * look that took long is followed by a rest that is many times as long.
 */
int64_t scan_due_ms(void);

/* Goes on with the looks, for a slice of time at most. */
void scan_run(void);

/* Forgets what was asked for, and lets go of all descriptors. */
void scan_stop(void);

#endif
