/* SPDX-License-Identifier: ISC */
/* build and match against the naive oracle, and match's other functions. */
#include "image/match.h"

#include <errno.h>
#include <stdio.h>

#include "image/view.h"
#include "policies.h"

static long depends, sure_ones;

/*
 * What is said before all is known: as the oracle has it, and true of whatever
 * turns out.
 */
static void
compare_surely(const struct rule *rules, size_t count, const char *name,
    const struct image *image, const struct match_groups *groups,
    uint64_t *state, struct match_query query)
{
	int sure;

	if (test_below(state, 2) == 0)
		query.source.family = ADDR_NONE;
	if (test_below(state, 2) == 0)
		query.destination.family = ADDR_NONE;
	sure = match_surely(image, groups, &query);
	ck_assert_int_eq(sure, naive_surely(rules, count, name, &query));
	depends += sure == MATCH_DEPENDS;
	sure_ones += sure > 0;
	for (int n = 0; n < 3 && sure != MATCH_DEPENDS; n++) {
		struct match_query known = random_query(state);

		known.direction = query.direction;
		known.port = query.port;
		if (query.destination.family != ADDR_NONE) {
			known.destination = query.destination;
			if (query.source.family != ADDR_NONE)
				known.source = query.source;
		}
		ck_assert_int_eq(match_rule(image, groups, &known), sure);
	}
}

/* Image and oracle, asked the same, for any program and for one. */
static void
compare_queries(const struct rule *rules, size_t count,
    const struct image *image, uint64_t *state, int queries, long *hits)
{
	uint32_t *numbers =
	    calloc(image_group_count(image) + 1, sizeof(*numbers));
	const char *name = NAMES[test_below(state, ARRAY_LEN(NAMES))];
	struct match_scope scope, expected_scope;
	struct view view;

	view_make(&view, image, &name, 1, numbers, image_group_count(image));
	ck_assert_int_eq(view.holds, naive_holds(rules, count, name));
	for (int d = DIRECTION_CONNECT; d <= DIRECTION_ACCEPT; d++) {
		scope = d == DIRECTION_CONNECT ? view.connect : view.accept;
		expected_scope =
		    naive_scope(rules, count, (enum direction)d, name);
		ck_assert_uint_eq(scope.matchers, expected_scope.matchers);
		ck_assert_int_eq(scope.fixed, expected_scope.fixed);
	}
	for (int n = 0; n < queries; n++) {
		struct match_query query = random_query(state);
		bool any = n % 3 == 0;
		int expected =
		    naive_match(rules, count, any ? NULL : name, &query);

		ck_assert_int_eq(
		    match_rule(image, any ? NULL : &view.groups, &query),
		    expected);
		compare_surely(rules, count, any ? NULL : name, image,
		    any ? NULL : &view.groups, state, query);
		if (expected == MATCH_NONE)
			continue;
		*hits += expected > 0;
		ck_assert(match_fields(
		    image, (uint32_t)expected, MATCHER_FIELDS, &query));
	}
	free(numbers);
}

static void
compare(
    uint64_t *state, size_t count, unsigned int open, int queries, long *hits)
{
	struct random_policy policy;
	struct image image;
	uint8_t *bytes;

	random_policy_make(state, count, open, &policy);
	ck_assert_int_eq(
	    test_build(policy.rules, count, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert_int_eq(image_check(&image), 0);
	ck_assert_uint_eq(image_rule_count(&image), count);
	compare_queries(policy.rules, count, &image, state, queries, hits);
	free(bytes);
	random_policy_free(&policy);
}

START_TEST(oracle_small)
{
	uint64_t state = 3 + (uint64_t)_i;
	long hits = 0;

	for (size_t round = 0; round < 5000; round++)
		compare(&state, round % 200, 2 + (unsigned int)(round % 5), 40,
		    &hits);
	/* The oracle is worth something only if rules behind the first won. */
	ck_assert_int_gt(hits, 20000);
	ck_assert_int_gt(depends, 10000);
	ck_assert_int_gt(sure_ones, 10000);
}
END_TEST

START_TEST(oracle_large)
{
	static const size_t COUNTS[] = {1000, 4097, 12345, IMAGE_RULES_MAX};
	uint64_t state = 4;
	long hits = 0;

	compare(&state, COUNTS[_i], 50, 500, &hits);
	ck_assert_int_gt(hits, 100);
}
END_TEST

/*
 * Rules for a host each, as many as make tables of every number of levels,
 * asked at and beside their addresses.
 */
START_TEST(oracle_hosts)
{
	static const size_t COUNTS[] = {5, 15, 16, 17, 31, 32, 33, 63, 64, 65,
	    127, 129, 255, 257, 511, 512, 513, 1023, 1024, 1025, 4097, 40000};
	const size_t count = COUNTS[_i];
	struct prefix *hosts = calloc(2 * count, sizeof(*hosts));
	struct rule *rules = calloc(count, sizeof(*rules));
	struct match_query query = {.direction = DIRECTION_CONNECT};
	uint64_t state = 7 + (uint64_t)_i;
	struct image image;
	uint8_t *bytes;

	for (size_t i = 0; i < 2 * count; i++) {
		hosts[i].addr.family = i % 2 == 0 ? ADDR_V4 : ADDR_V6;
		hosts[i].len = i % 2 == 0 ? 32 : 128;
		/* Half of them in one /64, and some beside each other. */
		for (int b = i % 4 == 1 ? 8 : 0; b < hosts[i].len / 8; b++)
			hosts[i].addr.bytes[b] = (uint8_t)test_random(&state);
		if (i >= 2 && test_below(&state, 4) == 0) {
			hosts[i].addr = hosts[i - 2].addr;
			hosts[i].addr.bytes[hosts[i].len / 8 - 1] ^= 1;
		}
	}
	for (size_t i = 0; i < count; i++)
		rules[i] = (struct rule){
		    .name = "r",
		    .direction = DIRECTION_BOTH,
		    .destinations = hosts + 2 * i,
		    .destination_count = 2,
		};
	ck_assert_int_eq(test_build(rules, count, &bytes, &image.size), 0);
	image.bytes = bytes;
	for (size_t n = 0; n < 2000; n++) {
		size_t i = count > 1000
		               ? test_below(&state, (uint32_t)count * 2)
		               : n % (count * 2);
		int last = hosts[i].len / 8 - 1;

		query.destination = hosts[i].addr;
		query.destination.bytes[last] =
		    (uint8_t)(query.destination.bytes[last] + n % 3 - 1);
		ck_assert_int_eq(match_rule(&image, NULL, &query),
		    naive_match(rules, count, NULL, &query));
	}
	free(bytes);
	free(rules);
	free(hosts);
}
END_TEST

/*
 * Long lists on both sides, for which only the thriftiest way to make the
 * index has room, and few rules with programs of their own each.
 */
START_TEST(oracle_lists)
{
	enum { RULES = 400, LIST = 24 };
	struct prefix *prefixes = calloc(2 * RULES * LIST, sizeof(*prefixes));
	struct rule *rules = calloc(RULES, sizeof(*rules));
	char(*names)[8] = calloc(RULES, sizeof(*names));
	const char **programs = calloc(RULES, sizeof(*programs));
	uint64_t state = 9;
	struct image image;
	uint8_t *bytes;
	long hits = 0;

	for (size_t i = 0; i < (size_t)2 * RULES * LIST; i++) {
		prefixes[i].addr.family = ADDR_V4;
		prefixes[i].addr.bytes[0] = 10;
		prefixes[i].addr.bytes[1] = (uint8_t)test_below(&state, 3);
		prefixes[i].addr.bytes[2] = (uint8_t)test_below(&state, 4) << 6;
		prefixes[i].addr.bytes[3] = (uint8_t)test_below(&state, 64);
		prefixes[i].len = 32;
	}
	for (size_t i = 0; i < RULES; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu", i);
		programs[i] = names[i];
		rules[i] = (struct rule){
		    .name = "r",
		    .direction = DIRECTION_BOTH,
		    .sources = prefixes + 2 * i * LIST,
		    .source_count = LIST,
		    .destinations = prefixes + (2 * i + 1) * LIST,
		    .destination_count = LIST,
		    .programs = _i == 0 ? NULL : &programs[i],
		    .program_count = _i == 0 ? 0 : 1,
		};
	}
	ck_assert_int_eq(test_build(rules, RULES, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert_uint_eq(image_group_count(&image), _i == 0 ? 1 : RULES + 1);
	ck_assert_uint_lt(image.size, 4u << 20);
	for (size_t n = 0; n < 3000; n++) {
		struct match_query query = {
		    .direction = DIRECTION_ACCEPT,
		    .source =
			prefixes[test_below(&state, 2 * RULES * LIST)].addr,
		    .destination =
			prefixes[test_below(&state, 2 * RULES * LIST)].addr,
		};
		int expected = naive_match(rules, RULES, NULL, &query);

		ck_assert_int_eq(match_rule(&image, NULL, &query), expected);
		hits += expected > 0;
	}
	ck_assert_int_gt(hits, 1000);
	free(bytes);
	free(programs);
	free(names);
	free(rules);
	free(prefixes);
}
END_TEST

/* Every length of prefix, each inside the one before: the longest chains. */
START_TEST(oracle_nest)
{
	enum { EACH = 40 };
	const size_t count = _i == 0 ? 33 : 129;
	struct prefix *prefixes = calloc(count, sizeof(*prefixes));
	struct port_range *ports = calloc(count * EACH, sizeof(*ports));
	struct rule *rules = calloc(count * EACH, sizeof(*rules));
	uint64_t state = 11;
	struct image image;
	uint8_t *bytes;

	for (size_t i = 0; i < count; i++) {
		char text[PREFIX_TEXT_MAX];

		snprintf(text, sizeof(text), "%s/%zu",
		    _i == 0 ? "85.170.51.204" : "5555:aaaa:3333:cccc:1:2:8:f",
		    i);
		prefix_parse(text, &prefixes[i]);
	}
	for (size_t i = 0; i < count * EACH; i++) {
		size_t n = (i * 7) % count;

		ports[i].first = (uint16_t)(test_below(&state, 100) * 600);
		ports[i].last = (uint16_t)(ports[i].first + 50 * (i % 11));
		rules[i] = (struct rule){
		    .name = "r",
		    .direction = DIRECTION_BOTH,
		    .sources = &prefixes[(n * 5) % count],
		    .source_count = i % 3 != 0,
		    .destinations = &prefixes[n],
		    .destination_count = 1,
		    .ports = &ports[i],
		    .port_count = 1,
		};
	}
	ck_assert_int_eq(
	    test_build(rules, count * EACH, &bytes, &image.size), 0);
	image.bytes = bytes;
	for (size_t n = 0; n < 4000; n++) {
		struct match_query query = {
		    .direction = DIRECTION_CONNECT,
		    .source = prefixes[count - 1].addr,
		    .destination = prefixes[count - 1].addr,
		    .port = (uint16_t)(test_below(&state, 100) * 600 + n % 60),
		};
		uint32_t bit = test_below(&state, (uint32_t)count);

		/* Outside of all prefixes that are longer than bit. */
		if (bit < count - 1)
			query.destination.bytes[bit / 8] ^=
			    (uint8_t)(0x80 >> bit % 8);
		bit = test_below(&state, (uint32_t)count);
		if (bit < count - 1)
			query.source.bytes[bit / 8] ^=
			    (uint8_t)(0x80 >> bit % 8);
		ck_assert_int_eq(match_rule(&image, NULL, &query),
		    naive_match(rules, count * EACH, NULL, &query));
	}
	free(bytes);
	free(rules);
	free(ports);
	free(prefixes);
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
	    {.name = "more-sap",
		.direction = DIRECTION_BOTH,
		.programs = (const char **)SAP,
		.program_count = 2},
	};
	static const uint32_t GROUPS[] = {1, 0, 2, 1};
	static const struct {
		const char *names[2];
		uint32_t count;
		uint32_t numbers[3];
	} CASES[] = {
	    {{"sm_get", "x"}, 2, {0, 1}},
	    {{"stpd", "stpd"}, 2, {0, 1}},
	    {{"stpdx", "sm"}, 1, {0}},
	    {{"nc.openbsd", "nc"}, 2, {0, 2}},
	    {{"NC", "Stpd"}, 1, {0}},
	    {{"nc", "stpd"}, 3, {0, 1, 2}},
	};
	struct match_groups groups;
	struct image_rule rule;
	struct image image;
	uint32_t numbers[3];
	uint8_t *bytes;

	ck_assert_int_eq(
	    test_build(rules, ARRAY_LEN(rules), &bytes, &image.size), 0);
	image.bytes = bytes;
	/* Lists that are the same are one group. */
	ck_assert_uint_eq(image_group_count(&image), 3);
	for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) {
		ck_assert(image_rule(&image, i, &rule));
		ck_assert_uint_eq(rule.group, GROUPS[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		groups = match_groups(&image, CASES[i].names, 2, numbers, 8);
		ck_assert_uint_eq(groups.count, CASES[i].count);
		ck_assert_mem_eq(
		    numbers, CASES[i].numbers, groups.count * sizeof(*numbers));
		ck_assert(match_groups_have(&groups, 0));
		ck_assert(!match_groups_have(&groups, 3));
	}
	groups = match_groups(&image, NULL, 0, numbers, 8);
	ck_assert_uint_eq(groups.count, 1);
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("match");
	TCase *tc = tcase_create("match");

	tcase_add_loop_test(tc, oracle_small, 0, 2);
	tcase_add_loop_test(tc, oracle_large, 0, 4);
	tcase_add_loop_test(tc, oracle_hosts, 0, 22);
	tcase_add_loop_test(tc, oracle_lists, 0, 2);
	tcase_add_loop_test(tc, oracle_nest, 0, 2);
	tcase_add_test(tc, oracle_edges);
	tcase_add_test(tc, families_are_apart);
	tcase_add_test(tc, empty_and_too_many);
	tcase_add_test(tc, programs);
	tcase_set_timeout(tc, 300);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
