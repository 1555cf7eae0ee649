/* SPDX-License-Identifier: ISC */
/*
 * inodes: sockets by their inode, as /proc/PID/fd names them.
 */
#ifndef KASHIM_INODES_H
#define KASHIM_INODES_H

#include <stddef.h>
#include <stdint.h>

#include "live/live.h"

/* Start with zeroes. */
struct inodes {
	const struct live_socket *sockets;
	uint32_t *slots;   /* by hash: a place in sockets, plus one */
	size_t slot_count; /* a power of two */
};

#define INODES_NONE SIZE_MAX

/*
 * Makes an index of count sockets, in the place of one that was made before.
 * Returns 0 or -ENOMEM.
 */
int inodes_make(
    struct inodes *inodes, const struct live_socket *sockets, size_t count);

/*
 * The place of the socket with this inode, or INODES_NONE. Inodes have 32
 * bits and may come again, so that more than one socket may have this one;
 * then it is one of them, and fetch.h finds out.
 */
size_t inodes_find(const struct inodes *inodes, uint64_t inode);

void inodes_free(struct inodes *inodes);

#endif
