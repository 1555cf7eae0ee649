/* SPDX-License-Identifier: ISC */
/*
 * supervise_clock: the time that the supervisor's waits are counted in.
 */
#ifndef KASHIM_SUPERVISE_CLOCK_H
#define KASHIM_SUPERVISE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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
