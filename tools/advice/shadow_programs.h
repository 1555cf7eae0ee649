/* SPDX-License-Identifier: ISC */
/*
 * shadow_programs: program patterns that take each other's programs, and the
 * groups of rules that such patterns belong to.
 */
#ifndef KASHIM_SHADOW_PROGRAMS_H
#define KASHIM_SHADOW_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "image/match.h"

/* A pattern that is no plain name, and how much of it is plain. */
struct wild_pattern {
	const char *text;
	uint32_t plain;
	uint32_t number;
};

struct programs {
	const char **patterns; /* all, sorted, each once */
	uint32_t count;
	uint32_t *first;           /* of each, in users; one more at the end */
	uint32_t *users;           /* groups */
	struct wild_pattern *wild; /* sorted by what is plain of them */
	uint32_t wild_count;
	uint32_t *numbers; /* what programs_groups() gave last */
	uint32_t *seen;    /* for each group: the round when it was met */
	uint32_t round;
};

/* Start with zeroes. Returns 0 or -ENOMEM; close it in either case. */
int programs_open(struct programs *programs, const struct image *image);
void programs_close(struct programs *programs);

/*
 * The groups whose rules apply to every program that the pattern, one of the
 * image, matches, as far as programs_covers() can tell. Good until the next
 * call. *looked grows by the number of patterns that were looked at.
 */
struct match_groups programs_groups(
    struct programs *programs, const char *pattern, uint32_t *looked);

/*
 * Does the pattern wide match every name that narrow matches (fnmatch(3))?
 * False where that is not plain to see.
 */
bool programs_covers(const char *wide, const char *narrow);

#endif
