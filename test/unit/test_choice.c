/* SPDX-License-Identifier: ISC */
/* choice: what it takes, what it refuses. */
#include "cmd/choice.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "test.h"

static const struct {
	const char *text;
	int opt;
	int result;
} CASES[] = {
    {"1", 'p', 0},
    {"4194304", 'p', 0},
    {"2147483647", 'p', 0},
    {"2147483648", 'p', -EINVAL},
    {"99999999999999999999", 'p', -EINVAL},
    {"0", 'p', -EINVAL},
    {"-1", 'p', -EINVAL},
    {"+1", 'p', -EINVAL},
    {" 1", 'p', -EINVAL},
    {"1x", 'p', -EINVAL},
    {"0x1", 'p', -EINVAL},
    {"", 'p', -EINVAL},
    {"backup", 'u', 0},
    {"backup@1.service", 'u', 0},
    {"", 'u', -EINVAL},
    {"/etc/backup.service", 'u', -EINVAL},
    {"sm_*", 'P', 0},
    {"", 'P', -EINVAL},
    {"bin/sm_*", 'P', -EINVAL},
    {"x.conf", 'c', 0},
};

START_TEST(one)
{
	struct choice choice = {0};
	size_t count;

	ck_assert_int_eq(choice_take(&choice, CASES[_i].opt, CASES[_i].text),
	    CASES[_i].result);
	count = choice.live.pid_count + choice.live.unit_count +
	        choice.live.program_count + (choice.config != NULL);
	ck_assert_uint_eq(count, CASES[_i].result == 0);
	choice_free(&choice);
}
END_TEST

START_TEST(many)
{
	struct choice choice = {0};

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(choice_take(&choice, 'p', "17"), 0);
		ck_assert_int_eq(choice_take(&choice, 'u', "a"), 0);
		ck_assert_int_eq(choice_take(&choice, 'P', "b*"), 0);
	}
	ck_assert_int_eq(choice_take(&choice, 'p', "18"), 0);
	ck_assert_uint_eq(choice.live.pid_count, 4);
	ck_assert_int_eq(choice.live.pids[2], 17);
	ck_assert_int_eq(choice.live.pids[3], 18);
	ck_assert_uint_eq(choice.live.unit_count, 3);
	ck_assert_str_eq(choice.live.units[2], "a");
	ck_assert_uint_eq(choice.live.program_count, 3);
	ck_assert_str_eq(choice.live.programs[0], "b*");
	choice_free(&choice);
	ck_assert_uint_eq(choice.live.pid_count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("choice");
	TCase *tcase = tcase_create("choice");

	tcase_add_loop_test(tcase, one, 0, (int)ARRAY_LEN(CASES));
	tcase_add_test(tcase, many);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
