/* SPDX-License-Identifier: ISC */
/*
 * direction: who sent a connection's SYN.
 */
#include "direction.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static int
compare_place(uint64_t net, uint16_t port, const struct live_socket *listener)
{
	if (net != listener->net)
		return net < listener->net ? -1 : 1;
	return (int)port - (int)listener->socket.local_port;
}

static int
compare_listeners(const void *a, const void *b)
{
	const struct live_socket *left = *(const struct live_socket *const *)a;
	const struct live_socket *right = *(const struct live_socket *const *)b;

	return compare_place(left->net, left->socket.local_port, right);
}

int
directions_open(struct directions *directions,
    const struct live_socket *sockets, size_t count,
    const struct direction_range *ranges, size_t range_count)
{
	*directions =
	    (struct directions){.ranges = ranges, .range_count = range_count};
	directions->listeners =
	    calloc(count + 1, sizeof(*directions->listeners));
	if (directions->listeners == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (sockets[i].socket.state == TCP_LISTEN)
			directions->listeners[directions->count++] =
			    &sockets[i];
	}
	qsort(directions->listeners, directions->count,
	    sizeof(*directions->listeners), compare_listeners);
	return 0;
}

void
directions_close(struct directions *directions)
{
	free(directions->listeners);
	directions->listeners = NULL;
}

/* A listener on :: takes IPv4, too, if it was not told otherwise. */
static bool
takes(const struct diag_socket *listener, const struct addr *addr)
{
	if (!addr_is_unspecified(&listener->local))
		return memcmp(&listener->local, addr, sizeof(*addr)) == 0;
	return listener->local.family == addr->family ||
	       (listener->local.family == ADDR_V6 && !listener->v6_only);
}

static const struct live_socket *
find_listener(const struct directions *directions, uint64_t net,
    const struct addr *addr, uint16_t port)
{
	size_t low = 0, high = directions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_place(net, port, directions->listeners[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < directions->count; low++) {
		const struct live_socket *listener = directions->listeners[low];

		if (compare_place(net, port, listener) != 0)
			break;
		if (takes(&listener->socket, addr))
			return listener;
	}
	return NULL;
}

const struct live_socket *
directions_listener(
    const struct directions *directions, const struct live_socket *socket)
{
	return find_listener(directions, socket->net, &socket->socket.local,
	    socket->socket.local_port);
}

static enum live_direction
by_range(const struct directions *directions, const struct live_socket *socket)
{
	const struct diag_socket *ends = &socket->socket;

	for (size_t i = 0; i < directions->range_count; i++) {
		const struct direction_range *range = &directions->ranges[i];
		bool local, remote;

		if (range->net != socket->net)
			continue;
		local = ends->local_port >= range->first &&
		        ends->local_port <= range->last;
		remote = ends->remote_port >= range->first &&
		         ends->remote_port <= range->last;
		if (local != remote)
			return local ? LIVE_OUT : LIVE_IN;
	}
	return LIVE_UNSURE;
}

enum live_direction
directions_find(
    const struct directions *directions, const struct live_socket *socket)
{
	const struct diag_socket *ends = &socket->socket;

	switch (ends->state) {
	case TCP_LISTEN:
		return LIVE_LISTENER;
	case TCP_SYN_SENT:
		return LIVE_OUT;
	case TCP_SYN_RECV:
		return LIVE_IN;
	}
	if (directions_listener(directions, socket) != NULL)
		return LIVE_IN;
	if (find_listener(directions, socket->net, &ends->remote,
		ends->remote_port) != NULL)
		return LIVE_OUT;
	return by_range(directions, socket);
}
