/* SPDX-License-Identifier: ISC */
/*
 * live: the TCP connections and listeners of this host, each with its process
 * and its rule.
 *
 * It is read in this order: processes, the sockets of their network
 * namespaces, which descriptor of which process each socket is, and then each
 * socket's options, by a descriptor of our own for it. Everything may change
 * in between: fetch.h makes sure that it is the same socket.
 */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "direction.h"
#include "fetch.h"
#include "inodes.h"
#include "judge.h"
#include "netns.h"
#include "pick.h"

#define RANGE_FILE "/proc/sys/net/ipv4/ip_local_port_range"

static const struct keepalive_calls CALLS = {setsockopt, getsockopt};

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

/* Network namespaces and their sockets. */

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

/* Lists namespace net, which fd refers to; -1 is our own. */
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
	if (error == 0 || error == -ENOMEM)
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
	fd = openat(dir, "ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	close(dir);
	return fd;
}

static int
list_nets(struct reading *reading)
{
	const struct live *live = reading->live;
	int error = list_net(reading, netns_own(), -1);

	for (size_t i = 0; i < live->process_count && error == 0; i++) {
		const struct process *process = &live->processes[i];
		int fd;

		if (process->net == 0 || is_listed(reading, process->net))
			continue;
		/* If it has ended, another one of that namespace may do. */
		fd = open_net(process);
		if (fd < 0)
			continue;
		error = list_net(reading, process->net, fd);
		close(fd);
	}
	return error;
}

/* Which descriptor of which process each socket is. */

static int
index_sockets(struct reading *reading)
{
	const struct live *live = reading->live;

	free(reading->last);
	reading->last = calloc(live->count + 1, sizeof(*reading->last));
	if (reading->last == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < live->count; i++) {
		live->sockets[i].process = NULL;
		live->sockets[i].sharers = 0;
	}
	return inodes_make(&reading->inodes, live->sockets, live->count);
}

/*
 * Is it a TCP socket after all, that is, one of a namespace that was not
 * listed, or one without any connection? The protocol's name is an attribute
 * of the file (sockfs_xattr_get() in net/socket.c).
 */
static bool
is_tcp(int dir, const char *fd)
{
	char path[64], protocol[16] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%.12s", dir, fd);
	if (getxattr(path, "system.sockprotoname", protocol,
		sizeof(protocol) - 1) < 0)
		return false;
	return strcmp(protocol, "TCP") == 0 || strcmp(protocol, "TCPv6") == 0 ||
	       strcmp(protocol, "MPTCP") == 0 ||
	       strcmp(protocol, "MPTCPv6") == 0;
}

static int
take_stray(struct reading *reading, size_t process, int dir, const char *fd)
{
	struct stray *more;

	if (!is_tcp(dir, fd))
		return 0;
	more = reallocarray(
	    reading->strays, reading->stray_count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	reading->strays = more;
	more[reading->stray_count++] =
	    (struct stray){.process = process, .fd = atoi(fd)};
	return 0;
}

static int
take_descriptor(
    struct reading *reading, size_t process, int dir, const char *name)
{
	static const char SOCKET[] = "socket:[";
	char target[64];
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);
	struct live_socket *socket;
	size_t index;

	if (len < 0)
		return 0;
	target[len] = '\0';
	if (strncmp(target, SOCKET, sizeof(SOCKET) - 1) != 0)
		return 0;
	index = inodes_find(
	    &reading->inodes, strtoull(target + sizeof(SOCKET) - 1, NULL, 10));
	if (index == INODES_NONE)
		return take_stray(reading, process, dir, name);
	socket = &reading->live->sockets[index];
	if (socket->process == NULL) {
		socket->process = &reading->live->processes[process];
		socket->fd = atoi(name);
	} else if (reading->last[index] != process) {
		socket->sharers++;
	}
	reading->last[index] = process;
	return 0;
}

static int
read_descriptors(struct reading *reading, size_t index)
{
	const struct process *process = &reading->live->processes[index];
	int dir = process_dir(process), fd, error = 0;
	struct dirent *entry;
	DIR *descriptors;

	if (dir < 0)
		return 0;
	fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		reading->live->closed_count++;
	close(dir);
	if (fd < 0)
		return 0;
	descriptors = fdopendir(fd);
	if (descriptors == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (error == 0 && (entry = readdir(descriptors)) != NULL) {
		if (entry->d_name[0] != '.')
			error =
			    take_descriptor(reading, index, fd, entry->d_name);
	}
	closedir(descriptors);
	return error;
}

/*
 * Lists the namespace of a socket that was not found: a process may have it
 * from another one, where no process lives.
 */
static int
list_stray(struct reading *reading, const struct stray *stray)
{
	const struct process *process =
	    &reading->live->processes[stray->process];
	int pidfd = process_open(process), fd, net, error = 0;
	struct stat stat;

	if (pidfd < 0)
		return 0;
	fd = fetch_any(pidfd, stray->fd);
	close(pidfd);
	if (fd < 0)
		return 0;
	net = ioctl(fd, SIOCGSKNS);
	close(fd);
	if (net < 0)
		return 0;
	if (fstat(net, &stat) == 0 && !is_listed(reading, stat.st_ino))
		error = list_net(reading, stat.st_ino, net);
	close(net);
	return error;
}

static int
find_owners(struct reading *reading)
{
	struct live *live = reading->live;
	size_t nets;
	int error;

	do {
		nets = reading->net_count;
		reading->stray_count = 0;
		live->closed_count = 0;
		error = index_sockets(reading);
		for (size_t i = 0; i < live->process_count && error == 0; i++)
			error = read_descriptors(reading, i);
		for (size_t i = 0; i < reading->stray_count && error == 0; i++)
			error = list_stray(reading, &reading->strays[i]);
	} while (error == 0 && reading->net_count > nets);
	return error;
}

/* Directions, options and rules. */

/* Notes a connection that waits for a listener in the list to accept it. */
static int
take_waiting(struct reading *reading, const struct live_socket *socket,
    const struct live_socket *listener)
{
	struct live *live = reading->live;
	struct live_waiting *more;

	if (listener == NULL || (!reading->all && listener->process == NULL))
		return 0;
	more = reallocarray(live->queue, live->waiting + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	live->queue = more;
	more[live->waiting++] = (struct live_waiting){
	    .cookie = socket->socket.cookie,
	    .listener = listener->socket.cookie,
	};
	return 0;
}

static int
find_directions(struct reading *reading)
{
	struct live *live = reading->live;
	struct directions directions;
	int error = directions_open(&directions, live->sockets, live->count,
	    reading->nets, reading->net_count);

	for (size_t i = 0; i < live->count && error == 0; i++) {
		struct live_socket *socket = &live->sockets[i];

		socket->direction = directions_find(&directions, socket);
		if (socket->socket.inode == 0 &&
		    socket->socket.state == TCP_ESTABLISHED)
			error = take_waiting(reading, socket,
			    directions_listener(&directions, socket));
	}
	directions_close(&directions);
	return error;
}

/* Leaves out what no process has, and what is not of a chosen one. */
static void
keep_chosen(struct reading *reading)
{
	struct live *live = reading->live;
	size_t kept = 0;

	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *socket = &live->sockets[i];

		if (socket->socket.inode == 0 ||
		    (!reading->all && socket->process == NULL))
			continue;
		live->sockets[kept++] = *socket;
	}
	live->count = kept;
}

static int
compare_sockets(const void *a, const void *b)
{
	const struct live_socket *left = a, *right = b;

	if (left->process != right->process) {
		if (left->process == NULL || right->process == NULL)
			return left->process == NULL ? 1 : -1;
		return left->process < right->process ? -1 : 1;
	}
	if (left->fd != right->fd)
		return left->fd < right->fd ? -1 : 1;
	return (left->socket.cookie > right->socket.cookie) -
	       (left->socket.cookie < right->socket.cookie);
}

/* Reads the options of a socket. Returns false if it is not there any more. */
static bool
read_options(int pidfd, struct live_socket *socket)
{
	int fd = pidfd < 0
	             ? pidfd
	             : fetch_socket(pidfd, socket->fd, socket->socket.cookie);

	if (fd < 0)
		return fd != -ESTALE && fd != -ESRCH;
	socket->have_known = keepalive_get(&CALLS, fd, &socket->have) == 0;
	close(fd);
	return true;
}

static int
judge_sockets(struct reading *reading, const struct image *image)
{
	struct live *live = reading->live;
	struct judge judge = {.image = image};
	const struct process *process = NULL;
	int pidfd = -ESRCH, error = 0;
	size_t kept = 0;

	for (size_t i = 0; i < live->count && error == 0; i++) {
		struct live_socket *socket = &live->sockets[i];

		if (socket->process != process) {
			if (pidfd >= 0)
				close(pidfd);
			process = socket->process;
			if (process != NULL)
				pidfd = process_open(process);
		}
		if (process != NULL && !read_options(pidfd, socket)) {
			live->gone++;
			continue;
		}
		error = judge_socket(&judge, socket);
		live->sockets[kept++] = *socket;
	}
	live->count = kept;
	if (process != NULL && pidfd >= 0)
		close(pidfd);
	judge_close(&judge);
	return error;
}

static int
read_once(const struct live_choice *choice, const struct image *image,
    struct live *live)
{
	struct reading reading = {
	    .live = live,
	    .all = pick_is_all(choice),
	};
	pid_t missing;
	int error;

	*live = (struct live){0};
	error = pick_read(
	    choice, &live->processes, &live->process_count, &live->missing);
	if (error == 0)
		error = list_nets(&reading);
	if (error == 0)
		error = find_owners(&reading);
	if (error == 0)
		error = find_directions(&reading);
	if (error == 0) {
		keep_chosen(&reading);
		if (live->count > 0)
			qsort(live->sockets, live->count,
			    sizeof(*live->sockets), compare_sockets);
		error = judge_sockets(&reading, image);
	}
	free(reading.nets);
	inodes_free(&reading.inodes);
	free(reading.last);
	free(reading.strays);
	if (error < 0) {
		missing = live->missing;
		live_free(live);
		live->missing = missing;
	}
	return error;
}

/* Those without a process are the last, by their cookies. */
static size_t
first_unheld(const struct live *live)
{
	size_t i = live->count;

	while (i > 0 && live->sockets[i - 1].process == NULL)
		i--;
	return i;
}

/* Of those without a process, keeps the ones that had none before either. */
static void
drop_passing(struct live *live, const struct live *before)
{
	size_t kept = first_unheld(live), old = first_unheld(before);

	for (size_t i = kept; i < live->count; i++) {
		uint64_t cookie = live->sockets[i].socket.cookie;

		while (old < before->count &&
		       before->sockets[old].socket.cookie < cookie)
			old++;
		if (old < before->count &&
		    before->sockets[old].socket.cookie == cookie)
			live->sockets[kept++] = live->sockets[i];
		else
			live->gone++;
	}
	live->count = kept;
}

int
live_read(const struct live_choice *choice, const struct image *image,
    struct live *live)
{
	struct live before;
	int error = read_once(choice, image, live);

	/*
	 * One that was closed before its descriptor was looked for, or that a
	 * process has that began since, is not there, or has a process, when
	 * all is read once more.
	 */
	if (error < 0 || live->closed_count > 0 ||
	    first_unheld(live) == live->count)
		return error;
	before = *live;
	error = read_once(choice, image, live);
	if (error == 0)
		drop_passing(live, &before);
	live_free(&before);
	return error;
}

void
live_free(struct live *live)
{
	free(live->sockets);
	free(live->processes);
	free(live->queue);
	*live = (struct live){0};
}
