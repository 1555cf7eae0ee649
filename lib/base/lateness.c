/* SPDX-License-Identifier: ISC */
/*
 * lateness: how late a timer of the kernel may run out (lateness.h).
 */
#include "base/lateness.h"

#include <time.h>

/* As in kernel/time/timer.c. */
#define SLOTS      64 /* LVL_SIZE */
#define SHIFT      3  /* LVL_CLK_SHIFT */
#define LEVEL_LAST 8  /* LVL_DEPTH - 1; with HZ <= 100 it is 7 */

static int64_t
of_one(unsigned int hz, int64_t time_ms)
{
	const int64_t ticks = (time_ms * hz + 999) / 1000;
	unsigned int level = 0;

	/* LVL_START(level + 1) */
	while (level < LEVEL_LAST && ticks >= (int64_t)(SLOTS - 1)
						  << (level * SHIFT))
		level++;
	/* A whole slot, and the tick that has begun already. */
	return (((INT64_C(1) << (level * SHIFT)) + 1) * 1000 + hz - 1) / hz;
}

int64_t
lateness_ms(unsigned int hz, int64_t time_ms)
{
	static const unsigned int common[] = {100, 250, 300, 1000};
	int64_t worst = 0;

	if (hz != 0)
		return of_one(hz, time_ms);
	for (unsigned int i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
		const int64_t late = of_one(common[i], time_ms);

		if (late > worst)
			worst = late;
	}
	return worst;
}

unsigned int
lateness_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 ||
	    tick.tv_sec != 0 || tick.tv_nsec == 0)
		return 0;
	return (unsigned int)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
}
