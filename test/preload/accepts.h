/* SPDX-License-Identifier: ISC */
/*
 * Policies made at random of few addresses, ports and values, so that they are
 * met often; and what they come to, as naively as can be.
 */
#ifndef KASHIM_TEST_ACCEPTS_H
#define KASHIM_TEST_ACCEPTS_H

#include "host.h"

#include "../unit/naive.h"
#include "../unit/random.h"
#include "base/keepalive.h"

#define PROGRAM "accepts" /* what the host is called */

#define RULES_MAX 8
#define LIST_MAX  3

static const char *const PREFIXES[] = {"0.0.0.0/0", "127.0.0.0/8",
    "127.0.0.1/32", "127.1.0.0/16", "127.1.1.0/24", "127.1.1.1/32",
    "10.9.0.0/24", "10.9.0.1/32", "::/0", "::1/128", "fd00::/64", "fd00::1/128",
    "fd00::2/127"};
static const char *const V4[] = {
    "127.0.0.1", "127.1.1.1", "127.1.1.2", "127.1.2.1", "10.9.0.1", "10.9.0.2"};
static const char *const V6[] = {"::1", "fd00::1", "fd00::2", "fd00::3"};
static const uint16_t PORTS[] = {5000, 5001, 5002, 5003};

/* What rules and programs set; some are what the kernel has by itself. */
static const int32_t VALUES[KEEPALIVE_OPTIONS][4] = {
    [KEEPALIVE_IDLE] = {7, 300, 7200, 9000},
    [KEEPALIVE_INTERVAL] = {5, 30, 75, 100},
    [KEEPALIVE_COUNT] = {3, 9, 12, 20},
    [KEEPALIVE_USER_TIMEOUT] = {0, 5000, 60000, 90000},
    [KEEPALIVE_SWITCH] = {0, 1, 0, 1},
};

/* What a socket from elsewhere may have, and nothing here sets. */
static const int32_t FOREIGN_VALUES[KEEPALIVE_OPTIONS] = {
    [KEEPALIVE_IDLE] = 900,
    [KEEPALIVE_INTERVAL] = 60,
    [KEEPALIVE_COUNT] = 5,
    [KEEPALIVE_USER_TIMEOUT] = 7000,
    [KEEPALIVE_SWITCH] = 1,
};

struct lists {
	struct prefix sources[LIST_MAX], destinations[LIST_MAX];
	struct port_range ports[LIST_MAX];
	const char *program;
	char name[4];
};

/* Rules refer to lists, so it stays where it is. */
struct policy {
	struct rule rules[RULES_MAX];
	struct lists lists[RULES_MAX];
	size_t count;
	bool migrates;
};

#define PICK(state, array) ((array)[test_below(state, ARRAY_LEN(array))])

static inline bool
chance(uint64_t *state, uint32_t in)
{
	return test_below(state, in) == 0;
}

static inline size_t
make_prefixes(uint64_t *state, struct prefix *prefixes)
{
	size_t count = 1 + test_below(state, LIST_MAX);

	for (size_t i = 0; i < count; i++)
		MUST(prefix_parse(PICK(state, PREFIXES), &prefixes[i]) == 0);
	return count;
}

static inline size_t
make_ports(uint64_t *state, struct port_range *ports)
{
	static const struct port_range RANGES[] = {{5000, 5000}, {5001, 5002},
	    {5000, 5003}, {5003, 5003}, {1, 65535}, {20000, 65535}};
	size_t count = 1 + test_below(state, 2);

	for (size_t i = 0; i < count; i++)
		ports[i] = PICK(state, RANGES);
	return count;
}

static inline void
make_options(uint64_t *state, struct rule *rule)
{
	struct keepalive *set = &rule->keepalive;

	set->set = 1u << KEEPALIVE_SWITCH;
	set->value[KEEPALIVE_SWITCH] = 1;
	for (int option = 0; option < KEEPALIVE_SWITCH; option++) {
		if (chance(state, 2))
			continue;
		set->set |= 1u << option;
		set->value[option] = PICK(state, VALUES[option]);
	}
}

/* Each one looks at some fields only, and some leave respect out. */
static inline void
policy_make(uint64_t *state, struct policy *policy)
{
	const bool simple = chance(state, 10), respect = chance(state, 2);
	const bool sources = chance(state, 2), destinations = !chance(state, 4);

	*policy = (struct policy){.count = 1 + test_below(state, RULES_MAX),
	    .migrates = chance(state, 8)};
	if (simple)
		policy->count = 1;
	for (size_t i = 0; i < policy->count; i++) {
		struct rule *rule = &policy->rules[i];
		struct lists *lists = &policy->lists[i];

		snprintf(lists->name, sizeof(lists->name), "r%zu", i);
		*rule = (struct rule){
		    .name = lists->name,
		    .file = "/etc/kashim.conf",
		    .line = (uint32_t)i + 1,
		    .direction =
			simple ? DIRECTION_BOTH
			       : (enum direction)(1 + test_below(state, 3)),
		    .action =
			chance(state, 4) ? ACTION_IGNORE : ACTION_KEEPALIVE,
		    .sources = lists->sources,
		    .destinations = lists->destinations,
		    .ports = lists->ports,
		    .programs = &lists->program,
		};
		lists->program = chance(state, 2) ? "acc*" : "other";
		if (rule->action == ACTION_KEEPALIVE)
			make_options(state, rule);
		if (chance(state, 2))
			rule->app_settings = respect && chance(state, 2)
			                         ? APP_RESPECT
			                         : APP_TIGHTEN;
		if (simple)
			continue;
		if (sources && chance(state, 2))
			rule->source_count =
			    make_prefixes(state, lists->sources);
		if (destinations && chance(state, 2))
			rule->destination_count =
			    make_prefixes(state, lists->destinations);
		if (chance(state, 2))
			rule->port_count = make_ports(state, lists->ports);
		rule->program_count = chance(state, 6);
	}
}

static inline void
print_prefixes(const char *key, const struct prefix *prefixes, size_t count)
{
	char text[PREFIX_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		prefix_format(&prefixes[i], text);
		printf("%s \"%s\"", i == 0 ? key : ",", text);
	}
	printf("%s", count > 0 ? " }" : "");
}

/* As kashim.conf(5) has it. */
static inline void
policy_print(const struct policy *policy)
{
	static const char *const DIRECTIONS[] = {
	    "", "connect", "accept", "both"};
	static const char *const SETTINGS[] = {[APP_OVERRIDE] = "override",
	    [APP_TIGHTEN] = "tighten",
	    [APP_RESPECT] = "respect"};

	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		printf("rule %s { direction = %s action = %s "
		       "app-settings = %s",
		    rule->name, DIRECTIONS[rule->direction],
		    rule->action == ACTION_IGNORE ? "ignore" : "keepalive",
		    SETTINGS[rule->app_settings]);
		print_prefixes(
		    " source = {", rule->sources, rule->source_count);
		print_prefixes(" destination = {", rule->destinations,
		    rule->destination_count);
		for (size_t n = 0; n < rule->port_count; n++)
			printf("%s \"%u-%u\"", n == 0 ? " port = {" : ",",
			    rule->ports[n].first, rule->ports[n].last);
		printf("%s", rule->port_count > 0 ? " }" : "");
		if (rule->program_count > 0)
			printf(" program = { \"%s\" }", rule->programs[0]);
		for (int option = 0; option < KEEPALIVE_SWITCH; option++) {
			if ((rule->keepalive.set & 1u << option) != 0)
				printf(" %s = \"%d%s\"",
				    keepalive_about[option].key,
				    (int)rule->keepalive.value[option],
				    option == KEEPALIVE_USER_TIMEOUT ? "ms"
								     : "");
		}
		printf(" }\n");
	}
}

/* The options of a socket, in the order of keepalive.h. */
struct options {
	int value[KEEPALIVE_OPTIONS];
};

static inline int
naive_tighter(int option, int a, int b)
{
	if (option == KEEPALIVE_SWITCH)
		return a > b ? a : b;
	if (option == KEEPALIVE_USER_TIMEOUT && (a == 0 || b == 0))
		return a == 0 ? b : a;
	return a < b ? a : b;
}

static inline bool
naive_names(const struct rule *rule, int option)
{
	return rule != NULL && rule->action == ACTION_KEEPALIVE &&
	       (rule->keepalive.set & 1u << option) != 0;
}

/* What a rule, or NULL, makes of what the program has. */
static inline struct options
naive_options(const struct rule *rule, const struct options *program)
{
	struct options result = *program;

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		int *value = &result.value[option];

		if (!naive_names(rule, option))
			continue;
		*value = rule->app_settings == APP_TIGHTEN
		             ? naive_tighter(option, *value,
				   rule->keepalive.value[option])
		             : rule->keepalive.value[option];
	}
	return result;
}

#endif
