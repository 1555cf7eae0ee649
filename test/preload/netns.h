/* SPDX-License-Identifier: ISC */
/*
 * A network namespace of a test's own: nothing in it but loopback, free
 * ports, and sysctls that may be changed. It goes with the process.
 */
#ifndef KASHIM_TEST_NETNS_H
#define KASHIM_TEST_NETNS_H

#include "host.h"

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

static inline bool
netns_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t len = (ssize_t)strlen(text);
	bool put = fd >= 0 && write(fd, text, (size_t)len) == len;

	if (fd >= 0)
		close(fd);
	return put;
}

/* Without root: become root of a user namespace, too. */
static inline bool
netns_unshare(void)
{
	char map[32];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWNET) == 0)
		return true;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)uid);
	if (!netns_put("/proc/self/uid_map", map) ||
	    !netns_put("/proc/self/setgroups", "deny"))
		return false;
	snprintf(map, sizeof(map), "0 %u 1", (unsigned int)gid);
	return netns_put("/proc/self/gid_map", map);
}

static inline void
netns_enter(void)
{
	struct ifreq lo = {.ifr_name = "lo"};
	int fd;

	MUST(netns_unshare());
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST(ioctl(fd, SIOCGIFFLAGS, &lo) == 0);
	lo.ifr_flags = (short)(lo.ifr_flags | IFF_UP);
	MUST(ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
	close(fd);
}

#endif
