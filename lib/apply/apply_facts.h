/* SPDX-License-Identifier: ISC */
/*
 * apply_facts: what has to be known of a socket, from the kernel and from its
 * record. It changes nothing. Async-signal-safe; may change errno.
 */
#ifndef KASHIM_APPLY_FACTS_H
#define KASHIM_APPLY_FACTS_H

#include "apply/apply.h"

/*
 * Asks for what can make a difference to this event, and no more: each
 * question is a system call.
 */
void apply_facts(const struct apply *apply, const struct apply_event *event,
    struct apply_facts *facts);

/*
 * Asks for what a decision wants to know in addition, once. Returns false if it
 * wants nothing: then it is final.
 */
bool apply_facts_more(const struct apply *apply, int fd, enum apply_what what,
    struct apply_facts *facts);

/*
 * Our end of fd; *len is what getsockname(2) says. Returns false if it is no
 * IP socket.
 */
bool apply_facts_local(int fd, struct apply_end *end, socklen_t *len);

/* Does fd listen? */
bool apply_facts_listens(const struct keepalive_calls *calls, int fd);

/*
 * How many connections wait in the queue of a listener (tcp_get_info()); as
 * many as the kernel allows of itself, if that can't be told.
 */
uint32_t apply_facts_waiting(const struct keepalive_calls *calls, int fd);

#endif
