/* SPDX-License-Identifier: ISC */
/*
 * build_output: bytes that grow, and sets of rules written once.
 */
#include "build_output.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

size_t
output_append(struct output *out, const void *data, size_t len)
{
	size_t at = out->size;

	if (len > UINT32_MAX - out->size)
		out->error = -E2BIG;
	if (out->error != 0)
		return 0;
	if (len > out->room - out->size) {
		size_t room = 2 * (out->size + len) + 4096;
		uint8_t *bytes = realloc(out->bytes, room);

		if (bytes == NULL) {
			out->error = -ENOMEM;
			return 0;
		}
		out->bytes = bytes;
		out->room = room;
	}
	memcpy(out->bytes + at, data, len);
	out->size += len;
	return at;
}

void
output_align(struct output *out)
{
	static const uint8_t zero[8];

	output_append(out, zero, -out->size % sizeof(zero));
}

int
set_writer_open(
    struct set_writer *writer, struct output *out, uint32_t rule_count)
{
	*writer = (struct set_writer){
	    .out = out,
	    .words = (rule_count + 63) / 64,
	};
	writer->summaries = (writer->words + 63) / 64;
	/* One more, because malloc(0) may give NULL. */
	writer->encoded = calloc(
	    writer->words + writer->summaries + 1u, sizeof(*writer->encoded));
	return writer->encoded != NULL ? 0 : -ENOMEM;
}

void
set_writer_close(struct set_writer *writer)
{
	free(writer->encoded);
	free(writer->slot);
}

static uint64_t
hash_words(const uint64_t *words, size_t count)
{
	uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);

	for (size_t i = 0; i < count; i++) {
		hash = (hash ^ words[i]) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
	}
	return hash;
}

/* The set's length in 64-bit words, as it stands in the image. */
static size_t
stored_words(const struct set_writer *w, const uint64_t *encoded)
{
	size_t count = w->summaries;

	for (uint32_t i = 0; i < w->summaries; i++)
		count += (size_t)__builtin_popcountll(encoded[i]);
	return count;
}

static bool
set_equals(const struct set_writer *w, uint32_t at, const uint64_t *encoded)
{
	/* The summary decides the length, so compare it first. */
	size_t summary_len = w->summaries * sizeof(*encoded);
	const uint8_t *there = w->out->bytes + at;

	return memcmp(there, encoded, summary_len) == 0 &&
	       memcmp(there, encoded,
		   stored_words(w, encoded) * sizeof(*encoded)) == 0;
}

static uint32_t *
set_slot(const struct set_writer *w, const uint64_t *encoded)
{
	size_t i = hash_words(encoded, stored_words(w, encoded));

	for (i &= w->slots - 1; w->slot[i] != 0; i = (i + 1) & (w->slots - 1)) {
		if (set_equals(w, w->slot[i], encoded))
			break;
	}
	return &w->slot[i];
}

static int
set_slots_grow(struct set_writer *w)
{
	struct set_writer old = *w;
	size_t slots = old.slots != 0 ? 2 * old.slots : 64;
	uint32_t *slot = calloc(slots, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	w->slot = slot;
	w->slots = slots;
	for (size_t i = 0; i < old.slots; i++) {
		size_t words;

		if (old.slot[i] == 0)
			continue;
		memcpy(w->encoded, w->out->bytes + old.slot[i],
		    w->summaries * sizeof(*w->encoded));
		words = stored_words(w, w->encoded);
		memcpy(w->encoded, w->out->bytes + old.slot[i],
		    words * sizeof(*w->encoded));
		*set_slot(w, w->encoded) = old.slot[i];
	}
	free(old.slot);
	return 0;
}

uint32_t
set_write(struct set_writer *w, const uint64_t *set)
{
	size_t stored = w->summaries;
	uint32_t *slot;

	if (w->out->error != 0)
		return 0;
	if (2 * w->used >= w->slots) {
		w->out->error = set_slots_grow(w);
		if (w->out->error != 0)
			return 0;
	}

	memset(w->encoded, 0, w->summaries * sizeof(*w->encoded));
	for (uint32_t i = 0; i < w->words; i++) {
		if (set[i] == 0)
			continue;
		w->encoded[i / 64] |= UINT64_C(1) << i % 64;
		w->encoded[stored++] = set[i];
	}
	if (stored == w->summaries)
		return 0;

	slot = set_slot(w, w->encoded);
	if (*slot == 0) {
		*slot = (uint32_t)output_append(
		    w->out, w->encoded, stored * sizeof(*w->encoded));
		w->used++;
	}
	return *slot;
}
