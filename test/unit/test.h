/* SPDX-License-Identifier: ISC */
/*
 * What the unit tests share: a main for one suite, and a random generator
 * that gives the same numbers on every machine.
 */
#ifndef KASHIM_TEST_H
#define KASHIM_TEST_H

#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

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

static inline int
test_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
