/* SPDX-License-Identifier: ISC */
/*
 * image: the policy as one flat block of bytes, its accessors and its check.
 * It must never read outside the image, whatever the image says.
 */
#include "image/image.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/keepalive.h"

/* The layout is a file format: the same on every machine of a byte order. */
static_assert(sizeof(struct image_header) == 64, "image_header has padding");
static_assert(sizeof(struct image_rule) == 180, "image_rule has padding");
static_assert(sizeof(struct image_group) == 72, "image_group has padding");
static_assert(sizeof(struct image_step) == 32, "image_step has padding");
static_assert(sizeof(struct image_source) == 40, "image_source has padding");

/* An image has them one behind the other. */
static_assert(
    IMAGE_BLOCK_32 * sizeof(uint32_t) == IMAGE_BLOCK_128 * 2 * sizeof(uint64_t),
    "blocks of two sizes");
static_assert(MATCHER_FIELDS == (1u << FIELDS) - 1, "not a bit for each field");
static_assert(IMAGE_RULES_MAX < STEP_SURE, "STEP_SURE is in a rule's number");

static uint32_t
image_u32(const struct image *image, uint64_t offset)
{
	uint32_t value;

	image_read(image, offset, &value, sizeof(value));
	return value;
}

/* Does a block of count records lie inside the image, behind its header? */
static bool
block_inside(
    const struct image *image, uint64_t offset, uint64_t count, size_t record)
{
	return offset >= sizeof(struct image_header) &&
	       image_inside(image, offset, count * record);
}

/* Each word changes all bits of what comes behind it. */
static uint64_t
add_words(uint64_t sum, const struct image *image, uint64_t at, uint64_t len)
{
	uint64_t word;

	if (!image_inside(image, at, len))
		return sum;
	for (uint64_t end = at + len; at + sizeof(word) <= end;
	     at += sizeof(word)) {
		memcpy(&word, image->bytes + at, sizeof(word));
		sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		sum ^= sum >> 32;
	}
	return sum;
}

uint64_t
image_checksum(const struct image *image, enum image_part part)
{
	const size_t own =
	    offsetof(struct image_header, checksum) + part * sizeof(uint64_t);
	struct image_header header;
	uint64_t sum = add_words(0, image, 0, own);

	if (part == IMAGE_ALL)
		return add_words(
		    sum, image, sizeof(header), image->size - sizeof(header));
	image_header(image, &header);
	return add_words(sum, image, header.groups,
	    header.group_count * (uint64_t)sizeof(struct image_group));
}

int
image_check_header(const struct image *image)
{
	struct image_header header;

	if (!image_header(image, &header))
		return -EBADMSG;
	if (header.magic == __builtin_bswap32(IMAGE_MAGIC))
		return -EPROTOTYPE;
	if (header.magic != IMAGE_MAGIC)
		return -EBADMSG;
	if (header.version != IMAGE_VERSION)
		return -EPROTONOSUPPORT;
	if (header.size != image->size || image->size % sizeof(uint64_t) != 0 ||
	    (header.flags & ~(uint32_t)IMAGE_FLAGS) != 0 ||
	    header.rule_count > IMAGE_RULES_MAX ||
	    !block_inside(image, header.rules, header.rule_count,
		sizeof(struct image_rule)) ||
	    header.group_count > header.rule_count + 1 ||
	    !block_inside(image, header.groups, header.group_count,
		sizeof(struct image_group)) ||
	    !block_inside(image, header.sources, header.source_count,
		sizeof(struct image_source)) ||
	    !block_inside(image, header.strings, header.strings_size, 1) ||
	    header.strings_size == 0 ||
	    image->bytes[header.strings + header.strings_size - 1] != '\0' ||
	    header.checksum[IMAGE_START] != image_checksum(image, IMAGE_START))
		return -EBADMSG;
	return 0;
}

int
image_check(const struct image *image)
{
	struct image_header header;
	int error = image_check_header(image);

	if (error < 0)
		return error;
	image_header(image, &header);
	return header.checksum[IMAGE_ALL] == image_checksum(image, IMAGE_ALL)
	           ? 0
	           : -EBADMSG;
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
image_group_count(const struct image *image)
{
	uint32_t count =
	    image_u32(image, offsetof(struct image_header, group_count));

	return count <= IMAGE_RULES_MAX + 1 ? count : 0;
}

uint64_t
image_rule_offset(const struct image *image, uint32_t index)
{
	uint64_t rules = image_u32(image, offsetof(struct image_header, rules));

	if (index >= image_rule_count(image))
		return UINT64_MAX / 2;
	return rules + index * sizeof(struct image_rule);
}

/* What the kernel would refuse, or MPTCP wrongly take, is not set at all. */
static bool
value_sound(int option, int32_t value)
{
	return value >= keepalive_about[option].least &&
	       value <= keepalive_about[option].greatest;
}

static bool
rule_sound(const struct image_rule *rule)
{
	if (rule->direction < DIRECTION_CONNECT ||
	    rule->direction > DIRECTION_BOTH || rule->action > ACTION_IGNORE ||
	    rule->app_settings > APP_RESPECT ||
	    rule->options >> KEEPALIVE_OPTIONS != 0)
		return false;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((rule->options & 1u << option) != 0 &&
		    !value_sound(option, rule->value[option]))
			return false;
	}
	return true;
}

static bool
list_inside(const struct image *image, uint32_t offset, uint32_t count)
{
	return image_inside(image, offset, (uint64_t)count * sizeof(uint32_t));
}

bool
image_rule(const struct image *image, uint32_t index, struct image_rule *rule)
{
	return index < image_rule_count(image) &&
	       image_read(image, image_rule_offset(image, index), rule,
		   sizeof(*rule)) &&
	       rule_sound(rule) &&
	       list_inside(image, rule->programs, rule->program_count);
}

bool
image_source(
    const struct image *image, uint32_t index, struct image_source *source)
{
	uint64_t sources, count;

	sources = image_u32(image, offsetof(struct image_header, sources));
	count = image_u32(image, offsetof(struct image_header, source_count));
	return index < count &&
	       image_read(image, sources + index * sizeof(*source), source,
		   sizeof(*source));
}

const char *
image_string(const struct image *image, uint32_t offset)
{
	uint32_t strings, size;
	const char *table;

	strings = image_u32(image, offsetof(struct image_header, strings));
	size = image_u32(image, offsetof(struct image_header, strings_size));
	if (!image_inside(image, strings, size) || offset >= size)
		return "";
	table = (const char *)image->bytes + strings;
	return table[size - 1] == '\0' ? table + offset : "";
}

static const char *
list_string(
    const struct image *image, uint64_t list, uint32_t count, uint32_t n)
{
	if (n >= count)
		return "";
	return image_string(
	    image, image_u32(image, list + (uint64_t)n * sizeof(uint32_t)));
}

const char *
image_program(
    const struct image *image, const struct image_rule *rule, uint32_t n)
{
	return list_string(image, rule->programs, rule->program_count, n);
}

bool
image_group(
    const struct image *image, uint32_t index, struct image_group *group)
{
	uint64_t groups =
	    image_u32(image, offsetof(struct image_header, groups));

	return index < image_group_count(image) &&
	       image_read(image, groups + index * sizeof(*group), group,
		   sizeof(*group));
}

const char *
image_group_program(
    const struct image *image, const struct image_group *group, uint32_t n)
{
	return list_string(image, group->programs, group->program_count, n);
}

uint32_t
image_matchers(const struct image *image, uint32_t index)
{
	return image_u32(image, image_rule_offset(image, index) +
				    offsetof(struct image_rule, matchers));
}

/* A key that may stand at any address. */
struct key_32 {
	uint32_t value;
} __attribute__((packed, may_alias));

struct key_128 {
	uint64_t high;
	uint64_t low;
} __attribute__((packed, may_alias));

/*
 * Counts without a branch that depends on a key: the processor cannot guess
 * it. A whole block is counted by itself, so that the compiler can do several
 * keys at a time.
 */
static inline uint32_t
count_32(const struct key_32 *keys, uint32_t count, uint32_t key)
{
	uint32_t rank = 0;

	if (count == IMAGE_BLOCK_32) {
		for (uint32_t i = 0; i < IMAGE_BLOCK_32; i++)
			rank += keys[i].value <= key;
		return rank;
	}
	for (uint32_t i = 0; i < count; i++)
		rank += keys[i].value <= key;
	return rank;
}

/* Three instructions where the machine has 128 bits, many more elsewhere. */
static inline bool
is_below(uint64_t high, uint64_t low, const struct key_128 *key)
{
#ifdef __SIZEOF_INT128__
	return ((unsigned __int128)high << 64 | low) <
	       ((unsigned __int128)key->high << 64 | key->low);
#else
	return high < key->high || (high == key->high && low < key->low);
#endif
}

static inline uint32_t
count_128(
    const struct key_128 *keys, uint32_t count, uint64_t high, uint64_t low)
{
	uint32_t rank = count;

	if (count == IMAGE_BLOCK_128) {
#ifndef __clang__ /* which does it unasked, and may not know the pragma */
#pragma GCC unroll 8
#endif
		for (uint32_t i = 0; i < IMAGE_BLOCK_128; i++)
			rank -= is_below(high, low, &keys[i]);
		return rank;
	}
	for (uint32_t i = 0; i < count; i++)
		rank -= is_below(high, low, &keys[i]);
	return rank;
}

/* The levels of keys: from the keys themselves up to no more than a block. */
struct levels {
	unsigned int count;
	struct {
		const uint8_t *keys;
		uint32_t count;
	} level[8];
};

/* Returns false if they are not all inside. */
static inline bool
find_levels(const struct image *image, const struct image_keys *keys,
    uint32_t block, uint32_t len, struct levels *levels)
{
	uint64_t start = keys->offset;
	uint32_t count = keys->count;

	levels->count = 0;
	if (!image_inside(image, start, (uint64_t)count * len))
		return false;
	for (;;) {
		levels->level[levels->count].keys = image->bytes + start;
		levels->level[levels->count++].count = count;
		if (count <= block)
			return true;
		count /= block;
		if ((uint64_t)count * len > start || levels->count == 8)
			return false;
		start -= (uint64_t)count * len;
	}
}

uint32_t
image_rank_32(
    const struct image *image, const struct image_keys *keys, uint32_t key)
{
	const uint32_t block = IMAGE_BLOCK_32;
	struct levels levels;
	uint32_t rank = 0;

	if (!find_levels(image, keys, block, sizeof(struct key_32), &levels))
		return 0;
	for (unsigned int n = levels.count; n-- > 0;) {
		const struct key_32 *there =
		    (const struct key_32 *)levels.level[n].keys;
		uint32_t from = rank * block;
		uint32_t left = levels.level[n].count - from;

		rank = from +
		       count_32(there + from, left < block ? left : block, key);
	}
	return rank;
}

uint32_t
image_rank_128(const struct image *image, const struct image_keys *keys,
    uint64_t high, uint64_t low)
{
	const uint32_t block = IMAGE_BLOCK_128;
	struct levels levels;
	uint32_t rank = 0;

	if (!find_levels(image, keys, block, sizeof(struct key_128), &levels))
		return 0;
	for (unsigned int n = levels.count; n-- > 0;) {
		const struct key_128 *there =
		    (const struct key_128 *)levels.level[n].keys;
		uint32_t from = rank * block;
		uint32_t left = levels.level[n].count - from;

		rank = from + count_128(there + from,
				  left < block ? left : block, high, low);
	}
	return rank;
}
