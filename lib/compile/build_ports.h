/* SPDX-License-Identifier: ISC */
/*
 * build_ports: which of some rules is the first for each port.
 */
#ifndef KASHIM_BUILD_PORTS_H
#define KASHIM_BUILD_PORTS_H

#include <stddef.h>
#include <stdint.h>

#include "compile/build.h"

struct painting {
	uint32_t *edges; /* ports, in ascending order, the first of them 0 */
	uint32_t *cells; /* the first rule from an edge to the next one, or
	                    MATCH_NONE */
	uint32_t *skip;  /* private */
	size_t count;
};

/*
 * Makes the painting of count rules, whose numbers are in ascending order.
 * Returns 0, and the caller gives it back; or -ENOMEM.
 */
int painting_make(struct painting *painting, const struct rule *rules,
    const uint32_t *numbers, size_t count);

void painting_free(struct painting *painting);

/* Sorts numbers and takes out what is there twice; returns how many stay. */
size_t numbers_sort(uint32_t *numbers, size_t count);

#endif
