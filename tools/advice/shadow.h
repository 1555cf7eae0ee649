/* SPDX-License-Identifier: ISC */
/*
 * shadow: which rules can never match, because rules above them take all that
 * they could. It looks at a policy as it was read, and changes nothing.
 *
 * How it works. A rule is a product of sets: sources, destinations, ports,
 * directions, programs. The policy's own matcher is asked who takes the lowest
 * connection that the rule could match. If that is the rule itself, it is
 * reached, which is the usual case and costs one look-up. If it is a rule
 * above it, the part of that one around the connection is cut away, and the
 * matcher is asked again about each piece that is left, until there is none.
 *
 * So what is found is certain: a rule that can match is never named. What is
 * not found: a rule whose cover is so ragged that SHADOW_STEPS look-ups do
 * not go around it; one of program patterns that only together cover its own;
 * and after SHADOW_STEPS_ALL look-ups in all, one
 * of more than one rule.
 */
#ifndef KASHIM_SHADOW_H
#define KASHIM_SHADOW_H

#include <stdint.h>

#include "compile/build.h"
#include "image/image.h"

#define SHADOW_STEPS     4096u
#define SHADOW_STEPS_ALL 2000000u
#define SHADOW_NAMED     3

/* A rule that can never match. Rules are numbers, in file order, from 0. */
struct shadow {
	uint32_t rule;
	/*
	 * The rules above it that cover it, in file order; only the first
	 * SHADOW_NAMED of covers are there. With none, the rule contradicts
	 * itself: its sources are of one family, its destinations of the other.
	 */
	uint32_t covers;
	uint32_t cover[SHADOW_NAMED];
};

typedef void shadow_fn(void *data, const struct shadow *shadow);

/*
 * Calls found for each rule of policy that can never match, in file order.
 * image is the one that was built from policy. Returns 0 or -ENOMEM.
 */
int shadow_find(const struct build_input *policy, const struct image *image,
    shadow_fn *found, void *data);

#endif
