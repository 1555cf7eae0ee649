/* SPDX-License-Identifier: ISC */
/*
 * build_output: what build writes: bytes that grow, and sets of rules, each of
 * which is written once however often it is asked for.
 *
 * A failure is kept in the output and everything after it does nothing, so
 * that the caller looks once, at the end.
 */
#ifndef KASHIM_BUILD_OUTPUT_H
#define KASHIM_BUILD_OUTPUT_H

#include <stddef.h>
#include <stdint.h>

/* Start with zeroes. bytes comes from malloc(3); the caller frees it. */
struct output {
	uint8_t *bytes;
	size_t size; /* never more than UINT32_MAX */
	size_t room;
	int error; /* 0, -ENOMEM, or -E2BIG: more than 4 GiB */
};

/* Appends len bytes and returns their offset, 0 after a failure. */
size_t output_append(struct output *out, const void *data, size_t len);

/* Makes the next offset a multiple of eight. */
void output_align(struct output *out);

/* Writes sets, all of the same number of words, to an output. */
struct set_writer {
	struct output *out;
	uint32_t words;     /* of 64 rules */
	uint32_t summaries; /* of 64 words */
	uint64_t *encoded;  /* room for one set as it is written */
	uint32_t *slot;     /* offsets of those written, by their hash */
	size_t slots;       /* a power of two, 0 if none yet */
	size_t used;
};

/* Makes a writer for sets of rule_count rules. Returns 0 or -ENOMEM. */
int set_writer_open(
    struct set_writer *writer, struct output *out, uint32_t rule_count);

void set_writer_close(struct set_writer *writer);

/*
 * Writes the set whose words are at set, in the form that image.h describes,
 * unless the same set stands there already, and returns its offset; 0 for
 * the empty set, and after a failure.
 */
uint32_t set_write(struct set_writer *writer, const uint64_t *set);

#endif
