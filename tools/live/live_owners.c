/* SPDX-License-Identifier: ISC */
/*
 * live_owners: which descriptor of which process each socket is.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "host/fetch.h"
#include "host/proc.h"
#include "live/live_parts.h"

/* The second finds what the first has listed; the others are for races. */
#define ROUNDS_MAX 4

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
	const uint64_t inode = proc_socket_at(dir, name);
	struct live_socket *socket;
	size_t index;

	if (inode == 0)
		return 0;
	index = inodes_find(&reading->inodes, inode);
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
	int dir = process_dir(process), error;
	struct dirent *entry;
	DIR *descriptors;

	if (dir < 0)
		return process_is_lack(dir) ? dir : 0;
	error = proc_list_at(dir, "fd", &descriptors);
	if (error == -EACCES || error == -EPERM)
		reading->live->closed_count++;
	close(dir);
	if (error < 0)
		return process_is_lack(error) ? error : 0;
	while (error == 0 && (entry = readdir(descriptors)) != NULL) {
		if (entry->d_name[0] != '.')
			error = take_descriptor(
			    reading, index, dirfd(descriptors), entry->d_name);
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
		return process_is_lack(pidfd) ? pidfd : 0;
	fd = fetch_any(pidfd, stray->fd);
	close(pidfd);
	if (fd < 0)
		return process_is_lack(fd) ? fd : 0;
	net = ioctl(fd, SIOCGSKNS);
	if (net < 0 && process_is_lack(-errno))
		error = -errno;
	close(fd);
	if (net < 0)
		return error;
	if (fstat(net, &stat) == 0)
		error = live_list_net(reading, stat.st_ino, net);
	close(net);
	return error;
}

int
live_find_owners(struct reading *reading)
{
	struct live *live = reading->live;
	size_t nets;
	int error, rounds = 0;

	do {
		nets = reading->net_count;
		reading->stray_count = 0;
		live->closed_count = 0;
		error = index_sockets(reading);
		for (size_t i = 0; i < live->process_count && error == 0; i++)
			error = read_descriptors(reading, i);
		for (size_t i = 0; i < reading->stray_count && error == 0; i++)
			error = list_stray(reading, &reading->strays[i]);
		/* Somebody may make new namespaces as fast as they are read. */
	} while (
	    error == 0 && reading->net_count > nets && ++rounds < ROUNDS_MAX);
	return error;
}
