/* SPDX-License-Identifier: ISC */
/*
 * live_nets: network namespaces, and the sockets of each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/netns.h"
#include "host/proc.h"
#include "live/live_parts.h"

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

static int
take_socket(const struct diag_socket *socket, void *data)
{
	struct reading *reading = data;
	struct live *live = reading->live;

	if (live->count == reading->room) {
		size_t room = reading->room != 0 ? reading->room * 2 : 256;
		struct live_socket *more =
		    reallocarray(live->sockets, room, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		live->sockets = more;
		reading->room = room;
	}
	live->sockets[live->count++] = (struct live_socket){
	    .socket = *socket,
	    .net = reading->net,
	    .fd = -1,
	    .rule = MATCH_NONE,
	    .verdict = LIVE_UNKNOWN,
	};
	return 0;
}

/* Of the namespace that the calling thread is in. */
static int
list_here(void *data)
{
	struct reading *reading = data;
	struct direction_range *range = &reading->nets[reading->net_count - 1];
	FILE *file = fopen(RANGE_FILE, "re");

	/* Without it, nothing is concluded from it. */
	if (file == NULL ||
	    fscanf(file, "%hu %hu", &range->first, &range->last) != 2) {
		range->first = 0;
		range->last = 0;
	}
	if (file != NULL)
		fclose(file);
	return diag_each(take_socket, reading);
}

static bool
is_listed(const struct reading *reading, uint64_t net)
{
	for (size_t i = 0; i < reading->net_count; i++) {
		if (reading->nets[i].net == net)
			return true;
	}
	return false;
}

/* Lists namespace net; fd is -1 for our own. */
static int
list_net(struct reading *reading, uint64_t net, int fd)
{
	size_t before = reading->live->count;
	struct direction_range *more =
	    reallocarray(reading->nets, reading->net_count + 1, sizeof(*more));
	int error;

	if (more == NULL)
		return -ENOMEM;
	reading->nets = more;
	more[reading->net_count++] = (struct direction_range){.net = net};
	reading->net = net;
	if (fd < 0)
		return list_here(reading);
	error = netns_run(fd, list_here, reading);
	if (error == 0 || process_is_lack(error))
		return error;
	reading->live->count = before;
	reading->live->hidden_nets++;
	return 0;
}

/* Opens the network namespace of a process. Returns it or -errno. */
static int
open_net(const struct process *process)
{
	int dir = process_dir(process), fd;

	if (dir < 0)
		return dir;
	fd = proc_open_at(dir, "ns/net", 0);
	close(dir);
	return fd;
}

int
live_list_net(struct reading *reading, uint64_t net, int fd)
{
	return is_listed(reading, net) ? 0 : list_net(reading, net, fd);
}

int
live_list_nets(struct reading *reading)
{
	const struct live *live = reading->live;
	int error = list_net(reading, netns_own(), -1);

	for (size_t i = 0; i < live->process_count && error == 0; i++) {
		const struct process *process = &live->processes[i];
		int fd;

		if (process->net == 0 || is_listed(reading, process->net))
			continue;
		fd = open_net(process);
		if (process_is_lack(fd))
			return fd;
		/* If it has ended, another one of that namespace may do. */
		if (fd < 0)
			continue;
		error = list_net(reading, process->net, fd);
		close(fd);
	}
	return error;
}
