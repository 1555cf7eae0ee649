/* SPDX-License-Identifier: ISC */
/*
 * shadow against the naive oracle, which tries every connection and every
 * program of a small world. That world has an address in each part that the
 * rules can tell apart, so that it knows for sure which rules are dead.
 */
#include "advice/shadow.h"

#include <fnmatch.h>
#include <stdio.h>
#include <time.h>

#include "advice/shadow_programs.h"
#include "policies.h"

#define RULES_MAX 9

/* What a rule of the small world may say. */
static const char *const PREFIXES[] = {"0.0.0.0/0", "10.0.0.0/30",
    "10.0.0.0/31", "10.0.0.2/31", "10.0.0.0/32", "10.0.0.1/32", "10.0.0.2/32",
    "10.0.0.3/32", "::/0", "2001:db8::/127", "2001:db8::/128",
    "2001:db8::1/128"};
static const char *const WORLD_PATTERNS[] = {
    "*", "a*", "ab*", "?b", "a", "ab", "b", "[ab]", "a?", "*b", "a\\b"};

/* And what there is in it. */
static const char *const ADDRESSES[] = {"9.0.0.1", "10.0.0.0", "10.0.0.1",
    "10.0.0.2", "10.0.0.3", "2001:db8::", "2001:db8::1", "3000::1"};
static const char *const WORLD_NAMES[] = {
    "a", "b", "ab", "bb", "abc", "ax", "x", "a?", "[ab]"};

#define UNKNOWN ARRAY_LEN(ADDRESSES)
#define PORTS   5

struct world {
	struct random_policy policy;
	struct image image;
	uint8_t *bytes;
	bool found[RULES_MAX];
	struct shadow shadows[RULES_MAX];
	uint32_t last;
};

static struct prefix
small_prefix(uint64_t *state)
{
	struct prefix prefix;

	prefix_parse(PREFIXES[test_below(state, ARRAY_LEN(PREFIXES))], &prefix);
	return prefix;
}

static void
small_policy_make(
    uint64_t *state, size_t count, unsigned int programs, struct world *world)
{
	struct random_policy *p = &world->policy;

	/* Lists of the right lengths, to be filled with less. */
	random_policy_make(state, count, 2, p);
	for (size_t i = 0; i < count; i++) {
		struct random_rule *room = &p->room[i];
		struct rule *rule = &p->rules[i];

		for (size_t n = 0; n < rule->source_count; n++)
			room->sources[n] = small_prefix(state);
		for (size_t n = 0; n < rule->destination_count; n++)
			room->destinations[n] = small_prefix(state);
		for (size_t n = 0; n < rule->port_count; n++) {
			uint16_t first = (uint16_t)test_below(state, PORTS);
			uint16_t more = (uint16_t)test_below(state, 3);

			room->ports[n] = (struct port_range){first,
			    first + more < PORTS ? first + more : PORTS - 1};
			if (test_below(state, 8) == 0)
				room->ports[n].last = UINT16_MAX;
		}
		rule->program_count = 0;
		if (programs != 0 && test_below(state, programs) != 0)
			rule->program_count = 1 + test_below(state, LIST_MAX);
		for (size_t n = 0; n < rule->program_count; n++)
			room->programs[n] = WORLD_PATTERNS[test_below(
			    state, ARRAY_LEN(WORLD_PATTERNS))];
	}
	ck_assert_int_eq(
	    test_build(p->rules, count, &world->bytes, &world->image.size), 0);
	world->image.bytes = world->bytes;
}

static void
world_free(struct world *world)
{
	free(world->bytes);
	random_policy_free(&world->policy);
}

static void
note(void *data, const struct shadow *shadow)
{
	struct world *world = data;

	ck_assert_uint_lt(shadow->rule, world->policy.count);
	/* In file order, each once. */
	ck_assert_uint_ge(shadow->rule, world->last);
	for (uint32_t n = 0; n < shadow->covers && n < SHADOW_NAMED; n++) {
		ck_assert_uint_lt(shadow->cover[n], shadow->rule);
		ck_assert(n == 0 || shadow->cover[n - 1] < shadow->cover[n]);
	}
	world->last = shadow->rule + 1;
	world->found[shadow->rule] = true;
	world->shadows[shadow->rule] = *shadow;
}

static void
find(struct world *world)
{
	const struct build_input input = {
	    .rules = world->policy.rules,
	    .rule_count = world->policy.count,
	};

	ck_assert_int_eq(shadow_find(&input, &world->image, note, world), 0);
}

/* A bit for each rule that may apply to a program of these names. */
static uint64_t
world_programs(const struct world *world, const char *const *names, int count)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < world->policy.count; i++) {
		const struct rule *rule = &world->policy.rules[i];
		bool fits = rule->program_count == 0;

		for (size_t n = 0; n < rule->program_count; n++)
			for (int m = 0; m < count; m++)
				fits |= fnmatch(rule->programs[n], names[m],
					    0) == 0;
		mask |= (uint64_t)fits << i;
	}
	return mask;
}

/* A bit for each rule that matches the query, whatever the program. */
static uint64_t
world_rules(const struct world *world, const struct match_query *query)
{
	uint64_t rules = 0;

	for (size_t i = 0; i < world->policy.count; i++)
		rules |= (uint64_t)(naive_match(&world->policy.rules[i], 1,
					NULL, query) == 0)
		         << i;
	return rules;
}

/*
 * Is every connection that rule matches matched by one of the rules in cover?
 */
static void
must_cover(const struct world *world, uint64_t matching, uint64_t programs)
{
	for (size_t i = 0; i < world->policy.count; i++) {
		const struct shadow *shadow = &world->shadows[i];
		uint64_t cover = 0;

		if (!world->found[i] || shadow->covers > SHADOW_NAMED ||
		    !(matching & programs & UINT64_C(1) << i))
			continue;
		for (uint32_t n = 0; n < shadow->covers; n++) {
			cover |= UINT64_C(1) << shadow->cover[n];
		}
		/* Each assertion is a system call, and these are many. */
		if (!(cover & matching & programs))
			ck_abort_msg("rule %zu is not covered by those", i);
	}
}

/* A bit for each rule that is the first to match something. */
static uint64_t
world_reached(const struct world *world)
{
	uint64_t programs[ARRAY_LEN(WORLD_NAMES) * ARRAY_LEN(WORLD_NAMES) + 1];
	uint64_t reached = 0;
	size_t kinds = 0;

	programs[kinds++] = world_programs(world, NULL, 0);
	for (size_t a = 0; a < ARRAY_LEN(WORLD_NAMES); a++)
		for (size_t b = 0; b <= a; b++)
			programs[kinds++] = world_programs(world,
			    (const char *const[]){
				WORLD_NAMES[a], WORLD_NAMES[b]},
			    2);
	for (size_t s = 0; s <= UNKNOWN; s++) {
		for (size_t d = 0; d <= UNKNOWN; d++) {
			struct match_query query = {0};

			if (s != UNKNOWN)
				addr_parse(ADDRESSES[s], &query.source);
			if (d != UNKNOWN)
				addr_parse(ADDRESSES[d], &query.destination);
			if (s != UNKNOWN && d != UNKNOWN &&
			    query.source.family != query.destination.family)
				continue;
			for (unsigned int n = 0; n <= 2 * PORTS + 1; n++) {
				uint64_t rules;

				query.direction = (enum direction)(1 + n % 2);
				query.port = (uint16_t)(n / 2);
				rules = world_rules(world, &query);
				for (size_t k = 0; k < kinds; k++) {
					uint64_t all = rules & programs[k];

					reached |= all & -all;
					must_cover(world, rules, programs[k]);
				}
			}
		}
	}
	return reached;
}

/*
 * What is named is dead; and without programs, all that is dead is named.
 */
START_TEST(oracle)
{
	unsigned int programs = (unsigned int)_i;
	uint64_t state = 11 + (uint64_t)_i;
	unsigned long dead = 0, named = 0, together = 0;

	for (size_t round = 0; round < 700; round++) {
		struct world world = {0};
		uint64_t reached;

		small_policy_make(
		    &state, 2 + round % (RULES_MAX - 1), programs, &world);
		find(&world);
		reached = world_reached(&world);
		for (size_t i = 0; i < world.policy.count; i++) {
			bool alive = reached >> i & 1;

			ck_assert_msg(!(alive && world.found[i]),
			    "round %zu: rule %zu can match", round, i);
			ck_assert_msg(programs != 0 || alive || world.found[i],
			    "round %zu: rule %zu is dead", round, i);
			dead += !alive;
			named += world.found[i];
			together +=
			    world.found[i] && world.shadows[i].covers > 1;
		}
		world_free(&world);
	}
	/* All kinds have to have come, or nothing was tested. */
	ck_assert_uint_gt(dead, 300);
	ck_assert_uint_gt(named, dead * 3 / 4);
	ck_assert_uint_gt(together, 15);
}
END_TEST

/* Addresses at the edges of their families, and beyond the small world. */
START_TEST(soundness)
{
	uint64_t state = 77 + (uint64_t)_i;
	unsigned long named = 0;

	for (size_t round = 0; round < 300; round++) {
		struct world world = {0};
		const struct rule *rules;
		size_t count = 2 + round % (RULES_MAX - 1);

		random_policy_make(&state, count, 2, &world.policy);
		rules = world.policy.rules;
		ck_assert_int_eq(
		    test_build(rules, count, &world.bytes, &world.image.size),
		    0);
		world.image.bytes = world.bytes;
		find(&world);
		for (int n = 0; n < 2000; n++) {
			struct match_query query = random_query(&state);
			int first = naive_match(rules, count, NULL, &query);

			if (query.source.family == query.destination.family &&
			    first >= 0 && world.found[first])
				ck_abort_msg("rule %d can match", first);
		}
		for (size_t i = 0; i < count; i++)
			named += world.found[i];
		world_free(&world);
	}
	ck_assert_uint_gt(named, 50);
}
END_TEST

START_TEST(patterns)
{
	static const struct {
		const char *wide, *narrow;
		bool covers;
	} CASES[] = {
	    {"*", "sm_*", true},
	    {"**", "[ab]?", true},
	    {"sm_*", "sm_get", true},
	    {"sm_*", "sm_*", true},
	    {"sm_*", "sm_g*", true},
	    {"sm_*", "sm_?", true},
	    {"s*t", "s*_*t", true},
	    {"[ab]", "a", true},
	    {"a?", "ab", true},
	    {"sm_g*", "sm_*", false},
	    {"sm_get", "sm_*", false},
	    {"a?", "a*", false},
	    {"?", "*", false},
	    {"s*t", "s*", false},
	    {"[*]", "*", false},
	    {"\\*", "*", false},
	    {"*-z]x", "[a-z]x", false},
	    {"*b", "a\\b", false},
	    {"?b", "[ab]b", false},
	    {"stpd", "stp", false},
	    {"", "*", false},
	};

	ck_assert_int_eq(programs_covers(CASES[_i].wide, CASES[_i].narrow),
	    CASES[_i].covers);
}
END_TEST

/* Many rules, each with a host of its own, between others. */
static void
large_policy(struct rule *rules, struct prefix *hosts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hosts[i] = (struct prefix){
		    .addr = {.family = ADDR_V4,
			.bytes = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8),
			    (uint8_t)i}},
		    .len = 32,
		};
		rules[i] = (struct rule){
		    .name = "host",
		    .file = "x",
		    .direction = DIRECTION_BOTH,
		    .destinations = &hosts[i],
		    .destination_count = 1,
		};
	}
}

static void
count_found(void *data, const struct shadow *shadow)
{
	(void)shadow;
	++*(size_t *)data;
}

static double
find_large(const struct rule *rules, size_t count, size_t *found)
{
	const struct build_input input = {.rules = rules, .rule_count = count};
	struct timespec begin, end;
	struct image image;
	uint8_t *bytes;

	*found = 0;
	ck_assert_int_eq(test_build(rules, count, &bytes, &image.size), 0);
	image.bytes = bytes;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
	ck_assert_int_eq(shadow_find(&input, &image, count_found, found), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	free(bytes);
	return (double)(end.tv_sec - begin.tv_sec) +
	       (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/*
 * As many rules as there can be, in a few seconds of this processor even with
 * a sanitizer: all alive; all dead; and one that needs a look-up for each.
 */
START_TEST(many)
{
	size_t count = IMAGE_RULES_MAX, found;
	struct rule *rules = calloc(count, sizeof(*rules));
	struct prefix *hosts = calloc(count, sizeof(*hosts));
	double took;

	large_policy(rules, hosts, count);
	took = find_large(rules, count, &found);
	ck_assert_uint_eq(found, 0);
	ck_assert_double_lt(took, 20);

	rules[0].destination_count = 0;
	took = find_large(rules, count, &found);
	ck_assert_uint_eq(found, count - 1);
	ck_assert_double_lt(took, 20);

	/* The last is covered by 256 hosts together, the one before by 255. */
	large_policy(rules, hosts, count);
	hosts[count - 1].addr.bytes[1] = 0;
	hosts[count - 1].addr.bytes[2] = 3;
	hosts[count - 1].addr.bytes[3] = 0;
	hosts[count - 1].len = 24;
	hosts[count - 2] = hosts[count - 1];
	hosts[0x345].addr.bytes[1] = 99;
	took = find_large(rules, count - 1, &found);
	ck_assert_uint_eq(found, 0);
	hosts[0x345].addr.bytes[1] = 0;
	took += find_large(rules, count - 1, &found);
	ck_assert_uint_eq(found, 1);
	ck_assert_double_lt(took, 20);
	free(hosts);
	free(rules);
}
END_TEST

/* Lists whose products would take for ever. */
START_TEST(long_lists)
{
	size_t length = 3000, found;
	struct prefix *fours = calloc(length, sizeof(*fours));
	struct prefix *sixes = calloc(length, sizeof(*sixes));
	struct port_range *ports = calloc(length, sizeof(*ports));
	struct rule rules[4] = {0};

	for (size_t i = 0; i < length; i++) {
		fours[i] = (struct prefix){
		    {ADDR_V4, {10, (uint8_t)(i >> 7), (uint8_t)(i << 1)}}, 24};
		sixes[i] = (struct prefix){
		    {ADDR_V6, {32, (uint8_t)(i >> 7), (uint8_t)(i << 1)}}, 24};
		ports[i] =
		    (struct port_range){(uint16_t)(2 * i), (uint16_t)(2 * i)};
	}
	for (size_t i = 0; i < ARRAY_LEN(rules); i++)
		rules[i] = (struct rule){
		    .name = "r",
		    .file = "x",
		    .direction = DIRECTION_BOTH,
		    .sources = fours,
		    .source_count = length,
		    .destinations = fours,
		    .destination_count = length,
		    .ports = ports,
		    .port_count = length,
		};
	/* The first can match, the second is the same, the third nowhere. */
	rules[2].destinations = sixes;
	rules[3].destination_count = length - 1;
	ck_assert_double_lt(find_large(rules, ARRAY_LEN(rules), &found), 20);
	ck_assert_uint_eq(found, 3);
	free(ports);
	free(sixes);
	free(fours);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shadow");
	TCase *tc = tcase_create("shadow");

	tcase_add_loop_test(tc, oracle, 0, 3);
	tcase_add_loop_test(tc, soundness, 0, 2);
	tcase_add_loop_test(tc, patterns, 0, 21);
	tcase_add_test(tc, many);
	tcase_add_test(tc, long_lists);
	tcase_set_timeout(tc, 300);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
