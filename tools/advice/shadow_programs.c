/* SPDX-License-Identifier: ISC */
/*
 * shadow_programs: an index of patterns. A pattern can take the programs of
 * another only if what is plain at its begin begins that one, too.
 */
#include "advice/shadow_programs.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#define WILD "*?[\\"

static bool
is_plain(const char *pattern)
{
	return pattern[strcspn(pattern, WILD)] == '\0';
}

/*
 * The last case: narrow is taken as text. What is a * or a ? in it can only
 * fall to a * of wide then, because wide has no other sign that would take it,
 * and so whatever stands in its place does, too.
 */
bool
programs_covers(const char *wide, const char *narrow)
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

/* By the plain part of a, and that of b. */
static int
compare_plain(const char *a, size_t a_size, const char *b, size_t b_size)
{
	int differ = memcmp(a, b, a_size < b_size ? a_size : b_size);

	if (differ == 0 && a_size != b_size)
		return a_size < b_size ? -1 : 1;
	return differ;
}

static int
compare_wild(const void *a, const void *b)
{
	const struct wild_pattern *left = a, *right = b;

	return compare_plain(
	    left->text, left->plain, right->text, right->plain);
}

static uint32_t
pattern_number(const struct programs *programs, const char *pattern)
{
	const char **found = bsearch(&pattern, programs->patterns,
	    programs->count, sizeof(*programs->patterns), compare_strings);

	return (uint32_t)(found - programs->patterns);
}

static void
sort_patterns(struct programs *programs, const struct image *image)
{
	struct image_group group;
	size_t all = 0, kept = 0;

	for (uint32_t g = 1; image_group(image, g, &group); g++)
		for (uint32_t n = 0; n < group.program_count; n++)
			programs->patterns[all++] =
			    image_group_program(image, &group, n);
	qsort(programs->patterns, all, sizeof(*programs->patterns),
	    compare_strings);
	for (size_t i = 0; i < all; i++)
		if (i == 0 || strcmp(programs->patterns[i],
				  programs->patterns[kept - 1]) != 0)
			programs->patterns[kept++] = programs->patterns[i];
	programs->count = (uint32_t)kept;
}

/* Lists, for each pattern, the groups that have it. */
static void
list_users(struct programs *programs, const struct image *image)
{
	struct image_group group;
	uint32_t at = 0;

	for (uint32_t g = 1; image_group(image, g, &group); g++)
		for (uint32_t n = 0; n < group.program_count; n++)
			programs->first[pattern_number(
			    programs, image_group_program(image, &group, n))]++;
	for (uint32_t p = 0; p < programs->count; p++) {
		at += programs->first[p];
		programs->first[p] = at;
	}
	programs->first[programs->count] = at;
	/* Each moves back to where its own begin. */
	for (uint32_t g = 1; image_group(image, g, &group); g++)
		for (uint32_t n = 0; n < group.program_count; n++)
			programs->users[--programs->first[pattern_number(
			    programs, image_group_program(image, &group, n))]] =
			    g;
}

static void
sort_wild(struct programs *programs)
{
	for (uint32_t p = 0; p < programs->count; p++) {
		const char *text = programs->patterns[p];

		if (!is_plain(text))
			programs->wild[programs->wild_count++] =
			    (struct wild_pattern){
				text, (uint32_t)strcspn(text, WILD), p};
	}
	qsort(programs->wild, programs->wild_count, sizeof(*programs->wild),
	    compare_wild);
}

int
programs_open(struct programs *programs, const struct image *image)
{
	struct image_group group;
	size_t all = 1, groups = 1;

	for (uint32_t g = 1; image_group(image, g, &group); g++) {
		all += group.program_count;
		groups++;
	}
	programs->patterns = calloc(all, sizeof(*programs->patterns));
	programs->first = calloc(all + 1, sizeof(*programs->first));
	programs->users = calloc(all, sizeof(*programs->users));
	programs->wild = calloc(all, sizeof(*programs->wild));
	programs->numbers = calloc(groups, sizeof(*programs->numbers));
	programs->seen = calloc(groups, sizeof(*programs->seen));
	if (!programs->patterns || !programs->first || !programs->users ||
	    !programs->wild || !programs->numbers || !programs->seen)
		return -ENOMEM;
	sort_patterns(programs, image);
	list_users(programs, image);
	sort_wild(programs);
	return 0;
}

void
programs_close(struct programs *programs)
{
	free(programs->patterns);
	free(programs->first);
	free(programs->users);
	free(programs->wild);
	free(programs->numbers);
	free(programs->seen);
}

static void
add_users(
    struct programs *programs, uint32_t pattern, struct match_groups *groups)
{
	for (uint32_t i = programs->first[pattern];
	     i < programs->first[pattern + 1]; i++) {
		uint32_t group = programs->users[i];

		if (programs->seen[group] == programs->round)
			continue;
		programs->seen[group] = programs->round;
		programs->numbers[groups->count++] = group;
	}
}

/* The first wild pattern whose plain part is not below this one. */
static uint32_t
find_wild(const struct programs *programs, const char *text, size_t plain)
{
	uint32_t low = 0, high = programs->wild_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct wild_pattern *wild = &programs->wild[middle];

		if (compare_plain(wild->text, wild->plain, text, plain) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct match_groups
programs_groups(
    struct programs *programs, const char *pattern, uint32_t *looked)
{
	struct match_groups groups = {.numbers = programs->numbers, .count = 1};
	size_t plain = strcspn(pattern, WILD);

	programs->round++;
	programs->numbers[0] = 0;
	add_users(programs, pattern_number(programs, pattern), &groups);
	for (size_t size = 0; size <= plain; size++) {
		uint32_t i = find_wild(programs, pattern, size);

		for (; i < programs->wild_count &&
		       compare_plain(programs->wild[i].text,
			   programs->wild[i].plain, pattern, size) == 0;
		     i++, ++*looked)
			if (programs_covers(programs->wild[i].text, pattern))
				add_users(programs, programs->wild[i].number,
				    &groups);
	}
	return groups;
}
