/* SPDX-License-Identifier: ISC */
/*
 * lookup: match.c's look-up, in a form that the kernel's verifier takes: it
 * does not recur, every offset is masked in place of being compared, and what
 * is searched without branches that depend on a key, since the verifier would
 * follow both sides of each. test/kernel/ holds the two together.
 */
#ifndef KASHIM_BPF_LOOKUP_H
#define KASHIM_BPF_LOOKUP_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/policy.h"

/* value_size is set when it is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, 4096);
} image SEC(".maps");

const volatile struct bpf_policy policy = {.mask = 0};

/* A value of a field, as the image has its keys. */
struct key {
	uint64_t high;
	uint64_t low;
	uint32_t width; /* enum image_width */
	uint32_t known;
};

/*
 * A search, between two steps of it. Chains inside chains are two at most: of
 * the destination inside the source's, of the port inside either.
 */
struct search {
	struct key keys[FIELDS];
	uint32_t best;  /* lowest rule yet that matches */
	uint32_t at;    /* the next step of the chain, 0: its end */
	uint32_t field; /* fields before it are decided */
	uint32_t rules; /* of a step without a table, left to be tried */
	uint32_t rule;  /* offset of the next of them */
	uint32_t depth; /* how many chains wait for this one */
	uint32_t waiting_at[2];
	uint32_t waiting_field[2];
	uint32_t accepted;
	uint32_t group;  /* the next one, if it is among */
	uint64_t groups; /* those that are left, from the bit 0 on */
};

/* Which groups apply, if some rule names programs: a bit for each. */
struct groups {
	uint64_t possible; /* in a look-up */
	uint64_t certain;  /* in its answer */
};

/* The bytes at the offset. NULL never, but the verifier wants it tested. */
static __always_inline const void *
image_at(uint64_t offset)
{
	const uint32_t zero = 0;
	const uint8_t *bytes = bpf_map_lookup_elem(&image, &zero);

	return bytes ? bytes + (offset & policy.mask) : NULL;
}

static __always_inline uint32_t
image_u32(uint64_t offset)
{
	const uint32_t *value = image_at(offset);

	return value ? *value : 0;
}

static __always_inline struct image_keys
image_keys(uint64_t offset)
{
	const struct image_keys *keys = image_at(offset);

	return keys ? *keys : (struct image_keys){0};
}

static __always_inline uint64_t
rule_offset(uint32_t number)
{
	return policy.rules + (uint64_t)number * sizeof(struct image_rule);
}

/* Is a below b? Without a branch. */
static __always_inline uint64_t
below(uint64_t a, uint64_t b)
{
	uint64_t borrow = (~a & b) | ((~a | b) & (a - b));

	/* What the compiler can't see through it can't turn into a branch. */
	__asm__ volatile("" : "+r"(borrow));
	return borrow >> 63;
}

/* The highest bit of count alone; 0 of 0. */
static __always_inline uint32_t
highest_bit(uint32_t count)
{
	for (int shift = 1; shift < 32; shift *= 2)
		count |= count >> shift;
	return count - (count >> 1);
}

/* Is the key above that one? */
static __always_inline uint64_t
above(const struct key *key, uint64_t high, uint64_t low)
{
	return below(key->high, high) |
	       ((1 - below(high, key->high)) & below(key->low, low));
}

/*
 * Functions that are not static: the verifier looks at such a one by itself,
 * whatever its arguments, and not at each call.
 */

/*
 * How many of the keys are not above the key. They are in ascending order; what
 * stands in front of them for match.c is not needed.
 */
__attribute__((noinline)) uint32_t
key_rank(const struct image_keys *keys, const struct key *key)
{
	uint64_t rank = 0, offset, count;
	uint32_t wide;

	if (!keys || !key)
		return 0;
	offset = keys->offset;
	count = keys->count;
	wide = key->width & WIDTH_128;
	for (uint64_t bit = highest_bit(count); bit != 0; bit >>= 1) {
		const uint64_t next = rank + bit;
		uint64_t is_above, there;

		if (wide) {
			const uint64_t *words =
			    image_at(offset + (next - 1) * sizeof(*words) * 2);

			is_above = words ? above(key, words[0], words[1]) : 1;
		} else {
			there =
			    image_u32(offset + (next - 1) * sizeof(uint32_t));
			is_above = below(key->low, there);
		}
		rank += bit & -((1 - below(count, next)) & (1 - is_above));
	}
	return rank;
}

/* Does the rule name, or leave open, the field from and those behind it? */
__attribute__((noinline)) int
rule_fits(const struct search *s, uint32_t number, uint32_t from)
{
	const uint64_t offset = rule_offset(number);
	const uint32_t matchers =
	    image_u32(offset + offsetof(struct image_rule, matchers));

	if (!s)
		return 0;
	for (uint32_t field = 0; field < FIELDS; field++) {
		const struct key *key = &s->keys[field];
		struct image_keys inside;

		if (field < from || (matchers & 1u << field) == 0)
			continue;
		inside = image_keys(offset +
				    offsetof(struct image_rule, inside[field]) +
				    (key->width & WIDTH_128) * sizeof(inside));
		if (!key->known || key_rank(&inside, key) % 2 == 0)
			return 0;
	}
	return 1;
}

/* Tries the next rule of a step without a table. */
static __always_inline void
search_list(struct search *s)
{
	uint32_t rule = image_u32(s->rule);
	const bool sure = (rule & STEP_SURE) != 0;

	rule &= ~STEP_SURE;
	s->rule += sizeof(rule);
	s->rules--;
	if (rule >= s->best) {
		s->rules = 0;
	} else if (sure || rule_fits(s, rule, s->field)) {
		s->best = rule;
		s->rules = 0;
	}
}

/* What a step's table, or the lack of a value, leads to. */
__attribute__((noinline)) uint32_t
step_cell(uint32_t at, const struct key *key)
{
	struct image_keys table;
	uint64_t cells;
	uint32_t wide;

	if (!key)
		return 0;
	if (!key->known)
		return image_u32(
		    at + (uint64_t)offsetof(struct image_step, count_or_open));
	wide = key->width & WIDTH_128;
	table = image_keys(at + (uint64_t)offsetof(struct image_step, table) +
			   wide * sizeof(table));
	cells =
	    table.offset + (uint64_t)table.count *
			       (wide ? 2 * sizeof(uint64_t) : sizeof(uint32_t));
	return image_u32(
	    cells + (uint64_t)key_rank(&table, key) * sizeof(uint32_t));
}

/* Goes on with the next group. */
static __always_inline void
search_group(struct search *s)
{
	if (s->groups & 1)
		s->at =
		    image_u32(policy.groups +
			      s->group * (uint64_t)sizeof(struct image_group) +
			      (s->accepted ? offsetof(struct image_group,
						 root[1].step[KNOWN_ALL])
					   : offsetof(struct image_group,
						 root[0].step[KNOWN_ALL])));
	s->field = 0;
	s->groups >>= 1;
	s->group++;
}

/* One step; 0: the verifier wants something that is returned. */
__attribute__((noinline)) int
search_step(struct search *s)
{
	const struct image_step *step;
	uint32_t at, field, cell;

	if (!s)
		return 0;
	if (s->rules > 0) {
		search_list(s);
		return 0;
	}
	at = s->at;
	if (at == 0) {
		if (s->depth == 0) {
			if (policy.patterns)
				search_group(s);
			return 0;
		}
		s->depth--;
		s->at = s->depth ? s->waiting_at[1] : s->waiting_at[0];
		s->field = s->depth ? s->waiting_field[1] : s->waiting_field[0];
		return 0;
	}
	step = image_at(at);
	if (!step)
		return 0;
	s->at = step->next;
	field = step->field;
	if (step->first >= s->best)
		return 0;
	if (field >= FIELDS) {
		s->rules = step->count_or_open;
		s->rule = at + offsetof(struct image_step, table);
		return 0;
	}
	/* In no sound image. */
	if (field < s->field) {
		s->at = 0;
		return 0;
	}
	if (field == FIELD_PORT) {
		cell = step_cell(at, &s->keys[FIELD_PORT]);
		if (cell < s->best)
			s->best = cell;
		return 0;
	}
	cell =
	    step_cell(at, field == FIELD_SOURCE ? &s->keys[FIELD_SOURCE]
						: &s->keys[FIELD_DESTINATION]);
	if (s->depth == 0) {
		s->waiting_at[0] = s->at;
		s->waiting_field[0] = s->field;
	} else {
		s->waiting_at[1] = s->at;
		s->waiting_field[1] = s->field;
	}
	s->depth++;
	s->at = cell;
	s->field = field + 1;
	return 0;
}

static long
search_next(uint32_t n, struct search *s)
{
	(void)n;
	(void)search_step(s);
	return s->at == 0 && s->rules == 0 && s->depth == 0 && s->groups == 0;
}

/*
 * The number of the first rule that matches, or MATCH_NONE; also if that rule
 * is one of a group that is not certain.
 */
static __always_inline uint32_t
search_rule(struct search *s, bool accepted, const struct groups *groups)
{
	/* Group 0 is always there. */
	s->at = accepted ? policy.step[1] : policy.step[0];
	s->accepted = accepted;
	s->group = 1;
	s->groups = policy.patterns ? groups->possible >> 1 : 0;
	if (s->at != 0 || s->groups != 0)
		bpf_loop(policy.steps, search_next, s, 0);
	if (policy.patterns && s->best < IMAGE_RULES_MAX) {
		const uint32_t group = image_u32(
		    rule_offset(s->best) + offsetof(struct image_rule, group));

		if ((groups->certain >> (group & 63) & 1) == 0)
			return BPF_NO_RULE;
	}
	return s->best;
}

#endif
