/* SPDX-License-Identifier: ISC */
/*
 * live_parts: what the parts of live share while they read: live.c goes
 * through them in turn.
 */
#ifndef KASHIM_LIVE_PARTS_H
#define KASHIM_LIVE_PARTS_H

#include "live/direction.h"
#include "live/inodes.h"
#include "live/live.h"

/* A descriptor of a TCP socket that no namespace so far has. */
struct stray {
	size_t process;
	int fd;
};

struct reading {
	struct live *live;
	const struct live_choice *choice;
	bool all;                     /* nothing is named */
	size_t room;                  /* of processes, then of sockets */
	struct direction_range *nets; /* those listed, or refused */
	size_t net_count;
	uint64_t net; /* which one is being listed */
	struct inodes inodes;
	size_t *last; /* of each socket: the process that was counted last */
	struct stray *strays;
	size_t stray_count;
};

/*
 * Lists the sockets of our own network namespace, and of those of the chosen
 * processes. Returns 0 or -errno. live_nets.c
 */
int live_list_nets(struct reading *reading);

/*
 * Lists network namespace net, which fd refers to, unless it was listed; counts
 * it as hidden if that is not permitted. Returns 0 or -errno. live_nets.c
 */
int live_list_net(struct reading *reading, uint64_t net, int fd);

/*
 * Finds out which descriptor of which chosen process each socket is, and lists
 * the namespaces of sockets that were not found. Returns 0 or -errno.
 * live_owners.c
 */
int live_find_owners(struct reading *reading);

#endif
