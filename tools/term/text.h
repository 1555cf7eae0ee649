/* SPDX-License-Identifier: ISC */
/*
 * text: names that others chose, such as those of programs, made harmless for
 * a terminal, for awk(1), and for formats that are UTF-8. A program can call
 * itself anything, escape sequences included.
 */
#ifndef KASHIM_TEXT_H
#define KASHIM_TEXT_H

#include <stdbool.h>
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
 * The length of the character at text, which is not "". *harmless says whether
 * a terminal just shows it: false for a byte that is not well-formed UTF-8
 * (RFC 3629), for control characters, the newline among them, for those that
 * end a line (U+2028, U+2029), and for those that turn the direction of what
 * stands beside them (Bidi_Control in Unicode's PropList.txt).
 */
size_t text_character(const char *text, bool *harmless);

/* Are they all? Of "" too. */
bool text_is_harmless(const char *text);

/* Makes each character that is not harmless a '?', in place. */
void text_make_harmless(char *text);

/* warnx(3) for messages with names from elsewhere: made harmless. */
__attribute__((format(printf, 1, 2))) void text_warnx(const char *format, ...);

/* puts(3) for such a line: made harmless, and a newline behind it. */
__attribute__((format(printf, 1, 2))) void text_puts(const char *format, ...);

/*
 * Copies text as valid UTF-8: each character that is not harmless becomes
 * U+FFFD. Cut off between characters at size.
 */
void text_utf8(const char *text, char *out, size_t size);

#endif
