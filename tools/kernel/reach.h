/* SPDX-License-Identifier: ISC */
/*
 * reach: which of what is attached (kernel.h) reaches a control group, and
 * which control groups that reaches. The one place for these questions.
 */
#ifndef KASHIM_REACH_H
#define KASHIM_REACH_H

#include <stddef.h>

#include "kernel/kernel.h"

struct reach {
	/*
	 * What is attached to it, and to those above it: the nearest first, in
	 * memory from malloc(3). What the last one names, counts.
	 */
	struct kernel_attached *list;
	size_t count;
	size_t
	    gone; /* of all that is attached anywhere, what reaches nothing */
};

/*
 * Finds what reaches the control group of that name, as process_group() has it
 * (host/process.h); where that is not there (any more), what reaches those
 * above it. Returns 0, also if it is nothing; or -errno, and text says why, and
 * the list is empty.
 */
int
reach_find(const char *group, struct reach *reach, char text[KERNEL_TEXT_MAX]);

/*
 * Finds which of what is listed reaches the control group of that number
 * (host/diag.h): *last is the one that counts, in the list. Returns 0; -ENOENT:
 * none does; -ESTALE: it was removed, or can't be seen from here.
 */
int reach_number(const struct kernel_attached *list, size_t count,
    uint64_t cgroup, size_t *last);

/* Has it exactly this policy? Returns 1, 0, or -errno if it can't be read. */
int
reach_has(const struct kernel_attached *attached, const struct image *image);

/*
 * Lists the control group at path and all below it, in the order of
 * diag_compare_cgroups(), in memory from malloc(3). One that goes or comes
 * meanwhile is there or not. Returns 0, and at least one is in the list; or
 * -errno, -ENOENT if path is gone, and the list is NULL.
 */
int reach_below(const char *path, uint64_t **cgroups, size_t *count);

#endif
