/* SPDX-License-Identifier: ISC */
/*
 * terminal: what a stream's terminal can show. Colour is for a terminal
 * only, and not where NO_COLOR is set to anything but nothing
 * (https://no-color.org) or TERM is "dumb".
 */
#ifndef KASHIM_TERMINAL_H
#define KASHIM_TERMINAL_H

#include <stdio.h>

/* By meaning, so that a dark and a light background are both readable. */
enum terminal_colour {
	TERMINAL_PLAIN,
	TERMINAL_GOOD,
	TERMINAL_WARN,
	TERMINAL_BAD,
	TERMINAL_FAINT,
	TERMINAL_BOLD,
};

/*
 * The escape sequence that begins a colour, or ends any (TERMINAL_PLAIN); ""
 * where stream is not to have colours.
 */
const char *terminal_colour(FILE *stream, enum terminal_colour colour);

/*
 * Columns of the stream's terminal; COLUMNS, if that is a number; 80 if there
 * is neither.
 */
unsigned int terminal_columns(FILE *stream);

#endif
