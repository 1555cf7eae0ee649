/* SPDX-License-Identifier: ISC */
/* What doctor_as() does about a child that does not answer. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "doctor/place.h"
#include "test.h"

#define NOBODY 65534

/* A place where a child has to look; with another user, if we may. */
static void
elsewhere(struct place *place)
{
	place_here(place);
	place->cache = "/nowhere";
	if (geteuid() != 0)
		return;
	place->euid = NOBODY;
	place->egid = NOBODY;
	place->groups = NULL;
	place->group_count = 0;
}

static void
answer(void *data)
{
	*(int *)data = 7;
}

START_TEST(answers)
{
	struct place place;
	int data = 0;

	elsewhere(&place);
	ck_assert_int_eq(doctor_as(&place, answer, &data, sizeof(data)), 0);
	ck_assert_int_eq(data, 7);
}
END_TEST

/* As whoever has the child's user may do. */
static void
stop(void *data)
{
	*(int *)data = 7;
	raise(SIGSTOP);
}

START_TEST(stopped)
{
	struct place place;
	time_t before = time(NULL);
	int data = 0;

	elsewhere(&place);
	ck_assert_int_eq(doctor_as(&place, stop, &data, sizeof(data)), -ETIME);
	ck_assert_int_eq(data, 0);
	ck_assert_int_lt(time(NULL) - before, 20);
	/* It is not left behind. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

static void
ask_death_signal(void *data)
{
	(void)prctl(PR_GET_PDEATHSIG, data, 0, 0, 0);
}

/* Also after the change of user. */
START_TEST(ends_with_us)
{
	struct place place;
	int data = 0;

	elsewhere(&place);
	ck_assert_int_eq(
	    doctor_as(&place, ask_death_signal, &data, sizeof(data)), 0);
	ck_assert_int_eq(data, SIGKILL);
}
END_TEST

static void
die(void *data)
{
	(void)data;
	raise(SIGKILL);
}

START_TEST(dies)
{
	struct place place;
	int data = 0;

	elsewhere(&place);
	ck_assert_int_eq(doctor_as(&place, die, &data, sizeof(data)), -EIO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("doctor_as");
	TCase *tc = tcase_create("child");

	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, answers);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, ends_with_us);
	tcase_add_test(tc, dies);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
