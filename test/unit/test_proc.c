/* SPDX-License-Identifier: ISC */
/*
 * proc: texts as the kernel writes them, also of processes that choose their
 * names to be taken for something else; and our own files.
 */
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test.h"

/* More than any process has, PID_MAX_LIMIT in the kernel. */
#define NOBODYS 5000000

START_TEST(stat_fields)
{
	static const struct {
		const char *text;
		int number;
		const char *field; /* NULL: none */
	} CASES[] = {
	    {"7 (sleep) S 1 7 5", 3, "S 1 7 5"},
	    {"7 (sleep) S 1 7 5", 4, "1 7 5"},
	    {"7 (sleep) S 1 7 5", 6, "5"},
	    {"7 (sleep) S 1 7 5", 7, NULL},
	    {"7 (x) R (y) S 1 7 5", 3, "S 1 7 5"},
	    {"7 () R () S 1", 3, "S 1"},
	    {"7 (a) R 99 (b) Z 1 7", 4, "1 7"},
	    {"7 (new\nline) R) S 1", 4, "1"},
	    {"7 ()) D 1", 3, "D 1"},
	    {"7 (  ) S 1", 3, "S 1"},
	    {"7 (x)", 3, NULL},
	    {"7 (cut off", 3, NULL},
	    {"", 3, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		const char *field =
		    proc_stat_field(CASES[i].text, CASES[i].number);

		if (CASES[i].field == NULL)
			ck_assert_ptr_null(field);
		else
			ck_assert_pstr_eq(field, CASES[i].field);
	}
}
END_TEST

START_TEST(status_ids)
{
	static const struct {
		const char *text;
		int error;
		pid_t process;
		uid_t effective;
	} CASES[] = {
	    {"Name:\ta\nTgid:\t7\nPid:\t8\nUid:\t1\t2\t3\t4\n", 0, 7, 2},
	    {"Name:\ta\\nUid:\t0\t0\nTgid:\t7\nUid:\t1\t2\t3\t4\n", 0, 7, 2},
	    {"Name:\tTgid:\t9\nTgid:\t7\nUid:\t1\t4294967294\n", 0, 7,
		4294967294},
	    {"Name:\ta\nTgid:\t7\n", -EIO, 0, 0},
	    {"Name:\ta\nUid:\t1\t2\n", -EIO, 0, 0},
	    {"Name:\ta\nTgid:\t7\nUid:\t1", -EIO, 0, 0},
	    {"", -EIO, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		pid_t process = 0;
		uid_t effective = 0;

		ck_assert_int_eq(
		    proc_status_ids(CASES[i].text, &process, &effective),
		    CASES[i].error);
		if (CASES[i].error != 0)
			continue;
		ck_assert_int_eq(process, CASES[i].process);
		ck_assert_uint_eq(effective, CASES[i].effective);
	}
}
END_TEST

/* What a process calls itself is taken for nothing else in its real files. */
START_TEST(names)
{
	static const char *const NAMES[] = {
	    "x) R (y", ") Z 1 (", "))", "\nUid:\t9\t9", "a\nTgid:\t9\nb"};
	char old[16], text[4096];

	prctl(PR_GET_NAME, old);
	for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
		pid_t process;
		uid_t effective;

		prctl(PR_SET_NAME, NAMES[i]);
		ck_assert_int_gt(
		    proc_read(getpid(), "stat", text, sizeof(text)), 0);
		ck_assert_int_eq(atoi(proc_stat_field(text, 4)), getppid());
		ck_assert_int_eq(*proc_stat_field(text, 3), 'R');
		ck_assert_int_gt(
		    proc_read(getpid(), "status", text, sizeof(text)), 0);
		ck_assert_int_eq(
		    proc_status_ids(text, &process, &effective), 0);
		ck_assert_int_eq(process, getpid());
		ck_assert_uint_eq(effective, geteuid());
	}
	prctl(PR_SET_NAME, old);
}
END_TEST

START_TEST(reads)
{
	char whole[4096], part[8];
	FILE *stream;
	DIR *list;
	int dir = proc_open(getpid(), "", O_DIRECTORY);

	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(fcntl(dir, F_GETFD), FD_CLOEXEC);
	ck_assert_int_gt(proc_read_at(dir, "status", whole, sizeof(whole)), 64);
	/* As much as there is room for, and the NUL. */
	memset(part, 'x', sizeof(part));
	ck_assert_int_eq(
	    proc_read_at(dir, "status", part, sizeof(part)), sizeof(part) - 1);
	ck_assert_int_eq(strncmp(part, whole, sizeof(part) - 1), 0);
	ck_assert_int_eq(part[sizeof(part) - 1], '\0');
	/* Opened, but not to be read. */
	ck_assert_int_eq(proc_read_at(dir, "fd", part, sizeof(part)), -EISDIR);
	ck_assert_str_eq(part, "");
	ck_assert_int_eq(proc_list_at(dir, "status", &list), -ENOTDIR);
	ck_assert_int_eq(proc_list_at(dir, "task", &list), 0);
	ck_assert_int_eq(proc_next(list), getpid());
	ck_assert_int_eq(proc_next(list), 0);
	closedir(list);
	close(dir);
	/* What is gone. */
	ck_assert_int_eq(proc_open(NOBODYS, "stat", 0), -ESRCH);
	ck_assert_int_eq(
	    proc_read(NOBODYS, "stat", part, sizeof(part)), -ESRCH);
	dir = proc_open(getpid(), "fd", O_DIRECTORY);
	ck_assert_int_eq(proc_stream_at(dir, "999999", &stream), -ESRCH);
	ck_assert_ptr_null(stream);
	close(dir);
}
END_TEST

START_TEST(links)
{
	char own[PATH_MAX] = "", text[PATH_MAX], part[3];
	int dir = proc_open(getpid(), "", O_DIRECTORY);
	const ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(proc_link_at(dir, "exe", text, sizeof(text)), len);
	ck_assert_str_eq(text, own);
	ck_assert_int_eq(proc_link_at(dir, "exe", part, sizeof(part)), 2);
	ck_assert_int_eq(strncmp(part, own, 2), 0);
	ck_assert_int_eq(part[2], '\0');
	ck_assert_int_eq(
	    proc_link_at(dir, "stat", text, sizeof(text)), -EINVAL);
	ck_assert_str_eq(text, "");
	close(dir);
}
END_TEST

START_TEST(sockets)
{
	int ends[2], dir = proc_open(getpid(), "fd", O_DIRECTORY);
	struct stat st;
	char name[16];
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(fstat(fd, &st), 0);
	snprintf(name, sizeof(name), "%d", fd);
	ck_assert_uint_eq(proc_socket_at(dir, name), st.st_ino);
	close(fd);
	ck_assert_uint_eq(proc_socket_at(dir, name), 0);
	ck_assert_int_eq(pipe(ends), 0);
	snprintf(name, sizeof(name), "%d", ends[0]);
	ck_assert_uint_eq(proc_socket_at(dir, name), 0);
	close(ends[0]);
	close(ends[1]);
	close(dir);
}
END_TEST

START_TEST(mappings)
{
	static const char LINES[] =
	    "00400000-00401000 r-xp 00001000 08:01 77                   /a b\n"
	    "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
	    "nonsense\n"
	    "1000-2000 rw-p 00000000 fe:01 4294967296  /x/y (deleted)\n"
	    "1000-2000 rw-p 00000000 fe:01 1  /z (deleted) (deleted)\n"
	    "1000-2000 rw-p 00000000 00:00 0   [heap]\n";
	static const struct {
		uint64_t from, to, inode;
		const char *rights, *path;
		bool deleted;
	} EXPECTED[] = {
	    {0x400000, 0x401000, 77, "r-xp", "/a b", false},
	    {0x7f0000000000, 0x7f0000001000, 0, "rw-p", "", false},
	    {0x1000, 0x2000, UINT64_C(1) << 32, "rw-p", "/x/y", true},
	    {0x1000, 0x2000, 1, "rw-p", "/z (deleted)", true},
	    {0x1000, 0x2000, 0, "rw-p", "[heap]", false},
	};
	FILE *maps = tmpfile();
	struct proc_mapping mapping;

	/* A name that is too long, and goes on like a line of its own. */
	fprintf(maps, "%-*s%s%s", (int)sizeof(mapping.line) - 1,
	    "1000-2000 rw-p 00000000 00:00 1 /",
	    "1000-2000 rw-p 00000000 00:00 2 /x\n", LINES);
	rewind(maps);
	for (size_t i = 0; i < ARRAY_LEN(EXPECTED); i++) {
		ck_assert(proc_next_mapping(maps, &mapping));
		ck_assert_uint_eq(mapping.from, EXPECTED[i].from);
		ck_assert_uint_eq(mapping.to, EXPECTED[i].to);
		ck_assert_uint_eq(mapping.inode, EXPECTED[i].inode);
		ck_assert_str_eq(mapping.rights, EXPECTED[i].rights);
		ck_assert_str_eq(mapping.path, EXPECTED[i].path);
		ck_assert_int_eq(mapping.deleted, EXPECTED[i].deleted);
	}
	ck_assert(!proc_next_mapping(maps, &mapping));
	fclose(maps);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proc");
	TCase *tcase = tcase_create("all");

	tcase_add_test(tcase, stat_fields);
	tcase_add_test(tcase, status_ids);
	tcase_add_test(tcase, names);
	tcase_add_test(tcase, reads);
	tcase_add_test(tcase, links);
	tcase_add_test(tcase, sockets);
	tcase_add_test(tcase, mappings);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
