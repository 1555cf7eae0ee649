/* SPDX-License-Identifier: ISC */
/*
 * missed: the rules that would decide if more were known.
 */
#include "missed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

#define NOTES_MAX   8
#define NOTE_INDENT 6
#define COLUMNS_MAX 79

static bool
set_has(const struct image *image, uint32_t set, uint32_t index)
{
	return image_set_word(image, set, index / 64) >> (index % 64) & 1;
}

/* Does the rule leave the field open, or name this address in it? */
static bool
names_address(const struct image *image, const struct image_header *header,
    enum image_field field, const struct addr *addr, uint32_t index)
{
	const struct image_table *table = &header->v6[field];
	uint64_t key[2] = {0, 0};
	int length = 16;

	if (addr->family == ADDR_V4) {
		table = &header->v4[field];
		length = 4;
	}
	for (int i = 0; i < length; i++) {
		uint64_t *half = &key[length == 4 || i >= 8];

		*half = *half << 8 | addr->bytes[i];
	}
	return set_has(image, header->open_set[field], index) ||
	       set_has(image, image_find(image, table, key[0], key[1]), index);
}

/* Does the rule match in all that is known? */
static bool
rule_reaches(const struct image *image, const struct image_header *header,
    uint32_t index, const struct match_query *query)
{
	bool accept = query->direction == DIRECTION_ACCEPT;
	uint32_t port_set =
	    image_find(image, &header->v4[FIELD_PORT], 0, query->port);

	return set_has(image, header->direction_set[accept], index) &&
	       names_address(image, header, FIELD_DESTINATION,
		   &query->destination, index) &&
	       (query->source.family == ADDR_NONE ||
		   names_address(
		       image, header, FIELD_SOURCE, &query->source, index)) &&
	       (set_has(image, header->open_set[FIELD_PORT], index) ||
		   set_has(image, port_set, index));
}

/* Prints text, broken at spaces, with what follows indented. */
static void
print_broken(const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > 0 && column + 1 + word > COLUMNS_MAX)
			column = (size_t)printf("\n%*s", NOTE_INDENT, "") - 1;
		else if (column > 0)
			column += (size_t)printf(" ");
		printf("%.*s", (int)word, text);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static void
print_note(
    const struct image *image, const struct image_rule *rule, uint32_t missing)
{
	const char *file = basename(image_string(image, rule->file));
	bool source = missing & MATCHER_SOURCE;
	bool program = missing & MATCHER_PROGRAM;
	char *text = NULL;
	size_t size = 0;
	FILE *note = open_memstream(&text, &size);

	if (!note)
		return;
	fprintf(note, "note: rule %s (%s:%u) also asks for ",
	    image_string(image, rule->name), file, rule->line);
	if (source)
		fprintf(note, "a source%s", program ? " and " : "");
	if (program)
		fputs("program", note);
	for (uint32_t i = 0; program && i < rule->program_count; i++)
		fprintf(
		    note, "%s %s", i ? "," : "", image_program(image, rule, i));
	fprintf(note, ": give %s%s%s", source ? "--source" : "",
	    source && program ? " and " : "", program ? "--program" : "");
	if (fclose(note) == 0)
		print_broken(text);
	free(text);
}

void
missed_rules(const struct image *image, const uint64_t *mask,
    const struct match_query *query, bool program_known, uint32_t end)
{
	struct image_header header;
	struct image_rule rule;
	uint32_t unknown = 0, notes = 0, missing;

	if (query->source.family == ADDR_NONE)
		unknown |= MATCHER_SOURCE;
	if (!program_known)
		unknown |= MATCHER_PROGRAM;
	if (unknown == 0 || !image_header(image, &header))
		return;
	for (uint32_t i = 0; i < end && image_rule(image, i, &rule); i++) {
		missing = rule.matchers & unknown;
		if (missing == 0 || !rule_reaches(image, &header, i, query))
			continue;
		if (!(missing & MATCHER_PROGRAM) &&
		    !(mask[i / 64] >> (i % 64) & 1))
			continue;
		if (notes++ == 0)
			putchar('\n');
		if (notes <= NOTES_MAX)
			print_note(image, &rule, missing);
	}
	if (notes > NOTES_MAX)
		printf("note: and %u more rules\n", notes - NOTES_MAX);
}
