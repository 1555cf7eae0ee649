/* SPDX-License-Identifier: ISC */
/*
 * compiled: what the commands need to know of the files that are made of a
 * configuration: whether the time of a source can be relied on, and why such
 * a file is not used.
 */
#ifndef KASHIM_COMPILED_H
#define KASHIM_COMPILED_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "image/image.h"

#define COMPILED_TEXT_MAX 4608 /* PATH_MAX and words */

/*
 * Was a file of the configuration changed while it was read, between the times
 * begun and ended of CLOCK_REALTIME, or so shortly before that another change
 * could have left it the same time? The kernel's clock for files moves in
 * steps. Waits until that is over, a second at most, and returns true: read it
 * again.
 */
bool compiled_too_young(
    const struct image *image, struct timespec begun, struct timespec ended);

/*
 * Why the compiled image of the configuration file at config is not used by
 * programs that start, or what is published of it does not reach them: "the
 * compiled policy FILE is not used: REASON; WHAT TO DO", in text, which has
 * room for COMPILED_TEXT_MAX bytes. n is 0 for the first reason, and counts.
 * Returns false if there is none with this number. A file that is not there
 * is no reason.
 */
bool compiled_complaint(
    const char *config, unsigned int n, char text[COMPILED_TEXT_MAX]);

#endif
