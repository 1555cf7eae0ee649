/* SPDX-License-Identifier: ISC */
/*
 * supervise_accept: accepted connections whose rule depends on the peer.
 */
#include "supervise/supervise_accept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/kernel_calls.h"
#include "host/proc.h"
#include "supervise/supervise_clock.h"
#include "supervise/supervise_scan.h"

#define THREADS  4096
#define PROBES   8 /* places that a thread may have in the table */
#define FIRST_MS 5
#define LAST_MS  1000
/* So many looks, in more than a second, at a thread that is running. */
#define RUNNING_MAX 8

/* A thread that called accept(2). */
struct acceptor {
	pid_t tid; /* 0: none */
	pid_t process;
	int pidfd;   /* of the process: nobody else gets its number */
	bool left;   /* one accept(2) has ended since the last look */
	int running; /* so many looks, and it was nowhere in the kernel */
	int wait_ms;
	int64_t due_ms;
};

static struct acceptor acceptors[THREADS];
static unsigned int acceptor_count;
static int64_t next_ms = CLOCK_NEVER; /* no acceptor is due before */

static void
forget(struct acceptor *acceptor)
{
	close(acceptor->pidfd);
	acceptor->tid = 0;
	acceptor_count--;
}

/* The one of thread tid, or a free place for it, which tid 0 stands for. */
static struct acceptor *
find(pid_t tid, pid_t wanted)
{
	for (int i = 0; i < PROBES; i++) {
		struct acceptor *place = &acceptors[(tid + i) % THREADS];

		if (place->tid == wanted)
			return place;
	}
	return NULL;
}

static struct acceptor *
add(pid_t tid, pid_t process)
{
	struct acceptor *acceptor = find(tid, 0);
	int pidfd = kernel_pidfd_open(process, 0);

	if (pidfd < 0)
		return NULL;
	if (acceptor == NULL) {
		/* What it has accepted by now is not forgotten. */
		acceptor = &acceptors[tid % THREADS];
		scan_ask(acceptor->pidfd, acceptor->process, acceptor->tid);
		forget(acceptor);
	}
	*acceptor = (struct acceptor){
	    .tid = tid,
	    .process = process,
	    .pidfd = pidfd,
	    .due_ms = clock_ms() + FIRST_MS,
	};
	acceptor_count++;
	return acceptor;
}

void
accept_begun(
    const struct borrowed_socket *borrowed, const struct target *target)
{
	const pid_t tid = target_thread(target);
	struct acceptor *acceptor = find(tid, tid);

	if (!scan_add_listener(borrowed->fd))
		return;
	if (acceptor == NULL)
		acceptor = add(tid, target_process(target));
	else if (!acceptor->left)
		acceptor->due_ms = clock_ms() + FIRST_MS;
	if (acceptor == NULL)
		return;
	acceptor->left = acceptor->wait_ms > 0;
	acceptor->wait_ms = FIRST_MS;
	acceptor->running = 0;
	if (acceptor->due_ms < next_ms)
		next_ms = acceptor->due_ms;
}

enum whereabouts {
	ACCEPTING,
	ELSEWHERE,
	RUNNING, /* has left accept(2), or waits for a processor to begin it */
};

/* Where is the thread? /proc/TID/syscall begins with the call's number. */
static enum whereabouts
find_out(pid_t tid)
{
	char text[16];

	if (proc_read(tid, "syscall", text, sizeof(text)) <= 0)
		return ELSEWHERE;
	if (strncmp(text, "running", strlen("running")) == 0)
		return RUNNING;
	switch (atoi(text)) {
	case SYS_accept:
	case SYS_accept4:
#ifdef __x86_64__
	/* Of a 32-bit program: socketcall, accept4. */
	case 102:
	case 364:
#endif
		return ACCEPTING;
	default:
		return ELSEWHERE;
	}
}

static void
look(struct acceptor *acceptor)
{
	const enum whereabouts where = find_out(acceptor->tid);

	if ((acceptor->left || where != ACCEPTING) &&
	    !scan_ask(acceptor->pidfd, acceptor->process, acceptor->tid)) {
		acceptor->due_ms = clock_ms() + FIRST_MS;
		return;
	}
	if (where == RUNNING)
		acceptor->running++;
	if (where == ELSEWHERE || acceptor->running >= RUNNING_MAX) {
		forget(acceptor);
		return;
	}
	acceptor->left = false;
	acceptor->wait_ms *= 2;
	if (acceptor->wait_ms > LAST_MS)
		acceptor->wait_ms = LAST_MS;
	acceptor->due_ms = clock_ms() + acceptor->wait_ms;
}

int64_t
accept_due_ms(void)
{
	return acceptor_count > 0 ? next_ms : CLOCK_NEVER;
}

void
accept_run(void)
{
	const int64_t now = clock_ms(), start = clock_used_us();
	int64_t next = CLOCK_NEVER;

	if (accept_due_ms() > now)
		return;
	for (int i = 0; i < THREADS; i++) {
		struct acceptor *acceptor = &acceptors[i];

		if (acceptor->tid == 0)
			continue;
		/* Those that are due and not looked at stay due. */
		if (acceptor->due_ms <= now &&
		    clock_used_us() - start < CLOCK_SLICE_US)
			look(acceptor);
		if (acceptor->tid != 0 && acceptor->due_ms < next)
			next = acceptor->due_ms;
	}
	next_ms = next;
}

void
accept_stop(void)
{
	for (int i = 0; i < THREADS; i++) {
		if (acceptors[i].tid != 0)
			forget(&acceptors[i]);
	}
}
