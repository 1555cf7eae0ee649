/* SPDX-License-Identifier: ISC */
/*
 * supervise_later: what can only be done once a call has been made.
 *
 * No descriptor is kept in the meantime: the program's close(2) would not end
 * the connection. The cookie tells whether its descriptor is the same socket.
 */
#include "supervise/supervise_later.h"

#include <netinet/in.h>
#include <unistd.h>

#include "base/addr.h"
#include "host/kernel_calls.h"
#include "supervise/supervise_clock.h"
#include "supervise/supervise_scan.h"

#define LATERS 1024

/*
 * As a rule the call is through within a millisecond. A thread may have to
 * wait for a processor, or be stopped.
 */
static const int WAIT_MS[] = {1, 4, 15, 80, 400, 2000};

#define WAITS (sizeof(WAIT_MS) / sizeof(WAIT_MS[0]))

struct later {
	int64_t due_ms; /* 0: nothing */
	unsigned int waits;
	pid_t tid, process;
	int fd;
	uint64_t cookie;
	struct apply_end to; /* of no family: it listens */
};

static struct later laters[LATERS];
static unsigned int later_count, later_end; /* in use; none from here on */
static int64_t next_ms = CLOCK_NEVER;       /* nothing is due before */

static void
later_add(const struct borrowed_socket *borrowed, const struct target *target,
    const struct apply_end *to)
{
	struct later *later = laters;

	while (later < laters + LATERS && later->due_ms != 0)
		later++;
	/* So many calls in a millisecond: some socket is left as it is. */
	if (later == laters + LATERS)
		later = &laters[borrowed->cookie % LATERS];
	else
		later_count++;
	*later = (struct later){
	    .due_ms = clock_ms() + WAIT_MS[0],
	    .tid = target_thread(target),
	    .process = target_process(target),
	    .fd = borrowed->host.fd,
	    .cookie = borrowed->cookie,
	    .to = *to,
	};
	if (later->due_ms < next_ms)
		next_ms = later->due_ms;
	if (later_end <= later - laters)
		later_end = (unsigned int)(later - laters) + 1;
}

void
later_connected(const struct borrowed_socket *borrowed,
    const struct target *target, const struct apply_end *to)
{
	later_add(borrowed, target, to);
}

void
later_listening(
    const struct borrowed_socket *borrowed, const struct target *target)
{
	later_add(
	    borrowed, target, &(struct apply_end){.addr.family = ADDR_NONE});
}

/* Has the kernel chosen an address for it? */
static bool
has_source(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr addr;
	uint16_t port;

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       addr_from_sockaddr(&sa, len, &addr, &port) == 0 &&
	       !addr_is_unspecified(&addr);
}

/* What was accepted in the meantime has inherited nothing. */
static void
look_for_accepted(const struct later *later, int listener)
{
	int pidfd = kernel_pidfd_open(later->process, 0);

	if (pidfd < 0)
		return;
	if (scan_add_listener(listener))
		(void)scan_ask(pidfd, later->process, later->tid);
	close(pidfd);
}

/* Returns whether there is nothing left to wait for. */
static bool
settle(const struct later *later, const struct borrowed_socket *borrowed)
{
	struct apply_event event = {
	    .call = APPLY_LISTEN, .fd = borrowed->fd, .to = later->to};

	if (later->to.addr.family == ADDR_NONE) {
		if (apply_now(&borrowed->apply, &event))
			return false;
		look_for_accepted(later, borrowed->fd);
		return true;
	}
	if (!has_source(borrowed->fd))
		return false;
	event.call = APPLY_CONNECTED;
	(void)apply_now(&borrowed->apply, &event);
	return true;
}

static bool
try(const struct later *later)
{
	struct target *target = target_find(later->tid);
	struct borrowed_socket borrowed;
	bool done;

	/* The thread may have ended, or become another process's. */
	if (target == NULL || target_process(target) != later->process)
		target = target_find(later->process);
	if (target == NULL || !borrowed_begin(&borrowed, target, later->fd))
		return true;
	done = borrowed.cookie != later->cookie || settle(later, &borrowed);
	borrowed_end(&borrowed);
	return done;
}

void
later_settle(const struct borrowed_socket *borrowed)
{
	for (unsigned int i = 0; later_count > 0 && i < later_end; i++) {
		struct later *later = &laters[i];

		if (later->due_ms == 0 || later->cookie != borrowed->cookie)
			continue;
		if (settle(later, borrowed)) {
			later->due_ms = 0;
			later_count--;
		}
	}
}

int64_t
later_due_ms(void)
{
	return later_count > 0 ? next_ms : CLOCK_NEVER;
}

void
later_run(void)
{
	const int64_t now = clock_ms(), start = clock_used_us();
	int64_t next = CLOCK_NEVER;

	if (later_due_ms() > now)
		return;
	for (unsigned int i = 0; i < later_end; i++) {
		struct later *later = &laters[i];

		if (later->due_ms == 0)
			continue;
		/* Those that are due and not looked at stay due. */
		if (later->due_ms <= now &&
		    clock_used_us() - start < CLOCK_SLICE_US) {
			if (try(later) || ++later->waits == WAITS) {
				later->due_ms = 0;
				later_count--;
				continue;
			}
			later->due_ms = now + WAIT_MS[later->waits];
		}
		if (later->due_ms < next)
			next = later->due_ms;
	}
	next_ms = next;
	if (later_count == 0)
		later_end = 0;
}
