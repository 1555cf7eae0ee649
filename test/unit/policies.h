/* SPDX-License-Identifier: ISC */
/*
 * Policies made at random, in which prefixes and port ranges nest, touch and
 * repeat.
 */
#ifndef KASHIM_TEST_POLICIES_H
#define KASHIM_TEST_POLICIES_H

#include <string.h>

#include "compile/build.h"
#include "image/match.h"
#include "naive.h"
#include "test.h"

#define LIST_MAX 4

static inline int
test_build(
    const struct rule *rules, size_t count, uint8_t **bytes, uint32_t *size)
{
	const struct build_source source = {
	    .path = "/etc/kashim.conf", .inode = 7, .mtime_s = -1};
	const struct build_input input = {
	    .rules = rules,
	    .rule_count = count,
	    .sources = &source,
	    .source_count = 1,
	};

	return build_image(&input, bytes, size);
}

/* The programs that random rules name, and that a test may be. */
static const char *const PROGRAMS[] = {
    "sm_*", "stpd", "nc", "*", "s*", "[a-n]*", "java", "backup"};
static const char *const NAMES[] = {"sm_get", "stpd", "nc", "other"};

/* A rule and the room for its lists. */
struct random_rule {
	struct prefix sources[LIST_MAX];
	struct prefix destinations[LIST_MAX];
	struct port_range ports[LIST_MAX];
	const char *programs[LIST_MAX];
	char name[24];
};

struct random_policy {
	struct rule *rules;
	struct random_rule *room;
	size_t count;
};

/*
 * An address out of few, so that rules and queries meet often: mostly 10.x
 * and 2001:db8:x with few different bytes, at times an edge of the space.
 */
static inline struct addr
random_addr(uint64_t *state)
{
	struct addr addr = {0};

	switch (test_below(state, 10)) {
	case 0:
		addr.family = ADDR_V4;
		memset(addr.bytes, test_below(state, 2) ? 0xff : 0, 4);
		return addr;
	case 1:
		addr.family = ADDR_V6;
		memset(addr.bytes, test_below(state, 2) ? 0xff : 0, 16);
		return addr;
	case 2:
	case 3:
	case 4:
		addr.family = ADDR_V6;
		memcpy(addr.bytes, "\x20\x01\x0d\xb8", 4);
		addr.bytes[7] = (uint8_t)test_below(state, 3);
		addr.bytes[8] = (uint8_t)(test_below(state, 3) << 6);
		addr.bytes[15] = (uint8_t)test_below(state, 4);
		return addr;
	default:
		addr.family = ADDR_V4;
		addr.bytes[0] = 10;
		addr.bytes[1] = (uint8_t)test_below(state, 3);
		addr.bytes[2] = (uint8_t)(test_below(state, 4) << 6);
		addr.bytes[3] = (uint8_t)test_below(state, 4);
		return addr;
	}
}

static inline struct prefix
random_prefix(uint64_t *state)
{
	static const uint8_t V4[] = {0, 7, 8, 15, 16, 24, 25, 30, 31, 32};
	static const uint8_t V6[] = {
	    0, 16, 32, 48, 63, 64, 65, 66, 96, 127, 128};
	struct addr addr = random_addr(state);
	struct prefix prefix;
	char text[PREFIX_TEXT_MAX];
	size_t n = addr_format(&addr, text);

	/* Through the reader, which clears the host bits. */
	snprintf(text + n, sizeof(text) - n, "/%d",
	    addr.family == ADDR_V4 ? V4[test_below(state, ARRAY_LEN(V4))]
				   : V6[test_below(state, ARRAY_LEN(V6))]);
	prefix_parse(text, &prefix);
	return prefix;
}

static inline uint16_t
random_port(uint64_t *state)
{
	static const uint16_t PORTS[] = {
	    0, 1, 22, 80, 3299, 3300, 3301, 3399, 3400, 11000, 65534, 65535};

	return PORTS[test_below(state, ARRAY_LEN(PORTS))];
}

static inline void
random_policy_make(
    uint64_t *state, size_t count, unsigned int open, struct random_policy *p)
{
	p->count = count;
	p->rules = calloc(count + 1, sizeof(*p->rules));
	p->room = calloc(count + 1, sizeof(*p->room));
	for (size_t i = 0; i < count; i++) {
		struct random_rule *room = &p->room[i];
		struct rule *rule = &p->rules[i];

		snprintf(room->name, sizeof(room->name), "r%zu", i);
		*rule = (struct rule){
		    .name = room->name,
		    .file = "/etc/kashim.conf",
		    .line = (uint32_t)i + 1,
		    .direction = (enum direction)(1 + test_below(state, 3)),
		    .sources = room->sources,
		    .destinations = room->destinations,
		    .ports = room->ports,
		    .programs = room->programs,
		    .keepalive = {.set = 1u << KEEPALIVE_SWITCH,
			.value[KEEPALIVE_SWITCH] = 1},
		};
		/* One rule in "open" leaves a field open. */
		if (test_below(state, open) != 0)
			rule->source_count = 1 + test_below(state, LIST_MAX);
		if (test_below(state, open) != 0)
			rule->destination_count =
			    1 + test_below(state, LIST_MAX);
		if (test_below(state, open) != 0)
			rule->port_count = 1 + test_below(state, LIST_MAX);
		for (size_t n = 0; n < rule->source_count; n++)
			room->sources[n] = random_prefix(state);
		for (size_t n = 0; n < rule->destination_count; n++)
			room->destinations[n] = random_prefix(state);
		for (size_t n = 0; n < rule->port_count; n++) {
			uint16_t a = random_port(state);
			uint16_t b = random_port(state);

			room->ports[n].first = a < b ? a : b;
			room->ports[n].last = a < b ? b : a;
		}
		if (test_below(state, 4) == 0)
			rule->program_count = 1 + test_below(state, 2);
		for (size_t n = 0; n < rule->program_count; n++)
			room->programs[n] =
			    PROGRAMS[test_below(state, ARRAY_LEN(PROGRAMS))];
		if (test_below(state, 3) == 0)
			rule->app_settings = APP_RESPECT;
	}
}

static inline void
random_policy_free(struct random_policy *p)
{
	free(p->rules);
	free(p->room);
}

/* Which fields can make a difference, and what is left if none does. */
static inline struct match_scope
naive_scope(const struct rule *rules, size_t count, enum direction direction,
    const char *name)
{
	struct match_scope scope = {.fixed = MATCH_NONE};

	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &rules[i];
		uint32_t matchers =
		    (rule->source_count > 0 ? MATCHER_SOURCE : 0u) |
		    (rule->destination_count > 0 ? MATCHER_DESTINATION : 0u) |
		    (rule->port_count > 0 ? MATCHER_PORT : 0u);

		if (!naive_applies(rule, direction, name))
			continue;
		if (matchers == 0) {
			scope.fixed = (int)i;
			break;
		}
		scope.matchers |= matchers;
	}
	return scope;
}

static inline bool
naive_holds(const struct rule *rules, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (naive_applies(&rules[i], DIRECTION_BOTH, name) &&
		    rules[i].action == ACTION_KEEPALIVE &&
		    rules[i].app_settings != APP_RESPECT)
			return true;
	}
	return false;
}

static inline struct match_query
random_query(uint64_t *state)
{
	struct match_query query = {
	    .direction =
		test_below(state, 2) ? DIRECTION_CONNECT : DIRECTION_ACCEPT,
	    .source = random_addr(state),
	    .destination = random_addr(state),
	    .port = random_port(state),
	};

	if (test_below(state, 8) == 0)
		query.source.family = ADDR_NONE;
	if (test_below(state, 16) == 0)
		query.destination.family = ADDR_NONE;
	return query;
}

#endif
