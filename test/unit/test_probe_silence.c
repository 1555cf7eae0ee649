/* SPDX-License-Identifier: ISC */
/*
 * probe_silence: brackets and verdicts from lists of ends, and what is advised.
 */
#include "probe/probe_silence.h"

#include "test.h"

#define YES(ms)                                     \
	{                                           \
		SILENCE_SURVIVED, false, ms, ms, ms \
	}
#define NO(ms)                                                \
	{                                                     \
		SILENCE_UNANSWERED, false, 0, ms, (ms) + 4000 \
	}
#define LIST_MAX 6
/* All between two times, and that number of losses. */
#define IN(s, l, n) \
	.survived_ms = (s), .lost_ms = (l), .shortest_ms = (l), .lost = (n)
#define CONSISTENT(ms) .consistent = true, .longest_ms = (ms)

static const struct {
	struct silence list[LIST_MAX];
	size_t count;
	bool lossy;
	struct bracket expected;
} CASES[] = {
    {{YES(0)}, 0, false, {CONSISTENT(0)}},
    {{YES(4000), YES(3000)}, 2, false, {IN(4000, 0, 0), CONSISTENT(4000)}},
    {{YES(4000), NO(6000), NO(5500)}, 3, false,
	{IN(4000, 5500, 2), .how = SILENCE_UNANSWERED, CONSISTENT(4000)}},
    /* On a path that loses packets the last probe counts. */
    {{YES(4000), NO(6000), NO(5500)}, 3, true,
	{IN(4000, 9500, 2), .how = SILENCE_UNANSWERED, CONSISTENT(4000)}},
    /* The first loss names the way. */
    {{{SILENCE_REFUSED, false, 0, 6000, 6000}, NO(7000)}, 2, false,
	{IN(0, 6000, 2), .how = SILENCE_REFUSED, CONSISTENT(0)}},
    /* One alone is a finding as long as none survives as long. */
    {{YES(4000), NO(6000)}, 2, false,
	{IN(4000, 6000, 1), .how = SILENCE_UNANSWERED, CONSISTENT(4000)}},
    {{YES(5999), NO(6000)}, 2, false,
	{IN(5999, 6000, 1), .how = SILENCE_UNANSWERED, CONSISTENT(5999)}},
    {{NO(6000), YES(6000)}, 2, false,
	{IN(6000, 0, 0), .odd = 1, CONSISTENT(6000)}},
    /* What comes behind an odd one counts alone. */
    {{NO(6000), YES(6000), YES(9000), NO(11000), NO(12000)}, 5, false,
	{IN(9000, 11000, 2), .odd = 1, .how = SILENCE_UNANSWERED,
	    CONSISTENT(9000)}},
    {{NO(6000), YES(6000), NO(7000), YES(8000)}, 4, false,
	{.survived_ms = 0,
	    .shortest_ms = 6000,
	    .lost_ms = 7000,
	    .lost = 2,
	    .odd = 2,
	    .longest_ms = 8000}},
    /* Two are: about as long is near enough, and the range holds both. */
    {{NO(60000), NO(70000), YES(50000), YES(68000)}, 4, false,
	{.survived_ms = 50000,
	    .shortest_ms = 60000,
	    .lost_ms = 70000,
	    .lost = 2,
	    .how = SILENCE_UNANSWERED,
	    CONSISTENT(68000)}},
    {{NO(60000), NO(61000), YES(50000), YES(68001)}, 4, false,
	{.survived_ms = 50000,
	    .shortest_ms = 60000,
	    .lost_ms = 61000,
	    .lost = 2,
	    .how = SILENCE_UNANSWERED,
	    .longest_ms = 68001}},
};

START_TEST(brackets)
{
	static struct silences silences;
	struct bracket got;

	silences.count = 0;
	silences.lossy = CASES[_i].lossy;
	for (size_t i = 0; i < CASES[_i].count; i++)
		silences_add(&silences, CASES[_i].list[i]);
	got = silences_bracket(&silences);
	ck_assert_int_eq(got.survived_ms, CASES[_i].expected.survived_ms);
	ck_assert_int_eq(got.lost_ms, CASES[_i].expected.lost_ms);
	ck_assert_uint_eq(got.lost, CASES[_i].expected.lost);
	ck_assert_uint_eq(got.odd, CASES[_i].expected.odd);
	ck_assert_int_eq(got.how, CASES[_i].expected.how);
	ck_assert_int_eq(got.shortest_ms, CASES[_i].expected.shortest_ms);
	ck_assert_int_eq(got.consistent, CASES[_i].expected.consistent);
	ck_assert_int_eq(got.longest_ms, CASES[_i].expected.longest_ms);
}
END_TEST

START_TEST(full)
{
	static struct silences silences;

	for (int i = 0; i <= SILENCES_MAX; i++)
		silences_add(&silences, (struct silence)YES(i));
	ck_assert_uint_eq(silences.count, SILENCES_MAX);
}
END_TEST

/* A service that closes: its FIN is a lower bound, and what is lost stays so.
 */
START_TEST(came_through)
{
	static struct silences silences = {
	    .list =
		{
		    YES(4000),
		    {SILENCE_CLOSED, false, 11000, 11300, 11300},
		    {SILENCE_RESET, false, 12000, 12300, 12300},
		    {SILENCE_REFUSED, false, 0, 15000, 15000},
		},
	    .count = 4,
	};
	struct bracket got;

	silences_came_through(&silences);
	got = silences_bracket(&silences);
	ck_assert_int_eq(got.survived_ms, 12000);
	ck_assert_int_eq(got.lost_ms, 15000);
	ck_assert_uint_eq(got.lost, 1);
}
END_TEST

static const struct {
	int64_t ms;
	uint32_t seconds;
} ADVICE[] = {
    {0, 0},
    {999, 0},
    {1000, 1},
    {22999, 22},
    {119999, 119},
    {120000, 120},
    {349300, 340},
    {599999, 590},
    {600000, 600},
    {905000, 900},
    {7199999, 7140},
    {7200000, 7200},
    {7499999, 7200},
    {8100000, 8100},
};

START_TEST(advice)
{
	ck_assert_uint_eq(silence_advice(ADVICE[_i].ms), ADVICE[_i].seconds);
}
END_TEST

START_TEST(advice_is_safe)
{
	for (int64_t ms = 0; ms < 10000000; ms += 377)
		ck_assert_int_le((int64_t)silence_advice(ms) * 1000, ms);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe_silence");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, brackets, 0, ARRAY_LEN(CASES));
	tcase_add_test(tcase, full);
	tcase_add_test(tcase, came_through);
	tcase_add_loop_test(tcase, advice, 0, ARRAY_LEN(ADVICE));
	tcase_add_test(tcase, advice_is_safe);
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
