/* SPDX-License-Identifier: ISC */
/*
 * supervise_accept: accepted connections whose rule depends on the peer.
 */
#include "supervise_accept.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "supervise_clock.h"
#include "supervise_scan.h"

#define THREADS  256
#define FIRST_MS 5
#define LAST_MS  1000
/* How much longer than a look the rest after it is. */
#define REST 20

/* A thread that called accept(2). */
struct acceptor {
	pid_t tid; /* 0: none */
	pid_t process;
	int pidfd; /* of the process: nobody else gets its number */
	bool left; /* one accept(2) has ended since the last look */
	int wait_ms;
	int64_t due_ms;
};

static struct acceptor acceptors[THREADS];
static unsigned int acceptor_count, next_forgotten;
static int64_t rest_until_ms;

static void
forget(struct acceptor *acceptor)
{
	close(acceptor->pidfd);
	acceptor->tid = 0;
	acceptor_count--;
}

static struct acceptor *
find(pid_t tid)
{
	for (int i = 0; i < THREADS; i++) {
		if (acceptors[i].tid == tid)
			return &acceptors[i];
	}
	return NULL;
}

static struct acceptor *
add(pid_t tid, pid_t process)
{
	struct acceptor *acceptor = find(0);
	int pidfd = pidfd_open(process, 0);

	if (pidfd < 0)
		return NULL;
	if (acceptor == NULL) {
		acceptor = &acceptors[next_forgotten++ % THREADS];
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
accept_begun(const struct held_socket *held, const struct target *target)
{
	const pid_t tid = target_thread(target);
	struct acceptor *acceptor = acceptor_count > 0 ? find(tid) : NULL;

	if (!scan_add_listener(held->fd))
		return;
	if (acceptor == NULL)
		acceptor = add(tid, target_process(target));
	else if (!acceptor->left)
		acceptor->due_ms = clock_ms() + FIRST_MS;
	if (acceptor == NULL)
		return;
	acceptor->left = acceptor->wait_ms > 0;
	acceptor->wait_ms = FIRST_MS;
}

/* Is the thread in accept(2)? /proc/TID/syscall begins with its number. */
static bool
is_accepting(pid_t tid)
{
	char path[64], text[16];
	ssize_t len;
	int fd, number;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	number = atoi(text); /* 0 for "running" */
	switch (number) {
	case SYS_accept:
	case SYS_accept4:
#ifdef __x86_64__
	/* Of a 32-bit program: socketcall, accept4. */
	case 102:
	case 364:
#endif
		return true;
	default:
		return false;
	}
}

static void
look(struct acceptor *acceptor)
{
	const bool accepting = is_accepting(acceptor->tid);

	if (acceptor->left || !accepting) {
		/* Of the processor, not of the clock: others run, too. */
		const int64_t start = clock_used_us();

		scan_process(acceptor->pidfd, acceptor->process, acceptor->tid);
		rest_until_ms =
		    clock_ms() + (clock_used_us() - start) * REST / 1000;
	}
	if (!accepting) {
		forget(acceptor);
		return;
	}
	acceptor->left = false;
	acceptor->wait_ms *= 2;
	if (acceptor->wait_ms > LAST_MS)
		acceptor->wait_ms = LAST_MS;
	acceptor->due_ms = clock_ms() + acceptor->wait_ms;
}

int
accept_run(void)
{
	int64_t now, next = INT64_MAX;

	if (acceptor_count == 0)
		return -1;
	now = clock_ms();
	for (int i = 0; i < THREADS; i++) {
		struct acceptor *acceptor = &acceptors[i];

		if (acceptor->tid == 0)
			continue;
		if (acceptor->due_ms <= now && rest_until_ms <= now)
			look(acceptor);
		if (acceptor->tid != 0 && acceptor->due_ms < next)
			next = acceptor->due_ms;
	}
	if (acceptor_count == 0)
		return -1;
	now = clock_ms();
	if (next < rest_until_ms)
		next = rest_until_ms;
	return next > now ? (int)(next - now) : 0;
}
