/* SPDX-License-Identifier: ISC */
/*
 * clock: the time that waits and limits are counted in.
 */
#ifndef KASHIM_CLOCK_H
#define KASHIM_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment, whatever is set (clock_gettime(2)). */
static inline int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
