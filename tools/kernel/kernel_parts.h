/* SPDX-License-Identifier: ISC */
/*
 * kernel_parts: what kernel_program.c and kernel_attached.c tell each other.
 */
#ifndef KASHIM_KERNEL_PARTS_H
#define KASHIM_KERNEL_PARTS_H

#include <linux/bpf.h>
#include <stdbool.h>

#include "image/image.h"
#include "kernel/kernel.h"

/* Does a rule of it hold against what the program sets itself? */
bool kernel_holds(const struct image *image);

/* The descriptor of the map that goes with the program for this hook: the
 * policy of KERNEL_CONNECTIONS, what KERNEL_HOLD remembers. -1: there is none.
 */
int
kernel_program_map(const struct kernel_program *program, enum kernel_hook hook);

/*
 * What programs in the kernel remember of sockets, for those with a new policy
 * to go on with. Returns a descriptor of the map that some attached program
 * has, or -errno if there is none; *info tells of it.
 */
int kernel_marks(struct bpf_map_info *info);

#endif
