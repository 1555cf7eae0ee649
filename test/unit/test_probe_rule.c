/* SPDX-License-Identifier: ISC */
/*
 * probe_rule: does a rule fit what was measured?
 */
#include "probe/probe_rule.h"

#include "test.h"

#define HZ_1000 1000
#define IDLE    (1u << KEEPALIVE_IDLE)
#define BOTH    (1u << KEEPALIVE_IDLE | 1u << KEEPALIVE_INTERVAL)

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): to be read */
static const struct {
	uint32_t options;
	int32_t idle_s, interval_s;
	uint32_t action;
	enum probe_verdict verdict;
	int64_t survived_ms;
	enum rule_fit fit;
} CASES[] = {
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_FORGETS, 349000, RULE_FITS},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_INCONSISTENT, 349000, RULE_FITS},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_FORGETS, 200000, RULE_FITS_BARELY},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_FORGETS, 169000, RULE_TOO_LATE},
    /* Timers are late: 170 s may become 172. */
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_FORGETS, 170000, RULE_TOO_LATE},
    /* The kernel's own interval is 75 s, and its idle time 2 h. */
    {IDLE, 170, 0, ACTION_KEEPALIVE, PROBE_FORGETS, 240000, RULE_FITS_BARELY},
    {IDLE, 170, 0, ACTION_KEEPALIVE, PROBE_FORGETS, 349000, RULE_FITS},
    {0, 0, 0, ACTION_KEEPALIVE, PROBE_FORGETS, 349000, RULE_TOO_LATE},
    {0, 0, 0, ACTION_KEEPALIVE, PROBE_FORGETS, 8500000, RULE_FITS},
    {0, 0, 0, ACTION_IGNORE, PROBE_FORGETS, 8500000, RULE_IGNORES},
    /* How much longer than that it survives is not known. */
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_SURVIVES, 349000, RULE_FITS},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_SURVIVES, 100000, RULE_UNKNOWN},
    {0, 0, 0, ACTION_IGNORE, PROBE_SURVIVES, 8100000, RULE_UNKNOWN},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_OUTAGE, 349000, RULE_UNKNOWN},
    {BOTH, 170, 34, ACTION_KEEPALIVE, PROBE_SERVICE_CLOSES, 9000, RULE_UNKNOWN},
};

START_TEST(fit)
{
	struct image_rule rule = {
	    .action = CASES[_i].action,
	    .options = CASES[_i].options,
	};
	struct probe_result result = {
	    .verdict = CASES[_i].verdict,
	    .bracket.survived_ms = CASES[_i].survived_ms,
	};

	rule.value[KEEPALIVE_IDLE] = CASES[_i].idle_s;
	rule.value[KEEPALIVE_INTERVAL] = CASES[_i].interval_s;
	ck_assert_str_eq(rule_fit_name(rule_fit(&rule, &result, HZ_1000)),
	    rule_fit_name(CASES[_i].fit));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe_rule");
	TCase *tcase = tcase_create("all");

	tcase_add_loop_test(tcase, fit, 0, ARRAY_LEN(CASES));
	suite_add_tcase(suite, tcase);
	return test_main(suite);
}
