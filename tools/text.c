/* SPDX-License-Identifier: ISC */
/*
 * text: names that others chose, made harmless.
 */
#include "text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
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

/*
 * The length of the character at text if it is well-formed UTF-8 (RFC 3629)
 * and no control character, else 0.
 */
static size_t
utf8_length(const unsigned char *text)
{
	static const struct {
		uint8_t mask, lead;
		size_t length;
		uint32_t least;
	} forms[] = {
	    {0xe0, 0xc0, 2, 0x80},
	    {0xf0, 0xe0, 3, 0x800},
	    {0xf8, 0xf0, 4, 0x10000},
	};

	if (*text < 0x80)
		return *text >= ' ' && *text != 0x7f;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		uint32_t code;

		if ((*text & forms[i].mask) != forms[i].lead)
			continue;
		code = *text & (uint8_t)~forms[i].mask;
		for (size_t n = 1; n < forms[i].length; n++) {
			if ((text[n] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[n] & 0x3f);
		}
		if (code < forms[i].least || code < 0xa0 || code > 0x10ffff ||
		    (code >= 0xd800 && code < 0xe000))
			return 0;
		return forms[i].length;
	}
	return 0;
}

void
text_utf8(const char *text, char *out, size_t size)
{
	size_t used = 0;

	while (*text) {
		size_t length = utf8_length((const unsigned char *)text);
		const char *from = length ? text : REPLACEMENT;
		size_t add = length ? length : strlen(REPLACEMENT);

		if (used + add >= size)
			break;
		memcpy(out + used, from, add);
		used += add;
		text += length ? length : 1;
	}
	out[used] = '\0';
}
