/* SPDX-License-Identifier: ISC */
/*
 * terminal: what a stream's terminal can show. Colour is for a terminal
 * only, and not where NO_COLOR is set to anything but nothing
 * (https://no-color.org) or TERM is "dumb".
 */
#ifndef KASHIM_TERMINAL_H
#define KASHIM_TERMINAL_H

#include <stdbool.h>
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

/* Does stream lead to a terminal that can draw: not to one with TERM=dumb? */
bool terminal_draws(FILE *stream);

/* Is stream to have colours? */
bool terminal_has_colour(FILE *stream);

/*
 * The escape sequence that begins a colour, or ends any (TERMINAL_PLAIN); ""
 * where stream is not to have colours.
 */
const char *terminal_colour(FILE *stream, enum terminal_colour colour);

/* The same for who knows already whether there are to be colours. */
const char *terminal_sequence(bool coloured, enum terminal_colour colour);

/*
 * Columns of the stream's terminal; COLUMNS, if that is a number; 80 if there
 * is neither.
 */
unsigned int terminal_columns(FILE *stream);

/* The same for its rows, LINES and 24. */
unsigned int terminal_rows(FILE *stream);

#endif
