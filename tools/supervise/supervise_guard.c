/* SPDX-License-Identifier: ISC */
/*
 * supervise_guard: keeps a worker at work, and answers for it while it is not.
 */
#include "supervise/supervise_guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/trace.h"
#include "host/kernel_calls.h"
#include "supervise/supervise_clock.h"

/* So many workers that each end like this in a row: it is no accident. */
#define SHORT_LIFE_MS   1000
#define SHORT_LIVES_MAX 20
/* How long the guard answers in the worker's place before it tries again. */
#define PAUSE_MS 1000
/*
 * A request takes microseconds. One that is not answered for so many looks, or
 * not taken, never will be. Looks, and no time alone: while the whole machine
 * stands still, nobody can be blamed.
 */
#define STUCK_LOOKS 4
#define LOOK_MS     500
/*
 * With no request it does not. This is for a worker that is stopped between
 * taking a request and saying so.
 */
#define SLEEP_MS 10000
/* How long the end of a worker that was killed may take. */
#define KILL_MS 1000

/* The parent that a worker was born with. */
static pid_t guard_pid;

void
guard_continue(int notify, uint64_t id)
{
	struct seccomp_notif_resp response = {
	    .id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	/* The thread may be gone, or interrupted: then nobody waits. */
	(void)ioctl(notify, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

void
guard_taken(struct guard_page *page)
{
	const uint64_t one = 1;

	__atomic_add_fetch(&page->taken, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&page->guard_sleeps, __ATOMIC_SEQ_CST))
		return;
	/* Whoever is first; a second one would do no harm. */
	__atomic_store_n(&page->guard_sleeps, false, __ATOMIC_SEQ_CST);
	(void)!write(page->wake, &one, sizeof(one));
}

/* Answers what the worker has left unanswered. */
static void
answer_rest(int notify, struct guard_page *page)
{
	if (page->request.id != 0)
		guard_continue(notify, page->request.id);
	memset(&page->request, 0, sizeof(page->request));
}

/* Is the last of the program gone? Then there is nothing left to do. */
static bool
is_over(const struct pollfd *notify)
{
	return (notify->revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

/* In the worker's place for a while: lets every call go on. */
static void
pass_on(int notify, struct guard_page *page)
{
	const int64_t end = clock_ms() + PAUSE_MS;
	struct pollfd poll_notify = {.fd = notify, .events = POLLIN};

	for (int64_t now = clock_ms(); now < end; now = clock_ms()) {
		if (poll(&poll_notify, 1, (int)(end - now)) <= 0)
			continue;
		if (is_over(&poll_notify))
			_exit(0);
		if (ioctl(notify, SECCOMP_IOCTL_NOTIF_RECV, &page->request) ==
		    0)
			answer_rest(notify, page);
	}
}

static void
on_guards_end(int signal)
{
	(void)signal;
}

bool
guard_is_gone(void)
{
	return getppid() != guard_pid;
}

/* Starts a worker. Returns its pid, or -1. */
static pid_t
start_worker(
    int notify, struct guard_page *page, guard_worker *worker, void *data)
{
	/* Without SA_RESTART: a wait for requests is to end. */
	const struct sigaction wake = {.sa_handler = on_guards_end};
	pid_t guard = getpid();
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	guard_pid = guard;
	sigaction(SIGUSR1, &wake, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	worker(notify, page, data);
	close(page->wake);
	munmap(page, sizeof(*page));
	guard_run(notify, worker, data);
}

/* What the guard saw of a worker when it looked last. */
struct look {
	bool busy; /* there is a request, or was one since the look before */
	uint32_t taken;
	int in_vain; /* looks since then, at which it was still there */
};

/* Looks. Returns whether the worker makes no headway. */
static bool
is_stuck(int notify, const struct guard_page *page, struct look *look)
{
	struct pollfd requests = {.fd = notify, .events = POLLIN};
	const uint32_t taken = __atomic_load_n(&page->taken, __ATOMIC_SEQ_CST);
	const bool waits = page->request.id != 0 || poll(&requests, 1, 0) > 0;

	if (taken != look->taken || !look->busy || !waits) {
		look->busy = waits || taken != look->taken;
		look->taken = taken;
		look->in_vain = 0;
		return false;
	}
	return ++look->in_vain >= STUCK_LOOKS;
}

/* Says that the guard sleeps, unless there has just been a request. */
static bool
falls_asleep(struct guard_page *page, const struct look *look)
{
	if (look->busy)
		return false;
	__atomic_store_n(&page->guard_sleeps, true, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&page->taken, __ATOMIC_SEQ_CST) == look->taken;
}

static void
say_stuck(void)
{
	struct trace_line line;

	trace_start(&line, getpid());
	trace_text(&line,
	    "the supervisor was stopped or held up for two seconds, and is "
	    "replaced");
	trace_to_log(&line);
}

/* A worker, as the guard has it. */
struct watched {
	pid_t pid;
	int pidfd;
	struct guard_page *page;
};

/*
 * Until the worker ends, or has to be ended; exits if the program has ended.
 * Returns whether a request holds the worker up.
 */
static bool
watch(int notify, const struct watched *watched)
{
	struct guard_page *page = watched->page;
	struct look look = {.taken = page->taken};
	struct pollfd polls[] = {
	    {.fd = notify}, /* POLLHUP comes all the same */
	    {.fd = watched->pidfd, .events = POLLIN},
	    {.fd = page->wake, .events = POLLIN},
	};
	uint64_t count;

	do {
		const bool sleeps = falls_asleep(page, &look);

		polls[0].events = sleeps ? POLLIN : 0;
		if (poll(polls, 3, sleeps ? SLEEP_MS : LOOK_MS) < 0)
			continue;
		__atomic_store_n(&page->guard_sleeps, false, __ATOMIC_SEQ_CST);
		if (is_over(&polls[0])) {
			kill(watched->pid, SIGKILL);
			_exit(0);
		}
		if (polls[2].revents != 0)
			(void)!read(page->wake, &count, sizeof(count));
		if (polls[1].revents != 0)
			return false;
	} while (!is_stuck(notify, page, &look));
	say_stuck();
	return page->request.id != 0;
}

/*
 * Ends the worker and waits for that. Returns false if it can't be ended, as
 * one that the kernel holds on a file system that is frozen.
 */
static bool
end_worker(const struct watched *watched)
{
	struct pollfd end = {.fd = watched->pidfd, .events = POLLIN};

	kill(watched->pid, SIGKILL);
	if (watched->pidfd >= 0 && poll(&end, 1, KILL_MS) == 0)
		return false;
	while (waitpid(watched->pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	return true;
}

/* A page, and until there is memory for one, an answer for each call. */
static struct guard_page *
new_page(int notify, int wake)
{
	static struct guard_page fallback;
	struct guard_page *page;

	for (;;) {
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (page != MAP_FAILED)
			break;
		pass_on(notify, &fallback);
	}
	page->wake = wake;
	return page;
}

/* From a worker's birth to its end. Returns whether it lived for a while. */
static bool
run_worker(
    int notify, struct guard_page **page, guard_worker *worker, void *data)
{
	const int64_t start = clock_ms();
	struct watched watched = {.page = *page};
	bool held_up = false, ended;

	watched.pid = start_worker(notify, *page, worker, data);
	if (watched.pid < 0)
		return false;
	watched.pidfd = kernel_pidfd_open(watched.pid, 0);
	if (watched.pidfd >= 0)
		held_up = watch(notify, &watched);
	ended = end_worker(&watched);
	answer_rest(notify, *page);
	/* One that goes on one day may still write to its page. */
	if (!ended)
		*page = new_page(notify, (*page)->wake);
	if (watched.pidfd >= 0)
		close(watched.pidfd);
	/* What held it up may hold up the next one, too. */
	if (held_up)
		pass_on(notify, *page);
	return ended && clock_ms() - start >= SHORT_LIFE_MS;
}

void
guard_run(int notify, guard_worker *worker, void *data)
{
	struct guard_page *page =
	    new_page(notify, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	unsigned int short_lives = 0;

	for (;;) {
		if (run_worker(notify, &page, worker, data))
			short_lives = 0;
		else if (++short_lives >= SHORT_LIVES_MAX)
			pass_on(notify, page);
		/* Those that did not end when they should. */
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			continue;
	}
}
