/* SPDX-License-Identifier: ISC */
/*
 * probe_verdict: what the silences and the connection with keepalive come to.
 */
#include "probe/probe_verdict.h"

#include "test.h"

#define TO_MS 60000

#define LIVES .control = SILENCE_SURVIVED, .answered = true
#define FINE  LIVES, .answers = true, .alive = 5
#define LOST(n, by)                                                        \
	{                                                                  \
		.survived_ms = 9000, .longest_ms = 9000, .lost_ms = 10000, \
		.shortest_ms = 10000, .lost = (n), .how = (by),            \
		.consistent = true                                         \
	}
#define SURVIVED(ms)                                                        \
	{                                                                   \
		.survived_ms = (ms), .longest_ms = (ms), .consistent = true \
	}

static const struct {
	struct bracket bracket;
	struct probe_facts facts;
	enum probe_verdict verdict;
} CASES[] = {
    {LOST(2, SILENCE_UNANSWERED), {FINE}, PROBE_FORGETS},
    {LOST(2, SILENCE_REFUSED), {FINE}, PROBE_FORGETS},
    {LOST(2, SILENCE_RESET), {FINE}, PROBE_FORGETS},
    {LOST(2, SILENCE_CLOSED), {FINE}, PROBE_FORGETS},
    {SURVIVED(TO_MS), {FINE}, PROBE_SURVIVES},
    /* One alone is nothing yet, if there are others to confirm it. */
    {LOST(1, SILENCE_UNANSWERED), {FINE, .interrupted = true},
	PROBE_INTERRUPTED},
    {LOST(1, SILENCE_UNANSWERED), {LIVES, .answers = true}, PROBE_FORGETS},
    /* Was it the path? Only if the control has answered after that. */
    {LOST(2, SILENCE_UNANSWERED), {LIVES, .alive = 5}, PROBE_OUTAGE},
    {LOST(1, SILENCE_UNANSWERED), {LIVES}, PROBE_OUTAGE},
    {LOST(2, SILENCE_UNANSWERED),
	{.control = SILENCE_UNANSWERED, .answered = true}, PROBE_OUTAGE},
    {SURVIVED(9000), {.control = SILENCE_UNANSWERED, .answered = true},
	PROBE_OUTAGE},
    /* The service ends also the control. */
    {SURVIVED(9000), {.control = SILENCE_CLOSED, .answered = true, .alive = 5},
	PROBE_SERVICE_CLOSES},
    {LOST(2, SILENCE_CLOSED),
	{.control = SILENCE_CLOSED, .answered = true, .alive = 5},
	PROBE_SERVICE_CLOSES},
    {LOST(2, SILENCE_RESET),
	{.control = SILENCE_RESET,
	    .answered = true,
	    .answers = true,
	    .alive = 5},
	PROBE_SERVICE_CLOSES},
    {SURVIVED(500), {.control = SILENCE_CLOSED}, PROBE_SERVICE_CLOSES},
    /* But it was the path, if the control answered then. */
    {LOST(2, SILENCE_UNANSWERED),
	{.control = SILENCE_CLOSED,
	    .answered = true,
	    .answers = true,
	    .alive = 5},
	PROBE_FORGETS},
    /* All at the same moment, whatever their age. */
    {SURVIVED(9000),
	{.control = SILENCE_RESET, .answered = true, .all_at_once = true},
	PROBE_OUTAGE},
    /* A limit: all but the control ended at once. */
    {SURVIVED(0), {LIVES, .answers = true}, PROBE_SERVICE_CLOSES},
    {SURVIVED(5000), {FINE, .never_silent = true}, PROBE_NEVER_SILENT},
    {{.survived_ms = 9000,
	 .longest_ms = 50000,
	 .lost_ms = 11000,
	 .shortest_ms = 10000,
	 .lost = 2},
	{FINE}, PROBE_INCONSISTENT},
    {SURVIVED(0), {.control = SILENCE_UNANSWERED}, PROBE_UNANSWERED},
    {SURVIVED(0), {.control = SILENCE_SURVIVED, .interrupted = true},
	PROBE_INTERRUPTED},
    {SURVIVED(9000), {FINE, .interrupted = true}, PROBE_INTERRUPTED},
};

START_TEST(verdicts)
{
	ck_assert_str_eq(probe_verdict_name(probe_verdict(
			     &CASES[_i].bracket, &CASES[_i].facts, TO_MS)),
	    probe_verdict_name(CASES[_i].verdict));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe_verdict");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, verdicts, 0, ARRAY_LEN(CASES));
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
