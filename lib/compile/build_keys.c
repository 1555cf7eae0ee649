/* SPDX-License-Identifier: ISC */
/*
 * build_keys: what rules name, as spans of keys, and how keys are written.
 */
#include "compile/build_keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int
key_order(const struct key *a, const struct key *b)
{
	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	if (a->low != b->low)
		return a->low < b->low ? -1 : 1;
	return 0;
}

struct key
key_greatest(enum image_field field, enum image_width width)
{
	if (field == FIELD_PORT)
		return (struct key){.low = UINT16_MAX};
	if (width == WIDTH_32)
		return (struct key){.low = UINT32_MAX};
	return (struct key){.high = UINT64_MAX, .low = UINT64_MAX};
}

struct key
key_after(const struct key *key)
{
	struct key after = {.high = key->high, .low = key->low + 1};

	if (after.low == 0)
		after.high++;
	return after;
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

static struct span
prefix_span(const struct prefix *prefix, uint32_t number)
{
	const uint8_t *bytes = prefix->addr.bytes;
	bool v4 = prefix->addr.family == ADDR_V4;
	unsigned int rest = (v4 ? 32 : 128) - prefix->len;
	struct span span = {.rule = number};

	if (v4) {
		span.first.low = key_part(bytes, 4);
	} else {
		span.first.high = key_part(bytes, 8);
		span.first.low = key_part(bytes + 8, 8);
	}
	span.last.high = span.first.high | low_bits(rest > 64 ? rest - 64 : 0);
	span.last.low = span.first.low | low_bits(rest);
	return span;
}

size_t
spans_count(const struct rule *rule, enum image_field field)
{
	switch (field) {
	case FIELD_SOURCE:
		return rule->source_count;
	case FIELD_DESTINATION:
		return rule->destination_count;
	default:
		return rule->port_count;
	}
}

size_t
spans_of_rule(const struct rule *rule, uint32_t number, enum image_field field,
    enum image_width width, struct span *spans)
{
	const uint8_t family = width == WIDTH_32 ? ADDR_V4 : ADDR_V6;
	const struct prefix *prefixes =
	    field == FIELD_SOURCE ? rule->sources : rule->destinations;
	size_t named = spans_count(rule, field), count = 0;

	for (size_t n = 0; n < named; n++) {
		if (field != FIELD_PORT) {
			if (prefixes[n].addr.family == family)
				spans[count++] =
				    prefix_span(&prefixes[n], number);
		} else if (width == WIDTH_32) {
			spans[count++] = (struct span){
			    .first.low = rule->ports[n].first,
			    .last.low = rule->ports[n].last,
			    .rule = number,
			};
		}
	}
	return count;
}

static int
span_order(const void *a, const void *b)
{
	const struct span *one = a, *other = b;
	int order = key_order(&one->first, &other->first);

	if (order == 0)
		order = key_order(&other->last, &one->last);
	if (order == 0)
		order = (one->rule > other->rule) - (one->rule < other->rule);
	return order;
}

void
spans_sort(struct span *spans, size_t count)
{
	qsort(spans, count, sizeof(*spans), span_order);
}

static void
put_key(uint8_t *to, const struct key *key, enum image_width width)
{
	const uint32_t low = (uint32_t)key->low;

	if (width == WIDTH_32)
		memcpy(to, &low, sizeof(low));
	else
		memcpy(to, key, sizeof(*key));
}

struct image_keys
keys_write(struct pieces *pieces, enum image_width width,
    const struct key *keys, size_t count, const uint32_t *cells)
{
	/* So that a block is in as few lines of the cache as can be. */
	static const size_t LINE = 64;
	const size_t len =
	    width == WIDTH_32 ? sizeof(uint32_t) : sizeof(struct key);
	const size_t block =
	    width == WIDTH_32 ? IMAGE_BLOCK_32 : IMAGE_BLOCK_128;
	size_t above = 0, cells_len = 0, size, at;
	struct image_keys written = {.count = (uint32_t)count};
	uint8_t *bytes;

	for (size_t n = count; n > block; n /= block)
		above += n / block * len;
	if (above > 0) {
		above = (above + LINE - 1) / LINE * LINE;
		output_align(pieces->out, LINE);
	} else {
		output_align(pieces->out, sizeof(uint64_t));
	}
	if (cells != NULL)
		cells_len = (count + 1) * sizeof(*cells);
	size = above + count * len + cells_len;
	bytes = calloc(size + 1, 1);
	if (bytes == NULL) {
		pieces->out->error = -ENOMEM;
		return written;
	}
	at = above;
	for (size_t n = count, step = 1;; step *= block) {
		for (size_t i = 0; i < n; i++)
			put_key(bytes + at + i * len, &keys[(i + 1) * step - 1],
			    width);
		if (n <= block)
			break;
		n /= block;
		at -= n * len;
	}
	if (cells != NULL)
		memcpy(bytes + above + count * len, cells, cells_len);
	written.offset = pieces_add(pieces, bytes, size) + (uint32_t)above;
	free(bytes);
	return written;
}
