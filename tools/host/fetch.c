/* SPDX-License-Identifier: ISC */
/*
 * fetch: a socket out of another process.
 */
#include "host/fetch.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/kernel_calls.h"

bool
fetch_can(void)
{
	return kernel_pidfd_getfd(-1, 0) >= 0 || errno != ENOSYS;
}

int
fetch_any(int pidfd, int fd)
{
	int ours = kernel_pidfd_getfd(pidfd, fd);

	if (ours < 0)
		return errno == EBADF ? -ESTALE : -errno;
	return ours;
}

int
fetch_socket(int pidfd, int fd, uint64_t cookie)
{
	int ours = fetch_any(pidfd, fd);
	uint64_t found;
	socklen_t len = sizeof(found);

	if (ours < 0)
		return ours;
	if (getsockopt(ours, SOL_SOCKET, SO_COOKIE, &found, &len) < 0 ||
	    found != cookie) {
		close(ours);
		return -ESTALE;
	}
	return ours;
}
