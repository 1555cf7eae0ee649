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

#include "addr.h"
#include "image.h"

#define MATCH_NONE (-1)

struct match_query {
	enum direction direction; /* connect or accept */
	struct addr source;       /* ADDR_NONE: not known */
	struct addr destination;  /* ADDR_NONE: not known */
	uint16_t port;
};

/*
 * The number of the first rule, in file order, that matches the query, or
 * MATCH_NONE. A field that is not known is matched only by rules that leave
 * it open. mask, if not NULL, has image_words() words and a bit for each rule
 * that may be considered (see match_program).
 *
 * The cost is a binary search in each field and then a few operations for
 * each 64 * 64 rules, however many rules there are.
 */
int match_rule(const struct image *image, const uint64_t *mask,
    const struct match_query *query);

/*
 * Writes to mask, image_words() words, the rules that may apply to a program:
 * those without program patterns, and those with one that matches, as in
 * fnmatch(3), one of the count names. For start-up, not for hooks.
 */
void match_program(const struct image *image, const char *const *names,
    unsigned int count, uint64_t *mask);

/* What a direction's rules, as far as the mask lets them, look at. */
struct match_scope {
	uint32_t matchers; /* fields that can make a difference, or'ed */
	int fixed;         /* if none can: the rule for everything, or
	                      MATCH_NONE; else undefined */
};

/* Can no rule of this direction match anything? Async-signal-safe. */
static inline bool
match_scope_is_empty(const struct match_scope *scope)
{
	return scope->matchers == 0 && scope->fixed == MATCH_NONE;
}

/*
 * Walks a direction's rules up to the first that matches everything, and
 * tells which fields can make a difference. For start-up, not for hooks: it
 * reads every rule.
 */
struct match_scope match_scope(
    const struct image *image, const uint64_t *mask, enum direction direction);

#endif
