/* SPDX-License-Identifier: ISC */
/*
 * A random generator that gives the same numbers on every machine.
 */
#ifndef KASHIM_TEST_RANDOM_H
#define KASHIM_TEST_RANDOM_H

#include <stdint.h>

/* xorshift64*; the seed is fixed, so a failure can be run again. */
static inline uint64_t
test_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint32_t
test_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(test_random(state) >> 33) % limit;
}

#endif
