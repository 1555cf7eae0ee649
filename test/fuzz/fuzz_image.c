/* SPDX-License-Identifier: ISC */
/*
 * Any bytes as an image: the check, and then every accessor and every query,
 * whatever the check said of it. Not a byte outside may be read, which is for
 * AddressSanitizer to see, each look-up must come to an end, which is for the
 * time limit to see, and what passed the check must be sound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "image/image.h"
#include "image/match.h"
#include "image/view.h"

/* Strings are read to their end: that is where a missing NUL shows. */
static size_t strings_read;

static void
use_string(const struct image *image, uint32_t offset)
{
	strings_read += strlen(image_string(image, offset));
}

static void
use_rule(const struct image *image, uint32_t index, bool sound)
{
	struct image_rule rule;

	if (!image_rule(image, index, &rule)) {
		MUST(!sound);
		return;
	}
	use_string(image, rule.name);
	use_string(image, rule.file);
	use_string(image, rule.profile);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		use_string(image, rule.origin[option].file);
	for (uint32_t n = 0; n < 4; n++)
		strings_read += strlen(image_program(image, &rule, n));
	strings_read += strlen(image_program(image, &rule, UINT32_MAX));
	if (!sound)
		return;
	MUST(rule.direction >= DIRECTION_CONNECT &&
	     rule.direction <= DIRECTION_BOTH);
	MUST(rule.action <= ACTION_IGNORE);
	MUST(rule.app_settings <= APP_RESPECT);
	MUST(rule.options >> KEEPALIVE_OPTIONS == 0);
	if ((rule.options & 1u << KEEPALIVE_IDLE) != 0)
		MUST(rule.value[KEEPALIVE_IDLE] >= 1 &&
		     rule.value[KEEPALIVE_IDLE] <= KEEPALIVE_SECONDS_MAX);
}

/* Addresses and ports that seeds and mutations are likely to have. */
static const struct addr ADDRS[] = {
    {.family = ADDR_NONE},
    {.family = ADDR_V4},
    {.family = ADDR_V4, .bytes = {10, 20, 0, 1}},
    {.family = ADDR_V4, .bytes = {127, 0, 0, 1}},
    {.family = ADDR_V4, .bytes = {255, 255, 255, 255}},
    {.family = ADDR_V6},
    {.family = ADDR_V6, .bytes = {0x20, 0x01, 0x0d, 0xb8, 0, 0x20}},
    {.family = ADDR_V6,
	.bytes = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};
static const uint16_t PORTS[] = {0, 22, 3300, 11000, 65535};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static void
query(const struct image *image, const struct match_groups *groups, bool sound)
{
	struct image_rule record;

	for (size_t n = 0; n < LEN(ADDRS) * LEN(PORTS) * 2; n++) {
		struct match_query query = {
		    .direction = n % 2 ? DIRECTION_CONNECT : DIRECTION_ACCEPT,
		    .source = ADDRS[n / 2 % LEN(ADDRS)],
		    .destination = ADDRS[n / 3 % LEN(ADDRS)],
		    .port = PORTS[n / 2 / LEN(ADDRS)],
		};
		int rule = match_rule(image, groups, &query);
		int sure = match_surely(image, groups, &query);

		MUST(rule >= MATCH_NONE && rule < (int)IMAGE_RULES_MAX);
		MUST(sure >= MATCH_DEPENDS && sure < (int)IMAGE_RULES_MAX);
		MUST(sure == MATCH_DEPENDS || sure == rule || !sound);
		if (rule == MATCH_NONE)
			continue;
		MUST((uint32_t)rule < image_rule_count(image));
		match_fields(image, (uint32_t)rule, MATCHER_FIELDS, &query);
		use_rule(image, (uint32_t)rule, sound);
		if (sound && groups != NULL &&
		    image_rule(image, (uint32_t)rule, &record))
			MUST(match_groups_have(groups, record.group));
	}
}

/*
 * The checksum that is put right below is there to refuse what this is:
 * lists of programs, damaged to be as long as the image, one over the other.
 * To compare a name with all of them takes long, though not for ever.
 */
static bool
long_lists(const struct image *image)
{
	struct image_group group;

	for (uint32_t n = 0; image_group(image, n, &group); n++) {
		if (group.program_count > 16)
			return true;
	}
	return false;
}

/* What policy.c does with an image whose header passed. */
static void
use_as_policy(const struct image *image, bool sound)
{
	static const char *const NAMES[] = {"sm_backup", "stpd"};
	uint32_t *numbers =
	    calloc(image_group_count(image) + 1, sizeof(*numbers));
	struct view view;

	MUST(numbers != NULL);
	view_make(
	    &view, image, NAMES, LEN(NAMES), numbers, image_group_count(image));
	MUST(view.groups.count <= image_group_count(image));
	query(image, &view.groups, sound);
	free(numbers);
}

/* Keys, steps and rules wherever they may be, as a damaged offset may say. */
static void
use_offset(const struct image *image, uint32_t offset)
{
	const struct image_keys keys = {.offset = offset, .count = offset / 7};
	struct image_step step;

	MUST(image_rank_32(image, &keys, offset) <= keys.count);
	MUST(image_rank_128(image, &keys, offset, 0) <= keys.count);
	image_read(image, offset, &step, sizeof(step));
	image_matchers(image, offset);
}

static void
use_image(const struct image *image)
{
	bool sound = image_check(image) == 0;
	bool usable = image_check_header(image) == 0;
	struct image_source source;

	MUST(usable || !sound);
	for (uint32_t i = 0; i < image_rule_count(image); i++)
		use_rule(image, i, sound);
	use_rule(image, UINT32_MAX, false);
	for (uint32_t i = 0; i < 4 && image_source(image, i, &source); i++)
		use_string(image, source.path);
	image_source(image, UINT32_MAX, &source);
	use_string(image, 0);
	use_string(image, UINT32_MAX);
	for (uint32_t n = 0; n < 8; n++)
		use_offset(image, n * 40 < image->size
				      ? image->bytes[n * 40] * 4
				      : UINT32_MAX - n);
	if (!usable)
		return;
	query(image, NULL, sound);
	if (!long_lists(image))
		use_as_policy(image, sound);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A block of exactly this size: the next byte is poisoned. */
	uint8_t *bytes;
	struct image image;
	struct image_header header;

	/* Any other size would not pass. */
	size -= size % sizeof(uint64_t);
	bytes = malloc(size + (size == 0));
	MUST(bytes != NULL);
	image = (struct image){.bytes = bytes, .size = (uint32_t)size};
	memcpy(bytes, data, size);
	use_image(&image);
	/* Few mutations keep these right, and the rest would not be seen. */
	if (image_header(&image, &header)) {
		header.magic = IMAGE_MAGIC;
		header.version = IMAGE_VERSION;
		header.size = image.size;
		memcpy(bytes, &header, sizeof(header));
		header.checksum[IMAGE_START] =
		    image_checksum(&image, IMAGE_START);
		memcpy(bytes, &header, sizeof(header));
		use_image(&image);
	}
	free(bytes);
	return 0;
}
