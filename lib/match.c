/* SPDX-License-Identifier: ISC */
/*
 * match: which rule decides for a connection. A pure function; it owns
 * nothing, changes nothing and calls nothing that could block.
 */
#include "match.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stddef.h>

/* The two sets of each field: rules that name the value, rules that leave
 * the field open. */
struct candidates {
	uint32_t named[FIELDS];
	uint32_t open[FIELDS];
	uint32_t direction;
};

static uint64_t
key_part(const uint8_t *bytes, int count)
{
	uint64_t part = 0;

	for (int i = 0; i < count; i++)
		part = part << 8 | bytes[i];
	return part;
}

static uint32_t
find_addr(const struct image *image, const struct image_header *header,
    enum image_field field, const struct addr *addr)
{
	switch (addr->family) {
	case ADDR_V4:
		return image_find(
		    image, &header->v4[field], 0, key_part(addr->bytes, 4));
	case ADDR_V6:
		return image_find(image, &header->v6[field],
		    key_part(addr->bytes, 8), key_part(addr->bytes + 8, 8));
	default:
		return 0;
	}
}

static uint64_t
candidate_summary(
    const struct image *image, const struct candidates *from, uint32_t n)
{
	uint64_t words = image_set_summary(image, from->direction, n);

	for (int field = 0; field < FIELDS && words != 0; field++)
		words &= image_set_summary(image, from->named[field], n) |
		         image_set_summary(image, from->open[field], n);
	return words;
}

static uint64_t
candidate_word(
    const struct image *image, const struct candidates *from, uint32_t n)
{
	uint64_t rules = image_set_word(image, from->direction, n);

	for (int field = 0; field < FIELDS && rules != 0; field++)
		rules &= image_set_word(image, from->named[field], n) |
		         image_set_word(image, from->open[field], n);
	return rules;
}

int
match_rule(const struct image *image, const uint64_t *mask,
    const struct match_query *query)
{
	struct image_header header;
	struct candidates from;
	uint32_t words = image_words(image);

	if (!image_header(image, &header))
		return MATCH_NONE;
	from.direction =
	    header.direction_set[query->direction == DIRECTION_ACCEPT];
	for (int field = 0; field < FIELDS; field++)
		from.open[field] = header.open_set[field];
	from.named[FIELD_SOURCE] =
	    find_addr(image, &header, FIELD_SOURCE, &query->source);
	from.named[FIELD_DESTINATION] =
	    find_addr(image, &header, FIELD_DESTINATION, &query->destination);
	from.named[FIELD_PORT] =
	    image_find(image, &header.v4[FIELD_PORT], 0, query->port);

	for (uint32_t n = 0; n * 64 < words; n++) {
		uint64_t summary = candidate_summary(image, &from, n);

		for (; summary != 0; summary &= summary - 1) {
			uint32_t word =
			    n * 64 + (uint32_t)__builtin_ctzll(summary);
			uint64_t rules;

			if (word >= words)
				return MATCH_NONE;
			rules = candidate_word(image, &from, word);
			if (mask != NULL)
				rules &= mask[word];
			if (rules != 0)
				return (int)(word * 64 +
					     (uint32_t)__builtin_ctzll(rules));
		}
	}
	return MATCH_NONE;
}

static bool
program_matches(const struct image *image, const struct image_rule *rule,
    const char *const *names, unsigned int count)
{
	if ((rule->matchers & MATCHER_PROGRAM) == 0)
		return true;
	for (uint32_t n = 0; n < rule->program_count; n++) {
		const char *pattern = image_program(image, rule, n);

		for (unsigned int i = 0; i < count; i++) {
			if (fnmatch(pattern, names[i], 0) == 0)
				return true;
		}
	}
	return false;
}

void
match_program(const struct image *image, const char *const *names,
    unsigned int count, uint64_t *mask)
{
	struct image_rule rule;

	for (uint32_t word = 0; word < image_words(image); word++)
		mask[word] = 0;
	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		if (program_matches(image, &rule, names, count))
			mask[i / 64] |= UINT64_C(1) << i % 64;
	}
}

struct match_scope
match_scope(
    const struct image *image, const uint64_t *mask, enum direction direction)
{
	const uint32_t fields =
	    MATCHER_SOURCE | MATCHER_DESTINATION | MATCHER_PORT;
	struct match_scope scope = {.fixed = MATCH_NONE};
	struct image_rule rule;

	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		if ((rule.direction & direction) == 0 ||
		    (mask != NULL && (mask[i / 64] >> i % 64 & 1) == 0))
			continue;
		if ((rule.matchers & fields) == 0) {
			scope.fixed = (int)i;
			break;
		}
		scope.matchers |= rule.matchers & fields;
	}
	return scope;
}
