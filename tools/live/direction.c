/* SPDX-License-Identifier: ISC */
/*
 * direction: who sent a connection's SYN.
 */
#include "live/direction.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static int
compare_places(const void *a, const void *b)
{
	const struct direction_place *left = a, *right = b;

	if (left->net != right->net)
		return left->net < right->net ? -1 : 1;
	return (int)left->port - (int)right->port;
}

int
directions_open(struct directions *directions,
    const struct live_socket *sockets, size_t count,
    const struct direction_range *ranges, size_t range_count)
{
	*directions =
	    (struct directions){.ranges = ranges, .range_count = range_count};
	directions->places = calloc(count + 1, sizeof(*directions->places));
	if (directions->places == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (sockets[i].socket.state != TCP_LISTEN)
			continue;
		directions->places[directions->count++] =
		    (struct direction_place){
			.net = sockets[i].net,
			.port = sockets[i].socket.local_port,
			.listener = &sockets[i],
		    };
	}
	qsort(directions->places, directions->count,
	    sizeof(*directions->places), compare_places);
	return 0;
}

void
directions_close(struct directions *directions)
{
	free(directions->places);
	directions->places = NULL;
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
	const struct direction_place wanted = {.net = net, .port = port};
	size_t low = 0, high = directions->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_places(&wanted, &directions->places[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < directions->count; low++) {
		const struct direction_place *place = &directions->places[low];

		if (compare_places(&wanted, place) != 0)
			break;
		if (takes(&place->listener->socket, addr))
			return place->listener;
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
