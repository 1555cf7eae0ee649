/* SPDX-License-Identifier: ISC */
/*
 * auxv: the auxiliary vector of another process, as /proc/PID/auxv has it
 * (proc(5), getauxval(3)): words of that process's own size.
 */
#ifndef KASHIM_AUXV_H
#define KASHIM_AUXV_H

#include <stddef.h>
#include <stdint.h>

/* More than any kernel has: some 25 pairs. */
#define AUXV_MAX 2048

/* The value of a type, AT_RANDOM and the like, in size bytes; 0 if none. */
uint64_t auxv_find(const char *bytes, size_t size, uint64_t type);

#endif
