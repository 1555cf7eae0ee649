/* SPDX-License-Identifier: ISC */
/*
 * text: names that others chose, such as those of programs, made harmless for
 * a terminal, for awk(1), and for formats that are UTF-8. A program can call
 * itself anything, escape sequences included.
 */
#ifndef KASHIM_TEXT_H
#define KASHIM_TEXT_H

#include <stddef.h>

/*
 * Copies text to out, size bytes with the NUL, in at most the given columns.
 * What the locale (setlocale(3), LC_CTYPE) cannot print becomes '?'; if
 * something had to be cut off, an ellipsis says so. Returns the columns used.
 */
size_t text_fit(const char *text, size_t columns, char *out, size_t size);

/*
 * Copies text as one word of printable ASCII: blanks, backslashes and all
 * else become \ooo, as in fstab(5); nothing becomes "-". Cut off at size.
 */
void text_word(const char *text, char *out, size_t size);

/*
 * Copies text as valid UTF-8 without control characters: each byte that is
 * not part of it becomes U+FFFD. Cut off between characters at size.
 */
void text_utf8(const char *text, char *out, size_t size);

#endif
