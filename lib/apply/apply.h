/* SPDX-License-Identifier: ISC */
/*
 * apply: what each hook does to a socket, without the hooks. apply_look() asks
 * the kernel for what has to be known of the socket and decides by it;
 * apply_act() does what was decided. In between, the hook asks whether the
 * policy was overwritten meanwhile; if so, it looks again.
 *
 * No function here fails for its caller: what can't be done is left undone.
 * All are async-signal-safe, take no lock, keep a record (record.h) at most,
 * and may change errno, which the hooks therefore save.
 */
#ifndef KASHIM_APPLY_H
#define KASHIM_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "apply/apply_decide.h"
#include "apply/memo.h"
#include "apply/record.h"
#include "base/keepalive.h"
#include "image/view.h"

/* Whose socket it really is, where that is not the calling process. */
struct apply_host {
	pid_t pid;
	int fd;    /* its own descriptor of the socket */
	int trace; /* the trace file, open; for a trace_path that is not "" */
};

/* Where a hook stands: the rules, and the way to the kernel. */
struct apply {
	const struct view *view; /* if empty, then it was another before */
	const char *trace_path;  /* a line for each decision; "" if none */
	struct keepalive_calls calls;
	const struct apply_host *host; /* for the trace; NULL: ourselves */
};

/*
 * Decides what is to be done for an event. If the image that the view refers
 * to may have changed meanwhile, the decision is not to be acted upon.
 */
void apply_look(const struct apply *apply, const struct apply_event *event,
    struct apply_decision *decision);

/* Does what was decided. */
void apply_act(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision);

/*
 * Both, for an image that does not change meanwhile. Returns whether the
 * decision was APPLY_AFTER.
 */
bool apply_now(const struct apply *apply, const struct apply_event *event);

/*
 * After the program's own setsockopt(2) of one of our options succeeded with
 * value: puts the value back that was decided for APPLY_SETSOCKOPT, or the
 * tighter one.
 */
void apply_hold(const struct apply *apply, int fd,
    const struct apply_decision *decision, enum keepalive_option option,
    int value);

/*
 * After socket(2) gave fd, if it is known that there is no uniform rule in the
 * policy of this generation: all of APPLY_SOCKET. It makes no system call.
 */
void apply_socket_noted(uint32_t generation, int fd, int domain, int type);

/*
 * Remembers what was decided, if it is lasting, as long as this policy is in
 * force.
 */
void apply_remember(
    const struct apply *apply, const struct apply_decision *decision);

/*
 * Before connect(2) of fd, of which nothing is on record, to a destination
 * for which the answer is remembered.
 */
void apply_connect_known(const struct keepalive_calls *calls,
    uint32_t generation, int fd, const struct memo_answer *answer);

/*
 * Before connect(2) of fd, in the policy of this generation: was it made as a
 * socket that is not TCP, so that there is nothing to do? Once for each socket,
 * as far as its record goes (record_take_other()). If that was another socket,
 * and connect(2) is under way, as it can be with TCP alone, APPLY_CONNECTED is
 * to follow.
 */
static inline bool
apply_is_other(uint32_t generation, int fd)
{
	return record_take_other(fd, generation);
}

/*
 * Before accept(2) on listener: in which policy it was decided what it gives
 * to connections, as generation + 1; 0 if that is not known, or if some that
 * wait are from before. A connection may have got what the listener had then,
 * even if that is brought up to date by the time that accept(2) is through.
 */
static inline uint32_t
apply_accepting(int listener)
{
	return record_has_queued(listener) ? 0 : record_decided_in(listener);
}

/*
 * The same, in the policy of this generation: will a connection have all that
 * it should have, if that policy is still in force then? It is so in most
 * cases. Then the result is a number for apply_inherit(), else 0.
 */
static inline uint16_t
apply_gives_all(uint32_t generation, int listener)
{
	return record_has_queued(listener)
	           ? 0
	           : record_accepts(listener, generation);
}

/* Or does each get what it should have, by its addresses, after accept(2)? */
static inline bool
apply_corrects(uint32_t generation, int listener)
{
	return record_gives(listener, generation) != MATCH_DEPENDS;
}

/*
 * After that gave fd, as was foreseen. No system call. What is noted tells who
 * sent the SYN, if rules for both sides would fit.
 */
static inline void
apply_inherit(int listener, uint16_t number, int fd)
{
	if (__builtin_expect(!record_has_inherited(fd, number), 0))
		record_inherit(fd, listener);
}

/*
 * After accept(2) gave event->fd, in the policy of this generation, and that
 * does not simply inherit: has it got from the listener what is remembered for
 * its addresses? If not: APPLY_ACCEPT, for which event->at is filled in. One
 * system call.
 */
bool apply_accept_known(uint32_t generation, struct apply_event *event);

#endif
