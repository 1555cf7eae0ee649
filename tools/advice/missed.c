/* SPDX-License-Identifier: ISC */
/*
 * missed: the rules that would decide if more were known.
 */
#include "advice/missed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term/wrap.h"

#define NOTES_MAX   8
#define NOTE_INDENT 6
#define COLUMNS_MAX 79

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
		wrap_print(stdout, text, 0, NOTE_INDENT, COLUMNS_MAX);
	free(text);
}

void
missed_rules(const struct image *image, const struct match_groups *groups,
    const struct match_query *query, bool program_known, uint32_t end)
{
	struct image_rule rule;
	uint32_t unknown = 0, notes = 0, missing;

	if (query->source.family == ADDR_NONE)
		unknown |= MATCHER_SOURCE;
	if (!program_known)
		unknown |= MATCHER_PROGRAM;
	if (unknown == 0)
		return;
	for (uint32_t i = 0; i < end && image_rule(image, i, &rule); i++) {
		missing = rule.matchers & unknown;
		/* It has to match in all that is known. */
		if (missing == 0 || !(rule.direction & query->direction) ||
		    !match_fields(image, i, MATCHER_FIELDS & ~unknown, query))
			continue;
		if (!(missing & MATCHER_PROGRAM) &&
		    !match_groups_have(groups, rule.group))
			continue;
		if (notes++ == 0)
			putchar('\n');
		if (notes <= NOTES_MAX)
			print_note(image, &rule, missing);
	}
	if (notes > NOTES_MAX)
		printf("note: and %u more rules\n", notes - NOTES_MAX);
}
