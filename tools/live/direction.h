/* SPDX-License-Identifier: ISC */
/*
 * direction: who sent a connection's SYN, as far as the sockets of its network
 * namespace tell. live.h says how.
 */
#ifndef KASHIM_DIRECTION_H
#define KASHIM_DIRECTION_H

#include <stddef.h>
#include <stdint.h>

#include "live/live.h"

/* What a network namespace takes ports from. */
struct direction_range {
	uint64_t net;
	uint16_t first, last;
};

/* Where a listener is. */
struct direction_place {
	uint64_t net;
	uint16_t port;
	const struct live_socket *listener;
};

struct directions {
	struct direction_place *places; /* by namespace, then port */
	size_t count;
	const struct direction_range *ranges;
	size_t range_count;
};

/*
 * Finds the listeners among count sockets, to which, as to the ranges, it
 * then refers. Returns 0 or -ENOMEM; give it back with directions_close().
 */
int directions_open(struct directions *directions,
    const struct live_socket *sockets, size_t count,
    const struct direction_range *ranges, size_t range_count);

void directions_close(struct directions *directions);

enum live_direction directions_find(
    const struct directions *directions, const struct live_socket *socket);

/*
 * The listener that a connection to local address and port of a socket would
 * go to; NULL if there is none.
 */
const struct live_socket *directions_listener(
    const struct directions *directions, const struct live_socket *socket);

#endif
