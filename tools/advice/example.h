/* SPDX-License-Identifier: ISC */
/*
 * example: how to begin, for who has no configuration yet.
 */
#ifndef KASHIM_EXAMPLE_H
#define KASHIM_EXAMPLE_H

#include <limits.h>

#define EXAMPLE_TEXT_MAX (PATH_MAX + 64)

/*
 * What to do, in half a sentence, at text: "start with a copy of FILE", which
 * is the commented example that was installed, or that of the sources beside
 * which this command was built; or, if none can be read, where in the manual
 * the examples are.
 */
void example_hint(char text[EXAMPLE_TEXT_MAX]);

#endif
