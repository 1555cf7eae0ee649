/* SPDX-License-Identifier: ISC */
/*
 * lookup: the look-up of image/step.h in the kernel. For the verifier every
 * offset is masked in place of being compared, and keys are searched without
 * branches that depend on them, since it would follow both sides of each.
 */
#ifndef KASHIM_BPF_LOOKUP_H
#define KASHIM_BPF_LOOKUP_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/policy.h"

/* How large it is, and how many values it has, is set when it is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_RDONLY_PROG);
	__uint(key_size, sizeof(uint32_t));
	__uint(value_size, 4096);
} image SEC(".maps");

const volatile struct bpf_policy policy = {.mask = 0};

struct step_own {
	uint32_t accepted;
	uint32_t group;  /* the next one, if it is among */
	uint64_t groups; /* those that are left, from the bit 0 on */
};

/*
 * Not static: the verifier looks at such a function by itself, whatever its
 * arguments, and not at each call. Before Linux 5.12 they are numbers alone.
 */
#if BPF_BOUNDED
#define STEP_PART static __always_inline
#else
#define STEP_PART __attribute__((noinline))
#endif
#include "image/step.h"

/*
 * A function with a stack of its own. used: or the compiler leaves out what it
 * returns, if nobody wants it, and the verifier refuses a pointer to that stack
 * which it finds in its place.
 */
#define OWN_STACK __attribute__((noinline, used)) static

/* Which groups apply, if some rule names programs: a bit for each. */
struct groups {
	uint64_t possible; /* in a look-up */
	uint64_t certain;  /* in its answer */
};

/* NULL never, but the verifier wants it tested. */
static __always_inline const void *
image_at(uint64_t offset)
{
	const uint32_t part =
	    BPF_BOUNDED ? (offset & policy.mask) / BPF_IMAGE_PART : 0;
	const uint8_t *bytes = bpf_map_lookup_elem(&image, &part);

	offset &= policy.mask & (BPF_BOUNDED ? BPF_IMAGE_PART - 1 : UINT64_MAX);
	return bytes ? bytes + offset : NULL;
}

static __always_inline bool
step_read(const struct search *s, uint64_t offset, void *to, size_t len)
{
	const void *bytes = image_at(offset);

	(void)s;
	if (!bytes)
		return false;
	/* All that is read at once lies at a multiple of its words. */
	__builtin_memcpy(
	    to, __builtin_assume_aligned(bytes, sizeof(uint32_t)), len);
	return true;
}

static __always_inline uint64_t
rule_offset(uint32_t number)
{
	return policy.rules + (uint64_t)number * sizeof(struct image_rule);
}

static __always_inline uint64_t
step_rule_offset(const struct search *s, uint32_t number)
{
	(void)s;
	return rule_offset(number);
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
 * How many of the keys are not above the key. They are in ascending order; what
 * stands in front of them for match.c is not needed.
 */
__attribute__((noinline)) uint32_t
key_rank(
    uint64_t offset, uint64_t count, uint64_t high, uint64_t low, uint32_t wide)
{
	const struct key key = {.high = high, .low = low};
	uint64_t rank = 0;

	for (uint64_t bit = highest_bit(count); bit != 0; bit >>= 1) {
		const uint64_t next = rank + bit;
		uint64_t is_above;

		if (wide) {
			const uint64_t *words =
			    image_at(offset + (next - 1) * sizeof(*words) * 2);

			is_above = words ? above(&key, words[0], words[1]) : 1;
		} else {
			const uint32_t *word =
			    image_at(offset + (next - 1) * sizeof(*word));

			is_above = word ? below(key.low, *word) : 1;
		}
		rank += bit & -((1 - below(count, next)) & (1 - is_above));
	}
	return rank;
}

static __always_inline uint32_t
step_rank(const struct search *s, const struct image_keys *keys,
    const struct key *key)
{
	(void)s;
	return key_rank(keys->offset, keys->count, key->high, key->low,
	    key->width & WIDTH_128);
}

/* Goes on with the next group. */
static __always_inline void
search_group(struct search *s)
{
	if (s->own.groups & 1)
		s->at[0] = step_u32(
		    s, policy.groups +
			   s->own.group * (uint64_t)sizeof(struct image_group) +
			   (s->own.accepted ? offsetof(struct image_group,
						  root[1].step[KNOWN_ALL])
					    : offsetof(struct image_group,
						  root[0].step[KNOWN_ALL])));
	s->own.groups >>= 1;
	s->own.group++;
}

/* 0: the verifier wants something that is returned. */
STEP_PART int
search_step(struct search *s)
{
	if (!s)
		return 0;
	if (policy.patterns && step_ended(s))
		search_group(s);
	else
		step_take(s);
	return 0;
}

static long
search_next(uint32_t n, struct search *s)
{
	(void)n;
	(void)search_step(s);
	return step_ended(s) && s->own.groups == 0;
}

#if BPF_BOUNDED
/*
 * Without bpf_loop(): loops with an end that the verifier sees, of functions
 * that take no pointer. The search that a processor is in is in a map.
 */
struct bounded_search {
	uint64_t token;
	struct search search;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, uint32_t);
	__type(value, struct bounded_search);
} bounded SEC(".maps");

static __always_inline struct bounded_search *
bounded_search(void)
{
	const uint32_t zero = 0;

	return bpf_map_lookup_elem(&bounded, &zero);
}

__attribute__((noinline)) int
bounded_step(void)
{
	struct bounded_search *b = bounded_search();

	return !b || search_next(0, &b->search);
}

/* At once, and as many times: more than a policy takes (match_steps_max()). */
#define BOUNDED_STEPS 2048u

__attribute__((noinline)) int
bounded_steps(void)
{
	for (uint32_t n = 0; n < BOUNDED_STEPS; n++) {
		if (bounded_step())
			return 1;
	}
	return 0;
}

__attribute__((noinline)) int
bounded_steps_of_policy(void)
{
	for (uint32_t n = 0; n < policy.steps / BOUNDED_STEPS + 1; n++) {
		if (bounded_steps())
			return 1;
	}
	return 0;
}

/*
 * What interrupts it, on the same processor, may search there, too; then the
 * token is not its own any more, and it begins again. Where programs can be
 * preempted (from Linux 5.11 on), another task that was in the middle of its
 * search may go on in this one for a moment, and leave the token: so two in a
 * row have to find the same. If none do, there is no answer. The compiler does
 * not know of any of that.
 */
static __always_inline void
search_all(struct search *s)
{
	struct bounded_search *b = bounded_search();
	uint64_t found = UINT64_MAX;

	for (int tries = 0; b && tries < 16; tries++) {
		const uint64_t token = (uint64_t)bpf_get_prandom_u32() << 32 |
		                       bpf_get_prandom_u32();
		uint32_t best;

		b->token = token;
		barrier();
		b->search = *s;
		barrier();
		bounded_steps_of_policy();
		barrier();
		best = b->search.best;
		barrier();
		if (b->token != token)
			continue;
		if (best == found) {
			s->best = best;
			return;
		}
		found = best;
	}
	s->best = BPF_NO_ANSWER;
}
#else
static __always_inline void
search_all(struct search *s)
{
	bpf_loop(policy.steps, search_next, s, 0);
}
#endif

/*
 * The number of the first rule that matches, or BPF_NO_RULE; also if that rule
 * is one of a group that is not certain. BPF_BOUNDED: or BPF_NO_ANSWER.
 */
static __always_inline uint32_t
search_rule(struct search *s, bool accepted, const struct groups *groups)
{
	s->fields = MATCHER_FIELDS;
	/* Group 0 is always there. */
	s->at[0] = accepted ? policy.step[1] : policy.step[0];
	s->own.accepted = accepted;
	s->own.group = 1;
	s->own.groups = policy.patterns ? groups->possible >> 1 : 0;
	if (s->at[0] != 0 || s->own.groups != 0)
		search_all(s);
	if (policy.patterns && s->best < IMAGE_RULES_MAX) {
		const uint32_t group = step_u32(s,
		    rule_offset(s->best) + offsetof(struct image_rule, group));

		if ((groups->certain >> (group & 63) & 1) == 0)
			return BPF_NO_RULE;
	}
	return s->best;
}

#endif
