/* SPDX-License-Identifier: ISC */
/*
 * supervise_queue: listeners that a program did not make itself.
 */
#include "supervise/supervise_queue.h"

#include <fcntl.h>
#include <unistd.h>

#include "host/kernel_calls.h"
#include "supervise/supervise_clock.h"
#include "supervise/supervise_scan.h"

#define WATCHES  64
#define FIRST_MS 5
#define LAST_MS  1000
#define WATCH_MS 4000

/* A process that is looked at, with its descendants. */
struct watch {
	pid_t process; /* 0: none */
	int pidfd;
	int wait_ms;
	int64_t due_ms;
	int64_t end_ms;
};

static struct watch watches[WATCHES];
static int64_t next_ms = CLOCK_NEVER; /* nothing is due before */

static struct watch *
find(pid_t process)
{
	for (int i = 0; i < WATCHES; i++) {
		if (watches[i].process == process)
			return &watches[i];
	}
	return NULL;
}

static void
forget(struct watch *watch)
{
	close(watch->pidfd);
	watch->process = 0;
}

void
queue_watch(int pidfd, pid_t process)
{
	struct watch *watch = find(process);

	if (watch != NULL && kernel_pidfd_probe(watch->pidfd) == 0) {
		watch->end_ms = clock_ms() + WATCH_MS;
		return;
	}
	if (watch != NULL)
		forget(watch);
	watch = find(0);
	/* With so many at a time, what its parent looks for has to do. */
	if (watch == NULL)
		return;
	*watch = (struct watch){
	    .pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0),
	    .wait_ms = FIRST_MS,
	    .due_ms = clock_ms() + FIRST_MS,
	    .end_ms = clock_ms() + WATCH_MS,
	};
	if (watch->pidfd < 0)
		return;
	watch->process = process;
	if (watch->due_ms < next_ms)
		next_ms = watch->due_ms;
}

void
queue_watch_target(struct target *target)
{
	const struct view *view = target_view(target);
	const pid_t process = target_process(target);
	int pidfd;

	if (view == NULL || match_scope_is_empty(&view->accept) || process < 0)
		return;
	pidfd = kernel_pidfd_open(process, 0);
	if (pidfd < 0)
		return;
	queue_watch(pidfd, process);
	close(pidfd);
}

int64_t
queue_due_ms(void)
{
	return next_ms;
}

static void
look(struct watch *watch, int64_t now)
{
	if (now > watch->end_ms) {
		forget(watch);
		return;
	}
	if (!scan_ask(watch->pidfd, watch->process, watch->process)) {
		watch->due_ms = now + FIRST_MS;
		return;
	}
	watch->due_ms = now + watch->wait_ms;
	watch->wait_ms *= 2;
	if (watch->wait_ms > LAST_MS)
		watch->wait_ms = LAST_MS;
}

void
queue_run(void)
{
	const int64_t now = clock_ms();
	bool waiting;

	if (next_ms > now)
		return;
	waiting = scan_took_waiting();
	next_ms = CLOCK_NEVER;
	for (int i = 0; i < WATCHES; i++) {
		struct watch *watch = &watches[i];

		if (watch->process == 0)
			continue;
		if (waiting)
			watch->end_ms = now + WATCH_MS;
		if (watch->due_ms <= now)
			look(watch, now);
		if (watch->process != 0 && watch->due_ms < next_ms)
			next_ms = watch->due_ms;
	}
}

void
queue_stop(void)
{
	for (int i = 0; i < WATCHES; i++) {
		if (watches[i].process != 0)
			forget(&watches[i]);
	}
}
