/* SPDX-License-Identifier: ISC */
/*
 * inodes: sockets by their inode. A hash table, half of it empty.
 */
#include "live/inodes.h"

#include <errno.h>
#include <stdlib.h>

static size_t
first_slot(const struct inodes *inodes, uint64_t inode)
{
	return (size_t)(inode * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
	       (inodes->slot_count - 1);
}

static size_t
next_slot(const struct inodes *inodes, size_t slot)
{
	return (slot + 1) & (inodes->slot_count - 1);
}

int
inodes_make(
    struct inodes *inodes, const struct live_socket *sockets, size_t count)
{
	inodes_free(inodes);
	inodes->sockets = sockets;
	inodes->slot_count = 64;
	while (inodes->slot_count < count * 2)
		inodes->slot_count *= 2;
	inodes->slots = calloc(inodes->slot_count, sizeof(*inodes->slots));
	if (inodes->slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		uint32_t inode = sockets[i].socket.inode;
		size_t slot = first_slot(inodes, inode);

		if (inode == 0)
			continue;
		while (inodes->slots[slot] != 0)
			slot = next_slot(inodes, slot);
		inodes->slots[slot] = (uint32_t)i + 1;
	}
	return 0;
}

size_t
inodes_find(const struct inodes *inodes, uint64_t inode)
{
	size_t slot = first_slot(inodes, inode);

	for (; inodes->slots[slot] != 0; slot = next_slot(inodes, slot)) {
		size_t place = inodes->slots[slot] - 1;

		if (inodes->sockets[place].socket.inode == inode)
			return place;
	}
	return INODES_NONE;
}

void
inodes_free(struct inodes *inodes)
{
	free(inodes->slots);
	*inodes = (struct inodes){0};
}
