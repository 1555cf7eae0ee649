/* SPDX-License-Identifier: ISC */
/*
 * text: names that others chose, made harmless.
 */
#include "term/text.h"

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define ELLIPSIS    L'\u2026'
#define REPLACEMENT "\xef\xbf\xbd"

/* A character as the locale writes it, and the columns that it takes. */
struct glyph {
	char bytes[16];
	size_t length;
	size_t columns;
};

/* Takes one character from text; returns where the next one begins. */
static const char *
next_glyph(const char *text, struct glyph *glyph)
{
	mbstate_t state = {0};
	wchar_t wide;
	size_t length = mbrtowc(&wide, text, strlen(text), &state);
	int columns = -1;

	*glyph = (struct glyph){.bytes = "?", .length = 1, .columns = 1};
	if (length == (size_t)-1 || length == (size_t)-2)
		return text + 1;
	if (iswprint((wint_t)wide))
		columns = wcwidth(wide);
	/* What takes no column may change how its neighbours are shown. */
	if (columns > 0 && length < sizeof(glyph->bytes)) {
		memcpy(glyph->bytes, text, length);
		glyph->length = length;
		glyph->columns = (size_t)columns;
	}
	return text + length;
}

static void
make_ellipsis(struct glyph *glyph)
{
	mbstate_t state = {0};
	size_t length = wcrtomb(glyph->bytes, ELLIPSIS, &state);

	if (length == (size_t)-1) {
		glyph->bytes[0] = '~';
		length = 1;
	}
	glyph->length = length;
	glyph->columns = 1;
}

size_t
text_fit(const char *text, size_t columns, char *out, size_t size)
{
	size_t used = 0, length = 0;
	/* Where the ellipsis would go. */
	size_t cut = 0, cut_used = 0;
	struct glyph glyph, ellipsis;

	make_ellipsis(&ellipsis);
	while (*text) {
		text = next_glyph(text, &glyph);
		if (used + glyph.columns > columns ||
		    length + glyph.length + ellipsis.length >= size)
			goto cut;
		if (used + 1 <= columns) {
			cut = length;
			cut_used = used;
		}
		memcpy(out + length, glyph.bytes, glyph.length);
		length += glyph.length;
		used += glyph.columns;
	}
	out[length] = '\0';
	return used;
cut:
	if (used < columns) {
		cut = length;
		cut_used = used;
	}
	if (columns == 0 || size <= ellipsis.length) {
		out[0] = '\0';
		return 0;
	}
	memcpy(out + cut, ellipsis.bytes, ellipsis.length);
	out[cut + ellipsis.length] = '\0';
	return cut_used + 1;
}

void
text_word(const char *text, char *out, size_t size)
{
	size_t length = 0;

	if (!*text)
		text = "-";
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte > ' ' && byte < 0x7f && byte != '\\') {
			if (length + 1 >= size)
				break;
			out[length++] = (char)byte;
		} else {
			if (length + 4 >= size)
				break;
			length += (size_t)snprintf(
			    out + length, size - length, "\\%03o", byte);
		}
	}
	out[length] = '\0';
}

/* The length of well-formed UTF-8 (RFC 3629) at text, and what it is; or 0. */
static size_t
decode(const unsigned char *text, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead, length;
		uint32_t least;
	} forms[] = {
	    {0x80, 0x00, 1, 0},
	    {0xe0, 0xc0, 2, 0x80},
	    {0xf0, 0xe0, 3, 0x800},
	    {0xf8, 0xf0, 4, 0x10000},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((*text & forms[i].mask) != forms[i].lead)
			continue;
		*code = *text & (uint8_t)~forms[i].mask;
		for (size_t n = 1; n < forms[i].length; n++) {
			if ((text[n] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (text[n] & 0x3f);
		}
		if (*code < forms[i].least || *code > 0x10ffff ||
		    (*code >= 0xd800 && *code < 0xe000))
			return 0;
		return forms[i].length;
	}
	return 0;
}

size_t
text_character(const char *text, bool *harmless)
{
	static const struct {
		uint32_t first, last;
	} harmful[] = {
	    {0, 0x1f},
	    {0x7f, 0x9f},
	    {0x61c, 0x61c},
	    {0x200e, 0x200f},
	    {0x2028, 0x202e},
	    {0x2066, 0x2069},
	};
	uint32_t code;
	size_t length = decode((const unsigned char *)text, &code);

	*harmless = length > 0;
	for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
		if (length > 0 && code >= harmful[i].first &&
		    code <= harmful[i].last)
			*harmless = false;
	return length > 0 ? length : 1;
}

bool
text_is_harmless(const char *text)
{
	bool harmless = true;

	while (*text && harmless)
		text += text_character(text, &harmless);
	return harmless;
}

void
text_make_harmless(char *text)
{
	char *out = text;

	while (*text) {
		bool harmless;
		size_t length = text_character(text, &harmless);

		if (harmless)
			memmove(out, text, length);
		else
			*out = '?';
		out += harmless ? length : 1;
		text += length;
	}
	*out = '\0';
}

/* In memory from malloc(3), harmless; NULL, after a message, if that is out. */
__attribute__((format(printf, 1, 0))) static char *
format_harmless(const char *format, va_list args)
{
	char *text;

	if (vasprintf(&text, format, args) < 0) {
		warnx("%s", strerror(ENOMEM));
		return NULL;
	}
	text_make_harmless(text);
	return text;
}

void
text_warnx(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_harmless(format, args);
	va_end(args);
	if (text)
		warnx("%s", text);
	free(text);
}

void
text_puts(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = format_harmless(format, args);
	va_end(args);
	if (text)
		puts(text);
	free(text);
}

void
text_utf8(const char *text, char *out, size_t size)
{
	size_t used = 0;

	while (*text) {
		bool harmless;
		size_t length = text_character(text, &harmless);
		const char *from = harmless ? text : REPLACEMENT;
		size_t add = harmless ? length : strlen(REPLACEMENT);

		if (used + add >= size)
			break;
		memcpy(out + used, from, add);
		used += add;
		text += length;
	}
	out[used] = '\0';
}
