/* SPDX-License-Identifier: ISC */
/*
 * wrap: text for a person, in lines that fit a terminal.
 */
#include "term/wrap.h"

#include <string.h>

#include "term/text.h"

/* The columns of a word: its characters. */
static unsigned int
width_of(const char *word, size_t size)
{
	unsigned int width = 0;
	bool harmless;

	for (size_t i = 0; i < size; i += text_character(word + i, &harmless))
		width++;
	return width;
}

static void
print_word(FILE *out, const char *word, size_t size)
{
	for (size_t i = 0; i < size;) {
		bool harmless;
		size_t length = text_character(word + i, &harmless);

		if (harmless)
			fwrite(word + i, 1, length, out);
		else
			putc('?', out);
		i += length;
	}
}

void
wrap_print(FILE *out, const char *text, unsigned int at, unsigned int indent,
    unsigned int columns)
{
	int begun = 0;

	while (*(text += strspn(text, " ")) != '\0') {
		size_t size = strcspn(text, " \n");
		unsigned int width;

		if (size == 0) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
			begun = 0;
			text++;
			continue;
		}

		width = width_of(text, size);
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
