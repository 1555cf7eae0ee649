/* SPDX-License-Identifier: ISC */
/*
 * A program for every build: connects over loopback, prints the options of
 * both ends, and becomes the program that its arguments name, if any. With
 * "-s" it sets a time of its own first.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, level, name, &value, &len);
	return value;
}

static void
show(const char *end, int fd)
{
	printf("%s: idle %d interval %d count %d user-timeout %d on %d\n", end,
	    option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	    option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
	    option(fd, IPPROTO_TCP, TCP_KEEPCNT),
	    option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
	    option(fd, SOL_SOCKET, SO_KEEPALIVE));
}

int
main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct sockaddr *sa = (struct sockaddr *)&to;
	socklen_t len = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int peer;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, sa, len) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, sa, &len) < 0 || connect(fd, sa, len) < 0) {
		perror("connect");
		return 1;
	}
	peer = accept(listener, NULL, NULL);
	if (peer < 0) {
		perror("accept");
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "-s") == 0) {
		int own = 7000;

		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &own, sizeof(own));
		argv++;
		argc--;
	}
	show("connect", fd);
	show("accept", peer);
	fflush(stdout);
	if (argc > 1) {
		execv(argv[1], argv + 1);
		perror(argv[1]);
		return 1;
	}
	return 0;
}
