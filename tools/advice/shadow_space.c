/* SPDX-License-Identifier: ISC */
/*
 * shadow_space: addresses to numbers, and what can be done with these.
 */
#include "advice/shadow_space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PORTS      65536u
#define FAMILIES   3u /* not known, IPv4, IPv6 */
#define UNKNOWN_TO 1u

static int
compare_edges(const void *a, const void *b)
{
	const struct addr *left = a, *right = b;

	if (left->family != right->family)
		return left->family < right->family ? -1 : 1;
	return memcmp(left->bytes, right->bytes, sizeof(left->bytes));
}

static int
compare_spans(const void *a, const void *b)
{
	const struct span *left = a, *right = b;

	return left->from < right->from ? -1 : left->from > right->from;
}

/* The first address behind a prefix; false if that is its family's end. */
static bool
address_behind(const struct prefix *prefix, struct addr *behind)
{
	*behind = prefix->addr;
	for (int bit = prefix->len - 1; bit >= 0; bit--) {
		uint8_t mask = (uint8_t)(0x80 >> bit % 8);

		behind->bytes[bit / 8] ^= mask;
		if (behind->bytes[bit / 8] & mask)
			return true;
	}
	return false;
}

static uint32_t
edge_number(const struct space *space, const struct addr *edge)
{
	const struct addr *found = bsearch(edge, space->edges,
	    space->edge_count, sizeof(*edge), compare_edges);

	return (uint32_t)(found - space->edges);
}

static const struct prefix *
prefixes_of(const struct rule *rule, int field, size_t *count)
{
	*count = 0;
	if (field == FIELD_PORT)
		return NULL;
	*count = field == FIELD_SOURCE ? rule->source_count
	                               : rule->destination_count;
	return field == FIELD_SOURCE ? rule->sources : rule->destinations;
}

static void
sort_edges(struct space *space, const struct build_input *policy)
{
	size_t all = 0, kept = 0;

	space->edges[all++] = (struct addr){.family = ADDR_NONE};
	space->edges[all++] = (struct addr){.family = ADDR_V4};
	space->edges[all++] = (struct addr){.family = ADDR_V6};
	for (size_t i = 0; i < policy->rule_count; i++) {
		for (int field = 0; field < SPACE_FIELDS; field++) {
			const struct prefix *prefix;
			size_t count;

			prefix = prefixes_of(&policy->rules[i], field, &count);
			for (; count > 0; count--, prefix++) {
				space->edges[all++] = prefix->addr;
				all +=
				    address_behind(prefix, &space->edges[all]);
			}
		}
	}
	qsort(space->edges, all, sizeof(*space->edges), compare_edges);
	for (size_t i = 0; i < all; i++)
		if (i == 0 || compare_edges(&space->edges[i],
				  &space->edges[kept - 1]) != 0)
			space->edges[kept++] = space->edges[i];
	space->edge_count = (uint32_t)kept;
	space->v6 = edge_number(space, &(struct addr){.family = ADDR_V6});
}

static struct span
prefix_span(const struct space *space, const struct prefix *prefix)
{
	struct span span = {.from = edge_number(space, &prefix->addr)};
	struct addr behind;

	if (address_behind(prefix, &behind))
		span.to = edge_number(space, &behind);
	else
		span.to = prefix->addr.family == ADDR_V4 ? space->v6
		                                         : space->edge_count;
	return span;
}

/* Sorts spans and joins those that touch. Returns how many are left. */
static uint32_t
join_spans(struct span *spans, uint32_t count)
{
	uint32_t kept = 0;

	qsort(spans, count, sizeof(*spans), compare_spans);
	for (uint32_t i = 1; i < count; i++) {
		if (spans[i].from > spans[kept].to)
			spans[++kept] = spans[i];
		else if (spans[i].to > spans[kept].to)
			spans[kept].to = spans[i].to;
	}
	return kept + 1;
}

static uint32_t
field_spans(const struct space *space, const struct rule *rule, int field,
    struct span *spans)
{
	const struct prefix *prefixes;
	size_t count;

	prefixes = prefixes_of(rule, field, &count);
	for (size_t n = 0; n < count; n++)
		spans[n] = prefix_span(space, &prefixes[n]);
	if (field == FIELD_PORT) {
		count = rule->port_count;
		for (size_t n = 0; n < count; n++)
			spans[n] = (struct span){
			    rule->ports[n].first, rule->ports[n].last + 1u};
	}
	if (count == 0)
		spans[count++] = (struct span){
		    0, field == FIELD_PORT ? PORTS : space->edge_count};
	return join_spans(spans, (uint32_t)count);
}

int
space_open(struct space *space, const struct build_input *policy)
{
	size_t prefixes = 0, spans = 0;
	uint32_t at = 0;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		prefixes += rule->source_count + rule->destination_count;
		spans += rule->port_count;
	}
	spans += prefixes + SPACE_FIELDS * policy->rule_count;
	if (2 * prefixes > UINT32_MAX - FAMILIES - 1 || spans > UINT32_MAX)
		return -ENOMEM;
	/* One more, to write the edge behind a prefix that has none to. */
	space->edges =
	    calloc(2 * prefixes + FAMILIES + 1, sizeof(*space->edges));
	space->spans = calloc(spans + 1, sizeof(*space->spans));
	space->rules = calloc(policy->rule_count + 1, sizeof(*space->rules));
	if (!space->edges || !space->spans || !space->rules)
		return -ENOMEM;
	sort_edges(space, policy);
	for (size_t i = 0; i < policy->rule_count; i++) {
		for (int field = 0; field < SPACE_FIELDS; field++) {
			struct spans *own = &space->rules[i][field];

			own->at = at;
			own->count = field_spans(
			    space, &policy->rules[i], field, space->spans + at);
			at += own->count;
		}
	}
	return 0;
}

void
space_close(struct space *space)
{
	free(space->edges);
	free(space->spans);
	free(space->rules);
}

uint32_t
space_size(const struct space *space, uint32_t rule)
{
	uint32_t size = 0;

	for (int field = 0; field < SPACE_FIELDS; field++)
		size += space->rules[rule][field].count;
	return size;
}

/* Both are sorted, and no two spans of wide touch. */
static bool
spans_cover(const struct space *space, const struct spans *wide,
    const struct spans *narrow)
{
	const struct span *w = space->spans + wide->at, *end = w + wide->count;
	const struct span *n = space->spans + narrow->at;

	for (uint32_t i = 0; i < narrow->count; i++, n++) {
		while (w < end && w->to < n->to)
			w++;
		if (w == end || w->from > n->from)
			return false;
	}
	return true;
}

bool
space_covers(const struct space *space, uint32_t wide, uint32_t narrow)
{
	for (int field = 0; field < SPACE_FIELDS; field++)
		if (!spans_cover(space, &space->rules[wide][field],
			&space->rules[narrow][field]))
			return false;
	return true;
}

void
space_corner(
    const struct space *space, const struct box *box, struct match_query *query)
{
	query->source = space->edges[box->in[FIELD_SOURCE].from];
	query->destination = space->edges[box->in[FIELD_DESTINATION].from];
	query->port = (uint16_t)box->in[FIELD_PORT].from;
}

bool
space_around(const struct space *space, uint32_t rule, const struct box *box,
    struct box *around)
{
	for (int field = 0; field < SPACE_FIELDS; field++) {
		const struct spans *own = &space->rules[rule][field];
		uint32_t low = 0, high = own->count;

		while (low < high) {
			uint32_t middle = low + (high - low) / 2;

			if (space->spans[own->at + middle].to <=
			    box->in[field].from)
				low = middle + 1;
			else
				high = middle;
		}
		if (low == own->count ||
		    space->spans[own->at + low].from > box->in[field].from)
			return false;
		around->in[field] = space->spans[own->at + low];
	}
	return true;
}

static struct span
family_span(const struct space *space, uint32_t family)
{
	const struct span families[FAMILIES] = {
	    {0, UNKNOWN_TO},
	    {UNKNOWN_TO, space->v6},
	    {space->v6, space->edge_count},
	};

	return families[family];
}

/* Those of a rule's spans that have something of a family. */
static struct spans
spans_of_family(const struct space *space, struct spans spans, uint32_t family)
{
	const struct span limits = family_span(space, family);
	const struct span *span = space->spans + spans.at;

	for (; spans.count > 0 && span->to <= limits.from; span++) {
		spans.at++;
		spans.count--;
	}
	span = space->spans + spans.at + spans.count;
	while (spans.count > 0 && (--span)->from >= limits.to)
		spans.count--;
	return spans;
}

/* Goes to the next pair of families. Returns false behind the last. */
static bool
begin_families(const struct space *space, struct space_walk *walk)
{
	const struct spans *own = space->rules[walk->rule];

	while (walk->families < FAMILIES * FAMILIES) {
		uint32_t source = walk->families % FAMILIES;
		uint32_t destination = walk->families / FAMILIES;

		walk->families++;
		if (source != 0 && destination != 0 && source != destination)
			continue;
		walk->range[FIELD_SOURCE] =
		    spans_of_family(space, own[FIELD_SOURCE], source);
		walk->range[FIELD_DESTINATION] =
		    spans_of_family(space, own[FIELD_DESTINATION], destination);
		walk->range[FIELD_PORT] = own[FIELD_PORT];
		if (walk->range[FIELD_SOURCE].count == 0 ||
		    walk->range[FIELD_DESTINATION].count == 0)
			continue;
		memset(walk->member, 0, sizeof(walk->member));
		return true;
	}
	return false;
}

static void
cut(struct span *span, struct span limits)
{
	if (span->from < limits.from)
		span->from = limits.from;
	if (span->to > limits.to)
		span->to = limits.to;
}

bool
space_next(const struct space *space, struct space_walk *walk, struct box *box)
{
	uint32_t pair;

	if (!walk->inside && !begin_families(space, walk))
		return false;
	for (int field = 0; field < SPACE_FIELDS; field++)
		box->in[field] =
		    space->spans[walk->range[field].at + walk->member[field]];
	pair = walk->families - 1;
	cut(&box->in[FIELD_SOURCE], family_span(space, pair % FAMILIES));
	cut(&box->in[FIELD_DESTINATION], family_span(space, pair / FAMILIES));
	walk->inside = false;
	for (int field = 0; field < SPACE_FIELDS && !walk->inside; field++) {
		walk->inside = ++walk->member[field] < walk->range[field].count;
		if (!walk->inside)
			walk->member[field] = 0;
	}
	return true;
}
