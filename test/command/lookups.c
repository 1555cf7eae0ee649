/* SPDX-License-Identifier: ISC */
/*
 * The look-up in the kernel against match.c: the same questions to both, of
 * policies made at random. "lookups QUERIES" prints how many there were and how
 * many answers differed. "lookups damaged POLICIES" damages each policy: then
 * the kernel only has to answer.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/policies.h"
#include "bpf/policy.h"
#include "kernel/kernel.h"

static const uint32_t GROUP_0 = 0;

/* The rules of every program: the kernel knows no other. */
static const struct match_groups GROUPS = {.numbers = &GROUP_0, .count = 1};

static uint32_t
bits(const struct addr *addr)
{
	return addr->family == ADDR_V6 ? 128 : addr->family == ADDR_V4 ? 32 : 0;
}

static int
ask_kernel(int fd, const struct match_query *query)
{
	struct bpf_query question = {
	    .direction = query->direction,
	    .port = query->port,
	    .bits = {bits(&query->source), bits(&query->destination)},
	};
	/* Changed in place (bpf_prog_test_run_syscall() in the kernel). */
	struct bpf_test_run_opts run = {
	    .sz = sizeof(run),
	    .ctx_in = &question,
	    .ctx_size_in = sizeof(question),
	};
	int error;

	memcpy(question.addresses[0], query->source.bytes, 16);
	memcpy(question.addresses[1], query->destination.bytes, 16);
	error = bpf_prog_test_run_opts(fd, &run);
	if (error < 0)
		errx(2, "the kernel does not answer: %s", strerror(-error));
	return (int)question.rule;
}

static struct kernel_program *
load(const struct image *image)
{
	struct kernel_program *program;
	char text[KERNEL_TEXT_MAX];

	if (kernel_load(image, true, &program, text) < 0)
		errx(2, "%s", text);
	return program;
}

/* Returns how many answers differ. */
static long
compare(uint64_t *state, size_t rules, unsigned int open, long queries,
    bool damaged, long *matched)
{
	struct kernel_program *program;
	struct random_policy policy;
	struct image image;
	uint8_t *bytes;
	long differ = 0;

	random_policy_make(state, rules, open, &policy);
	if (test_build(policy.rules, rules, &bytes, &image.size) != 0)
		errx(2, "no image");
	image.bytes = bytes;
	/* Not in the header, which the command checks, and the kernel not. */
	for (uint32_t n = 0; damaged && n < 1 + image.size / 100; n++)
		bytes[sizeof(struct image_header) +
		      test_below(state,
			  image.size - (uint32_t)sizeof(struct image_header))] =
		    (uint8_t)test_random(state);
	program = load(&image);
	for (long n = 0; n < queries; n++) {
		struct match_query query = random_query(state);
		int answer = ask_kernel(
		    kernel_program_fd(program, KERNEL_LOOKUP), &query);
		int expected = match_rule(&image, &GROUPS, &query);

		*matched += expected != MATCH_NONE;
		differ += !damaged && answer != expected;
	}
	kernel_unload(program);
	free(bytes);
	random_policy_free(&policy);
	return differ;
}

static int
compare_all(long queries, bool damaged)
{
	/* Behind those with few rules, those with tables of many levels. */
	static const size_t LARGE[] = {1000, 4097, 12345, IMAGE_RULES_MAX};
	const long each = damaged ? 100 : 2000;
	long asked = 0, differ = 0, matched = 0;
	uint64_t state = 14;

	for (size_t n = 0; n < ARRAY_LEN(LARGE) && !damaged; n++) {
		differ += compare(&state, LARGE[n], 50, each, false, &matched);
		asked += each;
	}
	for (size_t round = 0; asked < queries; round++, asked += each)
		differ += compare(&state, round % 200,
		    2 + (unsigned int)(round % 5), each, damaged, &matched);
	printf("%ld queries, %ld with a rule, %ld differ\n", asked, matched,
	    differ);
	/* Answers are worth something only if rules match. */
	return differ == 0 && matched > asked / 8 ? 0 : 1;
}

int
main(int argc, char *argv[])
{
	if (argc == 2)
		return compare_all(atol(argv[1]), false);
	if (argc == 3 && strcmp(argv[1], "damaged") == 0)
		return compare_all(atol(argv[2]) * 100, true);
	errx(2, "usage: lookups QUERIES | lookups damaged POLICIES");
}
