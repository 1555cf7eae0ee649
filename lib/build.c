/* SPDX-License-Identifier: ISC */
/*
 * build: rules, as the configuration gives them, to the bytes of an image.
 *
 * Each field's prefixes or port ranges are spans of keys. Their edges cut the
 * key space into intervals; a sweep over the edges knows the set of rules
 * whose spans are open, and writes it for each interval. Equal sets are
 * written once.
 */
#include "build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "build_output.h"

struct key {
	uint64_t high;
	uint64_t low;
};

/* Where a rule's span starts, or one behind where it ends. */
struct edge {
	struct key key;
	uint32_t rule;
	int change; /* +1 or -1 spans open */
};

struct builder {
	struct output out;
	struct output strings;
	const char *last_file; /* the file name written last, and where */
	uint32_t last_file_at;
	struct set_writer sets;
	const struct rule *rules;
	uint32_t rule_count;
	uint64_t *open;  /* the sweep's current set, words long */
	uint32_t *spans; /* how many spans of each rule are open */
};

static uint32_t
add_string(struct builder *b, const char *text)
{
	/* Offset 0 is the empty string. */
	if (text == NULL || *text == '\0')
		return 0;
	return (uint32_t)output_append(&b->strings, text, strlen(text) + 1);
}

/* Nearly all rules and keys are in the same file. */
static uint32_t
add_file(struct builder *b, const char *file)
{
	if (file == NULL)
		return 0;
	if (b->last_file == NULL || strcmp(b->last_file, file) != 0) {
		b->last_file = file;
		b->last_file_at = add_string(b, file);
	}
	return b->last_file_at;
}

static int
key_order(const struct key *a, const struct key *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return 0;
}

static int
edge_order(const void *a, const void *b)
{
	return key_order(
	    &((const struct edge *)a)->key, &((const struct edge *)b)->key);
}

static void
sweep_edge(struct builder *b, const struct edge *edge)
{
	uint64_t bit = UINT64_C(1) << edge->rule % 64;

	/* A rule may name a prefix and another one inside it. */
	b->spans[edge->rule] += (uint32_t)edge->change;
	if (b->spans[edge->rule] != 0)
		b->open[edge->rule / 64] |= bit;
	else
		b->open[edge->rule / 64] &= ~bit;
}

/*
 * Writes the table of the intervals that the edges make. The intervals are
 * gathered first, because their sets go to the same output.
 */
static struct image_table
add_table(struct builder *b, struct edge *edges, size_t count)
{
	struct image_table table = {0};
	struct image_interval *intervals, *last = NULL;
	size_t used = 0, i = 0;

	if (count == 0 || b->out.error != 0)
		return table;
	intervals = calloc(count + 1, sizeof(*intervals));
	if (intervals == NULL) {
		b->out.error = -ENOMEM;
		return table;
	}

	qsort(edges, count, sizeof(*edges), edge_order);
	memset(b->open, 0, b->sets.words * sizeof(*b->open));
	memset(b->spans, 0, b->rule_count * sizeof(*b->spans));
	intervals[used++] = (struct image_interval){0};
	while (i < count) {
		struct key key = edges[i].key;
		uint32_t set;

		for (; i < count && key_order(&edges[i].key, &key) == 0; i++)
			sweep_edge(b, &edges[i]);
		set = set_write(&b->sets, b->open);
		last = &intervals[used - 1];
		if (last->high == key.high && last->low == key.low) {
			last->set = set;
		} else if (last->set != set) {
			intervals[used++] = (struct image_interval){
			    .high = key.high, .low = key.low, .set = set};
		}
	}
	output_align(&b->out);
	table.offset = (uint32_t)output_append(
	    &b->out, intervals, used * sizeof(*intervals));
	table.count = (uint32_t)used;
	free(intervals);
	return table;
}

/* Adds the edges of the span from first to last, both inside. */
static size_t
add_span(struct edge *edges, uint32_t rule, struct key first, struct key last,
    struct key greatest)
{
	edges[0] = (struct edge){.key = first, .rule = rule, .change = 1};
	if (key_order(&last, &greatest) == 0)
		return 1;
	if (++last.low == 0)
		last.high++;
	edges[1] = (struct edge){.key = last, .rule = rule, .change = -1};
	return 2;
}

static uint64_t
key_part(const uint8_t *bytes, int count)
{
	uint64_t part = 0;

	for (int i = 0; i < count; i++)
		part = part << 8 | bytes[i];
	return part;
}

static uint64_t
low_bits(unsigned int count)
{
	return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

static size_t
add_prefix(struct edge *edges, uint32_t rule, const struct prefix *prefix)
{
	const uint8_t *bytes = prefix->addr.bytes;
	bool v4 = prefix->addr.family == ADDR_V4;
	unsigned int rest = (v4 ? 32 : 128) - prefix->len;
	struct key first, last, greatest;

	if (v4) {
		first = (struct key){0, key_part(bytes, 4)};
		greatest = (struct key){0, UINT32_MAX};
	} else {
		first =
		    (struct key){key_part(bytes, 8), key_part(bytes + 8, 8)};
		greatest = (struct key){UINT64_MAX, UINT64_MAX};
	}
	last.high = first.high | low_bits(rest > 64 ? rest - 64 : 0);
	last.low = first.low | low_bits(rest);
	return add_span(edges, rule, first, last, greatest);
}

static const struct prefix *
rule_prefixes(const struct rule *rule, enum image_field field, size_t *count)
{
	if (field == FIELD_SOURCE) {
		*count = rule->source_count;
		return rule->sources;
	}
	*count = rule->destination_count;
	return rule->destinations;
}

static size_t
rule_spans(const struct rule *rule, enum image_field field)
{
	if (field == FIELD_PORT)
		return rule->port_count;
	return field == FIELD_SOURCE ? rule->source_count
	                             : rule->destination_count;
}

/* The edges of one field and, for addresses, of one family. */
static size_t
field_edges(const struct builder *b, enum image_field field,
    enum addr_family family, struct edge *edges)
{
	size_t count = 0;

	for (uint32_t i = 0; i < b->rule_count; i++) {
		const struct rule *rule = &b->rules[i];
		const struct prefix *prefixes;
		size_t n;

		if (field == FIELD_PORT) {
			for (n = 0; n < rule->port_count; n++)
				count += add_span(edges + count, i,
				    (struct key){0, rule->ports[n].first},
				    (struct key){0, rule->ports[n].last},
				    (struct key){0, UINT16_MAX});
			continue;
		}
		for (prefixes = rule_prefixes(rule, field, &n); n > 0;
		     n--, prefixes++) {
			if (prefixes->addr.family == family)
				count += add_prefix(edges + count, i, prefixes);
		}
	}
	return count;
}

static void
add_field(
    struct builder *b, enum image_field field, struct image_header *header)
{
	struct edge *edges;
	size_t spans = 0, count;

	memset(b->open, 0, b->sets.words * sizeof(*b->open));
	for (uint32_t i = 0; i < b->rule_count; i++) {
		spans += rule_spans(&b->rules[i], field);
		if (rule_spans(&b->rules[i], field) == 0)
			b->open[i / 64] |= UINT64_C(1) << i % 64;
	}
	header->open_set[field] = set_write(&b->sets, b->open);

	edges = calloc(2 * spans + 1, sizeof(*edges));
	if (edges == NULL) {
		b->out.error = -ENOMEM;
		return;
	}
	count = field_edges(b, field, ADDR_V4, edges);
	header->v4[field] = add_table(b, edges, count);
	if (field != FIELD_PORT) {
		count = field_edges(b, field, ADDR_V6, edges);
		header->v6[field] = add_table(b, edges, count);
	}
	free(edges);
}

static uint32_t
rule_matchers(const struct rule *rule)
{
	return (rule->source_count > 0 ? MATCHER_SOURCE : 0u) |
	       (rule->destination_count > 0 ? MATCHER_DESTINATION : 0u) |
	       (rule->port_count > 0 ? MATCHER_PORT : 0u) |
	       (rule->program_count > 0 ? MATCHER_PROGRAM : 0u);
}

static void
fill_rule(struct builder *b, const struct rule *rule, struct image_rule *record)
{
	*record = (struct image_rule){
	    .name = add_string(b, rule->name),
	    .file = add_file(b, rule->file),
	    .line = rule->line,
	    .direction = rule->direction,
	    .action = rule->action,
	    .app_settings = rule->app_settings,
	    .matchers = rule_matchers(rule),
	    .options = rule->keepalive.set,
	    .timeout_s = rule->timeout_s,
	    .profile = add_string(b, rule->profile),
	    .program_count = (uint32_t)rule->program_count,
	};
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const struct origin *origin = &rule->origin[option];

		record->value[option] = rule->keepalive.value[option];
		record->origin[option] = (struct image_origin){
		    .kind = origin->kind,
		    .file = add_file(b, origin->file),
		    .line = origin->line,
		};
	}
	for (size_t n = 0; n < rule->program_count; n++) {
		uint32_t text = add_string(b, rule->programs[n]);
		size_t at = output_append(&b->out, &text, sizeof(text));

		if (n == 0)
			record->programs = (uint32_t)at;
	}
}

static void
add_rules(struct builder *b, struct image_header *header)
{
	struct image_rule *records;

	records = calloc(b->rule_count + 1u, sizeof(*records));
	if (records == NULL) {
		b->out.error = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < b->rule_count; i++)
		fill_rule(b, &b->rules[i], &records[i]);
	header->rules = (uint32_t)output_append(
	    &b->out, records, b->rule_count * sizeof(*records));
	free(records);
	output_align(&b->out);
}

static void
add_sources(struct builder *b, const struct build_input *input,
    struct image_header *header)
{
	for (size_t i = 0; i < input->source_count; i++) {
		const struct build_source *source = &input->sources[i];
		struct image_source record = {
		    .device = source->device,
		    .inode = source->inode,
		    .size = source->size,
		    .mtime_s = source->mtime_s,
		    .mtime_ns = source->mtime_ns,
		    .path = add_string(b, source->path),
		};
		size_t at = output_append(&b->out, &record, sizeof(record));

		if (i == 0)
			header->sources = (uint32_t)at;
	}
	header->source_count = (uint32_t)input->source_count;
}

static void
add_directions(struct builder *b, struct image_header *header)
{
	static const enum direction DIRECTIONS[] = {
	    DIRECTION_CONNECT, DIRECTION_ACCEPT};

	for (int d = 0; d < 2; d++) {
		memset(b->open, 0, b->sets.words * sizeof(*b->open));
		for (uint32_t i = 0; i < b->rule_count; i++) {
			if ((b->rules[i].direction & DIRECTIONS[d]) != 0)
				b->open[i / 64] |= UINT64_C(1) << i % 64;
		}
		header->direction_set[d] = set_write(&b->sets, b->open);
	}
}

static int
builder_open(struct builder *b, const struct build_input *input)
{
	static const uint8_t empty_string;

	*b = (struct builder){
	    .rules = input->rules,
	    .rule_count = (uint32_t)input->rule_count,
	};
	if (set_writer_open(&b->sets, &b->out, b->rule_count) < 0)
		return -ENOMEM;
	/* One more of each, because malloc(0) may give NULL. */
	b->open = calloc(b->sets.words + 1u, sizeof(*b->open));
	b->spans = calloc(b->rule_count + 1u, sizeof(*b->spans));
	if (b->open == NULL || b->spans == NULL)
		return -ENOMEM;
	output_append(&b->strings, &empty_string, 1);
	return b->strings.error;
}

static void
builder_close(struct builder *b)
{
	free(b->open);
	free(b->spans);
	set_writer_close(&b->sets);
	free(b->strings.bytes);
}

int
build_image(const struct build_input *input, uint8_t **bytes, uint32_t *size)
{
	struct image_header header = {
	    .magic = IMAGE_MAGIC,
	    .flags = input->no_inherit ? IMAGE_NO_INHERIT : 0,
	};
	struct builder b;
	int error;

	if (input->rule_count > IMAGE_RULES_MAX)
		return -E2BIG;
	error = builder_open(&b, input);
	if (error < 0)
		goto out;

	header.rule_count = b.rule_count;
	output_append(&b.out, &header, sizeof(header));
	output_align(&b.out);
	add_rules(&b, &header);
	add_sources(&b, input, &header);
	add_directions(&b, &header);
	for (int field = 0; field < FIELDS; field++)
		add_field(&b, (enum image_field)field, &header);
	header.strings =
	    (uint32_t)output_append(&b.out, b.strings.bytes, b.strings.size);
	header.strings_size = (uint32_t)b.strings.size;
	header.size = (uint32_t)b.out.size;
	error = b.out.error != 0 ? b.out.error : b.strings.error;
	if (error == 0)
		memcpy(b.out.bytes, &header, sizeof(header));
out:
	if (error < 0) {
		free(b.out.bytes);
	} else {
		*bytes = b.out.bytes;
		*size = header.size;
	}
	builder_close(&b);
	return error;
}
