/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets have in common.
 */
#ifndef KASHIM_TEST_FUZZ_H
#define KASHIM_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What has to hold, whatever the input is. */
#define MUST(condition)                                                     \
	do {                                                                \
		if (!(condition)) {                                         \
			fprintf(                                            \
			    stderr, "line %d: %s\n", __LINE__, #condition); \
			abort();                                            \
		}                                                           \
	} while (0)

/* Each target's one function, as libFuzzer calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
