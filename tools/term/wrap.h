/* SPDX-License-Identifier: ISC */
/*
 * wrap: text for a person, in lines that fit a terminal.
 */
#ifndef KASHIM_WRAP_H
#define KASHIM_WRAP_H

#include <stdio.h>

/*
 * Prints text, broken at blanks, and a newline. at columns are printed in the
 * first line already; the others are indented by indent. A word that is too
 * long for a line has one of its own. A newline is kept: who has names from
 * elsewhere in the text takes it out of them. What else is not harmless
 * (text.h) becomes a question mark.
 */
void wrap_print(FILE *out, const char *text, unsigned int at,
    unsigned int indent, unsigned int columns);

#endif
