/* SPDX-License-Identifier: ISC */
/*
 * kernel_parts: what kernel_program.c and kernel_attached.c tell each other.
 */
#ifndef KASHIM_KERNEL_PARTS_H
#define KASHIM_KERNEL_PARTS_H

#include <linux/bpf.h>
#include <stdbool.h>

#include "bpf/policy.h"
#include "image/image.h"
#include "kernel/kernel.h"

/* Does a rule of it hold against what the program sets itself? */
bool kernel_holds(const struct image *image);

/* Beside those of the hooks, a map of which socket belongs to whom, and one of
 * what is counted. */
#define KERNEL_OWNERS   KERNEL_HOOKS
#define KERNEL_COUNTERS (KERNEL_HOOKS + 1)

/*
 * The descriptor of the map that goes with the program for this hook: the
 * policy of KERNEL_CONNECTIONS, what KERNEL_HOLD remembers; or of
 * KERNEL_OWNERS, KERNEL_COUNTERS. -1: there is none.
 */
int
kernel_program_map(const struct kernel_program *program, enum kernel_hook hook);

/*
 * What programs in the kernel remember of sockets, for those with a new policy
 * to go on with: the map of KERNEL_HOLD, or KERNEL_OWNERS. Returns a descriptor
 * of the one that some attached program has, or -errno if there is none; *info
 * tells of it.
 */
int kernel_remembered(enum kernel_hook hook, struct bpf_map_info *info);

/*
 * What is counted for a control group, for the next program there to go on
 * with. Returns as kernel_remembered().
 */
int kernel_counted(uint64_t cgroup, struct bpf_map_info *info);

/*
 * Where the running kernel has what a program is called, by what it says of its
 * types (BTF). Only asked if a rule names programs, so that other policies do
 * without. Returns 0 or -errno.
 */
int kernel_fields(struct bpf_fields *fields);

#endif
