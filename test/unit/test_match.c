/* SPDX-License-Identifier: ISC */
/* build and match against the naive oracle, and match's other functions. */
#include "match.h"

#include <errno.h>
#include <stdio.h>

#include "policies.h"

static void
compare(
    uint64_t *state, size_t count, unsigned int open, int queries, long *hits)
{
	struct random_policy policy;
	struct image image;
	uint64_t *mask;
	uint8_t *bytes;

	random_policy_make(state, count, open, &policy);
	ck_assert_int_eq(
	    test_build(policy.rules, count, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert_int_eq(image_check(&image), 0);
	ck_assert_uint_eq(image_rule_count(&image), count);

	mask = calloc(image_words(&image) + 1, sizeof(*mask));
	for (uint32_t i = 0; i < image_words(&image); i++)
		mask[i] = test_random(state) | test_random(state);
	for (int n = 0; n < queries; n++) {
		const uint64_t *with = n % 3 == 0 ? mask : NULL;
		struct match_query query = random_query(state);
		int expected = naive_match(policy.rules, count, with, &query);

		ck_assert_int_eq(match_rule(&image, with, &query), expected);
		*hits += expected > 0;
	}
	free(mask);
	free(bytes);
	random_policy_free(&policy);
}

START_TEST(oracle_small)
{
	uint64_t state = 3 + (uint64_t)_i;
	long hits = 0;

	/* Every number of rules from none to beyond three words of a set. */
	for (size_t round = 0; round < 5000; round++)
		compare(&state, round % 200, 2 + (unsigned int)(round % 5), 40,
		    &hits);
	/* The oracle is worth something only if rules behind the first won. */
	ck_assert_int_gt(hits, 20000);
}
END_TEST

START_TEST(oracle_large)
{
	static const size_t COUNTS[] = {
	    4095, 4096, 4097, 8191, 8193, 12345, IMAGE_RULES_MAX};
	uint64_t state = 4;
	long hits = 0;

	compare(&state, COUNTS[_i], 50, 500, &hits);
	ck_assert_int_gt(hits, 100);
}
END_TEST

/* At, before and behind every edge of every rule: the off-by-one test. */
START_TEST(oracle_edges)
{
	static const char *const TEXTS[] = {"0.0.0.0/0", "10.0.0.0/8",
	    "10.0.0.0/9", "10.128.0.0/9", "255.255.255.255/32", "0.0.0.0/32",
	    "::/0", "2001:db8::/32", "2001:db8:0:0:ffff::/80", "::/128",
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "8000::/1"};
	struct prefix prefixes[ARRAY_LEN(TEXTS)];
	struct rule rules[ARRAY_LEN(TEXTS)] = {0};
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct image image;
	uint8_t *bytes;

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		ck_assert_int_eq(prefix_parse(TEXTS[i], &prefixes[i]), 0);
		/* The narrow ones first, or they would never be seen. */
		rules[ARRAY_LEN(TEXTS) - 1 - i] = (struct rule){
		    .name = TEXTS[i],
		    .direction = DIRECTION_BOTH,
		    .destinations = &prefixes[i],
		    .destination_count = 1,
		};
	}
	ck_assert_int_eq(
	    test_build(rules, ARRAY_LEN(TEXTS), &bytes, &image.size), 0);
	image.bytes = bytes;
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int len = prefixes[i].addr.family == ADDR_V4 ? 4 : 16;

		for (int change = -1; change <= 1; change++) {
			for (int last = 0; last < 2; last++) {
				int at = len - 1, carry = change;

				query.destination = prefixes[i].addr;
				for (int b = prefixes[i].len;
				     last && b < 8 * len; b++)
					query.destination.bytes[b / 8] |=
					    (uint8_t)(0x80 >> b % 8);
				for (; at >= 0 && carry != 0; at--) {
					int sum =
					    query.destination.bytes[at] + carry;

					query.destination.bytes[at] =
					    (uint8_t)sum;
					carry = sum < 0 ? -1 : sum > 255;
				}
				ck_assert_int_eq(
				    match_rule(&image, NULL, &query),
				    naive_match(
					rules, ARRAY_LEN(TEXTS), NULL, &query));
			}
		}
	}
	free(bytes);
}
END_TEST

START_TEST(families_are_apart)
{
	struct prefix all6, all4;
	struct rule rules[] = {
	    {.name = "six",
		.direction = DIRECTION_BOTH,
		.destinations = &all6,
		.destination_count = 1},
	    {.name = "four",
		.direction = DIRECTION_BOTH,
		.destinations = &all4,
		.destination_count = 1},
	};
	struct match_query query = {.direction = DIRECTION_ACCEPT};
	struct image image;
	uint8_t *bytes;

	prefix_parse("::/0", &all6);
	prefix_parse("0.0.0.0/0", &all4);
	ck_assert_int_eq(test_build(rules, 2, &bytes, &image.size), 0);
	image.bytes = bytes;
	addr_parse("10.0.0.1", &query.destination);
	ck_assert_int_eq(match_rule(&image, NULL, &query), 1);
	addr_parse("::ffff:10.0.0.1", &query.destination);
	ck_assert_int_eq(match_rule(&image, NULL, &query), 1);
	addr_parse("::1", &query.destination);
	ck_assert_int_eq(match_rule(&image, NULL, &query), 0);
	free(bytes);
}
END_TEST

START_TEST(empty_and_too_many)
{
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct rule *rules = calloc(IMAGE_RULES_MAX + 1, sizeof(*rules));
	struct image image;
	uint8_t *bytes;

	ck_assert_int_eq(test_build(NULL, 0, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert_int_eq(image_check(&image), 0);
	ck_assert_int_eq(match_rule(&image, NULL, &query), MATCH_NONE);
	free(bytes);
	ck_assert_int_eq(
	    test_build(rules, IMAGE_RULES_MAX + 1, &bytes, &image.size),
	    -E2BIG);
	free(rules);
}
END_TEST

START_TEST(programs)
{
	static const char *const SAP[] = {"sm_*", "stpd"};
	static const char *const NC[] = {"nc"};
	struct rule rules[] = {
	    {.name = "sap",
		.direction = DIRECTION_BOTH,
		.programs = (const char **)SAP,
		.program_count = 2},
	    {.name = "all", .direction = DIRECTION_BOTH},
	    {.name = "nc",
		.direction = DIRECTION_BOTH,
		.programs = (const char **)NC,
		.program_count = 1},
	};
	static const struct {
		const char *names[2];
		uint64_t mask;
	} CASES[] = {
	    {{"sm_get", "x"}, 3},
	    {{"stpd", "stpd"}, 3},
	    {{"stpdx", "sm"}, 2},
	    {{"nc.openbsd", "nc"}, 6},
	    {{"NC", "Stpd"}, 2},
	};
	struct image image;
	uint64_t mask;
	uint8_t *bytes;

	ck_assert_int_eq(test_build(rules, 3, &bytes, &image.size), 0);
	image.bytes = bytes;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		match_program(&image, CASES[i].names, 2, &mask);
		ck_assert_uint_eq(mask, CASES[i].mask);
	}
	match_program(&image, NULL, 0, &mask);
	ck_assert_uint_eq(mask, 2);
	free(bytes);
}
END_TEST

START_TEST(scopes)
{
	struct prefix ten;
	struct port_range web = {80, 80};
	struct rule rules[] = {
	    {.name = "port",
		.direction = DIRECTION_ACCEPT,
		.ports = &web,
		.port_count = 1},
	    {.name = "destination",
		.direction = DIRECTION_CONNECT,
		.destinations = &ten,
		.destination_count = 1},
	    {.name = "all", .direction = DIRECTION_BOTH},
	    {.name = "behind",
		.direction = DIRECTION_BOTH,
		.sources = &ten,
		.source_count = 1},
	};
	struct match_scope scope;
	struct image image;
	uint8_t *bytes;
	uint64_t mask;

	prefix_parse("10.0.0.0/8", &ten);
	ck_assert_int_eq(test_build(rules, 4, &bytes, &image.size), 0);
	image.bytes = bytes;
	scope = match_scope(&image, NULL, DIRECTION_CONNECT);
	ck_assert_uint_eq(scope.matchers, MATCHER_DESTINATION);
	scope = match_scope(&image, NULL, DIRECTION_ACCEPT);
	ck_assert_uint_eq(scope.matchers, MATCHER_PORT);
	mask = 0xc;
	scope = match_scope(&image, &mask, DIRECTION_ACCEPT);
	ck_assert_uint_eq(scope.matchers, 0);
	ck_assert_int_eq(scope.fixed, 2);
	mask = 0xa;
	scope = match_scope(&image, &mask, DIRECTION_ACCEPT);
	ck_assert_uint_eq(scope.matchers, MATCHER_SOURCE);
	mask = 0;
	scope = match_scope(&image, &mask, DIRECTION_ACCEPT);
	ck_assert_uint_eq(scope.matchers, 0);
	ck_assert_int_eq(scope.fixed, MATCH_NONE);
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("match");
	TCase *tc = tcase_create("match");

	tcase_add_loop_test(tc, oracle_small, 0, 2);
	tcase_add_loop_test(tc, oracle_large, 0, 7);
	tcase_add_test(tc, oracle_edges);
	tcase_add_test(tc, families_are_apart);
	tcase_add_test(tc, empty_and_too_many);
	tcase_add_test(tc, programs);
	tcase_add_test(tc, scopes);
	tcase_set_timeout(tc, 300);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
