/* SPDX-License-Identifier: ISC */
/*
 * look: readers that answer, that do not, and that end.
 */
#include "host/look.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

struct data {
	int number;
	pid_t reader;
	char rest[4096];
};

static void
answer(void *data)
{
	struct data *own = data;

	own->number++;
	own->reader = getpid();
	memset(own->rest, 'x', sizeof(own->rest));
}

static void
wait_for_ever(void *data)
{
	((struct data *)data)->number++;
	for (;;)
		pause();
}

static void
end(void *data)
{
	(void)data;
	_exit(0);
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

START_TEST(answers)
{
	struct data data = {.number = 1};
	pid_t first;

	ck_assert_int_eq(look(1, 1, answer, &data, sizeof(data)), 0);
	ck_assert_int_eq(data.number, 2);
	ck_assert_int_eq(data.rest[sizeof(data.rest) - 1], 'x');
	ck_assert_int_ne(data.reader, getpid());
	first = data.reader;
	ck_assert_int_eq(look(2, 2, answer, &data, sizeof(data)), 0);
	ck_assert_int_eq(data.number, 3);
	ck_assert_int_eq(data.reader, first);
	/* One that is killed is nobody's fault. */
	kill(first, SIGKILL);
	ck_assert_int_eq(look(2, 2, answer, &data, sizeof(data)), 0);
	ck_assert_int_ne(data.reader, first);
	look_stop();
	ck_assert_int_eq(look(2, 2, answer, &data, sizeof(data)), 0);
}
END_TEST

/* The limits, one after the other; each look in vain takes one. */
START_TEST(in_vain)
{
	struct data data = {.number = 1};
	const int64_t start = now_ms();
	int64_t refused;

	for (pid_t pid = 1; pid <= LOOK_LEFT_USER; pid++) {
		ck_assert_int_eq(
		    look(pid, 7, wait_for_ever, &data, sizeof(data)),
		    -ETIMEDOUT);
		ck_assert_int_eq(data.number, 1);
		if (pid == LOOK_LEFT_USER)
			break;
		/* The same one is not asked again, another one is. */
		ck_assert_int_eq(
		    look(pid, 7, answer, &data, sizeof(data)), -ETIMEDOUT);
		ck_assert_int_eq(look(99, 7, answer, &data, sizeof(data)), 0);
		data.number = 1;
	}
	ck_assert_int_ge(now_ms() - start, LOOK_LEFT_USER * LOOK_LIMIT_MS);
	refused = now_ms();
	for (pid_t pid = 100; pid < 2000; pid++)
		ck_assert_int_eq(
		    look(pid, 7, wait_for_ever, &data, sizeof(data)),
		    -ETIMEDOUT);
	ck_assert_int_lt(now_ms() - refused, LOOK_LIMIT_MS * 20);
	/* Others, until there are too many in all; but not our own. */
	for (uid_t uid = 8; uid < 8 + LOOK_LEFT - LOOK_LEFT_USER; uid++)
		ck_assert_int_eq(
		    look((pid_t)uid, uid, wait_for_ever, &data, sizeof(data)),
		    -ETIMEDOUT);
	ck_assert_int_eq(look(98, 98, answer, &data, sizeof(data)), -ETIMEDOUT);
	ck_assert_int_eq(look(97, geteuid(), answer, &data, sizeof(data)), 0);
}
END_TEST

/* What ends each reader is not asked for ever. */
START_TEST(ends)
{
	struct data data = {.number = 1};

	ck_assert_int_eq(look(1, 7, end, &data, sizeof(data)), -ETIMEDOUT);
	ck_assert_int_eq(look(1, 7, answer, &data, sizeof(data)), -ETIMEDOUT);
	ck_assert_int_eq(look(2, 7, answer, &data, sizeof(data)), 0);
}
END_TEST

START_TEST(memory)
{
	char from[] = "text", to[sizeof(from)] = "";

	ck_assert_int_eq(
	    look_memory(getpid(), (uintptr_t)from, to, sizeof(to)), sizeof(to));
	ck_assert_str_eq(to, "text");
	ck_assert_int_eq(look_memory(getpid(), 8, to, sizeof(to)), -EFAULT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("look");
	TCase *tcase = tcase_create("all");

	/* A busy machine has a limit of its own. */
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, answers);
	tcase_add_test(tcase, in_vain);
	tcase_add_test(tcase, ends);
	tcase_add_test(tcase, memory);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
