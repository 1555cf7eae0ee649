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

/* A query's value of a field, as the image has its keys. */
struct key {
	bool known;
	enum image_width width;
	uint64_t high;
	uint64_t low;
};

struct search {
	const struct image *image;
	struct key keys[FIELDS];
	uint32_t fields; /* those that are looked at, of enum matcher */
	uint32_t best;   /* lowest rule yet that matches */
	uint32_t left;   /* steps */
};

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

static uint32_t
key_rank(const struct image *image, const struct image_keys *keys,
    const struct key *key)
{
	if (key->width == WIDTH_32)
		return image_rank_32(image, keys, (uint32_t)key->low);
	return image_rank_128(image, keys, key->high, key->low);
}

/* Does the rule name, or leave open, each of the fields of the mask? */
static bool
rule_fits(const struct image *image, uint32_t index, uint32_t fields,
    const struct key keys[FIELDS])
{
	const uint32_t matchers = image_matchers(image, index);

	for (unsigned int field = 0; field < FIELDS; field++) {
		const struct key *key = &keys[field];
		struct image_keys inside;

		if ((fields & matchers & 1u << field) == 0)
			continue;
		inside = image_inside(
		    image, index, (enum image_field)field, key->width);
		if (!key->known || key_rank(image, &inside, key) % 2 == 0)
			return false;
	}
	return true;
}

/* Whether the search may go on. */
static bool
take_step(struct search *s)
{
	if (s->left == 0)
		return false;
	s->left--;
	return true;
}

/* Looks at the rules of a step without a table one by one. */
static void
search_list(struct search *s, uint32_t at, uint32_t count, uint32_t fields)
{
	for (uint32_t n = 0; n < count && take_step(s); n++) {
		uint32_t rule = image_step_rule(s->image, at, n);
		bool sure = (rule & STEP_SURE) != 0;

		rule &= ~STEP_SURE;
		if (rule >= s->best)
			return;
		if (sure || rule_fits(s->image, rule, fields, s->keys)) {
			s->best = rule;
			return;
		}
	}
}

/* What the step's table, or the lack of a value, leads to. */
static uint32_t
step_cell(const struct search *s, const struct image_step *step)
{
	const struct key *key = &s->keys[step->field];
	const struct image_keys *table = &step->table[key->width];

	if (!key->known)
		return step->count_or_open;
	return image_cell(
	    s->image, table, key->width, key_rank(s->image, table, key));
}

/*
 * Follows the chain of steps that begins at the offset. Fields before the
 * given one are decided: it grows with each call inside the call.
 */
static void
search_chain(struct search *s, uint32_t at, uint32_t field)
{
	struct image_step step;
	uint32_t cell;

	for (; at != 0 && take_step(s); at = step.next) {
		if (!image_step(s->image, at, &step))
			return;
		if (step.first >= s->best)
			continue;
		if (step.field >= FIELDS) {
			search_list(s, at, step.count_or_open,
			    s->fields >> field << field);
			continue;
		}
		/* The stack is the host's. */
		if (step.field < field)
			return;
		cell = step_cell(s, &step);
		if (step.field != FIELD_PORT)
			search_chain(s, cell, step.field + 1);
		else if (cell < s->best)
			s->best = cell;
	}
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
	    .image = image,
	    .fields = image_known_fields(known),
	    .best = (uint32_t)MATCH_NONE,
	    .left = match_steps_max(rules),
	};
	struct image_group group;
	uint32_t n = 0;

	query_keys(query, search.keys);
	while (search.left > 0 && match_next_group(image, groups, &n, &group))
		search_chain(&search,
		    group.root[query->direction == DIRECTION_ACCEPT]
			.step[known],
		    0);
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
	struct key keys[FIELDS];

	query_keys(query, keys);
	return rule_fits(image, index, fields, keys);
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
