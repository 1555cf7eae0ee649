/* SPDX-License-Identifier: ISC */
/*
 * match: which rule decides for a connection. A pure function of an image and
 * of what is known of the connection; it owns nothing and changes nothing.
 *
 * Source, destination and port are those of the connection's first SYN, as in
 * the firewall's own rule: destination and port are the listening side's,
 * whichever side we are on. Everything here but match_groups() is
 * async-signal-safe.
 */
#ifndef KASHIM_MATCH_H
#define KASHIM_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "image.h"

#define MATCH_NONE (-1)

struct match_query {
	enum direction direction; /* connect or accept */
	struct addr source;       /* ADDR_NONE: not known */
	struct addr destination;  /* ADDR_NONE: not known */
	uint16_t port;
};

/* The groups of rules (struct image_group) that apply to a program. */
struct match_groups {
	const uint32_t *numbers;
	uint32_t count;
};

/*
 * Finds the groups that apply to a program which has the count names: group
 * 0, and those with a pattern that matches, as in fnmatch(3), one of the
 * names. They are written to numbers, which has room for image_group_count()
 * of them; only as many as are found are touched. For start-up, not for
 * hooks: it looks at each list of programs that rules name, once.
 */
struct match_groups match_groups(const struct image *image,
    const char *const *names, unsigned int count, uint32_t *numbers);

/* Is the group of this number among them? Async-signal-safe. */
bool match_groups_have(const struct match_groups *groups, uint32_t number);

/*
 * The number of the first rule, in file order, that matches the query, or
 * MATCH_NONE. A field that is not known is matched only by rules that leave
 * it open. groups may be NULL: the rules of all programs.
 *
 * The cost is a binary search or two in each field, for each group that
 * applies, however many rules there are.
 */
int match_rule(const struct image *image, const struct match_groups *groups,
    const struct match_query *query);

/*
 * Does rule number index match the query in the fields of the mask, of enum
 * matcher? A field that it leaves open matches; one that it restricts does
 * not match if it is not known. Its direction and programs are not looked at.
 */
bool match_fields(const struct image *image, uint32_t index, uint32_t fields,
    const struct match_query *query);

/* What the rules of one direction look at. */
struct match_scope {
	uint32_t matchers; /* fields that can make a difference, or'ed */
	int fixed;         /* the rule for everything else, or MATCH_NONE */
};

/* Can no rule of this direction match anything? Async-signal-safe. */
static inline bool
match_scope_is_empty(const struct match_scope *scope)
{
	return scope->matchers == 0 && scope->fixed == MATCH_NONE;
}

/*
 * Which fields can make a difference to the rules of a direction, that is, to
 * those before the first that matches everything. It looks at each group
 * once, however many rules that has.
 */
struct match_scope match_scope(const struct image *image,
    const struct match_groups *groups, enum direction direction);

#endif
