/* SPDX-License-Identifier: ISC */
/*
 * The look-up in the kernel against match.c: the same questions to both, of
 * policies made at random. "lookups QUERIES" prints how many there were and how
 * many answers differed. "lookups damaged POLICIES" damages each policy: then
 * the kernel only has to answer. "lookups images FILE..." does both with those
 * that kashim compile has written. "lookups refused DIR" attaches a rule with a
 * time that no socket takes to a control group.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/policies.h"
#include "bpf/policy.h"
#include "image/cache.h"
#include "kernel/kernel.h"

#define LISTS 20

/* The verifier gives up at 1,000,000. */
#define VERIFIED_MAX 100000u

/* Larger policies have tables of many keys. */
#define SPREAD_MIN 1000u

enum spread_by {
	BY_SOURCE,
	BY_DESTINATION,
	BY_PORT,
	SPREAD_WAYS,
};

/* The programs that the rules of a policy name, at random. */
static char pool[LISTS + 1][BPF_PATTERN_BITS];

/* Who asks. */
struct asker {
	char text[2][BPF_NAME_MAX];
	const char *names[2];
	unsigned int count;
	bool complete;
};

static uint32_t
bits(const struct addr *addr)
{
	return addr->family == ADDR_V6 ? 128 : addr->family == ADDR_V4 ? 32 : 0;
}

static void
random_text(uint64_t *state, const char *letters, uint32_t max, char *text)
{
	/* Mostly short ones, which match more often. */
	const uint32_t length =
	    test_below(state, test_below(state, 50) ? 6 : max);

	for (uint32_t n = 0; n < length; n++)
		text[n] = letters[test_below(state, (uint32_t)strlen(letters))];
	text[length] = '\0';
}

/*
 * Another one for each number; of IPv6, every second one has it behind the
 * first 64 bits.
 */
static struct addr
own_addr(uint32_t number)
{
	const uint32_t word = number * UINT32_C(2654435761);
	struct addr addr = {.family = number % 2 ? ADDR_V6 : ADDR_V4};

	if (number % 4 == 3)
		addr.bytes[0] = 0x20;
	for (uint32_t n = 0; n < 4; n++)
		addr.bytes[n + (number % 4 == 3 ? 12 : 0)] =
		    (uint8_t)(word >> (24 - 8 * n));
	return addr;
}

/*
 * What random_policy_make() makes has few different addresses and ports. Here
 * every second rule has some of its own, so that tables have many keys.
 */
static void
spread(struct random_policy *policy)
{
	for (uint32_t n = 1; n < policy->count; n += 2) {
		struct random_rule *room = &policy->room[n];
		struct rule *rule = &policy->rules[n];
		const struct addr addr = own_addr(n / 2);
		const enum spread_by by = n / 2 / 4 % SPREAD_WAYS;

		rule->source_count = by == BY_SOURCE;
		rule->destination_count = by == BY_DESTINATION;
		rule->port_count = by == BY_PORT;
		room->sources[0] = room->destinations[0] =
		    (struct prefix){.addr = addr, .len = (uint8_t)bits(&addr)};
		room->ports[0] = (struct port_range){n & 0xffff, n & 0xffff};
	}
}

/* Of such a rule, and at times of its neighbour, which no rule has. */
static void
spread_query(uint64_t *state, size_t rules, struct match_query *query)
{
	const uint32_t n = test_below(state, (uint32_t)rules) | 1;

	query->source = query->destination = own_addr(n / 2);
	query->destination.bytes[3] ^= test_below(state, 4) == 0;
	query->source.bytes[3] ^= test_below(state, 4) == 0;
	query->port = (uint16_t)(n + test_below(state, 2));
}

static void
name_programs(uint64_t *state, struct random_policy *policy)
{
	const bool bounded = kernel_is_bounded();

	for (size_t n = 0; n < ARRAY_LEN(pool); n++)
		random_text(state, "ab*?[]!-\\:\xc3", sizeof(pool[n]), pool[n]);
	for (size_t n = 0; n < policy->count; n++) {
		const uint32_t list = test_below(state, LISTS);

		policy->room[n].programs[0] = pool[list];
		policy->room[n].programs[1] = pool[list + 1];
		/* Without bpf_loop(), the kernel gets none that do. */
		if (bounded)
			policy->rules[n].program_count = 0;
	}
}

static void
random_asker(uint64_t *state, struct asker *asker)
{
	asker->count = 0;
	asker->complete = test_below(state, 8) != 0;
	for (int n = 0; n < 2; n++) {
		random_text(
		    state, "ab-[\xc3", sizeof(asker->text[n]), asker->text[n]);
		if (test_below(state, 50) == 0)
			strcpy(asker->text[n], "ld-linux.so.2");
		if (*asker->text[n] != '\0')
			asker->names[asker->count++] = asker->text[n];
	}
}

/* What match.c says, if all that is not known makes no difference. */
static int
ask_match(const struct image *image, const struct match_query *query,
    const struct asker *asker)
{
	uint32_t numbers[BPF_GROUPS_MAX];
	bool complete = asker->complete;
	unsigned int count = asker->count;
	struct match_groups groups;
	struct image_rule rule;
	int any = match_rule(image, NULL, query);

	for (unsigned int n = 0; n < asker->count; n++) {
		if (strncmp(asker->names[n], "ld-linux", 8) == 0) {
			complete = false;
			count = 0;
		}
	}
	groups = match_groups(
	    image, asker->names, count, numbers, ARRAY_LEN(numbers));
	if (complete)
		return match_rule(image, &groups, query);
	return any != MATCH_NONE && image_rule(image, (uint32_t)any, &rule) &&
	               match_groups_have(&groups, rule.group)
	           ? any
	           : MATCH_NONE;
}

static int
ask_kernel(int fd, const struct match_query *query, const struct asker *asker)
{
	struct bpf_query question = {
	    .direction = query->direction,
	    .port = query->port,
	    .bits = {bits(&query->source), bits(&query->destination)},
	    .owner = {.complete = asker->complete},
	};
	struct bpf_test_run_opts run = {
	    .sz = sizeof(run),
	    .data_in = &question,
	    .data_size_in = sizeof(question),
	};
	int error;

	memcpy(question.addresses[0], query->source.bytes, 16);
	memcpy(question.addresses[1], query->destination.bytes, 16);
	for (unsigned int n = 0; n < asker->count; n++)
		memcpy(question.owner.names[n].text, asker->names[n],
		    strlen(asker->names[n]));
	error = bpf_prog_test_run_opts(fd, &run);
	if (error < 0)
		errx(2, "the kernel does not answer: %s", strerror(-error));
	return (int)run.retval;
}

static struct kernel_program *
load(const struct image *image)
{
	struct kernel_program *program;
	char text[KERNEL_TEXT_MAX];

	if (kernel_load(image, 0, true, &program, text) < 0)
		errx(2, "%s", text);
	return program;
}

/*
 * How many instructions the verifier has looked at, of the programs together:
 * from Linux 5.16 on it tells.
 */
static void
look_at_verdict(const struct kernel_program *program, uint32_t *greatest)
{
	uint32_t sum = 0;

	for (int hook = 0; hook < KERNEL_HOOKS; hook++) {
		const int fd =
		    kernel_program_fd(program, (enum kernel_hook)hook);
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			sum += info.verified_insns;
	}
	if (sum > *greatest)
		*greatest = sum;
}

/* Not in the header and in the groups, which the command checks. */
static void
damage(uint64_t *state, uint8_t *bytes, uint32_t size)
{
	const struct image image = {.bytes = bytes, .size = size};
	const uint32_t at = test_below(state, size);
	struct image_header header;

	image_header(&image, &header);
	if (at >= sizeof(header) &&
	    (at < header.groups ||
		at - header.groups >=
		    header.group_count * sizeof(struct image_group)))
		bytes[at] = (uint8_t)test_random(state);
}

struct sums {
	long asked;
	long matched;
	long differ;
	uint32_t verified; /* instructions, at most */
};

/* rules: 0, or how many were spread. */
static void
compare(uint64_t *state, const struct image *image, size_t rules, long queries,
    bool damaged, struct sums *sums)
{
	struct kernel_program *program = load(image);

	look_at_verdict(program, &sums->verified);
	for (long n = 0; n < queries; n++) {
		struct match_query query = random_query(state);
		struct asker asker;
		int answer, expected;

		if (rules > 0 && n % 2 == 1)
			spread_query(state, rules, &query);
		random_asker(state, &asker);
		answer = ask_kernel(
		    kernel_program_fd(program, KERNEL_LOOKUP), &query, &asker);
		expected = ask_match(image, &query, &asker);
		sums->matched += expected != MATCH_NONE;
		sums->differ += !damaged && answer != expected;
	}
	sums->asked += queries;
	kernel_unload(program);
}

static void
damage_all(uint64_t *state, uint8_t *bytes, uint32_t size)
{
	for (uint32_t n = 0; n < 1 + size / 100; n++)
		damage(state, bytes, size);
}

static void
compare_random(uint64_t *state, size_t rules, unsigned int open, long queries,
    bool damaged, struct sums *sums)
{
	const bool spreads = rules >= SPREAD_MIN;
	struct random_policy policy;
	struct image image;
	uint8_t *bytes;

	random_policy_make(state, rules, open, &policy);
	name_programs(state, &policy);
	if (spreads)
		spread(&policy);
	if (test_build(policy.rules, rules, &bytes, &image.size) != 0)
		errx(2, "no image");
	image.bytes = bytes;
	if (damaged)
		damage_all(state, bytes, image.size);
	compare(state, &image, spreads ? rules : 0, queries, damaged, sums);
	free(bytes);
	random_policy_free(&policy);
}

static int
compare_images(char *files[])
{
	struct sums sums = {0}, of_damaged = {0};
	uint64_t state = 14;

	for (; *files; files++) {
		struct image image, copy;
		uint8_t *bytes;

		if (cache_read(*files, &image) < 0)
			errx(2, "%s: no image", *files);
		/* Such a kernel gets none that name programs. */
		if (kernel_is_bounded() && image_group_count(&image) > 1) {
			cache_release(&image);
			continue;
		}
		compare(&state, &image, 0, 2000, false, &sums);
		bytes = malloc(image.size);
		copy = (struct image){.bytes = bytes, .size = image.size};
		for (int n = 0; bytes && n < 20; n++) {
			memcpy(bytes, image.bytes, image.size);
			damage_all(&state, bytes, image.size);
			compare(&state, &copy, 0, 100, true, &of_damaged);
		}
		free(bytes);
		cache_release(&image);
	}
	printf("%ld queries, %ld with a rule, %ld differ\n", sums.asked,
	    sums.matched, sums.differ);
	return sums.differ == 0 && sums.matched > 0 ? 0 : 1;
}

static int
compare_all(long queries, bool damaged)
{
	/* Behind those with few rules, those with tables of many levels. */
	static const size_t LARGE[] = {1000, 4097, 12345, IMAGE_RULES_MAX};
	const long each = damaged ? 100 : 2000;
	struct sums sums = {0};
	uint64_t state = 14;

	for (size_t n = 0;
	     n < ARRAY_LEN(LARGE) && sums.asked < queries / 4 && !damaged; n++)
		compare_random(&state, LARGE[n], 50, each, false, &sums);
	for (size_t round = 0; sums.asked < queries; round++)
		compare_random(&state, round % 200,
		    2 + (unsigned int)(round % 5), each, damaged, &sums);
	printf("%ld queries, %ld with a rule, %ld differ; at most %u "
	       "instructions verified\n",
	    sums.asked, sums.matched, sums.differ, sums.verified);
	/* Answers are worth something only if rules match. */
	return sums.differ == 0 && sums.matched > sums.asked / 8 &&
	               sums.verified <= VERIFIED_MAX
	           ? 0
	           : 1;
}

static int
attach_refused(const char *cgroup)
{
	const struct rule rule = {.name = "refused",
	    .file = "none",
	    .direction = DIRECTION_BOTH,
	    .app_settings = APP_RESPECT,
	    .keepalive = {.set = 1u << KEEPALIVE_IDLE | 1u << KEEPALIVE_SWITCH,
		.value = {[KEEPALIVE_IDLE] = 32768, [KEEPALIVE_SWITCH] = 1}}};
	struct kernel_program *program;
	char text[KERNEL_TEXT_MAX];
	struct image image;
	uint8_t *bytes;
	bool updated;

	if (test_build(&rule, 1, &bytes, &image.size) != 0)
		errx(2, "no image");
	image.bytes = bytes;
	if (kernel_load(&image, 0, false, &program, text) < 0 ||
	    kernel_attach(program, cgroup, false, &updated, text) < 0)
		errx(2, "%s", text);
	kernel_unload(program);
	free(bytes);
	return 0;
}

int
main(int argc, char *argv[])
{
	if (argc == 2)
		return compare_all(atol(argv[1]), false);
	if (argc == 3 && strcmp(argv[1], "damaged") == 0)
		return compare_all(atol(argv[2]) * 100, true);
	if (argc >= 3 && strcmp(argv[1], "images") == 0)
		return compare_images(argv + 2);
	if (argc == 3 && strcmp(argv[1], "refused") == 0)
		return attach_refused(argv[2]);
	errx(2, "usage: lookups QUERIES | damaged POLICIES | images FILE... | "
		"refused DIR");
}
