/* SPDX-License-Identifier: ISC */
/*
 * A static program that holds TCP sockets on loopback: a listener on the port
 * that it is given, two connections to it, and what it accepts of them: the
 * first at once, the second, and more, when it is told to. With RING its
 * sockets connect and are accepted by io_uring(7), as ring.h has it.
 *
 * A line on standard input is answered by a line on standard output: "show"
 * by what getsockopt(2) says of each socket, "accept" by that of a connection
 * accepted now, "make" by that of both ends of one that is made and accepted
 * now, "socket" by "made": the next connection has its socket from now. It ends
 * with standard input, after 300 s at the latest.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ring.h"

static struct sockaddr_in address = {.sin_family = AF_INET};

/* Made before it connects; or -1. */
static int early = -1;

static int
connected(void)
{
	int fd = early >= 0 ? early : socket(AF_INET, SOCK_STREAM, 0);

	early = -1;
	need(fd >= 0, "socket");
	need(ring_connect(fd, &address, sizeof(address)) == 0, "connect");
	return fd;
}

static int
accepted(int listener)
{
	int fd = ring_accept(listener);

	need(fd >= 0, "accept");
	return fd;
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, level, name, &value, &len);
	return value;
}

static void
show(const char *name, int fd)
{
	printf("%s %d %d/%d/%d+%d ", name, option(fd, SOL_SOCKET, SO_KEEPALIVE),
	    option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	    option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
	    option(fd, IPPROTO_TCP, TCP_KEEPCNT),
	    option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

int
main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	int client, waiting, server;
	char line[64];

	alarm(300);
	need(argc > 1, "usage: holds PORT [RING]");
	if (argc > 2)
		ring_open(argv[2]);
	address.sin_port = htons((uint16_t)atoi(argv[1]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	need(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0,
	    "bind");
	need(listen(listener, 8) == 0, "listen");
	client = connected();
	waiting = connected();
	server = accepted(listener);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "make\n") == 0)
			show("client", connected());
		if (strcmp(line, "socket\n") == 0) {
			early = socket(AF_INET, SOCK_STREAM, 0);
			printf("made");
		} else if (strcmp(line, "show\n") == 0) {
			show("listener", listener);
			show("client", client);
			show("client", waiting);
			show("server", server);
		} else {
			show("server", accepted(listener));
		}
		putchar('\n');
		fflush(stdout);
	}
	return 0;
}
