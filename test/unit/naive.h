/* SPDX-License-Identifier: ISC */
/*
 * The naive matcher that walks every rule: the oracle of those that are clever.
 */
#ifndef KASHIM_TEST_NAIVE_H
#define KASHIM_TEST_NAIVE_H

#include <fnmatch.h>

#include "compile/build.h"
#include "image/match.h"

static inline bool
naive_prefixes(
    const struct prefix *prefixes, size_t count, const struct addr *addr)
{
	for (size_t n = 0; n < count; n++) {
		if (prefix_contains(&prefixes[n], addr))
			return true;
	}
	return count == 0;
}

static inline bool
naive_ports(const struct port_range *ports, size_t count, uint16_t port)
{
	for (size_t n = 0; n < count; n++) {
		if (port >= ports[n].first && port <= ports[n].last)
			return true;
	}
	return count == 0;
}

static inline bool
naive_programs(const char *const *programs, size_t count, const char *name)
{
	for (size_t n = 0; n < count && name != NULL; n++) {
		if (fnmatch(programs[n], name, 0) == 0)
			return true;
	}
	return count == 0;
}

/* With no name for the program: the rules of all programs. */
static inline bool
naive_applies(
    const struct rule *rule, enum direction direction, const char *name)
{
	return (rule->direction & direction) != 0 &&
	       (name == NULL ||
		   naive_programs(rule->programs, rule->program_count, name));
}

static inline int
naive_match(const struct rule *rules, size_t count, const char *name,
    const struct match_query *query)
{
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &rules[i];

		if (naive_applies(rule, query->direction, name) &&
		    naive_prefixes(
			rule->sources, rule->source_count, &query->source) &&
		    naive_prefixes(rule->destinations, rule->destination_count,
			&query->destination) &&
		    naive_ports(rule->ports, rule->port_count, query->port))
			return (int)i;
	}
	return MATCH_NONE;
}

/*
 * The same as naive_match(), if it is the same whatever the addresses are that
 * are not known; a source without a destination counts as not known.
 */
static inline int
naive_surely(const struct rule *rules, size_t count, const char *name,
    const struct match_query *query)
{
	const bool destination = query->destination.family != ADDR_NONE;
	const bool source = destination && query->source.family != ADDR_NONE;

	for (size_t i = 0; i < count; i++) {
		struct rule open = rules[i];

		if (!destination)
			open.destination_count = 0;
		if (!source)
			open.source_count = 0;
		if (naive_match(&open, 1, name, query) == MATCH_NONE)
			continue;
		if (open.destination_count != rules[i].destination_count ||
		    open.source_count != rules[i].source_count)
			return MATCH_DEPENDS;
		return (int)i;
	}
	return MATCH_NONE;
}

#endif
