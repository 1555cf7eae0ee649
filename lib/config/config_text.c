/* SPDX-License-Identifier: ISC */
/*
 * config_text: a scanner that sees the same words, strings and comments as
 * libconfuse's lexer. It must not check keys or values: what it lets through
 * is libconfuse's to parse.
 */
#include "config/config_text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A word or a string; any other token is its own character, += is =. */
#define TOKEN_WORD 'w'

struct scan {
	struct config_report *report;
	struct config_place at;
	const char *in;
	const char *end;
	char *out; /* never ahead of in */
	int last;  /* the last token; 0 at the start */
	size_t depth;
	uint32_t brace_line; /* of the { at depth 0 */
	bool list;           /* the last { began a list */
	int parenthesis;     /* tokens since a (, itself counted; 0 outside */
};

#define refuse(scan, ...) \
	config_report_error((scan)->report, -EINVAL, &(scan)->at, __VA_ARGS__)

/* Nothing but text: a NUL or an escape sequence is never what was meant. */
static int
check_bytes(struct scan *scan)
{
	for (const char *c = scan->in; c < scan->end; c++) {
		unsigned char byte = (unsigned char)*c;

		if (byte == '\n')
			scan->at.line++;
		if (byte == '\r' && c + 1 < scan->end && c[1] == '\n')
			continue;
		if (byte == '\r')
			return refuse(scan,
			    "a carriage return without a newline; end lines "
			    "with a newline");
		if ((byte < ' ' && byte != '\n' && byte != '\t') ||
		    byte == 0x7f)
			return refuse(scan,
			    "byte 0x%02x is not text; the configuration is a "
			    "plain text file",
			    byte);
	}
	scan->at.line = 1;
	return 0;
}

/* The byte so far ahead, NUL behind the end. */
static char
peek(const struct scan *scan, ptrdiff_t ahead)
{
	if (ahead >= scan->end - scan->in)
		return '\0';
	return scan->in[ahead];
}

static bool
is_word(char c)
{
	return c && !strchr(" \t\r\n#\"'={}()+,*", c);
}

static void
skip_line(struct scan *scan)
{
	while (scan->in < scan->end && *scan->in != '\n')
		scan->in++;
}

static int
skip_comment(struct scan *scan)
{
	struct config_place start = scan->at;

	for (scan->in += 2; scan->in + 1 < scan->end; scan->in++) {
		if (scan->in[0] == '*' && scan->in[1] == '/') {
			scan->in += 2;
			return 0;
		}
		if (*scan->in == '\n')
			scan->at.line++;
	}
	return config_report_error(scan->report, -EINVAL, &start,
	    "the comment that begins here has no end; write */ where it ends");
}

/* Blanks and comments. */
static int
skip_blank(struct scan *scan)
{
	while (scan->in < scan->end) {
		char next = peek(scan, 1);

		if (*scan->in == '\n') {
			scan->at.line++;
			scan->in++;
		} else if (strchr(" \t\r", *scan->in)) {
			scan->in++;
		} else if (*scan->in == '#' ||
			   (*scan->in == '/' && next == '/')) {
			skip_line(scan);
		} else if (*scan->in == '/' && next == '*') {
			int error = skip_comment(scan);

			if (error)
				return error;
		} else {
			break;
		}
	}
	return 0;
}

static int
refuse_variable(struct scan *scan)
{
	return refuse(scan,
	    "${...} is not replaced, because a compiled policy would keep the "
	    "value; write the value itself");
}

static int
refuse_length(struct scan *scan)
{
	return refuse(scan,
	    "longer than %u characters; is a blank or a quote missing?",
	    CONFIG_TEXT_WORD_MAX);
}

static int
take_word(struct scan *scan)
{
	const char *start = scan->in;

	while (is_word(peek(scan, 0)))
		*scan->out++ = *scan->in++;
	if (scan->in - start > CONFIG_TEXT_WORD_MAX)
		return refuse_length(scan);
	if (scan->in[-1] == '$' && peek(scan, 0) == '{')
		return refuse_variable(scan);
	return 0;
}

static int
take_string(struct scan *scan)
{
	char quote = *scan->in;
	struct config_place start = scan->at;
	const char *first = scan->in + 1;

	*scan->out++ = *scan->in++;
	while (
	    scan->in < scan->end && *scan->in != quote && *scan->in != '\n') {
		char c = *scan->in++;
		char next = peek(scan, 0);

		if (scan->in - first > CONFIG_TEXT_WORD_MAX)
			return refuse_length(scan);
		if (quote == '"' && c == '$' && next == '{')
			return refuse_variable(scan);
		*scan->out++ = c;
		if (c != '\\' || !next)
			continue;
		if (quote == '"' && isalnum((unsigned char)next))
			return refuse(scan,
			    "\"\\%c\" in a string; write the character itself, "
			    "or \\\\ for a backslash",
			    next);
		if (next == '\n')
			scan->at.line++;
		*scan->out++ = *scan->in++;
	}
	if (peek(scan, 0) != quote)
		return config_report_error(scan->report, -EINVAL, &start,
		    "the string that begins here has no end on its line; "
		    "write %c where it ends",
		    quote);
	*scan->out++ = *scan->in++;
	return 0;
}

static void
open_brace(struct scan *scan)
{
	if (!scan->depth++)
		scan->brace_line = scan->at.line;
	scan->list = scan->last == '=';
}

static int
close_brace(struct scan *scan)
{
	if (scan->last == '{' && scan->list)
		return refuse(scan,
		    "an empty list; leave the key out to match everything");
	/* One too many is libconfuse's to find. */
	if (scan->depth)
		scan->depth--;
	return 0;
}

/*
 * Parentheses are for include("FILE") alone. libconfuse loses memory over
 * anything else in them.
 */
static int
check_parenthesis(struct scan *scan, int token)
{
	bool fits;

	switch (scan->parenthesis) {
	case 0:
		fits =
		    token != ')' && (token != '(' || scan->last == TOKEN_WORD);
		break;
	case 1:
		fits = token == TOKEN_WORD;
		break;
	default:
		fits = token == ')';
	}
	if (!fits)
		return refuse(scan, "parentheses are for include alone; write "
				    "include(\"FILE\")");
	if (token == ')')
		scan->parenthesis = 0;
	else if (token == '(' || scan->parenthesis)
		scan->parenthesis++;
	return 0;
}

static int
take_sign(struct scan *scan)
{
	char sign = *scan->in;
	char next = peek(scan, 1);

	if (sign == '*' && scan->last == TOKEN_WORD && scan->in[-1] == '/')
		return refuse(scan,
		    "a comment in the middle of a word; write a blank before "
		    "the /*");
	/* libconfuse would drop it without a word. */
	if (sign == '*' || (sign == '+' && next != '='))
		return refuse(scan,
		    "a %c outside of quotes; write a value that has one in "
		    "quotes, such as \"sm_*\"",
		    sign);
	if (sign == '+')
		*scan->out++ = *scan->in++;
	*scan->out++ = *scan->in++;
	return 0;
}

static int
take_token(struct scan *scan)
{
	int token = *scan->in == '+' ? '=' : *scan->in;
	int error;

	if (is_word(*scan->in) || *scan->in == '"' || *scan->in == '\'')
		token = TOKEN_WORD;
	error = check_parenthesis(scan, token);
	if (token == '{')
		open_brace(scan);
	if (!error && token == '}')
		error = close_brace(scan);
	if (error)
		return error;
	if (token != TOKEN_WORD)
		error = take_sign(scan);
	else if (is_word(*scan->in))
		error = take_word(scan);
	else
		error = take_string(scan);
	scan->last = token;
	return error;
}

static void
put_blank(struct scan *scan, uint32_t newlines)
{
	if (!newlines)
		*scan->out++ = ' ';
	while (newlines--)
		*scan->out++ = '\n';
}

/* One token and the blanks before it. */
static int
step(struct scan *scan)
{
	const char *start = scan->in;
	uint32_t line = scan->at.line;
	bool blank, late;
	int error;

	error = skip_blank(scan);
	if (error || scan->in == scan->end)
		return error;
	blank = scan->in > start;
	/*
	 * libconfuse calls us back for the first key of a rule, or else at its
	 * end. So that the line of an empty rule is known too, it ends on the
	 * line where it begins, and the newlines in it follow.
	 */
	late = scan->last == '{' && *scan->in == '}';
	line = scan->at.line - line;
	if (blank && !late)
		put_blank(scan, line);
	error = take_token(scan);
	if (blank && late && !error)
		put_blank(scan, line);
	return error;
}

int
config_text_tidy(struct config_report *report, const char *file, char *bytes,
    size_t *size, uint32_t *open_line)
{
	struct scan scan = {
	    .report = report,
	    .at = {file, 1},
	    .in = bytes,
	    .end = bytes + *size,
	    .out = bytes,
	};
	int error;

	/* A byte order mark, as some editors write it. */
	if (*size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		scan.in += 3;
	error = check_bytes(&scan);
	while (!error && scan.in < scan.end)
		error = step(&scan);
	if (error)
		return error;
	if (scan.parenthesis)
		return refuse(
		    &scan, "a ( without a ); write include(\"FILE\")");
	/* No newline: a mistake at the end is on the line of the last word. */
	*scan.out++ = ' ';
	*size = (size_t)(scan.out - bytes);
	*open_line = scan.depth ? scan.brace_line : 0;
	return 0;
}
