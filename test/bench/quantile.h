/* SPDX-License-Identifier: ISC */
/* quantile: what the benches make of many times. */
#ifndef KASHIM_BENCH_QUANTILE_H
#define KASHIM_BENCH_QUANTILE_H

#include <stdlib.h>
#include <time.h>

static inline double
now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which the part of all lies. Sorts. */
static inline double
quantile(double *values, int count, double part)
{
	qsort(values, (size_t)count, sizeof(*values), compare_doubles);
	return values[(int)(part * (count - 1) + 0.5)];
}

#endif
