/* SPDX-License-Identifier: ISC */
/*
 * build_index: for a set of rules, the steps that lead to the first of them
 * that matches.
 *
 * Prefixes lie inside each other or apart, never across. So one walk over
 * them in order, with a stack of those that are open, finds for each the next
 * wider one. A rule is put where its own prefix is, and only there: a look-up
 * that finds a prefix follows the chain to the wider ones. That keeps the
 * index in proportion to the policy. Where it costs little, the wider set is
 * copied into the narrower one, and the chain gets shorter.
 */
#include "compile/build_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compile/build_keys.h"
#include "compile/build_ports.h"
#include "image/match.h"

/* So few rules are looked at as fast one by one. */
#define LIST_MAX 4

/* Prefixes inside each other: one of each length, and what is outside all. */
#define NEST_MAX 130

/* A prefix that rules name, and the rules for it. */
struct nest {
	struct key first;
	struct key last;
	uint32_t *numbers;
	size_t count;
	uint32_t step;
	size_t chain;             /* how many steps its chain has */
	const struct nest *wider; /* where the step's chain goes on, or NULL */
};

struct table {
	struct key *keys;
	uint32_t *cells; /* one more than keys */
	size_t count;
};

static uint32_t index_field(struct indexer *x, const uint32_t *numbers,
    size_t count, enum image_field field, uint32_t next);

static void *
take_memory(struct indexer *x, size_t count, size_t size)
{
	void *memory = calloc(count + 1, size);

	if (memory == NULL)
		x->pieces->out->error = -ENOMEM;
	return memory;
}

static void
work(struct indexer *x, size_t amount)
{
	if (amount > x->work_left) {
		x->exhausted = true;
		amount = x->work_left;
	}
	x->work_left -= amount;
}

static bool
failed(const struct indexer *x)
{
	return x->exhausted || x->pieces->out->error != 0;
}

/* The fields, from the given one on, that a rule restricts, of those that
 * count. */
static uint32_t
restricted(const struct indexer *x, uint32_t number, enum image_field field)
{
	const struct rule *rule = &x->rules[number];
	uint32_t matchers = 0;

	for (; field < FIELDS; field++) {
		if (spans_count(rule, field) > 0)
			matchers |= 1u << field;
	}
	return matchers & x->fields;
}

/* Rules behind one that restricts nothing more are never reached. */
static size_t
cut_unreached(const struct indexer *x, const uint32_t *numbers, size_t count,
    enum image_field field)
{
	for (size_t i = 0; i < count; i++) {
		if (restricted(x, numbers[i], field) == 0)
			return i + 1;
	}
	return count;
}

static bool
table_open(
    struct indexer *x, struct table *table, size_t count, uint32_t first_cell)
{
	*table = (struct table){
	    .keys = take_memory(x, count, sizeof(*table->keys)),
	    .cells = take_memory(x, count + 1, sizeof(*table->cells)),
	};
	if (failed(x))
		return false;
	table->cells[0] = first_cell;
	return true;
}

static void
table_close(struct table *table)
{
	free(table->keys);
	free(table->cells);
}

/* From this key on, which is not below the last one, the cell holds. */
static void
table_cut(struct table *table, const struct key *key, uint32_t cell)
{
	if (table->count == 0 ||
	    key_order(&table->keys[table->count - 1], key) != 0)
		table->keys[table->count++] = *key;
	table->cells[table->count] = cell;
	if (cell == table->cells[table->count - 1])
		table->count--;
}

static uint32_t
write_step(struct indexer *x, const struct image_step *step, const void *more,
    size_t len)
{
	const size_t head = offsetof(struct image_step, table);
	uint8_t *bytes = take_memory(x, head + len, 1);
	uint32_t at = 0;

	if (!failed(x)) {
		memcpy(bytes, step, head);
		memcpy(bytes + head, more, len);
		output_align(x->pieces->out, sizeof(uint64_t));
		at = pieces_add(x->pieces, bytes, head + len);
		if (x->pieces->out->size > x->size_max)
			x->exhausted = true;
	}
	free(bytes);
	return at;
}

static uint32_t
write_list(struct indexer *x, const uint32_t *numbers, size_t count,
    enum image_field field, uint32_t next)
{
	const struct image_step step = {
	    .first = numbers[0],
	    .next = next,
	    .field = FIELDS,
	    .count_or_open = (uint32_t)count,
	};
	uint32_t *list = take_memory(x, count, sizeof(*list));
	uint32_t at = 0;

	if (!failed(x)) {
		memcpy(list, numbers, count * sizeof(*list));
		if (restricted(x, numbers[count - 1], field) == 0)
			list[count - 1] |= STEP_SURE;
		at = write_step(x, &step, list, count * sizeof(*list));
	}
	free(list);
	return at;
}

/* Paints the ports with rules. Returns false after a failure. */
static bool
paint(struct indexer *x, struct painting *painting, const uint32_t *numbers,
    size_t count)
{
	int error;

	for (size_t i = 0; i < count; i++)
		work(x, x->rules[numbers[i]].port_count);
	if (failed(x))
		return false;
	error = painting_make(painting, x->rules, numbers, count);
	if (error < 0)
		x->pieces->out->error = error;
	return error == 0;
}

/* The port is the last field: its cells are the first rule that matches. */
static uint32_t
write_ports(
    struct indexer *x, const uint32_t *numbers, size_t count, uint32_t next)
{
	struct image_step step = {
	    .first = numbers[0],
	    .next = next,
	    .field = FIELD_PORT,
	    .count_or_open = (uint32_t)MATCH_NONE,
	};
	struct painting painting;
	struct table table;
	uint32_t at = 0;

	if (!paint(x, &painting, numbers, count))
		return 0;
	if (table_open(x, &table, painting.count, painting.cells[0])) {
		for (size_t i = 1; i < painting.count; i++)
			table_cut(&table,
			    &(struct key){.low = painting.edges[i]},
			    painting.cells[i]);
		step.table[WIDTH_32] = keys_write(
		    x->pieces, WIDTH_32, table.keys, table.count, table.cells);
		at = write_step(x, &step, step.table, sizeof(step.table));
	}
	table_close(&table);
	painting_free(&painting);
	return at;
}

/*
 * Takes out rules that are never the first to match, as far as that is easy to
 * see: behind one that restricts nothing more, and, if all restrict no more
 * than the port, where others have taken all of it. The sets that are merged
 * are then short.
 */
static size_t
keep_reached(
    struct indexer *x, uint32_t *numbers, size_t count, enum image_field field)
{
	struct painting painting;
	uint32_t matchers = 0;
	size_t kept;

	count = cut_unreached(x, numbers, count, field);
	for (size_t i = 0; i < count; i++)
		matchers |= restricted(x, numbers[i], field);
	if (matchers != MATCHER_PORT || count <= LIST_MAX ||
	    !paint(x, &painting, numbers, count))
		return count;
	kept = numbers_sort(painting.cells, painting.count);
	if (painting.cells[kept - 1] == (uint32_t)MATCH_NONE)
		kept--;
	memcpy(numbers, painting.cells, kept * sizeof(*numbers));
	painting_free(&painting);
	return kept;
}

/* Puts the rules of the wider nest among those of the narrower. */
static void
merge(struct indexer *x, struct nest *nest, const struct nest *wider)
{
	uint32_t *merged =
	    take_memory(x, nest->count + wider->count, sizeof(*merged));
	size_t a = 0, b = 0, count = 0;

	if (merged == NULL)
		return;
	while (a < nest->count || b < wider->count) {
		uint32_t one = a < nest->count ? nest->numbers[a] : UINT32_MAX;
		uint32_t other =
		    b < wider->count ? wider->numbers[b] : UINT32_MAX;

		merged[count++] = one < other ? one : other;
		a += one <= other;
		b += other <= one;
	}
	free(nest->numbers);
	nest->numbers = merged;
	nest->count = count;
}

/*
 * Makes the nest of spans that are all the same, below the next wider nest.
 */
static void
enter(struct indexer *x, struct nest *nest, const struct span *spans,
    size_t count, enum image_field field)
{
	const struct nest *wider = nest - 1;
	uint32_t last;

	*nest = (struct nest){
	    .first = spans->first,
	    .last = spans->last,
	    .numbers = take_memory(x, count, sizeof(*nest->numbers)),
	};
	if (failed(x))
		return;
	for (size_t i = 0; i < count; i++) {
		/* A rule may name the same prefix twice. */
		if (i == 0 || spans[i].rule != spans[i - 1].rule)
			nest->numbers[nest->count++] = spans[i].rule;
	}
	while (wider != NULL &&
	       (nest->count + wider->count <= LIST_MAX ||
		   wider->chain >= x->chain_max || wider->count <= 2 * count)) {
		merge(x, nest, wider);
		work(x, nest->count);
		wider = wider->wider;
		if (failed(x))
			return;
	}
	nest->count = keep_reached(x, nest->numbers, nest->count, field + 1);
	if (failed(x))
		return;
	last = nest->numbers[nest->count - 1];
	while (wider != NULL && restricted(x, last, field + 1) == 0 &&
	       (wider->count == 0 || wider->numbers[0] > last))
		wider = wider->wider;
	nest->wider = wider;
	nest->chain = wider != NULL ? wider->chain + 1 : 1;
	nest->step = index_field(x, nest->numbers, nest->count, field + 1,
	    wider != NULL ? wider->step : 0);
}

static void
leave(struct nest *nest, struct table *table, const struct key *greatest)
{
	struct key after = key_after(&nest->last);

	free(nest->numbers);
	if (key_order(&nest->last, greatest) != 0)
		table_cut(table, &after, nest[-1].step);
}

/* The table of one width, over the steps for its prefixes. */
static struct image_keys
write_table(struct indexer *x, const struct nest *open, struct span *spans,
    size_t count, enum image_field field, enum image_width width)
{
	const struct key greatest = key_greatest(field, width);
	struct nest nests[NEST_MAX], *nest = nests;
	struct image_keys written = {0};
	struct table table;
	size_t next;

	nests[0] = *open;
	nests[0].last = greatest;
	spans_sort(spans, count);
	if (!table_open(x, &table, 2 * count, open->step))
		goto out;
	for (size_t i = 0; i < count && !failed(x); i = next) {
		for (next = i + 1; next < count; next++) {
			if (key_order(&spans[next].first, &spans[i].first) !=
				0 ||
			    key_order(&spans[next].last, &spans[i].last) != 0)
				break;
		}
		while (key_order(&nest->last, &spans[i].first) < 0)
			leave(nest--, &table, &greatest);
		enter(x, ++nest, &spans[i], next - i, field);
		table_cut(&table, &nest->first, nest->step);
	}
	while (nest > nests)
		leave(nest--, &table, &greatest);
	if (!failed(x))
		written = keys_write(
		    x->pieces, width, table.keys, table.count, table.cells);
out:
	table_close(&table);
	return written;
}

static uint32_t
write_addresses(struct indexer *x, const uint32_t *numbers, size_t count,
    enum image_field field, uint32_t next)
{
	struct image_step step = {
	    .first = numbers[0],
	    .next = next,
	    .field = field,
	};
	struct nest open = {
	    .numbers = take_memory(x, count, sizeof(*open.numbers)),
	};
	struct span *spans = NULL;
	size_t named = 0;
	uint32_t at = 0;

	if (failed(x))
		goto out;
	for (size_t i = 0; i < count; i++) {
		size_t n = spans_count(&x->rules[numbers[i]], field);

		named += n;
		if (n == 0)
			open.numbers[open.count++] = numbers[i];
	}
	work(x, named);
	spans = take_memory(x, named, sizeof(*spans));
	if (failed(x))
		goto out;
	x->depth++;
	open.count = keep_reached(x, open.numbers, open.count, field + 1);
	open.chain = open.count > 0;
	open.step = index_field(x, open.numbers, open.count, field + 1, 0);
	step.count_or_open = open.step;
	for (int width = 0; width < WIDTHS; width++) {
		named = 0;
		for (size_t i = 0; i < count; i++)
			named +=
			    spans_of_rule(&x->rules[numbers[i]], numbers[i],
				field, (enum image_width)width, spans + named);
		step.table[width] = write_table(
		    x, &open, spans, named, field, (enum image_width)width);
	}
	x->depth--;
	at = write_step(x, &step, step.table, sizeof(step.table));
out:
	free(spans);
	free(open.numbers);
	return at;
}

/* The steps for rules of which all fields before the given one match. */
static uint32_t
index_field(struct indexer *x, const uint32_t *numbers, size_t count,
    enum image_field field, uint32_t next)
{
	uint32_t matchers = 0;

	if (failed(x) || count == 0)
		return failed(x) ? 0 : next;
	count = cut_unreached(x, numbers, count, field);
	work(x, count);
	for (size_t i = 0; i < count; i++)
		matchers |= restricted(x, numbers[i], field);
	if (matchers == 0 || count <= LIST_MAX ||
	    (x->depth > 0 && count <= x->list_max))
		return write_list(x, numbers, count, field, next);
	field = (enum image_field)__builtin_ctz(matchers);
	if (field == FIELD_PORT)
		return write_ports(x, numbers, count, next);
	return write_addresses(x, numbers, count, field, next);
}

uint32_t
index_rules(struct indexer *x, const uint32_t *numbers, size_t count)
{
	x->depth = 0;
	return index_field(x, numbers, count, FIELD_SOURCE, 0);
}
