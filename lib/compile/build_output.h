/* SPDX-License-Identifier: ISC */
/*
 * build_output: what build writes: bytes that grow, and pieces of them that
 * are written once however often they are asked for.
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

/* Makes the next offset a multiple of this power of two, 64 at most. */
void output_align(struct output *out, size_t multiple);

/* The pieces of an output. Start with its address and zeroes. */
struct pieces {
	struct output *out;
	struct piece *slot; /* those written, by their hash */
	size_t slots;       /* a power of two, 0 if none yet */
	size_t used;
};

/*
 * Appends len bytes, unless a piece with the same bytes stands there already,
 * and returns its offset; 0 after a failure.
 */
uint32_t pieces_add(struct pieces *pieces, const void *data, size_t len);

/* Forgets what was written, and gives memory back. */
void pieces_clear(struct pieces *pieces);

#endif
