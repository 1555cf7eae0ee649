/* SPDX-License-Identifier: ISC */
/*
 * supervise_scan: looks through the descriptors of a supervised process.
 */
#include "supervise_scan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "addr.h"
#include "supervise_socket.h"
#include "supervise_target.h"

#define PORTS     64
#define SEEN      65536
#define DEPTH_MAX 4

static uint16_t ports[PORTS];
static unsigned int port_count, port_next;

/*
 * Inodes of sockets that were looked at. The kernel counts them up, so that
 * two that share a place here are seldom there at the same time; if they are,
 * one is looked at again.
 */
static uint64_t seen[SEEN];

static bool
is_of_interest(uint16_t port)
{
	for (unsigned int i = 0; i < port_count; i++) {
		if (ports[i] == port)
			return true;
	}
	return false;
}

static bool
local_port(int fd, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct addr addr;

	return getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
	       addr_from_sockaddr(&sa, len, &addr, port) == 0 && *port != 0;
}

bool
scan_add_listener(int listener)
{
	uint16_t port;

	if (!local_port(listener, &port))
		return false;
	if (is_of_interest(port))
		return true;
	ports[port_next++ % PORTS] = port;
	if (port_count < PORTS)
		port_count++;
	return true;
}

/* Is fd a connection to a port where the program accepts? */
static bool
is_accepted(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint16_t port;

	if (!local_port(fd, &port) || !is_of_interest(port))
		return false;
	return getpeername(fd, (struct sockaddr *)&sa, &len) == 0;
}

void
scan_settle(const struct held_socket *held)
{
	if (port_count > 0 && !held_is_on_record(held) && is_accepted(held->fd))
		apply_called_back(&held->apply, held->fd);
}

static void
look_at(pid_t process, int fd)
{
	struct target *target = target_find(process);
	struct held_socket held;

	if (target == NULL || !held_begin(&held, target, fd))
		return;
	scan_settle(&held);
	held_end(&held);
}

/* The inode of the socket that a link of /proc/PID/fd names, or 0. */
static uint64_t
inode_of(int directory, const char *name)
{
	static const char SOCKET[] = "socket:[";
	char text[64];
	ssize_t len = readlinkat(directory, name, text, sizeof(text) - 1);

	if (len < (ssize_t)sizeof(SOCKET))
		return 0;
	text[len] = '\0';
	if (strncmp(text, SOCKET, sizeof(SOCKET) - 1) != 0)
		return 0;
	return strtoull(text + sizeof(SOCKET) - 1, NULL, 10);
}

static void
scan_descriptors(pid_t process)
{
	char path[64];
	DIR *directory;
	const struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)process);
	directory = opendir(path);
	if (directory == NULL)
		return;
	while ((entry = readdir(directory)) != NULL) {
		uint64_t inode = inode_of(dirfd(directory), entry->d_name);

		if (inode == 0 || seen[inode % SEEN] == inode)
			continue;
		seen[inode % SEEN] = inode;
		look_at(process, atoi(entry->d_name));
	}
	closedir(directory);
}

static bool
is_alive(int pidfd)
{
	return pidfd_send_signal(pidfd, 0, NULL, 0) == 0;
}

/* Is it a child of parent, and not another one that has got its number? */
static bool
is_child(pid_t process, pid_t parent)
{
	char path[64], text[512];
	const char *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	at = strrchr(text, ')'); /* then the state, then the parent */
	return at != NULL && strlen(at) > 4 && atoi(at + 4) == parent;
}

static void scan_tree(int pidfd, pid_t process, pid_t thread, int depth);

static void
scan_children(pid_t process, pid_t thread, int depth)
{
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)process,
	    (int)thread);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fscanf(file, "%d", &child) == 1) {
		int pidfd = pidfd_open(child, 0);

		if (pidfd < 0)
			continue;
		if (is_child(child, process))
			scan_tree(pidfd, child, child, depth + 1);
		close(pidfd);
	}
	fclose(file);
}

static void
scan_tree(int pidfd, pid_t process, pid_t thread, int depth)
{
	if (depth > DEPTH_MAX || !is_alive(pidfd))
		return;
	scan_descriptors(process);
	scan_children(process, process, depth);
	if (thread != process)
		scan_children(process, thread, depth);
}

void
scan_process(int pidfd, pid_t process, pid_t thread)
{
	scan_tree(pidfd, process, thread, 0);
}
