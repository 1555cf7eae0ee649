/* SPDX-License-Identifier: ISC */
/*
 * terminal: asks the stream and the environment, each time anew.
 */
#include "term/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SIZE_MAX_SANE 10000

static bool
is_dumb(void)
{
	const char *term = getenv("TERM");

	return !term || !*term || strcmp(term, "dumb") == 0;
}

bool
terminal_draws(FILE *stream)
{
	return isatty(fileno(stream)) && !is_dumb();
}

bool
terminal_has_colour(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");

	return !(no_color && *no_color) && terminal_draws(stream);
}

/*
 * Each terminal chooses the shades of the 16 colours that every one has, and
 * often green and yellow are too pale for a white background; magenta is not.
 * The 256 colours are the same everywhere; those here have a contrast of 3.9
 * or more with black and with white.
 */
static bool
has_256_colours(void)
{
	const char *term = getenv("TERM");
	const char *colorterm = getenv("COLORTERM");

	return (term && strstr(term, "256color")) || (colorterm && *colorterm);
}

const char *
terminal_sequence(bool coloured, enum terminal_colour colour)
{
	static const char *const sequences[][2] = {
	    [TERMINAL_PLAIN] = {"\033[m", "\033[m"},
	    [TERMINAL_GOOD] = {"\033[32m", "\033[38;5;28m"},
	    [TERMINAL_WARN] = {"\033[35m", "\033[38;5;130m"},
	    [TERMINAL_BAD] = {"\033[31m", "\033[38;5;160m"},
	    [TERMINAL_FAINT] = {"\033[2m", "\033[38;5;244m"},
	    [TERMINAL_BOLD] = {"\033[1m", "\033[1m"},
	};

	if (!coloured || colour > TERMINAL_BOLD)
		return "";
	return sequences[colour][has_256_colours()];
}

const char *
terminal_colour(FILE *stream, enum terminal_colour colour)
{
	return terminal_sequence(terminal_has_colour(stream), colour);
}

/* A number in the environment, or the fallback. */
static unsigned int
number(const char *name, unsigned int fallback)
{
	const char *text = getenv(name);
	char *end;
	unsigned long value;

	if (!text || text[strspn(text, "0123456789")] != '\0')
		return fallback;
	value = strtoul(text, &end, 10);
	if (end == text || value < 1 || value > SIZE_MAX_SANE)
		return fallback;
	return (unsigned int)value;
}

unsigned int
terminal_columns(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return number("COLUMNS", 80);
}

unsigned int
terminal_rows(FILE *stream)
{
	struct winsize size;

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
		return size.ws_row;
	return number("LINES", 24);
}
