/* SPDX-License-Identifier: ISC */
/*
 * match: which rule decides for a connection. A pure function; it owns
 * nothing, changes nothing and calls nothing that could block.
 */
#include "image/match.h"

#include <assert.h>
#include <endian.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/pattern.h"

struct step_own {
	const struct image *image;
};

#define STEP_PART static inline
#include "image/step.h"

static inline bool
step_read(const struct search *s, uint64_t offset, void *to, size_t len)
{
	return image_read(s->own.image, offset, to, len);
}

static uint64_t
step_rule_offset(const struct search *s, uint32_t number)
{
	return image_rule_offset(s->own.image, number);
}

static uint32_t
step_rank(const struct search *s, const struct image_keys *keys,
    const struct key *key)
{
	if (key->width == WIDTH_32)
		return image_rank_32(s->own.image, keys, (uint32_t)key->low);
	return image_rank_128(s->own.image, keys, key->high, key->low);
}

static struct key
addr_key(const struct addr *addr)
{
	struct key key = {.known = true};
	uint32_t value;

	switch (addr->family) {
	case ADDR_V4:
		memcpy(&value, addr->bytes, sizeof(value));
		key.low = be32toh(value);
		break;
	case ADDR_V6:
		key.width = WIDTH_128;
		memcpy(&key.high, addr->bytes, sizeof(key.high));
		memcpy(&key.low, addr->bytes + 8, sizeof(key.low));
		key.high = be64toh(key.high);
		key.low = be64toh(key.low);
		break;
	default:
		key.known = false;
	}
	return key;
}

static void
query_keys(const struct match_query *query, struct key keys[FIELDS])
{
	keys[FIELD_SOURCE] = addr_key(&query->source);
	keys[FIELD_DESTINATION] = addr_key(&query->destination);
	keys[FIELD_PORT] =
	    (struct key){.known = true, .width = WIDTH_32, .low = query->port};
}

/* Does a group apply to a program with these names? */
static bool
group_applies(const struct image *image, const struct image_group *group,
    const char *const *names, unsigned int count)
{
	for (uint32_t n = 0; n < group->program_count; n++) {
		const char *pattern = image_group_program(image, group, n);

		for (unsigned int i = 0; i < count; i++) {
			if (pattern_matches(pattern, names[i]))
				return true;
		}
	}
	return group->program_count == 0;
}

bool
match_next_group(const struct image *image, const struct match_groups *groups,
    uint32_t *n, struct image_group *group)
{
	if (groups == NULL)
		return image_group(image, (*n)++, group);
	if (groups->count != MATCH_GROUPS_MANY)
		return *n < groups->count &&
		       image_group(image, groups->numbers[(*n)++], group);
	while (image_group(image, (*n)++, group)) {
		if (group_applies(
			image, group, groups->names, groups->name_count))
			return true;
	}
	return false;
}

/*
 * The first rule that matches the query in the fields that are known, whatever
 * it says of the others; or MATCH_NONE.
 */
static int
find_first(const struct image *image, const struct match_groups *groups,
    const struct match_query *query, enum image_known known)
{
	const uint32_t rules = image_rule_count(image);
	struct search search = {
	    .fields = image_known_fields(known),
	    .best = (uint32_t)MATCH_NONE,
	    .own = {image},
	};
	uint32_t left = match_steps_max(rules), n = 0;
	struct image_group group;

	query_keys(query, search.keys);
	while (left > 0 && match_next_group(image, groups, &n, &group)) {
		search.at[0] = group.root[query->direction == DIRECTION_ACCEPT]
		                   .step[known];
		for (; left > 0 && !step_ended(&search); left--)
			step_take(&search);
	}
	return search.best < rules ? (int)search.best : MATCH_NONE;
}

int
match_rule(const struct image *image, const struct match_groups *groups,
    const struct match_query *query)
{
	return find_first(image, groups, query, KNOWN_ALL);
}

int
match_surely(const struct image *image, const struct match_groups *groups,
    const struct match_query *query)
{
	enum image_known known = KNOWN_ALL;
	uint32_t open;
	int rule;

	if (query->destination.family == ADDR_NONE)
		known = KNOWN_PORT;
	else if (query->source.family == ADDR_NONE)
		known = KNOWN_BUT_SOURCE;
	rule = find_first(image, groups, query, known);
	open = MATCHER_FIELDS & ~image_known_fields(known);
	if (rule != MATCH_NONE &&
	    (image_matchers(image, (uint32_t)rule) & open) != 0)
		return MATCH_DEPENDS;
	return rule;
}

bool
match_fields(const struct image *image, uint32_t index, uint32_t fields,
    const struct match_query *query)
{
	struct search search = {.own = {image}};

	query_keys(query, search.keys);
	return step_fits(&search, index, fields);
}

struct match_groups
match_groups(const struct image *image, const char *const *names,
    unsigned int count, uint32_t *numbers, uint32_t room)
{
	struct match_groups groups = {
	    .numbers = numbers, .names = names, .name_count = count};
	struct image_group group;

	for (uint32_t n = 0; image_group(image, n, &group); n++) {
		if (!group_applies(image, &group, names, count))
			continue;
		if (groups.count == room) {
			groups.count = MATCH_GROUPS_MANY;
			break;
		}
		numbers[groups.count++] = n;
	}
	return groups;
}

bool
match_groups_have(const struct match_groups *groups, uint32_t number)
{
	for (uint32_t n = 0; n < groups->count; n++) {
		if (groups->numbers[n] == number)
			return true;
	}
	return false;
}

static_assert(
    (uint32_t)MATCH_NONE > IMAGE_RULES_MAX && IMAGE_RULES_MAX <= INT_MAX,
    "a rule's number passes for none, or for a negative one");

static void
lower(uint32_t *value, uint32_t other)
{
	if (other < *value)
		*value = other;
}

struct match_scope
match_scope(const struct image *image, const struct match_groups *groups,
    enum direction direction)
{
	struct match_scope scope = {.fixed = MATCH_NONE};
	struct image_root first = {.all = (uint32_t)MATCH_NONE};
	struct image_group group;
	uint32_t n = 0;

	for (int field = 0; field < FIELDS; field++)
		first.named[field] = (uint32_t)MATCH_NONE;
	while (match_next_group(image, groups, &n, &group)) {
		const struct image_root *root =
		    &group.root[direction == DIRECTION_ACCEPT];

		lower(&first.all, root->all);
		for (int field = 0; field < FIELDS; field++)
			lower(&first.named[field], root->named[field]);
	}
	if (first.all < image_rule_count(image))
		scope.fixed = (int)first.all;
	for (int field = 0; field < FIELDS; field++) {
		if (first.named[field] < first.all)
			scope.matchers |= 1u << field;
	}
	return scope;
}
