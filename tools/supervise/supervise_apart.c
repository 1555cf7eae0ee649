/* SPDX-License-Identifier: ISC */
/*
 * supervise_apart: a process that has nothing of the program's.
 */
#include "supervise/supervise_apart.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "host/kernel_calls.h"
#include "host/proc.h"
#include "host/supervisor.h"

/*
 * Whoever stops the program, or its service, with a signal to the whole
 * session or control group must not leave it without an answer.
 */
static void
ignore_signals(void)
{
	sigset_t none;

	/*
	 * Those of a crash, too: systemd sends SIGABRT to a whole service whose
	 * watchdog time is over. A crash of ours ends us all the same.
	 */
	for (int number = 1; number < NSIG; number++)
		signal(number, number == SIGCHLD ? SIG_DFL : SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The memory that proc(5) shows as our command line, and the environment's
 * behind it: fields 48 to 51 of /proc/self/stat.
 */
struct area {
	unsigned long start, end, env_start, env_end;
};

static int
find_area(struct area *area)
{
	char text[1024];
	const char *at;

	if (proc_read_at(AT_FDCWD, "/proc/self/stat", text, sizeof(text)) < 0)
		return -1;
	at = proc_stat_field(text, 48);
	return at != NULL &&
	               sscanf(at, "%lu %lu %lu %lu", &area->start, &area->end,
			   &area->env_start, &area->env_end) == 4
	           ? 0
	           : -1;
}

/* The environment's strings are to be overwritten: has them elsewhere. */
static int
move_environment(void)
{
	for (char **string = environ; *string != NULL; string++) {
		char *copy = strdup(*string);

		if (copy == NULL)
			return -1;
		*string = copy;
	}
	return 0;
}

/*
 * The kernel shows the command line; and if its last byte is not zero any
 * more, what follows, up to a zero (get_mm_cmdline() in fs/proc/base.c).
 */
static void
set_title(pid_t program)
{
	char title[64];
	struct area area;
	size_t room, len;
	char *to;

	if (find_area(&area) < 0 || area.end <= area.start)
		return;
	room = area.end - area.start;
	len = (size_t)snprintf(
	    title, sizeof(title), SUPERVISOR_NAME ": %d", (int)program);
	if (len >= room && area.env_start == area.end &&
	    move_environment() == 0)
		room = area.env_end - area.start;
	if (len >= room)
		len = strlen(SUPERVISOR_NAME);
	if (len >= room)
		return;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is what proc says */
	to = (char *)area.start;
	memset(to, 0, room);
	memcpy(to, title, len);
}

static void
keep_only(const int *keep, int count)
{
	unsigned int from = 0;
	int null;

	/* In the order of their numbers. */
	for (int round = 0; round < count; round++) {
		int next = -1;

		for (int i = 0; i < count; i++) {
			if (keep[i] >= (int)from &&
			    (next < 0 || keep[i] < next))
				next = keep[i];
		}
		if (next < 0)
			break;
		if ((unsigned int)next > from)
			kernel_close_range(from, (unsigned int)next - 1);
		from = (unsigned int)next + 1;
	}
	kernel_close_range(from, ~0u);
	null = open("/dev/null", O_RDWR);
	while (null >= 0 && null < 2)
		null = dup(null);
}

void
supervise_apart(const int *keep, int count, pid_t program)
{
	struct rlimit files;

	setsid();
	ignore_signals();
	if (chdir("/") < 0)
		return;
	/* The environment may hold secrets: no core, no look at it. */
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, SUPERVISOR_NAME);
	set_title(program);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	keep_only(keep, count);
}
