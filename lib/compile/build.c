/* SPDX-License-Identifier: ISC */
/*
 * build: rules, as the configuration gives them, to the bytes of an image.
 *
 * What is searched (build_index) comes last: if one way of it gets too large,
 * it is thrown away and a thriftier way is taken. There is an index for each
 * of enum image_known: the same rules, with the fields left open that are not
 * known.
 */
#include "compile/build.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "compile/build_index.h"
#include "compile/build_keys.h"
#include "compile/build_output.h"
#include "image/match.h"

/*
 * What a way to make the index may take, for each rule and for each prefix and
 * range that it names: times that a rule is put into a set, of which a second
 * sees some 20 million; and bytes. If it takes more, a thriftier way is tried.
 */
#define WORK_EACH 64u
#define WORK_MIN  4096u
#define WORK_MAX  (32u << 20)
#define SIZE_EACH 128u
#define SIZE_MIN  65536u

/* The rules that go with one list of programs. */
struct member {
	uint32_t programs; /* offset of the list, 0 if none */
	uint32_t rule;
};

struct builder {
	struct output out;
	struct output strings;
	struct pieces pieces;
	struct pieces string_pieces;
	const struct rule *rules;
	uint32_t rule_count;
	struct image_rule *records;
	struct member *members; /* a rule each, by group */
	struct image_group *groups;
	uint32_t group_count;
};

static uint32_t
add_string(struct builder *b, const char *text)
{
	if (text == NULL)
		text = "";
	return pieces_add(&b->string_pieces, text, strlen(text) + 1);
}

static uint32_t
rule_matchers(const struct rule *rule)
{
	return (rule->source_count > 0 ? MATCHER_SOURCE : 0u) |
	       (rule->destination_count > 0 ? MATCHER_DESTINATION : 0u) |
	       (rule->port_count > 0 ? MATCHER_PORT : 0u) |
	       (rule->program_count > 0 ? MATCHER_PROGRAM : 0u);
}

/* What a rule names in a field: where inside and outside change places. */
static struct image_keys
add_inside(struct builder *b, const struct rule *rule, enum image_field field,
    enum image_width width)
{
	const struct key greatest = key_greatest(field, width);
	size_t named = spans_count(rule, field), count, used = 0;
	struct image_keys written = {0};
	struct span *spans = calloc(named + 1, sizeof(*spans));
	struct key *keys = calloc(2 * named + 1, sizeof(*keys));

	if (spans == NULL || keys == NULL) {
		b->out.error = -ENOMEM;
		goto out;
	}
	count = spans_of_rule(rule, 0, field, width, spans);
	spans_sort(spans, count);
	for (size_t i = 0, next; i < count; i = next) {
		struct key last = spans[i].last, after = key_after(&last);

		for (next = i + 1; next < count; next++) {
			if (key_order(&last, &greatest) != 0 &&
			    key_order(&spans[next].first, &after) > 0)
				break;
			if (key_order(&spans[next].last, &last) > 0)
				last = spans[next].last;
			after = key_after(&last);
		}
		keys[used++] = spans[i].first;
		if (key_order(&last, &greatest) != 0)
			keys[used++] = after;
	}
	if (used > 0)
		written = keys_write(&b->pieces, width, keys, used, NULL);
out:
	free(keys);
	free(spans);
	return written;
}

/* Equal lists are written once, which makes them a group. */
static uint32_t
add_programs(struct builder *b, const struct rule *rule)
{
	uint32_t *list = calloc(rule->program_count + 1, sizeof(*list));
	uint32_t at = 0;

	if (list == NULL) {
		b->out.error = -ENOMEM;
		return 0;
	}
	for (size_t n = 0; n < rule->program_count; n++)
		list[n] = add_string(b, rule->programs[n]);
	at = pieces_add(&b->pieces, list, rule->program_count * sizeof(*list));
	free(list);
	return at;
}

static void
fill_rule(struct builder *b, const struct rule *rule, struct image_rule *record)
{
	*record = (struct image_rule){
	    .matchers = rule_matchers(rule),
	    .direction = rule->direction,
	    .name = add_string(b, rule->name),
	    .file = add_string(b, rule->file),
	    .line = rule->line,
	    .action = rule->action,
	    .app_settings = rule->app_settings,
	    .options = rule->keepalive.set,
	    .timeout_s = rule->timeout_s,
	    .profile = add_string(b, rule->profile),
	    .programs = add_programs(b, rule),
	    .program_count = (uint32_t)rule->program_count,
	};
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const struct origin *origin = &rule->origin[option];

		record->value[option] = rule->keepalive.value[option];
		record->origin[option] = (struct image_origin){
		    .kind = origin->kind,
		    .file = add_string(b, origin->file),
		    .line = origin->line,
		};
	}
	for (int field = 0; field < FIELDS; field++) {
		for (int width = 0; width < WIDTHS; width++)
			record->inside[field][width] = add_inside(b, rule,
			    (enum image_field)field, (enum image_width)width);
	}
}

static int
member_order(const void *a, const void *b)
{
	const struct member *one = a, *other = b;

	if (one->programs != other->programs)
		return one->programs < other->programs ? -1 : 1;
	return (one->rule > other->rule) - (one->rule < other->rule);
}

/* Finds the groups; the first is there even if it has no rules. */
static void
make_groups(struct builder *b)
{
	uint32_t programs = 0;

	if (b->rule_count > 0)
		qsort(b->members, b->rule_count, sizeof(*b->members),
		    member_order);
	b->group_count = 1;
	for (uint32_t i = 0; i < b->rule_count; i++) {
		struct image_rule *rule = &b->records[b->members[i].rule];

		if (rule->programs != programs)
			b->groups[b->group_count++] = (struct image_group){
			    .programs = rule->programs,
			    .program_count = rule->program_count,
			};
		programs = rule->programs;
		rule->group = b->group_count - 1;
		if (rule->action == ACTION_KEEPALIVE &&
		    rule->app_settings != APP_RESPECT)
			b->groups[b->group_count - 1].holds = 1;
	}
}

static void
add_rules(struct builder *b, struct image_header *header)
{
	for (uint32_t i = 0; i < b->rule_count; i++) {
		fill_rule(b, &b->rules[i], &b->records[i]);
		b->members[i] = (struct member){
		    .programs = b->records[i].programs, .rule = i};
	}
	make_groups(b);
	output_align(&b->out, sizeof(uint64_t));
	header->rules = (uint32_t)output_append(
	    &b->out, b->records, b->rule_count * sizeof(*b->records));
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

/* What match_scope() goes by. */
static void
fill_root(const struct builder *b, const uint32_t *numbers, size_t count,
    struct image_root *root)
{
	*root = (struct image_root){.all = (uint32_t)MATCH_NONE};
	for (int field = 0; field < FIELDS; field++)
		root->named[field] = (uint32_t)MATCH_NONE;
	for (size_t i = count; i-- > 0;) {
		uint32_t matchers =
		    b->records[numbers[i]].matchers & MATCHER_FIELDS;

		if (matchers == 0)
			root->all = numbers[i];
		for (int field = 0; field < FIELDS; field++) {
			if ((matchers & 1u << field) != 0)
				root->named[field] = numbers[i];
		}
	}
}

/* Does no rule of the root name any other field? Then nothing else is known. */
static bool
names_only(const struct image_root *root, uint32_t fields)
{
	for (int field = 0; field < FIELDS; field++) {
		if ((fields & 1u << field) == 0 &&
		    root->named[field] != (uint32_t)MATCH_NONE)
			return false;
	}
	return true;
}

/* Writes the steps of all groups, in the way that the indexer says. */
static void
add_index(struct builder *b, struct indexer *indexer, enum image_known known,
    uint32_t *numbers)
{
	static const enum direction DIRECTIONS[] = {
	    DIRECTION_CONNECT, DIRECTION_ACCEPT};
	uint32_t i = 0, group = 0;

	for (; group < b->group_count; group++) {
		uint32_t first = i;

		while (i < b->rule_count &&
		       b->members[i].programs == b->groups[group].programs)
			i++;
		for (int d = 0; d < 2; d++) {
			struct image_root *root = &b->groups[group].root[d];
			size_t count = 0;

			for (uint32_t n = first; n < i; n++) {
				uint32_t rule = b->members[n].rule;

				if ((b->rules[rule].direction &
					DIRECTIONS[d]) != 0)
					numbers[count++] = rule;
			}
			if (known == KNOWN_ALL)
				fill_root(b, numbers, count, root);
			root->step[known] =
			    known != KNOWN_ALL &&
				    names_only(root, indexer->fields)
				? root->step[KNOWN_ALL]
				: index_rules(indexer, numbers, count);
		}
	}
}

static uint64_t
count_named(const struct builder *b)
{
	uint64_t named = b->rule_count;

	for (uint32_t i = 0; i < b->rule_count; i++) {
		for (int field = 0; field < FIELDS; field++)
			named +=
			    spans_count(&b->rules[i], (enum image_field)field);
	}
	return named;
}

/*
 * Ways to make an index, from the fastest look-up to the least memory. The
 * last one has no limits and needs none: with long lists below the first table
 * and chains of any length, each rule is where it is named, and hardly
 * anywhere else.
 */
static void
add_steps(struct builder *b, enum image_known known, uint64_t named,
    uint32_t *numbers)
{
	static const struct {
		size_t list_max;
		size_t chain_max;
	} WAYS[] = {
	    {4, 2}, {8, 4}, {16, 6}, {16, SIZE_MAX}, {SIZE_MAX, SIZE_MAX}};
	const size_t ways = sizeof(WAYS) / sizeof(WAYS[0]);
	const size_t before = b->out.size;

	for (size_t way = 0; way < ways && b->out.error == 0; way++) {
		struct indexer indexer = {
		    .pieces = &b->pieces,
		    .rules = b->rules,
		    .fields = image_known_fields(known),
		    .list_max = WAYS[way].list_max,
		    .chain_max = WAYS[way].chain_max,
		    .work_left = UINT64_MAX,
		    .size_max = UINT64_MAX,
		};

		if (way + 1 < ways) {
			indexer.work_left = named < WORK_MAX / WORK_EACH
			                        ? WORK_MIN + named * WORK_EACH
			                        : WORK_MAX;
			indexer.size_max =
			    before + SIZE_MIN + named * SIZE_EACH;
		}
		b->out.size = before;
		pieces_clear(&b->pieces);
		add_index(b, &indexer, known, numbers);
		if (!indexer.exhausted)
			break;
	}
}

static void
add_groups(struct builder *b, struct image_header *header)
{
	const uint64_t named = count_named(b);
	uint32_t *numbers = calloc(b->rule_count + 1u, sizeof(*numbers));

	if (numbers == NULL) {
		b->out.error = -ENOMEM;
		return;
	}
	for (int known = 0; known < KNOWNS; known++)
		add_steps(b, (enum image_known)known, named, numbers);
	output_align(&b->out, sizeof(uint64_t));
	header->group_count = b->group_count;
	header->groups = (uint32_t)output_append(
	    &b->out, b->groups, b->group_count * sizeof(*b->groups));
	free(numbers);
}

static int
builder_open(struct builder *b, const struct build_input *input)
{
	*b = (struct builder){
	    .rules = input->rules,
	    .rule_count = (uint32_t)input->rule_count,
	};
	b->pieces.out = &b->out;
	b->string_pieces.out = &b->strings;
	/* One more of each, because malloc(0) may give NULL. */
	b->records = calloc(b->rule_count + 1u, sizeof(*b->records));
	b->members = calloc(b->rule_count + 1u, sizeof(*b->members));
	b->groups = calloc(b->rule_count + 1u, sizeof(*b->groups));
	if (b->records == NULL || b->members == NULL || b->groups == NULL)
		return -ENOMEM;
	/* Offset 0 is the empty string. */
	add_string(b, "");
	return b->strings.error;
}

static void
builder_close(struct builder *b)
{
	free(b->records);
	free(b->members);
	free(b->groups);
	pieces_clear(&b->pieces);
	pieces_clear(&b->string_pieces);
	free(b->strings.bytes);
}

/* Writes header and checksums to where room was left for them. */
static void
finish(struct builder *b, struct image_header *header)
{
	struct image image = {
	    .bytes = b->out.bytes, .size = (uint32_t)b->out.size};

	header->size = image.size;
	for (int part = 0; part < IMAGE_PARTS; part++) {
		memcpy(b->out.bytes, header, sizeof(*header));
		header->checksum[part] =
		    image_checksum(&image, (enum image_part)part);
	}
	memcpy(b->out.bytes, header, sizeof(*header));
}

int
build_image(const struct build_input *input, uint8_t **bytes, uint32_t *size)
{
	struct image_header header = {
	    .magic = IMAGE_MAGIC,
	    .version = IMAGE_VERSION,
	    .flags = (input->no_inherit ? IMAGE_NO_INHERIT : 0u) |
	             (input->migrates ? IMAGE_MIGRATES : 0u),
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
	add_rules(&b, &header);
	add_sources(&b, input, &header);
	add_groups(&b, &header);
	header.strings =
	    (uint32_t)output_append(&b.out, b.strings.bytes, b.strings.size);
	header.strings_size = (uint32_t)b.strings.size;
	output_align(&b.out, sizeof(uint64_t));
	error = b.out.error != 0 ? b.out.error : b.strings.error;
	if (error == 0)
		finish(&b, &header);
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
