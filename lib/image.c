/* SPDX-License-Identifier: ISC */
/*
 * image: the policy as one flat block of bytes, its accessors and its check.
 * It must never read outside the image, whatever the image says.
 */
#include "image.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

/* The layout is a file format: the same on every machine of a byte order. */
static_assert(sizeof(struct image_rule) == 128, "image_rule has padding");
static_assert(sizeof(struct image_interval) == 24, "image_interval differs");
static_assert(sizeof(struct image_source) == 40, "image_source has padding");
static_assert(sizeof(struct image_header) == 104, "image_header has padding");

/* Copies len bytes at offset out, or zeroes if they are not all inside. */
static bool
image_read(const struct image *image, uint64_t offset, void *to, size_t len)
{
	if (offset > image->size || len > image->size - offset) {
		memset(to, 0, len);
		return false;
	}
	memcpy(to, image->bytes + offset, len);
	return true;
}

static uint64_t
image_u64(const struct image *image, uint64_t offset)
{
	uint64_t value;

	image_read(image, offset, &value, sizeof(value));
	return value;
}

static uint32_t
image_u32(const struct image *image, uint64_t offset)
{
	uint32_t value;

	image_read(image, offset, &value, sizeof(value));
	return value;
}

bool
image_header(const struct image *image, struct image_header *header)
{
	return image_read(image, 0, header, sizeof(*header));
}

uint32_t
image_rule_count(const struct image *image)
{
	uint32_t count =
	    image_u32(image, offsetof(struct image_header, rule_count));

	return count <= IMAGE_RULES_MAX ? count : 0;
}

uint32_t
image_words(const struct image *image)
{
	return (image_rule_count(image) + 63) / 64;
}

static uint32_t
image_summary_words(const struct image *image)
{
	return (image_words(image) + 63) / 64;
}

bool
image_rule(const struct image *image, uint32_t index, struct image_rule *rule)
{
	uint64_t rules = image_u32(image, offsetof(struct image_header, rules));

	return index < image_rule_count(image) &&
	       image_read(
		   image, rules + index * sizeof(*rule), rule, sizeof(*rule));
}

bool
image_source(
    const struct image *image, uint32_t index, struct image_source *source)
{
	uint32_t sources, count;

	sources = image_u32(image, offsetof(struct image_header, sources));
	count = image_u32(image, offsetof(struct image_header, source_count));
	return index < count &&
	       image_read(image, sources + (uint64_t)index * sizeof(*source),
		   source, sizeof(*source));
}

const char *
image_string(const struct image *image, uint32_t offset)
{
	uint32_t strings, size;
	const char *table;

	strings = image_u32(image, offsetof(struct image_header, strings));
	size = image_u32(image, offsetof(struct image_header, strings_size));
	if (strings > image->size || size > image->size - strings ||
	    offset >= size)
		return "";
	table = (const char *)image->bytes + strings;
	if (memchr(table + offset, '\0', size - offset) == NULL)
		return "";
	return table + offset;
}

const char *
image_program(
    const struct image *image, const struct image_rule *rule, uint32_t n)
{
	if (n >= rule->program_count)
		return "";
	return image_string(
	    image, image_u32(image, rule->programs + n * sizeof(uint32_t)));
}

static int
key_compare(uint64_t high, uint64_t low, const struct image_interval *interval)
{
	if (high != interval->high)
		return high < interval->high ? -1 : 1;
	if (low != interval->low)
		return low < interval->low ? -1 : 1;
	return 0;
}

static bool
image_interval(const struct image *image, const struct image_table *table,
    uint32_t index, struct image_interval *interval)
{
	return image_read(image,
	    table->offset + (uint64_t)index * sizeof(*interval), interval,
	    sizeof(*interval));
}

uint32_t
image_find(const struct image *image, const struct image_table *table,
    uint64_t high, uint64_t low)
{
	struct image_interval interval;
	uint32_t from = 0, to = table->count;
	uint32_t set = 0;

	/* The last interval that does not start behind the key. */
	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (!image_interval(image, table, middle, &interval))
			return 0;
		if (key_compare(high, low, &interval) < 0) {
			to = middle;
		} else {
			set = interval.set;
			from = middle + 1;
		}
	}
	return set;
}

uint64_t
image_set_summary(const struct image *image, uint32_t set, uint32_t n)
{
	if (set == 0 || n >= image_summary_words(image))
		return 0;
	return image_u64(image, set + (uint64_t)n * sizeof(uint64_t));
}

uint64_t
image_set_word(const struct image *image, uint32_t set, uint32_t n)
{
	uint64_t summary = image_set_summary(image, set, n / 64);
	uint64_t bit = UINT64_C(1) << n % 64;
	uint64_t index;

	if ((summary & bit) == 0)
		return 0;
	index = image_summary_words(image);
	for (uint32_t i = 0; i < n / 64; i++)
		index += (uint64_t)__builtin_popcountll(
		    image_set_summary(image, set, i));
	index += (uint64_t)__builtin_popcountll(summary & (bit - 1));
	return image_u64(image, set + index * sizeof(uint64_t));
}

/* Does a block of count records lie inside the image, behind its header? */
static bool
block_inside(
    const struct image *image, uint64_t offset, uint64_t count, size_t record)
{
	return offset >= sizeof(struct image_header) &&
	       offset % sizeof(uint32_t) == 0 && offset <= image->size &&
	       count <= (image->size - offset) / record;
}

static bool
set_sound(const struct image *image, uint32_t set)
{
	uint32_t words = image_words(image);
	uint32_t rules = image_rule_count(image);
	uint32_t summaries = image_summary_words(image);
	uint64_t stored = summaries;

	if (set == 0)
		return true;
	if (!block_inside(image, set, summaries, sizeof(uint64_t)))
		return false;
	for (uint32_t i = 0; i < summaries; i++) {
		uint64_t summary = image_set_summary(image, set, i);

		if (words - i * 64 < 64 && summary >> (words - i * 64) != 0)
			return false;
		stored += (uint64_t)__builtin_popcountll(summary);
	}
	if (!block_inside(image, set, stored, sizeof(uint64_t)))
		return false;
	if (rules % 64 != 0 &&
	    image_set_word(image, set, words - 1) >> rules % 64 != 0)
		return false;
	return true;
}

static bool
table_sound(const struct image *image, const struct image_table *table)
{
	struct image_interval interval, before = {0};

	if (table->count == 0)
		return true;
	if (!block_inside(image, table->offset, table->count, sizeof(interval)))
		return false;
	for (uint32_t i = 0; i < table->count; i++) {
		image_interval(image, table, i, &interval);
		if (i == 0
			? (interval.high | interval.low) != 0
			: key_compare(before.high, before.low, &interval) >= 0)
			return false;
		if (!set_sound(image, interval.set))
			return false;
		before = interval;
	}
	return true;
}

/* What the kernel would refuse, or MPTCP wrongly take, is not set at all. */
static bool
value_sound(int option, int32_t value)
{
	switch (option) {
	case KEEPALIVE_IDLE:
	case KEEPALIVE_INTERVAL:
		return value >= 1 && value <= KEEPALIVE_SECONDS_MAX;
	case KEEPALIVE_COUNT:
		return value >= 1 && value <= KEEPALIVE_COUNT_MAX;
	case KEEPALIVE_USER_TIMEOUT:
		return value >= 0;
	default:
		return value == 1;
	}
}

/* The string table ends with a NUL: any offset inside it is a string. */
static bool
rule_sound(const struct image *image, const struct image_rule *rule,
    uint32_t strings_size)
{
	if (rule->name >= strings_size || rule->file >= strings_size ||
	    rule->profile >= strings_size)
		return false;
	if (rule->direction < DIRECTION_CONNECT ||
	    rule->direction > DIRECTION_BOTH || rule->action > ACTION_IGNORE ||
	    rule->app_settings > APP_RESPECT ||
	    rule->options >> KEEPALIVE_OPTIONS != 0)
		return false;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if (rule->origin[option].file >= strings_size)
			return false;
		if ((rule->options & 1u << option) != 0 &&
		    !value_sound(option, rule->value[option]))
			return false;
	}
	if (rule->program_count == 0)
		return true;
	if (!block_inside(
		image, rule->programs, rule->program_count, sizeof(uint32_t)))
		return false;
	for (uint32_t n = 0; n < rule->program_count; n++) {
		if (image_u32(image, rule->programs + n * sizeof(uint32_t)) >=
		    strings_size)
			return false;
	}
	return true;
}

static bool
sources_sound(const struct image *image, const struct image_header *header)
{
	struct image_source source;

	if (header->source_count != 0 &&
	    !block_inside(
		image, header->sources, header->source_count, sizeof(source)))
		return false;
	for (uint32_t i = 0; image_source(image, i, &source); i++) {
		if (source.path >= header->strings_size)
			return false;
	}
	return true;
}

int
image_check(const struct image *image)
{
	struct image_header header = {0};
	struct image_rule rule = {0};

	if (!image_header(image, &header) || header.magic != IMAGE_MAGIC ||
	    header.size != image->size || header.rule_count > IMAGE_RULES_MAX ||
	    !block_inside(
		image, header.rules, header.rule_count, sizeof(rule)) ||
	    !block_inside(image, header.strings, header.strings_size, 1) ||
	    header.strings_size == 0 ||
	    image->bytes[header.strings + header.strings_size - 1] != '\0')
		return -EBADMSG;

	if ((header.flags & ~(uint32_t)IMAGE_NO_INHERIT) != 0 ||
	    !sources_sound(image, &header))
		return -EBADMSG;
	for (uint32_t i = 0; i < header.rule_count; i++) {
		image_rule(image, i, &rule);
		if (!rule_sound(image, &rule, header.strings_size))
			return -EBADMSG;
	}
	for (int i = 0; i < 2; i++) {
		if (!set_sound(image, header.direction_set[i]))
			return -EBADMSG;
	}
	for (int i = 0; i < FIELDS; i++) {
		if (!set_sound(image, header.open_set[i]) ||
		    !table_sound(image, &header.v4[i]) ||
		    !table_sound(image, &header.v6[i]))
			return -EBADMSG;
	}
	return 0;
}
