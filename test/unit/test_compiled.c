/* SPDX-License-Identifier: ISC */
/* compiled: when the time of a source can be relied on. */
#include "advice/compiled.h"

#include <stdio.h>

#include "policies.h"

#define NSEC 1000000000

static const struct timespec NOW = {.tv_sec = 1700000000, .tv_nsec = 500000000};

/* It takes so many ns to read it. */
#define READING 3000000

/*
 * Changed so many ns before the reading began; too young? At least so many ns
 * are waited for.
 */
static const struct {
	int64_t age;
	bool too_young;
	int64_t wait;
} CASES[] = {
    {0, true, 20000000 - READING},
    {5000000, true, 15000000 - READING},
    {19999999, true, 0},
    {20000000, false, 0},
    {NSEC, false, 0},
    {INT64_C(86400) * NSEC, false, 0},
    /* While it was read. */
    {-1, true, 20000001 - READING},
    {-READING, true, 20000000},
    /* From the future: any change gives it another time. */
    {-READING - 1, false, 0},
    {INT64_C(-86400) * NSEC, false, 0},
    /* The clock of its file system may have seconds only. */
    {500000000, true, 500000000 - READING},
    {1500000000, false, 0},
};

static struct image
image_of(struct timespec changed)
{
	struct rule rule = {.name = "all", .direction = DIRECTION_BOTH};
	struct build_source source = {
	    .path = "/x",
	    .mtime_s = changed.tv_sec,
	    .mtime_ns = (uint32_t)changed.tv_nsec,
	};
	struct build_input input = {
	    .rules = &rule,
	    .rule_count = 1,
	    .sources = &source,
	    .source_count = 1,
	};
	struct image image;
	uint8_t *bytes;

	ck_assert_int_eq(build_image(&input, &bytes, &image.size), 0);
	image.bytes = bytes;
	return image;
}

static int64_t
since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)(now.tv_sec - start->tv_sec) * NSEC + now.tv_nsec -
	       start->tv_nsec;
}

START_TEST(too_young)
{
	int64_t at = (int64_t)NOW.tv_sec * NSEC + NOW.tv_nsec - CASES[_i].age;
	struct image image = image_of((struct timespec){
	    .tv_sec = (time_t)(at / NSEC), .tv_nsec = at % NSEC});
	const struct timespec ended = {
	    .tv_sec = NOW.tv_sec, .tv_nsec = NOW.tv_nsec + READING};
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	ck_assert(
	    compiled_too_young(&image, NOW, ended) == CASES[_i].too_young);
	ck_assert_int_ge(since(&start), CASES[_i].wait);
	free((void *)image.bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("compiled");
	TCase *tc = tcase_create("compiled");

	tcase_add_loop_test(tc, too_young, 0, ARRAY_LEN(CASES));
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
