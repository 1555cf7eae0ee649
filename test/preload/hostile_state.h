/* SPDX-License-Identifier: ISC */
/*
 * Writes down what a process has that a library could spoil, for the
 * comparison of a bare and a shimmed run (host.h).
 */
#ifndef KASHIM_TEST_HOSTILE_STATE_H
#define KASHIM_TEST_HOSTILE_STATE_H

#include "host.h"

#include <fenv.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

extern char **environ;

static inline void
state_descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0)
			printf("fd %d: %x %x\n", fd, (unsigned int)flags,
			    (unsigned int)fcntl(fd, F_GETFL));
	}
}

static inline void
state_signals(void)
{
	struct sigaction action;
	sigset_t mask;
	stack_t stack;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int number = 1; number <= SIGRTMAX; number++) {
		/* The C library keeps two for itself. */
		if (sigaction(number, NULL, &action) < 0)
			continue;
		printf("signal %d: %d flags %x blocked %d\n", number,
		    action.sa_handler == SIG_IGN   ? 1
		    : action.sa_handler == SIG_DFL ? 0
						   : 2,
		    (unsigned int)action.sa_flags, sigismember(&mask, number));
	}
	sigpending(&mask);
	printf("pending %d, stack %d\n", sigisemptyset(&mask),
	    sigaltstack(NULL, &stack) == 0 ? stack.ss_flags : -1);
}

/* Is this entry there only for the library's sake? */
static inline bool
state_ours(const char *entry)
{
	static const char *const OURS[] = {
	    "LD_PRELOAD=", "KASHIM_CONFIG=", "KASHIM_TEST_SHIMMED="};

	for (size_t i = 0; i < ARRAY_LEN(OURS); i++) {
		if (strncmp(entry, OURS[i], strlen(OURS[i])) == 0)
			return true;
	}
	return false;
}

static inline void
state_environment(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("argv[%d] %s\n", i, argv[i]);
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		if (!state_ours(*entry))
			printf("environ %s\n", *entry);
	}
}

static inline void
state_limits(void)
{
	struct itimerval timer;
	struct rlimit limit;

	for (int i = 0; i < (int)RLIM_NLIMITS; i++) {
		getrlimit((__rlimit_resource_t)i, &limit);
		printf("limit %d: %llu %llu\n", i,
		    (unsigned long long)limit.rlim_cur,
		    (unsigned long long)limit.rlim_max);
	}
	for (int i = ITIMER_REAL; i <= ITIMER_PROF; i++) {
		getitimer((__itimer_which_t)i, &timer);
		/* The judge has set an alarm. */
		printf("timer %d: %d\n", i, timer.it_value.tv_sec > 0);
	}
}

/* The lines of /proc/self/status that tell how the process is set up. */
static inline void
state_status(void)
{
	static const char *const LINES[] = {"Name:", "Umask:", "Uid:", "Gid:",
	    "Groups:", "Threads:", "SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:",
	    "SigCgt:", "Cap", "NoNewPrivs:", "Seccomp:", "CoreDumping:",
	    "THP_enabled:", "Cpus_allowed:", "VmLck:", "VmPin:"};
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; i < ARRAY_LEN(LINES); i++) {
			if (strncmp(line, LINES[i], strlen(LINES[i])) == 0)
				printf("%s", line);
		}
	}
	if (file != NULL)
		fclose(file);
}

static inline void
state_process(void)
{
	char directory[4096] = "";
	mode_t mask = umask(0);

	umask(mask);
	printf("umask %o, cwd %s\n", (unsigned int)mask,
	    getcwd(directory, sizeof(directory)) != NULL ? directory : "?");
	printf("locale %s, rounding %d, exceptions %d\n",
	    setlocale(LC_ALL, NULL), fegetround(), fetestexcept(FE_ALL_EXCEPT));
	printf("dumpable %d, death %d, subreaper %d, priority %d\n",
	    prctl(PR_GET_DUMPABLE), prctl(PR_GET_PDEATHSIG, &(int){0}),
	    prctl(PR_GET_CHILD_SUBREAPER, &(int){0}),
	    getpriority(PRIO_PROCESS, 0));
	printf("session %d, group %d, children %d, scheduler %d\n",
	    getsid(0) == getpid(), getpgrp() == getpid(),
	    waitpid(-1, NULL, WNOHANG) < 0 ? errno : 0, sched_getscheduler(0));
}

/* How much of memory is mapped, and whether anything of a parser is left. */
static inline unsigned int
state_maps(void)
{
	static const char *const GONE[] = {"libconfuse", "kashim-config"};
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned int lines = 0;
	char line[4352];

	MUST(file != NULL);
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		for (size_t i = 0; i < ARRAY_LEN(GONE); i++)
			MUST(strstr(line, GONE[i]) == NULL);
		MUST(strstr(line, " rwx") == NULL);
		lines++;
	}
	if (file != NULL)
		fclose(file);
	return lines;
}

static inline void
state_show(int argc, char **argv)
{
	state_descriptors();
	state_signals();
	state_environment(argc, argv);
	state_limits();
	state_status();
	state_process();
}

#endif
