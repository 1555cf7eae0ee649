/* SPDX-License-Identifier: ISC */
/*
 * supervise_accept: accepted connections whose rule depends on the peer, so
 * that they can't inherit it from the listener.
 *
 * accept(2) is notified before there is a connection, and nothing says when
 * there is one. So the worker looks for new connections of the process after
 * a thread of it has left accept(2): a few milliseconds after the call, and if
 * it still waits there, again and again, each time later, up to every second.
 * A thread that calls accept(2) again has left it. A look that takes long is
 * followed by a rest that is many times as long.
 */
#ifndef KASHIM_SUPERVISE_ACCEPT_H
#define KASHIM_SUPERVISE_ACCEPT_H

#include "supervise_socket.h"

/* The call is on its way: accept, on the listener that is held. */
void accept_begun(const struct held_socket *held, const struct target *target);

/* Does what is due. Returns how long until something is, in ms; -1: never. */
int accept_run(void);

#endif
