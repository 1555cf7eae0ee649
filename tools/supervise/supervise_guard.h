/* SPDX-License-Identifier: ISC */
/*
 * supervise_guard: keeps a worker at work, and answers for it while it is not.
 *
 * A thread that waits for an answer waits until there is one, and would get
 * ENOSYS if nobody held the descriptor any more. So the guard, which does next
 * to nothing and therefore has next to nothing to crash from, holds it too. If
 * it is the guard that is killed, the worker takes its place.
 *
 * The guard also ends a worker that makes no headway, whatever holds it up: a
 * SIGSTOP, or a trace on a file system that is frozen.
 */
#ifndef KASHIM_SUPERVISE_GUARD_H
#define KASHIM_SUPERVISE_GUARD_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#define GUARD_REQUEST_MAX 4096

/*
 * In memory that guard and worker share. The kernel itself writes the request
 * there, so that there is no moment at which a worker that is killed has taken
 * one that the guard does not see.
 */
struct guard_page {
	union {
		struct seccomp_notif request; /* id 0: none is at work */
		uint8_t room[GUARD_REQUEST_MAX];
	};
	uint32_t taken; /* how many requests; the rest is the guard's */
	bool guard_sleeps;
	int wake; /* eventfd(2) */
};

/*
 * Serves notify; page is the guard's. To return when guard_is_gone(), with no
 * request at work and without a descriptor of its own.
 */
typedef void guard_worker(int notify, struct guard_page *page, void *data);

/*
 * For the worker: has the guard been killed? Its end interrupts a system call
 * that waits. A worker that returns then becomes the guard of a new one.
 */
bool guard_is_gone(void);

/* For the worker: it has taken a request. Costs a system call at times. */
void guard_taken(struct guard_page *page);

/* Answers request id: the call goes on as the program made it. */
void guard_continue(int notify, uint64_t id);

/*
 * Runs worker in a process of its own, and a new one whenever it ends or makes
 * no headway for 2.5 seconds, until the last thread that has the filter of
 * notify is gone; then exits. For a process with one thread.
 */
void guard_run(int notify, guard_worker *worker, void *data)
    __attribute__((noreturn));

#endif
