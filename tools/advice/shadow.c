/* SPDX-License-Identifier: ISC */
/*
 * shadow: cuts away from a rule what rules above it take, and sees whether
 * anything is left.
 */
#include "advice/shadow.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "advice/shadow_programs.h"
#include "advice/shadow_space.h"
#include "image/match.h"

enum verdict {
	REACHED, /* or not known */
	COVERED,
	NOWHERE, /* no connection is like that */
};

struct search {
	const struct rule *rules;
	uint32_t count;
	const struct image *image;
	struct space space;
	struct programs programs;
	uint32_t steps_left; /* of SHADOW_STEPS_ALL */
	/* For the rule being looked at. */
	uint32_t rule;
	uint32_t steps;
	struct shadow shadow;
	uint32_t *seen;    /* for each rule: rule + 1 when it was met */
	struct box *stack; /* SPACE_FIELDS boxes for each step */
};

static bool
covers_programs(const struct rule *wide, const struct rule *narrow)
{
	if (wide->program_count == 0)
		return true;
	for (size_t n = 0; n < narrow->program_count; n++) {
		size_t w = 0;

		while (w < wide->program_count &&
		       !programs_covers(wide->programs[w], narrow->programs[n]))
			w++;
		if (w == wide->program_count)
			return false;
	}
	return narrow->program_count > 0;
}

/* Does rule number wide match all that the rule being looked at matches? */
static bool
covers_all(struct search *search, uint32_t wide)
{
	const struct rule *rule = &search->rules[search->rule];

	if (rule->direction & ~search->rules[wide].direction)
		return false;
	search->steps += space_size(&search->space, wide) / 8;
	return space_covers(&search->space, wide, search->rule) &&
	       covers_programs(&search->rules[wide], rule);
}

/* Notes a rule that takes part of the one being looked at. */
static void
note_cover(struct search *search, uint32_t cover)
{
	struct shadow *shadow = &search->shadow;
	uint32_t at = shadow->covers++;

	if (at >= SHADOW_NAMED) {
		if (shadow->cover[SHADOW_NAMED - 1] < cover)
			return;
		at = SHADOW_NAMED - 1;
	}
	for (; at > 0 && shadow->cover[at - 1] > cover; at--)
		shadow->cover[at] = shadow->cover[at - 1];
	shadow->cover[at] = cover;
}

/*
 * Meets a rule that takes part of the one being looked at. Returns whether it
 * takes the whole of it, and nothing more needs to be asked.
 */
static bool
meet(struct search *search, uint32_t cover)
{
	if (search->seen[cover] == search->rule + 1)
		return false;
	search->seen[cover] = search->rule + 1;
	if (covers_all(search, cover)) {
		search->shadow.covers = 0;
		note_cover(search, cover);
		return true;
	}
	note_cover(search, cover);
	return false;
}

/*
 * Is a box of connections taken by rules above? *whole tells that one rule
 * was met that takes not only the box.
 */
static enum verdict
look_at_box(struct search *search, enum direction direction,
    const struct match_groups *groups, const struct box *box, bool *whole)
{
	uint32_t depth = 0;

	search->stack[depth++] = *box;
	while (depth > 0) {
		struct box left = search->stack[--depth];
		struct match_query query = {.direction = direction};
		struct box taken;
		int winner;

		search->steps += groups->count;
		if (search->steps > SHADOW_STEPS)
			return REACHED;
		space_corner(&search->space, &left, &query);
		winner = match_rule(search->image, groups, &query);
		if (winner < 0 || (uint32_t)winner >= search->rule ||
		    !space_around(
			&search->space, (uint32_t)winner, &left, &taken))
			return REACHED;
		if (meet(search, (uint32_t)winner)) {
			*whole = true;
			return COVERED;
		}
		/* What was asked about is the lowest corner of what is left. */
		for (int f = 0; f < SPACE_FIELDS; f++) {
			if (taken.in[f].to >= left.in[f].to)
				continue;
			search->stack[depth] = left;
			search->stack[depth++].in[f].from = taken.in[f].to;
			left.in[f].to = taken.in[f].to;
		}
	}
	return COVERED;
}

static enum verdict
look_at_program(
    struct search *search, const struct match_groups *groups, bool *whole)
{
	static const enum direction directions[] = {
	    DIRECTION_CONNECT, DIRECTION_ACCEPT};
	struct box box;

	for (int d = 0; d < 2; d++) {
		struct space_walk walk = {.rule = search->rule};

		if (!(search->rules[search->rule].direction & directions[d]))
			continue;
		while (space_next(&search->space, &walk, &box)) {
			if (look_at_box(search, directions[d], groups, &box,
				whole) == REACHED)
				return REACHED;
			if (*whole)
				return COVERED;
		}
	}
	return COVERED;
}

/*
 * One look-up settles most rules: if it finds the rule itself, that is
 * reached, and if it finds one that takes the whole of it, that is all.
 * Returns whether the rule is settled.
 */
static bool
look_once(struct search *search, const struct match_groups *groups,
    enum verdict *verdict)
{
	struct space_walk walk = {.rule = search->rule};
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct box box;
	int winner;

	*verdict = NOWHERE;
	if (!space_next(&search->space, &walk, &box))
		return true;
	if (!(search->rules[search->rule].direction & query.direction))
		query.direction = DIRECTION_ACCEPT;
	space_corner(&search->space, &box, &query);
	search->steps += groups->count;
	winner = match_rule(search->image, groups, &query);
	*verdict = REACHED;
	if (winner < 0 || (uint32_t)winner >= search->rule)
		return true;
	*verdict = COVERED;
	return meet(search, (uint32_t)winner);
}

/* The groups for pattern number n of a rule; group 0 if it has none. */
static struct match_groups
groups_of(struct search *search, const struct rule *rule, size_t n)
{
	static const uint32_t open;
	struct match_groups groups = {.numbers = &open, .count = 1};
	uint32_t looked = 0;

	if (rule->program_count > 0)
		groups = programs_groups(
		    &search->programs, rule->programs[n], &looked);
	/* To look at a pattern takes less than a look-up. */
	search->steps += looked / 8;
	return groups;
}

static enum verdict
look_at_rule(struct search *search, uint32_t index)
{
	const struct rule *rule = &search->rules[index];
	struct match_groups groups;
	enum verdict verdict;
	bool whole = false;

	search->rule = index;
	search->steps = 0;
	search->shadow = (struct shadow){.rule = index};
	groups = groups_of(search, rule, 0);
	if (look_once(search, &groups, &verdict))
		return verdict;
	if (search->steps_left == 0)
		return REACHED;
	verdict = look_at_program(search, &groups, &whole);
	for (size_t n = 1;
	     n < rule->program_count && verdict == COVERED && !whole; n++) {
		groups = groups_of(search, rule, n);
		verdict = look_at_program(search, &groups, &whole);
	}
	return verdict;
}

int
shadow_find(const struct build_input *policy, const struct image *image,
    shadow_fn *found, void *data)
{
	struct search search = {
	    .rules = policy->rules,
	    .count = (uint32_t)policy->rule_count,
	    .image = image,
	    .steps_left = SHADOW_STEPS_ALL,
	};
	int error;

	error = space_open(&search.space, policy);
	if (error == 0)
		error = programs_open(&search.programs, image);
	if (error < 0)
		goto out;
	error = -ENOMEM;
	search.seen = calloc(search.count + 1u, sizeof(*search.seen));
	search.stack = calloc(
	    (SHADOW_STEPS + 1) * SPACE_FIELDS + 1u, sizeof(*search.stack));
	if (!search.seen || !search.stack)
		goto out;
	error = 0;
	for (uint32_t i = 0; i < search.count; i++) {
		enum verdict verdict = look_at_rule(&search, i);

		if (verdict != REACHED)
			found(data, &search.shadow);
		search.steps_left -= search.steps < search.steps_left
		                         ? search.steps
		                         : search.steps_left;
	}
out:
	free(search.stack);
	free(search.seen);
	programs_close(&search.programs);
	space_close(&search.space);
	return error;
}
