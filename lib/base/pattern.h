/* SPDX-License-Identifier: ISC */
/*
 * pattern: does a shell pattern match a name? As fnmatch(3) without flags in
 * the C locale, but async-signal-safe, and the same in every locale of a
 * host: fnmatch(3) allocates where characters have several bytes.
 */
#ifndef KASHIM_PATTERN_H
#define KASHIM_PATTERN_H

#include <stdbool.h>

/*
 * In a pattern, "*" stands for any bytes, "?" for one, "[a-z]", "[!a-z]" and
 * "[[:alpha:]]" for one of a list, and a backslash takes the meaning from the
 * next byte. It takes no more than strlen(pattern) * strlen(name) steps.
 */
bool pattern_matches(const char *pattern, const char *name);

/*
 * One element of a pattern, at *pattern, which is neither its end nor a star:
 * does it match the byte c? *pattern goes behind it, if it can match any.
 */
bool pattern_element_matches(const char **pattern, unsigned char c);

#endif
