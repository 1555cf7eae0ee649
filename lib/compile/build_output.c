/* SPDX-License-Identifier: ISC */
/*
 * build_output: bytes that grow, and pieces of them written once.
 */
#include "compile/build_output.h"

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
output_align(struct output *out, size_t multiple)
{
	static const uint8_t zero[64];

	output_append(out, zero, -out->size & (multiple - 1));
}

struct piece {
	uint32_t offset;
	uint32_t len; /* 0: no piece in this slot */
};

static uint64_t
hash_bytes(const uint8_t *bytes, size_t len)
{
	uint64_t hash = len, word;

	for (; len > 0; bytes += sizeof(word), len -= sizeof(word)) {
		word = 0;
		if (len < sizeof(word)) {
			memcpy(&word, bytes, len);
			len = sizeof(word);
		} else {
			memcpy(&word, bytes, sizeof(word));
		}
		hash = (hash ^ word) * UINT64_C(0xff51afd7ed558ccd);
		hash ^= hash >> 32;
	}
	return hash;
}

/* The slot that has the piece, or is free for it. */
static struct piece *
find_slot(const struct pieces *pieces, const void *data, size_t len)
{
	size_t mask = pieces->slots - 1;
	size_t i = (size_t)hash_bytes(data, len) & mask;

	for (; pieces->slot[i].len != 0; i = (i + 1) & mask) {
		const struct piece *piece = &pieces->slot[i];

		if (piece->len == len &&
		    memcmp(pieces->out->bytes + piece->offset, data, len) == 0)
			break;
	}
	return &pieces->slot[i];
}

static int
grow_slots(struct pieces *pieces)
{
	struct pieces old = *pieces;
	size_t slots = old.slots != 0 ? 2 * old.slots : 64;
	struct piece *slot = calloc(slots, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	pieces->slot = slot;
	pieces->slots = slots;
	for (size_t i = 0; i < old.slots; i++) {
		const struct piece *piece = &old.slot[i];

		if (piece->len != 0)
			*find_slot(pieces, old.out->bytes + piece->offset,
			    piece->len) = *piece;
	}
	free(old.slot);
	return 0;
}

uint32_t
pieces_add(struct pieces *pieces, const void *data, size_t len)
{
	struct piece *piece;

	if (pieces->out->error == 0 && 2 * pieces->used >= pieces->slots)
		pieces->out->error = grow_slots(pieces);
	if (pieces->out->error != 0 || len == 0)
		return 0;
	piece = find_slot(pieces, data, len);
	if (piece->len == 0) {
		uint32_t at = (uint32_t)output_append(pieces->out, data, len);

		if (pieces->out->error != 0)
			return 0;
		*piece = (struct piece){.offset = at, .len = (uint32_t)len};
		pieces->used++;
	}
	return piece->offset;
}

void
pieces_clear(struct pieces *pieces)
{
	free(pieces->slot);
	*pieces = (struct pieces){.out = pieces->out};
}
