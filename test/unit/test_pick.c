/* SPDX-License-Identifier: ISC */
/* pick: whom a choice means, and that a number used again means nobody. */
#include "live/pick.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "test.h"

START_TEST(number_used_again)
{
	pid_t own = getpid(), missing = 0;
	uint64_t start = 0;
	struct live_choice choice = {
	    .pids = &own, .starts = &start, .pid_count = 1};
	struct process *processes;
	size_t count;

	ck_assert_int_eq(pick_read(&choice, &processes, &count, &missing), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(processes[0].pid, own);
	/* Now it is known which process is meant. */
	ck_assert_uint_eq(start, processes[0].start);
	free(processes);
	ck_assert_int_eq(pick_read(&choice, &processes, &count, &missing), 0);
	free(processes);
	start--;
	ck_assert_int_eq(
	    pick_read(&choice, &processes, &count, &missing), -ESRCH);
	ck_assert_int_eq(missing, own);
	ck_assert_ptr_null(processes);
}
END_TEST

static const char *told[4];
static size_t told_count;

static void
tell(enum pick_kind kind, const char *name)
{
	ck_assert_uint_lt(told_count, ARRAY_LEN(told));
	ck_assert_int_eq(kind, name[0] == 'u' ? PICK_UNIT : PICK_PROGRAM);
	told[told_count++] = name;
}

START_TEST(absent)
{
	static const char *const units[] = {
	    "unit", "u.scope", "u", "unit.service"};
	static const char *const programs[] = {
	    "sm_*", "nobody", "closed", "link"};
	static const struct process processes[] = {
	    {.name = {"file", "link"}, .name_count = 2, .unit = "unit.service"},
	    {.name = {"sm_agent"}, .name_count = 1, .comm = "closed"},
	};
	const struct live_choice choice = {
	    .units = units,
	    .unit_count = 4,
	    .programs = programs,
	    .program_count = 4,
	};

	ck_assert_uint_eq(pick_absent(&choice, processes, 2, NULL), 4);
	ck_assert_uint_eq(pick_absent(&choice, processes, 2, tell), 4);
	ck_assert_uint_eq(told_count, 4);
	ck_assert_str_eq(told[0], "u.scope");
	ck_assert_str_eq(told[1], "u");
	ck_assert_str_eq(told[2], "nobody");
	/* What it calls itself counts only if nothing else is known. */
	ck_assert_str_eq(told[3], "closed");
	ck_assert_uint_eq(
	    pick_absent(&(struct live_choice){0}, processes, 2, tell), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pick");
	TCase *tcase = tcase_create("pick");

	tcase_add_test(tcase, number_used_again);
	tcase_add_test(tcase, absent);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
