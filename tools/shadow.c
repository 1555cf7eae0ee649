/* SPDX-License-Identifier: ISC */
/*
 * shadow: cuts away from a rule what rules above it take, and sees whether
 * anything is left.
 */
#include "shadow.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "match.h"
#include "shadow_space.h"

enum verdict {
	REACHED, /* or not known */
	COVERED,
	NOWHERE, /* no connection is like that */
};

/* Which rules may matter to a program that the pattern matches. */
struct programs {
	const char **patterns; /* all, sorted, each once */
	uint32_t count;
	uint32_t *first; /* of each, in users; one more at the end */
	uint32_t *users; /* rules */
	uint32_t *wild;  /* those patterns that are no plain names */
	uint32_t wild_count;
	uint64_t *open; /* a bit for each rule without patterns */
	uint64_t *mask; /* for the pattern asked for last */
	const char *asked;
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
	uint32_t round;    /* of meetings */
	uint32_t *seen;    /* for each rule: the round when it was met */
	struct box *stack; /* SPACE_FIELDS boxes for each step */
};

static bool
is_plain(const char *pattern)
{
	return pattern[strcspn(pattern, "*?[\\")] == '\0';
}

/*
 * The third case: narrow is taken as text. What is a * or a ? in it can only
 * fall to a * of wide then, because wide has no other sign that would take it,
 * and so whatever stands in its place does, too.
 */
bool
shadow_pattern_covers(const char *wide, const char *narrow)
{
	if (strcmp(wide, narrow) == 0 ||
	    (*wide && wide[strspn(wide, "*")] == '\0'))
		return true;
	if (is_plain(narrow))
		return fnmatch(wide, narrow, 0) == 0;
	return !strpbrk(wide, "?[\\") && !strpbrk(narrow, "[\\") &&
	       fnmatch(wide, narrow, 0) == 0;
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t
pattern_number(const struct programs *programs, const char *pattern)
{
	const char **found = bsearch(&pattern, programs->patterns,
	    programs->count, sizeof(*programs->patterns), compare_strings);

	return (uint32_t)(found - programs->patterns);
}

static void
sort_patterns(
    struct programs *programs, const struct rule *rules, uint32_t count)
{
	size_t all = 0, kept = 0;

	for (uint32_t i = 0; i < count; i++)
		for (size_t n = 0; n < rules[i].program_count; n++)
			programs->patterns[all++] = rules[i].programs[n];
	qsort(programs->patterns, all, sizeof(*programs->patterns),
	    compare_strings);
	for (size_t i = 0; i < all; i++)
		if (i == 0 || strcmp(programs->patterns[i],
				  programs->patterns[kept - 1]) != 0)
			programs->patterns[kept++] = programs->patterns[i];
	programs->count = (uint32_t)kept;
}

/* Lists, for each pattern, the rules that have it. */
static void
list_users(struct programs *programs, const struct rule *rules, uint32_t count)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < count; i++)
		for (size_t n = 0; n < rules[i].program_count; n++)
			programs->first[pattern_number(
			    programs, rules[i].programs[n])]++;
	for (uint32_t p = 0; p < programs->count; p++) {
		at += programs->first[p];
		programs->first[p] = at;
		if (!is_plain(programs->patterns[p]))
			programs->wild[programs->wild_count++] = p;
	}
	programs->first[programs->count] = at;
	/* Each moves back to where its own begin. */
	for (uint32_t i = 0; i < count; i++)
		for (size_t n = 0; n < rules[i].program_count; n++)
			programs->users[--programs->first[pattern_number(
			    programs, rules[i].programs[n])]] = i;
}

static int
programs_open(
    struct programs *programs, const struct rule *rules, uint32_t count)
{
	size_t words = (count + 63) / 64 + 1;
	size_t all = 1;

	for (uint32_t i = 0; i < count; i++)
		all += rules[i].program_count;
	if (all > UINT32_MAX)
		return -ENOMEM;
	programs->patterns = calloc(all, sizeof(*programs->patterns));
	programs->first = calloc(all + 1, sizeof(*programs->first));
	programs->users = calloc(all, sizeof(*programs->users));
	programs->wild = calloc(all, sizeof(*programs->wild));
	programs->open = calloc(words, sizeof(*programs->open));
	programs->mask = calloc(words, sizeof(*programs->mask));
	if (!programs->patterns || !programs->first || !programs->users ||
	    !programs->wild || !programs->open || !programs->mask)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		if (rules[i].program_count == 0)
			programs->open[i / 64] |= UINT64_C(1) << i % 64;
	sort_patterns(programs, rules, count);
	list_users(programs, rules, count);
	return 0;
}

static void
programs_close(struct programs *programs)
{
	free(programs->patterns);
	free(programs->first);
	free(programs->users);
	free(programs->wild);
	free(programs->open);
	free(programs->mask);
}

static void
add_users(struct programs *programs, uint32_t pattern)
{
	for (uint32_t i = programs->first[pattern];
	     i < programs->first[pattern + 1]; i++)
		programs->mask[programs->users[i] / 64] |=
		    UINT64_C(1) << programs->users[i] % 64;
}

/* The rules that match whatever program the pattern matches. */
static const uint64_t *
programs_mask(struct search *search, const char *pattern)
{
	struct programs *programs = &search->programs;

	if (programs->asked && strcmp(programs->asked, pattern) == 0)
		return programs->mask;
	programs->asked = pattern;
	memcpy(programs->mask, programs->open,
	    (search->count + 63) / 64 * sizeof(*programs->mask));
	add_users(programs, pattern_number(programs, pattern));
	for (uint32_t i = 0; i < programs->wild_count; i++) {
		const char *wide = programs->patterns[programs->wild[i]];

		if (shadow_pattern_covers(wide, pattern))
			add_users(programs, programs->wild[i]);
	}
	/* As if that were look-ups: they take about as long. */
	search->steps += programs->wild_count / 8;
	return programs->mask;
}

static bool
covers_programs(const struct rule *wide, const struct rule *narrow)
{
	if (wide->program_count == 0)
		return true;
	for (size_t n = 0; n < narrow->program_count; n++) {
		size_t w = 0;

		while (w < wide->program_count &&
		       !shadow_pattern_covers(
			   wide->programs[w], narrow->programs[n]))
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
	if (search->seen[cover] == search->round)
		return false;
	search->seen[cover] = search->round;
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
    const uint64_t *mask, const struct box *box, bool *whole)
{
	uint32_t depth = 0;

	search->stack[depth++] = *box;
	while (depth > 0) {
		struct box left = search->stack[--depth];
		struct match_query query = {.direction = direction};
		struct box taken;
		int winner;

		if (search->steps++ >= SHADOW_STEPS)
			return REACHED;
		space_corner(&search->space, &left, &query);
		winner = match_rule(search->image, mask, &query);
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
look_at_program(struct search *search, const uint64_t *mask, bool *whole)
{
	static const enum direction directions[] = {
	    DIRECTION_CONNECT, DIRECTION_ACCEPT};
	struct box box;

	for (int d = 0; d < 2; d++) {
		struct space_walk walk = {.rule = search->rule};

		if (!(search->rules[search->rule].direction & directions[d]))
			continue;
		while (space_next(&search->space, &walk, &box)) {
			if (look_at_box(search, directions[d], mask, &box,
				whole) == REACHED)
				return REACHED;
			if (*whole)
				return COVERED;
		}
	}
	return COVERED;
}

/*
 * One look-up, as if every rule were for every program, settles most: if it
 * finds the rule itself, that is reached, and if it finds one that takes the
 * whole of it, that is all. Returns whether the rule is settled.
 */
static bool
look_once(struct search *search, enum verdict *verdict)
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
	winner = match_rule(search->image, NULL, &query);
	*verdict = REACHED;
	if (winner < 0 || (uint32_t)winner >= search->rule)
		return true;
	*verdict = COVERED;
	return meet(search, (uint32_t)winner);
}

static enum verdict
look_at_rule(struct search *search, uint32_t index)
{
	const struct rule *rule = &search->rules[index];
	enum verdict verdict;
	bool whole = false;

	search->rule = index;
	search->steps = 1;
	search->round++;
	search->shadow = (struct shadow){.rule = index};
	if (look_once(search, &verdict))
		return verdict;
	if (search->steps_left == 0)
		return REACHED;
	/* What was met may be for other programs. */
	search->shadow.covers = 0;
	search->round++;
	if (rule->program_count == 0)
		return look_at_program(search, search->programs.open, &whole);
	for (size_t n = 0; n < rule->program_count && !whole; n++)
		if (look_at_program(search,
			programs_mask(search, rule->programs[n]),
			&whole) == REACHED)
			return REACHED;
	return COVERED;
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
		error =
		    programs_open(&search.programs, search.rules, search.count);
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
