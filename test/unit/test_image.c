/* SPDX-License-Identifier: ISC */
/*
 * image: what is built passes the check, and a damaged image is refused or
 * gives "no rule", but is never read outside of its bytes. Each image lies at
 * the end of a page that is followed by one that can't be read, so that one
 * byte too far is a crash.
 */
#include "image/image.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policies.h"

/* size bytes that end where readable memory ends. */
static uint8_t *
guarded(size_t size, uint8_t **base, size_t *len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;

	*len = room + page;
	*base = mmap(NULL, *len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(*base, MAP_FAILED);
	ck_assert_int_eq(mprotect(*base + room, page, PROT_NONE), 0);
	return *base + room - size;
}

static void
use(const struct image *image, uint64_t *state, int queries)
{
	struct image_rule rule;

	for (int n = 0; n < queries; n++) {
		struct match_query query = random_query(state);
		int found = match_rule(image, NULL, &query);

		ck_assert_int_lt(found, (int)IMAGE_RULES_MAX);
		if (found == MATCH_NONE ||
		    !image_rule(image, (uint32_t)found, &rule))
			continue;
		/* Read to the end, which has to be inside. */
		ck_assert_uint_lt(
		    strlen(image_string(image, rule.name)), image->size);
		ck_assert_uint_lt(
		    strlen(image_program(image, &rule, test_below(state, 3))),
		    image->size);
	}
}

static uint8_t *
make(uint64_t *state, size_t count, uint32_t *size)
{
	struct random_policy policy;
	uint8_t *bytes;

	random_policy_make(state, count, 3, &policy);
	ck_assert_int_eq(test_build(policy.rules, count, &bytes, size), 0);
	random_policy_free(&policy);
	return bytes;
}

START_TEST(damage)
{
	uint64_t state = 5 + (uint64_t)_i;
	int refused = 0;

	for (int round = 0; round < 60; round++) {
		uint32_t size;
		uint8_t *good = make(&state, test_below(&state, 150), &size);
		size_t len;
		uint8_t *base, *bytes = guarded(size, &base, &len);
		struct image image = {.bytes = bytes, .size = size};

		memcpy(bytes, good, size);
		ck_assert_int_eq(image_check(&image), 0);
		for (int n = 0; n < 200; n++) {
			uint32_t at = test_below(&state, size);

			/* The header decides most: hit it often. */
			if (n % 2 == 0)
				at %= sizeof(struct image_header);
			bytes[at] = (uint8_t)test_random(&state);
			refused += image_check(&image) != 0;
			use(&image, &state, 20);
			if (n % 4 == 3)
				memcpy(bytes, good, size);
		}
		munmap(base, len);
		free(good);
	}
	ck_assert_int_gt(refused, 1000);
}
END_TEST

/* Every bit of every byte: the check sees it, and no look-up minds. */
START_TEST(every_bit)
{
	uint64_t state = 8;
	uint32_t size;
	uint8_t *good = make(&state, 12, &size);
	size_t len;
	uint8_t *base, *bytes = guarded(size, &base, &len);
	struct image image = {.bytes = bytes, .size = size};

	memcpy(bytes, good, size);
	for (uint32_t at = 0; at < size; at++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes[at] = good[at] ^ (uint8_t)(1 << bit);
			ck_assert_int_lt(image_check(&image), 0);
			use(&image, &state, 3);
		}
		bytes[at] = good[at];
	}
	ck_assert_int_eq(image_check(&image), 0);
	munmap(base, len);
	free(good);
}
END_TEST

/* A chain that leads back to itself comes to an end. */
START_TEST(circles)
{
	uint64_t state = 12;
	uint32_t size;
	uint8_t *bytes = make(&state, 150, &size);
	struct image image = {.bytes = bytes, .size = size};
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct image_group group;
	struct image_step step;
	uint32_t at;

	ck_assert(image_group(&image, 0, &group));
	at = group.root[0].step[KNOWN_ALL];
	ck_assert(image_read(&image, at, &step, sizeof(step)));
	step.next = at; /* the groups' checksum does not see this */
	step.first = 0;
	memcpy(bytes + at, &step, offsetof(struct image_step, table));
	ck_assert_int_eq(image_check(&image), -EBADMSG);
	ck_assert_int_eq(image_check_header(&image), 0);
	match_rule(&image, NULL, &query);
	free(bytes);
}
END_TEST

/* So does a table that leads back to itself. */
START_TEST(down_for_ever)
{
	enum { RULES = 20000 };
	struct prefix *hosts = calloc(RULES, sizeof(*hosts));
	struct rule *rules = calloc(RULES, sizeof(*rules));
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct image_group group;
	struct image_step step;
	struct image image;
	uint8_t *bytes;

	for (uint32_t i = 0; i < RULES; i++) {
		hosts[i].addr.family = ADDR_V4;
		memcpy(hosts[i].addr.bytes, &i, sizeof(i));
		hosts[i].len = 32;
		rules[i] = (struct rule){
		    .name = "r",
		    .direction = DIRECTION_BOTH,
		    .destinations = &hosts[i],
		    .destination_count = 1,
		};
	}
	ck_assert_int_eq(test_build(rules, RULES, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert(image_group(&image, 0, &group));
	ck_assert(image_read(
	    &image, group.root[0].step[KNOWN_ALL], &step, sizeof(step)));
	ck_assert_uint_eq(step.field, FIELD_DESTINATION);
	step.count_or_open = group.root[0].step[KNOWN_ALL];
	memcpy(bytes + group.root[0].step[KNOWN_ALL], &step,
	    offsetof(struct image_step, table));
	ck_assert_int_eq(match_rule(&image, NULL, &query), MATCH_NONE);
	free(bytes);
	free(rules);
	free(hosts);
}
END_TEST

START_TEST(foreign)
{
	static const struct {
		uint32_t magic;
		uint32_t version;
		int result;
	} CASES[] = {
	    {IMAGE_MAGIC, IMAGE_VERSION, 0},
	    {IMAGE_MAGIC, IMAGE_VERSION + 1, -EPROTONOSUPPORT},
	    {IMAGE_MAGIC, 0, -EPROTONOSUPPORT},
	    {0x4d48534bu, IMAGE_VERSION, -EPROTOTYPE},
	    {0x4d48534bu, 7, -EPROTOTYPE},
	    {0x464c457fu, IMAGE_VERSION, -EBADMSG},
	};
	uint64_t state = 13;
	uint32_t size;
	uint8_t *bytes = make(&state, 9, &size);
	struct image image = {.bytes = bytes, .size = size};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct image_header header;

		ck_assert(image_header(&image, &header));
		header.magic = CASES[i].magic;
		header.version = CASES[i].version;
		memcpy(bytes, &header, sizeof(header));
		for (int part = 0; part < IMAGE_PARTS; part++) {
			header.checksum[part] =
			    image_checksum(&image, (enum image_part)part);
			memcpy(bytes, &header, sizeof(header));
		}
		ck_assert_int_eq(image_check_header(&image), CASES[i].result);
		ck_assert_int_eq(image_check(&image), CASES[i].result);
	}
	free(bytes);
}
END_TEST

/* What a start believes is not damaged: the header and the groups. */
START_TEST(start)
{
	uint64_t state = 14;
	uint32_t size;
	uint8_t *bytes = make(&state, 60, &size);
	struct image image = {.bytes = bytes, .size = size};
	struct image_header header;
	uint32_t last;

	ck_assert(image_header(&image, &header));
	last = header.groups +
	       header.group_count * (uint32_t)sizeof(struct image_group);
	for (uint32_t at = 0; at < last;
	     at = at + 1 == sizeof(header) ? header.groups : at + 1) {
		/* Not in the other checksum. */
		if (at / 8 ==
		    offsetof(struct image_header, checksum[IMAGE_ALL]) / 8)
			continue;
		bytes[at] ^= 0x40;
		ck_assert_int_lt(image_check_header(&image), 0);
		bytes[at] ^= 0x40;
	}
	ck_assert_int_eq(image_check(&image), 0);
	free(bytes);
}
END_TEST

START_TEST(truncation)
{
	uint64_t state = 6;
	uint32_t size;
	uint8_t *good = make(&state, 20, &size);

	for (uint32_t cut = 0; cut < size; cut++) {
		size_t len;
		uint8_t *base, *bytes = guarded(cut, &base, &len);
		struct image image = {.bytes = bytes, .size = cut};

		memcpy(bytes, good, cut);
		ck_assert_int_eq(image_check_header(&image), -EBADMSG);
		ck_assert_int_eq(image_check(&image), -EBADMSG);
		use(&image, &state, 5);
		munmap(base, len);
	}
	free(good);
}
END_TEST

/* What the kernel would refuse must not come through. */
START_TEST(values)
{
	static const struct {
		int option;
		int32_t value;
		bool sound;
	} CASES[] = {
	    {KEEPALIVE_IDLE, 0, false},
	    {KEEPALIVE_IDLE, 1, true},
	    {KEEPALIVE_IDLE, 32767, true},
	    {KEEPALIVE_IDLE, 32768, false},
	    {KEEPALIVE_IDLE, -1, false},
	    {KEEPALIVE_INTERVAL, 999999, false},
	    {KEEPALIVE_COUNT, 127, true},
	    {KEEPALIVE_COUNT, 128, false},
	    {KEEPALIVE_USER_TIMEOUT, -1, false},
	    {KEEPALIVE_USER_TIMEOUT, 0, true},
	    {KEEPALIVE_SWITCH, 0, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		struct rule rule = {.name = "r", .direction = DIRECTION_BOTH};
		struct image_rule record;
		struct image image;
		uint8_t *bytes;

		rule.keepalive.set = 1u << CASES[i].option;
		rule.keepalive.value[CASES[i].option] = CASES[i].value;
		ck_assert_int_eq(test_build(&rule, 1, &bytes, &image.size), 0);
		image.bytes = bytes;
		ck_assert_int_eq(image_check(&image), 0);
		ck_assert_int_eq(
		    image_rule(&image, 0, &record), CASES[i].sound);
		free(bytes);
	}
}
END_TEST

START_TEST(strings)
{
	static const char *const SAP[] = {"sm_*", "stpd"};
	struct rule rule = {
	    .name = "dmz-backup",
	    .file = "/etc/kashim.conf",
	    .line = 7,
	    .direction = DIRECTION_CONNECT,
	    .app_settings = APP_TIGHTEN,
	    .programs = (const char **)SAP,
	    .program_count = 2,
	    .keepalive = {.set = 1u << KEEPALIVE_IDLE,
		.value[KEEPALIVE_IDLE] = 450},
	    .origin[KEEPALIVE_IDLE] = {ORIGIN_PROFILE, "/etc/more.conf", 9},
	    .timeout_s = 900,
	    .profile = "kube-proxy-ipvs",
	};
	struct image_header header;
	struct image_rule record;
	struct image image;
	uint8_t *bytes;

	ck_assert_int_eq(test_build(&rule, 1, &bytes, &image.size), 0);
	image.bytes = bytes;
	ck_assert(image_rule(&image, 0, &record));
	ck_assert(!image_rule(&image, 1, &record));
	ck_assert_str_eq(image_string(&image, record.name), "dmz-backup");
	ck_assert_str_eq(image_string(&image, record.file), rule.file);
	ck_assert_str_eq(
	    image_string(&image, record.profile), "kube-proxy-ipvs");
	ck_assert_str_eq(image_program(&image, &record, 0), "sm_*");
	ck_assert_str_eq(image_program(&image, &record, 1), "stpd");
	ck_assert_str_eq(image_program(&image, &record, 2), "");
	ck_assert_uint_eq(record.line, 7);
	ck_assert_uint_eq(record.timeout_s, 900);
	ck_assert_uint_eq(record.matchers, MATCHER_PROGRAM);
	ck_assert_uint_eq(record.app_settings, APP_TIGHTEN);
	ck_assert_uint_eq(record.direction, DIRECTION_CONNECT);
	ck_assert_int_eq(record.value[KEEPALIVE_IDLE], 450);
	ck_assert_uint_eq(record.origin[KEEPALIVE_IDLE].kind, ORIGIN_PROFILE);
	ck_assert_uint_eq(record.origin[KEEPALIVE_IDLE].line, 9);
	ck_assert_str_eq(
	    image_string(&image, record.origin[KEEPALIVE_IDLE].file),
	    "/etc/more.conf");
	ck_assert_str_eq(image_string(&image, UINT32_MAX), "");
	/* A table that does not end with a NUL has no strings. */
	ck_assert(image_header(&image, &header));
	header.strings_size--;
	memcpy(bytes, &header, sizeof(header));
	ck_assert_str_eq(image_string(&image, record.name), "");
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_add_loop_test(tc, damage, 0, 4);
	tcase_add_test(tc, every_bit);
	tcase_add_test(tc, circles);
	tcase_add_test(tc, down_for_ever);
	tcase_add_test(tc, foreign);
	tcase_add_test(tc, start);
	tcase_add_test(tc, truncation);
	tcase_add_test(tc, values);
	tcase_add_test(tc, strings);
	tcase_set_timeout(tc, 120);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
