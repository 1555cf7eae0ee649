/* SPDX-License-Identifier: ISC */
/*
 * What the unit tests share: a main for one suite.
 */
#ifndef KASHIM_TEST_H
#define KASHIM_TEST_H

#include <check.h>
#include <stdlib.h>

#include "random.h"

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

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
