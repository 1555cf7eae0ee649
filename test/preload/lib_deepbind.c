/* SPDX-License-Identifier: ISC */
/*
 * A library that connects. Loaded with RTLD_DEEPBIND, it finds the C
 * library's functions before any that was preloaded.
 */
#include "deepbind.h"

#include <sys/socket.h>

int
deepbind_connect(int family, const struct sockaddr *sa, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, sa, len) < 0)
		return -1;
	return fd;
}
