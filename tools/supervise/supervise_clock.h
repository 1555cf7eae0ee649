/* SPDX-License-Identifier: ISC */
/*
 * supervise_clock: what the supervisor's turns are counted in, besides clock.h.
 */
#ifndef KASHIM_SUPERVISE_CLOCK_H
#define KASHIM_SUPERVISE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/clock.h"

/* No time: nothing is due. */
#define CLOCK_NEVER INT64_MAX

/* How long anything goes on for at a time: a request may be waiting. */
#define CLOCK_SLICE_US 1000

/* What this process has used of a processor. */
static inline int64_t
clock_used_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

#endif
