/* SPDX-License-Identifier: ISC */
/*
 * How late the kernel's timers may be: levels and slots as kernel/time/timer.c
 * has them in the comments above its macros, "HZ 1000" and so on.
 */
#include <check.h>
#include <stdbool.h>
#include <time.h>

#include "base/lateness.h"
#include "test.h"

static const struct {
	unsigned int hz;
	int64_t time_ms, slot_ms, tick_ms;
} TIMES[] = {
    /* Level, offset, granularity and range of HZ 1000. */
    {1000, 0, 1, 1},
    {1000, 62, 1, 1},
    {1000, 63, 8, 1},
    {1000, 503, 8, 1},
    {1000, 504, 64, 1},
    {1000, 4031, 64, 1},
    {1000, 4032, 512, 1},
    {1000, 32255, 512, 1},
    {1000, 32256, 4096, 1},
    {1000, 258047, 4096, 1},
    {1000, 258048, 32768, 1},
    {1000, 2064383, 32768, 1},
    {1000, 2064384, 262144, 1},
    {1000, 16515071, 262144, 1},
    {1000, 16515072, 2097152, 1},
    {1000, 32767000, 2097152, 1},
    /* HZ 250 */
    {250, 248, 4, 4},
    {250, 252, 32, 4},
    {250, 2012, 32, 4},
    {250, 2016, 256, 4},
    {250, 16124, 256, 4},
    {250, 16128, 2048, 4},
    {250, 129020, 2048, 4},
    {250, 129024, 16384, 4},
    {250, 1032188, 16384, 4},
    {250, 1032192, 131072, 4},
    {250, 8257532, 131072, 4},
    {250, 8257536, 1048576, 4},
    {250, 32767000, 1048576, 4},
    /* HZ 100 */
    {100, 620, 10, 10},
    {100, 630, 80, 10},
    {100, 5030, 80, 10},
    {100, 5040, 640, 10},
    {100, 40310, 640, 10},
    {100, 40320, 5120, 10},
    {100, 322550, 5120, 10},
    {100, 322560, 40960, 10},
    {100, 2580470, 40960, 10},
    {100, 2580480, 327680, 10},
    {100, 20643840, 2621440, 10},
};

START_TEST(times)
{
	ck_assert_int_eq(lateness_ms(TIMES[_i].hz, TIMES[_i].time_ms),
	    TIMES[_i].slot_ms + TIMES[_i].tick_ms);
}
END_TEST

/* The worst is none of the others, but never less than any. */
START_TEST(worst)
{
	static const unsigned int COMMON[] = {100, 250, 300, 1000};

	for (int64_t s = 1; s < 32768; s++) {
		int64_t most = lateness_ms(0, s * 1000);
		bool is_one = false;

		for (size_t i = 0; i < ARRAY_LEN(COMMON); i++) {
			int64_t late = lateness_ms(COMMON[i], s * 1000);

			ck_assert_int_le(late, most);
			is_one |= late == most;
		}
		ck_assert(is_one);
		/* An eighth, as the comment says, and a tick or two. */
		ck_assert_int_le(most, s * 1000 * 8 / 63 + 20);
	}
}
END_TEST

/* It is a kernel's own, and its clock's steps are as long. */
START_TEST(own)
{
	unsigned int hz = lateness_hz();
	struct timespec was, now;
	int64_t step_ns;

	ck_assert_uint_ge(hz, 24);
	ck_assert_uint_le(hz, 1200);
	clock_gettime(CLOCK_MONOTONIC_COARSE, &was);
	do
		clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	while (now.tv_nsec == was.tv_nsec);
	step_ns = (now.tv_sec - was.tv_sec) * INT64_C(1000000000) +
	          now.tv_nsec - was.tv_nsec;
	/* A whole number of ticks, of which one or many have gone by. */
	ck_assert_int_ge(step_ns, 1000000000 / hz - 100000);
}
END_TEST

static Suite *
lateness_suite(void)
{
	Suite *suite = suite_create("lateness");
	TCase *tables = tcase_create("tables");

	suite_add_tcase(suite, tables);
	tcase_add_loop_test(tables, times, 0, ARRAY_LEN(TIMES));
	tcase_add_test(tables, worst);
	tcase_add_test(tables, own);
	return suite;
}

int
main(void)
{
	return test_main(lateness_suite());
}
