/* SPDX-License-Identifier: ISC */
/*
 * step: one step of the look-up (image.h says what it goes through), which
 * match.c and the program for the kernel (lib/bpf) take one after the other.
 * Both include this text, and each reads the image in its own way, since the
 * kernel's verifier has to see that no offset leads outside. For the verifier
 * nothing recurs, and nothing in a search is indexed by what the image says.
 *
 * Who includes it first defines struct step_own, what else belongs to a search;
 * and STEP_PART, which stands in front of a function that the verifier is to
 * look at once. The three functions that are only declared here come behind.
 */
#ifndef KASHIM_STEP_H
#define KASHIM_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

/* A query's value of a field, as the image has its keys. */
struct key {
	uint64_t high;
	uint64_t low;
	uint32_t width; /* enum image_width */
	uint32_t known;
};

/* A search, between two steps of it. */
struct search {
	struct key keys[FIELDS];
	uint32_t fields; /* those that are looked at, of enum matcher */
	uint32_t best;   /* lowest rule yet that matches */
	/*
	 * The next step of each chain, or 0. The first is the root's; a table
	 * of field n - 1 has led to at[n]. The last of them goes on first.
	 */
	uint32_t at[FIELDS];
	uint32_t rules;     /* of a step without a table, left to be tried */
	uint32_t rule;      /* offset of the next of them */
	uint32_t undecided; /* fields that no table on the way was of */
	struct step_own own;
};

_Static_assert(FIELDS == 3, "at has other chains");

/* Copies len bytes at the offset out. Returns false if they lie outside. */
static bool
step_read(const struct search *s, uint64_t offset, void *to, size_t len);

/* Where the rule of that number lies. */
static uint64_t step_rule_offset(const struct search *s, uint32_t number);

/* How many of the keys are not above the key. */
static uint32_t step_rank(const struct search *s, const struct image_keys *keys,
    const struct key *key);

/* The number at the offset; 0 if that lies outside. */
static inline uint32_t
step_u32(const struct search *s, uint64_t offset)
{
	uint32_t value = 0;

	step_read(s, offset, &value, sizeof(value));
	return value;
}

/*
 * Of the keys of two widths at the offset, those of the key's. For BPF no
 * function can return a struct, so it must not be left to the compiler.
 */
__attribute__((always_inline)) static inline struct image_keys
step_keys(const struct search *s, uint64_t offset, const struct key *key)
{
	struct image_keys keys = {0};

	step_read(s, offset + (key->width & WIDTH_128) * sizeof(keys), &keys,
	    sizeof(keys));
	return keys;
}

/* That a pointer is not NULL, the verifier wants tested in each part. */

/* Does the rule name, or leave open, each of the fields? */
STEP_PART bool
step_fits(const struct search *s, uint32_t number, uint32_t fields)
{
	const uint64_t offset = s ? step_rule_offset(s, number) : 0;

	if (!s)
		return false;
	fields &= step_u32(s, offset + offsetof(struct image_rule, matchers));
	for (uint32_t field = 0; field < FIELDS; field++) {
		const struct key *key = &s->keys[field];
		struct image_keys inside;

		if ((fields & 1u << field) == 0)
			continue;
		inside = step_keys(s,
		    offset + offsetof(struct image_rule, inside[field]), key);
		if (!key->known || step_rank(s, &inside, key) % 2 == 0)
			return false;
	}
	return true;
}

/* What a step's table, or the lack of a value, leads to. */
STEP_PART uint32_t
step_cell(const struct search *s, uint32_t at, const struct key *key)
{
	const uint64_t offset = at;
	struct image_keys table;
	uint64_t cells;

	if (!s || !key)
		return 0;
	if (!key->known)
		return step_u32(
		    s, offset + offsetof(struct image_step, count_or_open));
	table = step_keys(s, offset + offsetof(struct image_step, table), key);
	cells =
	    table.offset + (uint64_t)table.count *
			       (key->width & WIDTH_128 ? 2 * sizeof(uint64_t)
						       : sizeof(uint32_t));
	return step_u32(
	    s, cells + (uint64_t)step_rank(s, &table, key) * sizeof(uint32_t));
}

/* Tries the next rule of a step without a table. */
static inline void
step_list(struct search *s)
{
	uint32_t rule = step_u32(s, s->rule);
	const bool sure = (rule & STEP_SURE) != 0;

	rule &= ~STEP_SURE;
	s->rule += sizeof(rule);
	s->rules--;
	if (rule < s->best) {
		if (!sure && !step_fits(s, rule, s->undecided))
			return;
		s->best = rule;
	}
	s->rules = 0;
}

/* Is nothing left to be done? */
static inline bool
step_ended(const struct search *s)
{
	return (s->rules | s->at[0] | s->at[1] | s->at[2]) == 0;
}

/* Does what is next. */
static inline void
step_take(struct search *s)
{
	struct image_step step = {0};
	uint32_t level, at, cell;
	bool inside;

	if (s->rules > 0) {
		step_list(s);
		return;
	}
	level = s->at[2] != 0 ? 2 : s->at[1] != 0 ? 1 : 0;
	at = s->at[level];
	inside = step_read(s, at, &step, offsetof(struct image_step, table));
	s->at[level] = step.next;
	if (!inside || step.first >= s->best)
		return;
	switch (step.field) {
	case FIELD_SOURCE:
		s->at[1] = step_cell(s, at, &s->keys[FIELD_SOURCE]);
		break;
	case FIELD_DESTINATION:
		s->at[2] = step_cell(s, at, &s->keys[FIELD_DESTINATION]);
		break;
	case FIELD_PORT:
		cell = step_cell(s, at, &s->keys[FIELD_PORT]);
		if (cell < s->best)
			s->best = cell;
		break;
	default:
		s->rules = step.count_or_open;
		s->rule = at + offsetof(struct image_step, table);
		s->undecided = s->fields >> level << level;
	}
}

#endif
