/* SPDX-License-Identifier: ISC */
/*
 * refused: what of a policy the programs in the kernel (lib/bpf) can't do. Such
 * a policy is not attached at all: nothing differs without a word.
 */
#ifndef KASHIM_REFUSED_H
#define KASHIM_REFUSED_H

#include <stdbool.h>

#include "image/image.h"

#define REFUSED_TEXT_MAX 512

/*
 * Does the checked image have a rule that they can't do? Then text names the
 * first one: "FILE:LINE: rule NAME ...".
 */
bool refused(const struct image *image, char text[REFUSED_TEXT_MAX]);

/*
 * Why the running kernel knows no programs by their names, as text says of the
 * first rule that names some.
 */
void refused_programs(
    const struct image *image, const char *reason, char text[REFUSED_TEXT_MAX]);

#endif
