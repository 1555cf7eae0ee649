/* SPDX-License-Identifier: ISC */
/*
 * A static program that makes one TCP connection, and passes lines on between
 * it and the standard streams, as netcat does:
 *
 *	passes WAY connect|listen ADDRESS PORT
 *
 * WAY: plain; fastopen, with a line of its own in the SYN; mptcp; or
 *io_uring(7) as ring.h has it. It ends with the connection.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>

#include "../command/ring.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const char hello[] = "hello\n";

static socklen_t
address_of(char *argv[], struct sockaddr_storage *address)
{
	struct sockaddr_in *in = (struct sockaddr_in *)address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;

	in->sin_port = htons((uint16_t)atoi(argv[1])); /* in6's, too */
	address->ss_family = AF_INET;
	if (inet_pton(AF_INET, argv[0], &in->sin_addr) == 1)
		return sizeof(*in);
	address->ss_family = AF_INET6;
	need(inet_pton(AF_INET6, argv[0], &in6->sin6_addr) == 1, argv[0]);
	return sizeof(*in6);
}

/* That the line went in the SYN, and was taken: so says who sent it. */
static void
need_early(int fd)
{
	struct tcp_info info = {0};
	socklen_t length = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length);
	need((info.tcpi_options & TCPI_OPT_SYN_DATA) != 0, "data in the SYN");
}

static bool
pass(int from, int to)
{
	char bytes[512];
	ssize_t got = read(from, bytes, sizeof(bytes));

	return got > 0 && write(to, bytes, (size_t)got) == got;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_storage at = {0};
	struct pollfd ends[2] = {{.events = POLLIN}, {.events = POLLIN}};
	bool fastopen, connects, early;
	int fd, queue = 8, off = 0;
	socklen_t length;

	need(argc == 5, "usage: passes WAY connect|listen ADDRESS PORT");
	fastopen = strcmp(argv[1], "fastopen") == 0;
	connects = strcmp(argv[2], "connect") == 0;
	early = fastopen && connects;
	length = address_of(&argv[3], &at);
	fd = socket(at.ss_family, SOCK_STREAM,
	    strcmp(argv[1], "mptcp") == 0 ? IPPROTO_MPTCP : 0);
	need(fd >= 0, "socket");
	if (!fastopen && strcmp(argv[1], "mptcp") != 0 &&
	    strcmp(argv[1], "plain") != 0)
		ring_open(argv[1]);
	if (early) {
		need(sendto(fd, hello, sizeof(hello) - 1, MSG_FASTOPEN,
			 (void *)&at, length) == sizeof(hello) - 1,
		    "sendto");
	} else if (connects) {
		need(ring_connect(fd, &at, length) == 0, "connect");
	} else {
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
		need(!fastopen || setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN,
				      &queue, sizeof(queue)) == 0,
		    "TCP_FASTOPEN");
		need(bind(fd, (void *)&at, length) == 0, "bind");
		need(listen(fd, queue) == 0, "listen");
		fd = ring_accept(fd);
		need(fd >= 0, "accept");
	}
	ends[1].fd = fd;
	while (poll(ends, 2, -1) > 0) {
		if (early && ends[1].revents != 0) {
			need_early(fd);
			early = false;
		}
		if ((ends[0].revents != 0 && !pass(0, fd)) ||
		    (ends[1].revents != 0 && !pass(fd, 1)))
			break;
	}
	return 0;
}
