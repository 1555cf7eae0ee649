/* SPDX-License-Identifier: ISC */
/*
 * apply: what each hook does to a socket, without the hooks. It finds the
 * addresses of the connection, asks match for the rule and has keepalive set
 * its options.
 *
 * No function here fails for its caller: what can't be done is left undone.
 * All are async-signal-safe, take no lock, keep a record (record.h) at most,
 * and may change
 * errno, which the hooks therefore save.
 */
#ifndef KASHIM_APPLY_H
#define KASHIM_APPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

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
	/*
	 * Asked after the image was read: was it overwritten meanwhile? Then
	 * *view is of the policy that is in force now. NULL: it never is.
	 */
	bool (*overtaken)(void *data);
	void *data; /* for overtaken */
	/*
	 * If not NULL, what apply_connect() did goes there if it would do the
	 * same for every new socket that connects to that destination, as long
	 * as this generation is in force; rule is RULE_NOT_LASTING if not.
	 */
	struct memo_answer *lasting;
};

#define RULE_NOT_LASTING (-3)

/* After socket(2) gave fd: if one rule holds for everything, sets it. */
void apply_socket(
    const struct apply *apply, int fd, int domain, int type, int protocol);

/*
 * The same, if it is known that there is no such rule in the policy of this
 * generation. It makes no system call.
 */
void apply_socket_noted(uint32_t generation, int fd, int domain, int type);

/*
 * Before connect(2) of fd, of which nothing is on record, to a destination
 * for which the answer is known.
 */
void apply_connect_known(const struct keepalive_calls *calls,
    uint32_t generation, int fd, const struct memo_answer *answer);

/*
 * Before connect(2) of fd, in the policy of this generation: was it made as a
 * socket that is not TCP, so that there is nothing to do? Once for each socket,
 * as far as its record goes (record_take_other()). If that was another socket,
 * and connect(2) is under way, as it can be with TCP alone, apply_connected()
 * is to follow.
 */
static inline bool
apply_is_other(uint32_t generation, int fd)
{
	return record_take_other(fd, generation);
}

/*
 * Before connect(2) of fd to the len bytes at sa. Returns whether
 * apply_connected() is to follow: a rule may depend on the source address,
 * and the kernel has not chosen one yet.
 */
bool
apply_connect(const struct apply *apply, int fd, const void *sa, size_t len);

/* After a connect(2) that was begun, for which apply_connect() said so. */
void
apply_connected(const struct apply *apply, int fd, const void *sa, size_t len);

/*
 * Before listen(2) of fd: if the rule depends on nothing but the port, the
 * listener gets it, and what is accepted inherits it. Returns whether to call
 * it again when listen(2) has succeeded: a socket that has no port yet gets
 * one there.
 */
bool apply_listen(const struct apply *apply, int fd);

/* After a call that hides its connect(2), such as rcmd(3), gave fd. */
void apply_made(const struct apply *apply, int fd);

/*
 * After such a call gave fd, which it accepted on a listener of its own:
 * nothing can have been inherited.
 */
void apply_called_back(const struct apply *apply, int fd);

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
 * After that gave fd, in the policy of this generation: has it got all that
 * it should have from the listener? That is all of accept(2) in most cases. It
 * makes no system call.
 */
static inline bool
apply_inherits(uint32_t generation, int listener, uint32_t before, int fd)
{
	/* A listener that came from elsewhere has nothing to be inherited. */
	if (before == 0 || before != generation + 1 ||
	    record_decided_in(listener) != before ||
	    RECORD_GET(record_table[listener].accepts) == 0)
		return false;
	/* It tells who sent the SYN, if rules for both sides would fit. */
	if (__builtin_expect(!record_has_inherited(fd, listener), 0))
		record_inherit(fd, listener);
	return true;
}

/* If not: sets it. */
void apply_accepted(
    const struct apply *apply, int listener, uint32_t before, int fd);

/*
 * For a socket that came from elsewhere, connected or listening: inherited
 * at start, or received from another process.
 */
void apply_inherited(const struct apply *apply, int fd);

/*
 * Before the program's own setsockopt(2) of one of our options on fd. Returns
 * the rule that holds against it, for apply_hold(), or MATCH_NONE.
 */
int apply_holding(const struct apply *apply, int fd);

/*
 * After that call succeeded with value: puts the rule's value back, or the
 * tighter one. rule may be MATCH_NONE.
 */
void apply_hold(const struct apply *apply, int fd, int rule,
    enum keepalive_option option, int value);

#endif
