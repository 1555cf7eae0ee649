/* SPDX-License-Identifier: ISC */
/*
 * shadow_space: rules as sets of connections, in whole numbers.
 *
 * All edges that the rules give to addresses are sorted; an address is then
 * the number of the last edge that is not above it, and no rule tells two
 * addresses of the same number apart. 0 is the address that is not known,
 * which only rules match that leave the field open. A port is its own number.
 */
#ifndef KASHIM_SHADOW_SPACE_H
#define KASHIM_SHADOW_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "compile/build.h"
#include "image/match.h"

#define SPACE_FIELDS FIELDS /* as enum image_field */

struct span {
	uint32_t from;
	uint32_t to; /* the first behind it */
};

struct box {
	struct span in[SPACE_FIELDS];
};

/* A rule's spans in a field: sorted, apart from each other, at least one. */
struct spans {
	uint32_t at;
	uint32_t count;
};

struct space {
	struct addr *edges; /* sorted, the unknown address first */
	uint32_t edge_count;
	uint32_t v6; /* the number of :: */
	struct span *spans;
	struct spans (*rules)[SPACE_FIELDS];
};

/* Start with zeroes. Returns 0 or -ENOMEM; close it in either case. */
int space_open(struct space *space, const struct build_input *policy);
void space_close(struct space *space);

/* How many spans the rule has, to know what space_covers() will cost. */
uint32_t space_size(const struct space *space, uint32_t rule);

/* Does rule wide match every address and port that rule narrow matches? */
bool space_covers(const struct space *space, uint32_t wide, uint32_t narrow);

/* Writes the lowest addresses and port of box to the query. */
void space_corner(const struct space *space, const struct box *box,
    struct match_query *query);

/*
 * The part of a rule around the lowest corner of box. Returns false if the
 * rule does not hold that corner.
 */
bool space_around(const struct space *space, uint32_t rule,
    const struct box *box, struct box *around);

/* A walk over a rule's boxes; start with zeroes and the rule. */
struct space_walk {
	uint32_t rule;
	uint32_t families; /* pairs of them that were begun */
	bool inside;       /* one of them */
	struct spans range[SPACE_FIELDS];
	uint32_t member[SPACE_FIELDS];
};

/*
 * The next box of the rule. One that has sources of one family and
 * destinations of the other is left out: there are no such connections.
 * Returns false behind the last.
 */
bool
space_next(const struct space *space, struct space_walk *walk, struct box *box);

#endif
