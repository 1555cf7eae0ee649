/* SPDX-License-Identifier: ISC */
/*
 * unit_text: the languages of unit files and of environment files
 * (unit_text.h).
 */
#include "unit/unit_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "unit/unit.h"

#define BLANKS          " \t\n\r"
#define COMMENTS        "#;"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Text that grows; every function but the first ignores it once it failed. */
struct buffer {
	char *text;
	size_t length, capacity;
	bool failed;
};

static void
add(struct buffer *buffer, const char *text, size_t length)
{
	if (buffer->failed)
		return;
	if (buffer->capacity - buffer->length <= length) {
		size_t capacity = (buffer->length + length + 1) * 2;
		char *more = realloc(buffer->text, capacity);

		if (!more) {
			buffer->failed = true;
			return;
		}
		buffer->text = more;
		buffer->capacity = capacity;
	}
	memcpy(buffer->text + buffer->length, text, length);
	buffer->length += length;
	buffer->text[buffer->length] = '\0';
}

static void
clear(struct buffer *buffer)
{
	buffer->length = 0;
	add(buffer, "", 0);
}

/* Takes the blanks at both ends away, in place. */
static char *
strip(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* An odd number of backslashes at the end: the next line belongs to it. */
static bool
continues(const char *line, size_t length)
{
	size_t count = 0;

	while (count < length && line[length - 1 - count] == '\\')
		count++;
	return count % 2 == 1;
}

/* One whole line: a heading goes to section, an assignment to each. */
static int
take_line(struct buffer *line, struct buffer *section, uint32_t number,
    int (*each)(const char *section, const char *key, const char *value,
	uint32_t line, void *data),
    void *data)
{
	char *text, *equals;
	size_t length;

	if (line->failed || section->failed)
		return -ENOMEM;
	text = strip(line->text);
	length = strlen(text);
	if (*text == '[') {
		clear(section);
		if (text[length - 1] == ']')
			add(section, text + 1, length - 2);
		return section->failed ? -ENOMEM : 0;
	}
	equals = strchr(text, '=');
	if (!equals || section->length == 0)
		return 0;
	*equals = '\0';
	return each(
	    section->text, strip(text), strip(equals + 1), number, data);
}

int
unit_text_settings(const char *text,
    int (*each)(const char *section, const char *key, const char *value,
	uint32_t line, void *data),
    void *data)
{
	struct buffer line = {0}, section = {0};
	uint32_t number = 0, first = 0;
	bool open = false;
	int result = 0;

	clear(&line);
	clear(&section);
	if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
		text += strlen(BYTE_ORDER_MARK);
	while (*text && result == 0) {
		size_t length = strcspn(text, "\n"), used = length, blank;

		number++;
		if (used > 0 && text[used - 1] == '\r')
			used--;
		blank = strspn(text, " \t\r");
		if (blank > used)
			blank = used;
		/* A comment is none, even where a line is continued. */
		if (blank == used || !strchr(COMMENTS, text[blank])) {
			bool more = continues(text + blank, used - blank);

			if (!open)
				first = number;
			add(&line, text + blank, used - blank - more);
			if (more)
				add(&line, " ", 1);
			open = more;
			if (!open) {
				result = take_line(
				    &line, &section, first, each, data);
				clear(&line);
			}
		}
		text += length;
		if (*text)
			text++;
	}
	if (result == 0 && open)
		result = take_line(&line, &section, first, each, data);
	free(line.text);
	free(section.text);
	return result;
}

/* A number of digits digits in this base. Returns -1 if there is none. */
static int64_t
digits(const char *text, int count, unsigned int base)
{
	int64_t number = 0;

	for (int i = 0; i < count; i++) {
		static const char figures[] = "0123456789abcdef";
		char lower = text[i];
		const char *figure;

		if (lower >= 'A' && lower <= 'F')
			lower = (char)(lower - 'A' + 'a');
		figure = lower ? strchr(figures, lower) : NULL;
		if (!figure || figure - figures >= (ptrdiff_t)base)
			return -1;
		number = number * base + (figure - figures);
	}
	return number;
}

static void
add_character(struct buffer *buffer, uint32_t code)
{
	char bytes[4];
	size_t count = 0;

	if (code < 0x80) {
		bytes[count++] = (char)code;
	} else if (code < 0x800) {
		bytes[count++] = (char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		bytes[count++] = (char)(0xe0 | code >> 12);
		bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
	} else {
		bytes[count++] = (char)(0xf0 | code >> 18);
		bytes[count++] = (char)(0x80 | (code >> 12 & 0x3f));
		bytes[count++] = (char)(0x80 | (code >> 6 & 0x3f));
	}
	if (count > 0 && code >= 0x80)
		bytes[count++] = (char)(0x80 | (code & 0x3f));
	add(buffer, bytes, count);
}

/* What is behind a backslash. Returns how many bytes that is, or -EINVAL. */
static int
escape(const char *text, struct buffer *buffer)
{
	static const char letters[] = "abfnrtv\\\"'s";
	static const char meanings[] = "\a\b\f\n\r\t\v\\\"' ";
	const char *letter = *text ? strchr(letters, *text) : NULL;
	int64_t code;
	char byte;
	int used;

	if (letter) {
		add(buffer, meanings + (letter - letters), 1);
		return 1;
	}
	switch (*text) {
	case 'x':
		used = 3;
		code = digits(text + 1, 2, 16);
		break;
	case 'u':
		used = 5;
		code = digits(text + 1, 4, 16);
		break;
	case 'U':
		used = 9;
		code = digits(text + 1, 8, 16);
		break;
	default:
		used = 3;
		code = digits(text, 3, 8);
		if (code > 0xff)
			return -EINVAL;
	}
	if (code <= 0 || code > 0x10ffff)
		return -EINVAL;
	if (used > 3) {
		add_character(buffer, (uint32_t)code);
	} else {
		byte = (char)code;
		add(buffer, &byte, 1);
	}
	return used;
}

int
unit_word(const char **text, char **word)
{
	struct buffer buffer = {0};
	const char *at = *text + strspn(*text, BLANKS);
	char quote = '\0';

	*word = NULL;
	if (*at == '\0') {
		*text = at;
		return 0;
	}
	clear(&buffer);
	for (; *at && (quote || !strchr(BLANKS, *at)); at++) {
		if (*at == '\\') {
			int used = escape(at + 1, &buffer);

			if (used < 0) {
				free(buffer.text);
				return used;
			}
			at += used;
		} else if (quote && *at == quote) {
			quote = '\0';
		} else if (!quote && (*at == '"' || *at == '\'')) {
			quote = *at;
		} else {
			add(&buffer, at, 1);
		}
	}
	if (quote || buffer.failed) {
		free(buffer.text);
		return quote ? -EINVAL : -ENOMEM;
	}
	*text = at + strspn(at, BLANKS);
	*word = buffer.text;
	return 1;
}

/*
 * The value of a variable, up to the end of its line. Blanks are kept in
 * value only up to *solid, its length when it last got something that counts.
 */
static const char *
take_value(const char *at, struct buffer *value)
{
	size_t solid = 0;
	bool begun = false; /* a quote is one at the beginning, or after one */

	for (; *at && *at != '\n' && *at != '\r'; at++) {
		if (!begun && (*at == '\'' || *at == '"')) {
			char quote = *at++;

			for (; *at && *at != quote; at++) {
				if (quote == '"' && *at == '\\' && at[1]) {
					at++;
					if (*at == '\n')
						continue;
					if (!strchr("\"\\`$", *at))
						add(value, "\\", 1);
				}
				add(value, at, 1);
			}
			solid = value->length;
			if (*at == '\0')
				break;
		} else if (*at == '\\') {
			begun = true;
			if (*++at == '\0')
				break;
			if (*at != '\n' && *at != '\r')
				add(value, at, 1);
			solid = value->length;
		} else if (strchr(BLANKS, *at)) {
			if (begun)
				add(value, at, 1);
		} else {
			begun = true;
			add(value, at, 1);
			solid = value->length;
		}
	}
	if (!value->failed) {
		value->length = solid;
		value->text[solid] = '\0';
	}
	return at;
}

int
unit_text_variables(const char *text,
    int (*each)(const char *name, const char *value, void *data), void *data)
{
	struct buffer name = {0}, value = {0};
	int result = 0;

	while (result == 0 && *(text += strspn(text, BLANKS))) {
		size_t length = strcspn(text, "=\n\r");

		if (strchr(COMMENTS, *text) || text[length] != '=') {
			text += strcspn(text, "\n\r");
			continue;
		}
		clear(&name);
		clear(&value);
		add(&name, text, length);
		text = take_value(text + length + 1, &value);
		result = name.failed || value.failed
		             ? -ENOMEM
		             : each(strip(name.text), value.text, data);
	}
	free(name.text);
	free(value.text);
	return result;
}
