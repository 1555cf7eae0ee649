/* SPDX-License-Identifier: ISC */
/*
 * build_index: for a set of rules, the steps that lead to the first of them
 * that matches (struct image_step), and how much is spent on them.
 */
#ifndef KASHIM_BUILD_INDEX_H
#define KASHIM_BUILD_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compile/build.h"
#include "compile/build_output.h"
#include "image/image.h"

struct indexer {
	struct pieces *pieces;
	const struct rule *rules; /* of the whole policy */
	uint32_t fields; /* what is looked at, of enum matcher, or'ed */
	/* A set of no more rules than this gets no table below a table. */
	size_t list_max;
	/* A chain has no more steps than this, for which rules are copied. */
	size_t chain_max;
	/* Rules that may still be put into sets, and how large the output may
	 * get. Beyond that there is no index, and a thriftier way has to be
	 * taken. */
	uint64_t work_left;
	uint64_t size_max;
	bool exhausted;
	unsigned int depth; /* private: tables above */
};

/*
 * Writes the steps for count rules, whose numbers are in ascending order, and
 * returns the offset of the first step; 0 for no rules, and after a failure,
 * which is in the output or is that the work is exhausted.
 */
uint32_t
index_rules(struct indexer *indexer, const uint32_t *numbers, size_t count);

#endif
