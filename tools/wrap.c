/* SPDX-License-Identifier: ISC */
/*
 * wrap: text for a person, in lines that fit a terminal.
 */
#include "wrap.h"

#include <string.h>

/* In UTF-8, all but the first byte of a character. */
static int
continues(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

static void
print_word(FILE *out, const char *word, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned char byte = (unsigned char)word[i];

		/* U+0080 to U+009F are control characters, too. */
		if (byte == 0xc2 && i + 1 < size &&
		    (unsigned char)word[i + 1] < 0xa0) {
			putc('?', out);
			i++;
			continue;
		}
		putc(byte < ' ' || byte == 0x7f ? '?' : byte, out);
	}
}

void
wrap_print(FILE *out, const char *text, unsigned int at, unsigned int indent,
    unsigned int columns)
{
	int begun = 0;

	while (*(text += strspn(text, " ")) != '\0') {
		size_t size = strcspn(text, " \n");
		unsigned int width = 0;

		if (size == 0) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			begun = 0;
			text++;
			continue;
		}

		for (size_t i = 0; i < size; i++)
			width += !continues((unsigned char)text[i]);
		if (begun && at + 1 + width > columns) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			begun = 0;
		}
		if (begun)
			putc(' ', out);
		print_word(out, text, size);
		at += width + (unsigned int)begun;
		begun = 1;
		text += size;
	}
	putc('\n', out);
}
