/* SPDX-License-Identifier: ISC */
/*
 * match: which rule decides for a connection. A pure function of an image and
 * of what is known of the connection; it owns nothing and changes nothing.
 *
 * Source, destination and port are those of the connection's first SYN, as in
 * the firewall's own rule: destination and port are the listening side's,
 * whichever side we are on. Everything here is async-signal-safe.
 */
#ifndef KASHIM_MATCH_H
#define KASHIM_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "image/image.h"

/*
 * No rule, wherever a rule's number stands; in an image as uint32_t, so that
 * it is above every number.
 */
#define MATCH_NONE (-1)

/* It depends on what is not known yet: match_surely(). */
#define MATCH_DEPENDS (-2)

struct match_query {
	enum direction direction; /* connect or accept */
	struct addr source;       /* ADDR_NONE: not known */
	struct addr destination;  /* ADDR_NONE: not known */
	uint16_t port;
};

/*
 * The groups of rules (struct image_group) that apply to a program; names is
 * only looked at if count is MATCH_GROUPS_MANY, and numbers only if not.
 */
#define MATCH_GROUPS_MANY UINT32_MAX

struct match_groups {
	const uint32_t *numbers;
	uint32_t count;
	unsigned int name_count;
	const char *const *names;
};

/*
 * Finds the groups that apply to a program which has the count names: group
 * 0, and those with a pattern that matches (pattern.h) one of the names. They
 * are written to numbers, which has room for that many; if there are more,
 * the result says MATCH_GROUPS_MANY, and every look-up compares the names
 * anew. The result refers to names and to numbers. Async-signal-safe.
 */
struct match_groups
match_groups(const struct image *image, const char *const *names,
    unsigned int count, uint32_t *numbers, uint32_t room);

/*
 * Goes through the groups: copies the one at *n, 0 at first, or behind it
 * out, and moves *n behind that. Returns false if there are no more. groups
 * may be NULL: the groups of all programs. Async-signal-safe.
 */
bool match_next_group(const struct image *image,
    const struct match_groups *groups, uint32_t *n, struct image_group *group);

/*
 * Is the group of this number among them? Not for MATCH_GROUPS_MANY.
 * Async-signal-safe.
 */
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
 * The rule that match_rule() will give whatever the addresses are that are not
 * known, maybe MATCH_NONE; or MATCH_DEPENDS, if a rule that names one of them
 * could come before. A source without a destination counts as not known. It
 * costs as much as match_rule(). Async-signal-safe.
 */
int match_surely(const struct image *image, const struct match_groups *groups,
    const struct match_query *query);

/*
 * Does rule number index match the query in the fields of the mask, of enum
 * matcher? A field that it leaves open matches; one that it restricts does
 * not match if it is not known. Its direction and programs are not looked at.
 */
bool match_fields(const struct image *image, uint32_t index, uint32_t fields,
    const struct match_query *query);

/*
 * Steps that a look-up may take, and rules that it may look at one by one, for
 * each rule of the policy. A set that is linked to a wider one has less than
 * half of its rules (build_index), so no sound image comes near. A damaged one,
 * the chains of which may be circles, must come to an end, too.
 */
static inline uint32_t
match_steps_max(uint32_t rules)
{
	return 4096 + 16 * rules;
}

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
