/* SPDX-License-Identifier: ISC */
/*
 * supervise_guard: keeps a worker at work, and answers for it while it is not.
 */
#include "supervise_guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise_clock.h"

/* So many workers that each live for less than this: it is no accident. */
#define SHORT_LIFE_MS   1000
#define SHORT_LIVES_MAX 20
/* How long the guard answers in the worker's place before it tries again. */
#define PAUSE_MS 1000

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

/* Answers what the worker has left unanswered. */
static void
answer_rest(int notify, struct guard_page *page)
{
	if (page->request.id != 0)
		guard_continue(notify, page->request.id);
	memset(page, 0, sizeof(*page));
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
	guard_run(notify, worker, data);
}

/* Until the worker has ended; exits if the program has. */
static void
watch(int notify, pid_t worker)
{
	int pidfd = pidfd_open(worker, 0);
	struct pollfd polls[] = {
	    {.fd = notify, .events = 0}, /* POLLHUP comes all the same */
	    {.fd = pidfd, .events = POLLIN},
	};

	while (pidfd >= 0) {
		if (poll(polls, 2, -1) < 0)
			continue;
		if (is_over(&polls[0])) {
			kill(worker, SIGKILL);
			_exit(0);
		}
		if (polls[1].revents != 0)
			break;
	}
	if (pidfd >= 0)
		close(pidfd);
	else
		kill(worker, SIGKILL);
	while (waitpid(worker, NULL, __WALL) < 0 && errno == EINTR)
		continue;
}

void
guard_run(int notify, guard_worker *worker, void *data)
{
	struct guard_page *page = mmap(NULL, sizeof(*page),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned int short_lives = 0;
	/* Only to have an answer for each call, whatever there is not. */
	static struct guard_page fallback;

	while (page == MAP_FAILED)
		pass_on(notify, &fallback);
	for (;;) {
		int64_t start = clock_ms();
		pid_t pid = start_worker(notify, page, worker, data);

		if (pid > 0)
			watch(notify, pid);
		answer_rest(notify, page);
		if (clock_ms() - start >= SHORT_LIFE_MS)
			short_lives = 0;
		else if (pid < 0 || ++short_lives >= SHORT_LIVES_MAX)
			pass_on(notify, page);
	}
}
