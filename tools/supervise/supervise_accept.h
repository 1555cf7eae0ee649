/* SPDX-License-Identifier: ISC */
/*
 * supervise_accept: accepted connections whose rule depends on the peer, so
 * that they can't inherit it from the listener.
 *
 * accept(2) is notified before there is a connection, and nothing says when
 * there is one. So the worker looks for new connections of the process after
 * a thread of it has left accept(2): a few milliseconds after the call, and if
 * it still waits there, again and again, each time later, up to every second.
 * A thread that calls accept(2) again has left it; one that is running may
 * have left it or not have begun, and is looked at a few times more. Thousands
 * of threads are known at a time.
 */
#ifndef KASHIM_SUPERVISE_ACCEPT_H
#define KASHIM_SUPERVISE_ACCEPT_H

#include <stdint.h>

#include "supervise/supervise_socket.h"

/* The call is on its way: accept, on the borrowed listener. */
void accept_begun(
    const struct borrowed_socket *borrowed, const struct target *target);

/* When something is due, by the clock of supervise_clock.h. */
int64_t accept_due_ms(void);

/* Does what is due, for a slice of time at most. */
void accept_run(void);

/* Forgets all threads, and lets go of all descriptors. */
void accept_stop(void);

#endif
