/* SPDX-License-Identifier: ISC */
/*
 * patterns: the programs that rules name, in the form that the programs in the
 * kernel compare names with (bpf/policy.h).
 */
#ifndef KASHIM_PATTERNS_H
#define KASHIM_PATTERNS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/policy.h"
#include "image/image.h"

/* Is a pattern short enough? */
bool patterns_take(const char *pattern);

/*
 * Makes them, of a checked image whose patterns are all short enough and whose
 * groups are no more than BPF_GROUPS_MAX, and those of glibc's loader; in
 * memory from malloc(3). None are needed, and *list is NULL, if no rule names
 * programs. Returns 0 or -ENOMEM.
 */
int patterns_make(
    const struct image *image, struct bpf_patterns **list, uint32_t *count);

#endif
