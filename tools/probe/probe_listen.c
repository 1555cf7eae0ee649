/* SPDX-License-Identifier: ISC */
/*
 * probe_listen: the other side, where there is no service that is silent for
 * long enough (probe.h). Nobody accepts: what is in the queue of a listener is
 * answered by the kernel, and idles for ever.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe/probe.h"
#include "probe/probe_signals.h"

/* The kernel cuts it to net.core.somaxconn. */
#define QUEUE 4096

/* By their numbers, as in probe_link.c. */
static int
open_listener(uint16_t port)
{
	struct sockaddr_in6 any6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in any4 = {
	    .sin_family = AF_INET, .sin_port = htons(port)};
	const void *any = &any6;
	socklen_t length = sizeof(any6);
	int off = 0, on = 1, error;
	int fd = (int)syscall(
	    SYS_socket, AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);

	if (fd < 0 && errno == EAFNOSUPPORT) {
		any = &any4;
		length = sizeof(any4);
		fd = (int)syscall(SYS_socket, AF_INET,
		    SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	}
	if (fd < 0)
		return -errno;
	(void)syscall(
	    SYS_setsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	(void)syscall(
	    SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (syscall(SYS_bind, fd, any, length) == 0 &&
	    syscall(SYS_listen, fd, QUEUE) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

int
probe_listen(uint16_t port, void (*ready)(uint16_t port))
{
	sigset_t waiting;
	int on = 0, fd;
	socklen_t length = sizeof(on);

	signals_block(&waiting);
	fd = open_listener(port);
	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &length) == 0 && on) {
		close(fd);
		return -EPERM;
	}
	ready(port);
	while (!signals_came())
		(void)ppoll(NULL, 0, NULL, &waiting);
	close(fd);
	return 0;
}
