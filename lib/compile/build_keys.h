/* SPDX-License-Identifier: ISC */
/*
 * build_keys: what rules name, as spans of keys, and how keys are written.
 */
#ifndef KASHIM_BUILD_KEYS_H
#define KASHIM_BUILD_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "compile/build.h"
#include "compile/build_output.h"
#include "image/image.h"

/* IPv4 addresses and ports have a high part of 0. */
struct key {
	uint64_t high;
	uint64_t low;
};

/* The keys from first to last that a rule names in a field. */
struct span {
	struct key first;
	struct key last;
	uint32_t rule;
};

/* Less than, equal to or greater than 0, as for qsort(3). */
int key_order(const struct key *a, const struct key *b);

/*
 * The greatest key of a field; what follows a last key that is not the
 * greatest.
 */
struct key key_greatest(enum image_field field, enum image_width width);
struct key key_after(const struct key *key);

/* How many prefixes or ranges, of both widths, the rule names in a field. */
size_t spans_count(const struct rule *rule, enum image_field field);

/*
 * Writes what the rule names in a field, of one width, to spans, which has
 * room for spans_count() of them, and returns how many these are.
 */
size_t spans_of_rule(const struct rule *rule, uint32_t number,
    enum image_field field, enum image_width width, struct span *spans);

/* Sorts: a span comes before those inside it, and rules in their order. */
void spans_sort(struct span *spans, size_t count);

/*
 * Writes count keys, and behind them cells, unless they are NULL: one for
 * each interval that the keys make. Keys that are in the output already are
 * not written again.
 */
struct image_keys keys_write(struct pieces *pieces, enum image_width width,
    const struct key *keys, size_t count, const uint32_t *cells);

#endif
