/* SPDX-License-Identifier: ISC */
/*
 * The least of hosts: connects on loopback, says with which rights it ran and
 * what its socket has, and ends with the status it was asked for. It is also
 * built as a static program, for test_unreachable.sh.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
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

static int
listener(struct sockaddr *sa, socklen_t *len)
{
	int fd = socket(sa->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, sa, *len) < 0 || listen(fd, 1) < 0 ||
	    getsockname(fd, sa, len) < 0) {
		perror("listener");
		exit(98);
	}
	return fd;
}

static void
connects(struct sockaddr *sa, socklen_t len)
{
	int own = listener(sa, &len);
	int fd = socket(sa->sa_family, SOCK_STREAM, 0);
	int result = connect(fd, sa, len);

	printf("connect %d idle %d on %d", result,
	    option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	    option(fd, SOL_SOCKET, SO_KEEPALIVE));
	fd = accept(own, NULL, NULL);
	printf(", accept idle %d on %d\n",
	    option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	    option(fd, SOL_SOCKET, SO_KEEPALIVE));
	close(fd);
	close(own);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	printf("secure %d\n", getauxval(AT_SECURE) != 0);
	connects((struct sockaddr *)&in, sizeof(in));
	connects((struct sockaddr *)&in6, sizeof(in6));
	return argc == 2 ? atoi(argv[1]) : 0;
}
