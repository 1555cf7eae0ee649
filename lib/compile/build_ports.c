/* SPDX-License-Identifier: ISC */
/*
 * build_ports: which of some rules is the first for each port. One rule after
 * the other, in their order, paints what is still free of its ranges.
 */
#include "compile/build_ports.h"

#include <errno.h>
#include <stdlib.h>

#include "image/match.h"

static int
number_order(const void *a, const void *b)
{
	const uint32_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

size_t
numbers_sort(uint32_t *numbers, size_t count)
{
	size_t kept = 0;

	if (count > 0)
		qsort(numbers, count, sizeof(*numbers), number_order);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || numbers[kept - 1] != numbers[i])
			numbers[kept++] = numbers[i];
	}
	return kept;
}

/* The cell, not before this one, that is still free, or the end. */
static uint32_t
find_free(uint32_t *skip, uint32_t cell)
{
	/* Shorter for the next one that comes this way. */
	while (skip[cell] != cell) {
		skip[cell] = skip[skip[cell]];
		cell = skip[cell];
	}
	return cell;
}

static void
paint_range(struct painting *p, uint32_t first, uint32_t last, uint32_t number)
{
	const uint32_t *edge = bsearch(
	    &first, p->edges, p->count, sizeof(*p->edges), number_order);
	uint32_t cell = find_free(p->skip, (uint32_t)(edge - p->edges));

	while (cell < p->count && p->edges[cell] <= last) {
		p->cells[cell] = number;
		p->skip[cell] = cell + 1;
		cell = find_free(p->skip, cell);
	}
}

/* Ports at which something begins: the edges. */
static void
find_edges(struct painting *p, const struct rule *rules,
    const uint32_t *numbers, size_t count)
{
	p->edges[p->count++] = 0;
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &rules[numbers[i]];

		for (size_t n = 0; n < rule->port_count; n++) {
			p->edges[p->count++] = rule->ports[n].first;
			if (rule->ports[n].last < UINT16_MAX)
				p->edges[p->count++] = rule->ports[n].last + 1u;
		}
	}
	p->count = numbers_sort(p->edges, p->count);
}

int
painting_make(struct painting *p, const struct rule *rules,
    const uint32_t *numbers, size_t count)
{
	size_t room = 2;

	for (size_t i = 0; i < count; i++)
		room += 2 * rules[numbers[i]].port_count;
	*p = (struct painting){
	    .edges = calloc(room, sizeof(*p->edges)),
	    .cells = calloc(room, sizeof(*p->cells)),
	    .skip = calloc(room, sizeof(*p->skip)),
	};
	if (p->edges == NULL || p->cells == NULL || p->skip == NULL) {
		painting_free(p);
		return -ENOMEM;
	}
	find_edges(p, rules, numbers, count);
	for (uint32_t cell = 0; cell <= p->count; cell++) {
		p->cells[cell] = (uint32_t)MATCH_NONE;
		p->skip[cell] = cell;
	}
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = &rules[numbers[i]];

		if (rule->port_count == 0)
			paint_range(p, 0, UINT16_MAX, numbers[i]);
		for (size_t n = 0; n < rule->port_count; n++)
			paint_range(p, rule->ports[n].first,
			    rule->ports[n].last, numbers[i]);
	}
	return 0;
}

void
painting_free(struct painting *p)
{
	free(p->edges);
	free(p->cells);
	free(p->skip);
}
