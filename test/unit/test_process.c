/* SPDX-License-Identifier: ISC */
/*
 * process: children of this test, whose names, state and end are known.
 */
#include "host/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/netns.h"
#include "test.h"

#define NOBODY 65534

static char directory[] = "/tmp/kashim-process.XXXXXX";

/* Starts a program, as the loader does, and waits until it is that one. */
static pid_t
start(const char *path)
{
	char closed;
	int ends[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execl(path, "sleep", "60", (char *)NULL);
		_exit(99);
	}
	close(ends[1]);
	/* The exec closes its end. */
	ck_assert_int_eq(read(ends[0], &closed, 1), 0);
	close(ends[0]);
	return pid;
}

static void
finish(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A copy of sleep(1), under the name, in our directory. */
static void
copy(const char *name)
{
	char command[256];

	snprintf(
	    command, sizeof(command), "cp \"$(command -v sleep)\" '%s'", name);
	/* NOLINTNEXTLINE(cert-env33-c): our own words */
	ck_assert_int_eq(system(command), 0);
}

static void
enter(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0);
	ck_assert_int_eq(chdir(directory), 0);
}

static void
leave(void)
{
	static const char *const FILES[] = {"program", "link"};

	for (size_t i = 0; i < ARRAY_LEN(FILES); i++)
		unlink(FILES[i]);
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(directory);
}

START_TEST(names)
{
	struct process process;
	pid_t pid;

	copy("program");
	ck_assert_int_eq(symlink("program", "link"), 0);
	pid = start("./link");
	ck_assert_int_eq(process_read(pid, &process), 0);
	ck_assert_int_eq(process.pid, pid);
	ck_assert_uint_eq(process.name_count, 2);
	ck_assert_str_eq(process.name[0], "program");
	ck_assert_str_eq(process.name[1], "link");
	ck_assert_str_eq(process.comm, "link");
	ck_assert_uint_eq(process.uid, geteuid());
	ck_assert_uint_eq(process.net, netns_own());
	ck_assert_uint_ne(process.net, 0);
	finish(pid);
	/* One name, if both are the same. */
	pid = start("./program");
	ck_assert_int_eq(process_read(pid, &process), 0);
	ck_assert_uint_eq(process.name_count, 1);
	ck_assert_str_eq(process.name[0], "program");
	/* After an update, it is still what it was started as. */
	ck_assert_int_eq(unlink("program"), 0);
	ck_assert_int_eq(process_read(pid, &process), 0);
	ck_assert_uint_eq(process.name_count, 1);
	ck_assert_str_eq(process.name[0], "program");
	finish(pid);
}
END_TEST

/* What a program calls itself must not pass for what follows it. */
START_TEST(comm)
{
	static const char *const NAMES[] = {
	    "a b", ")", "x) Z 1 1 (y", "((", "new\nline"};
	struct process before, process;
	char old[16];

	prctl(PR_GET_NAME, old);
	ck_assert_int_eq(process_read(getpid(), &before), 0);
	ck_assert_uint_gt(before.start, 0);
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		prctl(PR_SET_NAME, NAMES[i]);
		ck_assert_int_eq(process_read(getpid(), &process), 0);
		ck_assert_uint_eq(process.start, before.start);
		ck_assert_ptr_nonnull(strchr(process.comm, NAMES[i][0]));
	}
	prctl(PR_SET_NAME, old);
}
END_TEST

START_TEST(end)
{
	struct process process, other;
	pid_t pid = start("/bin/sleep");
	siginfo_t info;
	int dir, fd;

	ck_assert_int_eq(process_read(pid, &process), 0);
	ck_assert(process_is_same(&process));
	fd = process_open(&process);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	dir = process_dir(&process);
	ck_assert_int_ge(dir, 0);
	/* Another one with the same number began at another time. */
	other = process;
	other.start++;
	ck_assert(!process_is_same(&other));
	ck_assert_int_eq(process_open(&other), -ESRCH);
	ck_assert_int_eq(process_dir(&other), -ESRCH);
	/* A zombie is none. */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(process_read(pid, &other), -ESRCH);
	ck_assert(!process_is_same(&process));
	ck_assert_int_eq(process_open(&process), -ESRCH);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(process_read(pid, &other), -ESRCH);
	ck_assert_int_eq(process_open(&process), -ESRCH);
	ck_assert_int_lt(openat(dir, "stat", O_RDONLY), 0);
	close(dir);
}
END_TEST

static int
same_pid(const struct process *process, void *data)
{
	pid_t *last = data;

	ck_assert_int_gt(process->pid, *last);
	*last = process->pid;
	return process->pid == getpid() ? 77 : 0;
}

START_TEST(each)
{
	pid_t last = 0;

	ck_assert_int_eq(process_each(same_pid, &last), 77);
	ck_assert_int_eq(last, getpid());
}
END_TEST

/* Whoever may not look knows comm and user, and no more. */
START_TEST(closed)
{
	pid_t target = start("/bin/sleep"), pid;
	int status;

	if (geteuid() != 0) {
		finish(target);
		return;
	}
	pid = fork();
	if (pid == 0) {
		struct process process;

		if (setresuid(NOBODY, NOBODY, NOBODY) != 0 ||
		    process_read(target, &process) != 0)
			_exit(1);
		_exit(process.name_count == 0 && process.net == 0 &&
			      process.uid == 0 &&
			      strcmp(process.comm, "sleep") == 0
			  ? 0
			  : 2);
	}
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	finish(target);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("process");
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, enter, leave);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, comm);
	tcase_add_test(tcase, end);
	tcase_add_test(tcase, each);
	tcase_add_test(tcase, closed);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
