/* SPDX-License-Identifier: ISC */
/*
 * A program that calls setsockopt(2) in every way, right and wrong, on every
 * kind of socket, for test_attach.sh; on connections to port 7777 at each
 * ADDRESS of its arguments. It prints what each call answers; and, in lines
 * that begin with "has", what sockets have then: SO_KEEPALIVE, idle, interval,
 * count, user timeout.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct option {
	const char *text;
	int level, name, good;
} options[] = {
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 0},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 7000},
    {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 10},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 50},
    {"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 1234},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
    {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 65536},
    {"nothing", 9999, 9999, 1},
};

#define OURS 5
#define PORT 7777

static void
has(const char *what, int fd)
{
	printf("has %s:", what);
	for (size_t o = 0; o < OURS; o++) {
		int value = -1;
		socklen_t len = sizeof(value);

		getsockopt(fd, options[o].level, options[o].name, &value, &len);
		printf(" %d", value);
	}
	putchar('\n');
}

static int
set(int fd, const struct option *option, const void *value, socklen_t len)
{
	errno = 0;
	return setsockopt(fd, option->level, option->name, value, len) < 0
	           ? errno
	           : 0;
}

static void
set_all(int fd)
{
	for (size_t o = 0; o < OURS; o++)
		set(fd, &options[o], &options[o].good, sizeof(int));
}

/* At the end of what can be read, there are as many bytes as that. */
static void *
at_end(size_t bytes)
{
	static char *page;
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);

	if (!page) {
		page = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED || munmap(page + size, size) < 0)
			err(2, "mmap");
		memset(page, 1, size);
	}
	return page + size - bytes;
}

static void
every_way(const char *what, int fd)
{
	static const int BAD[] = {
	    0, -1, 1, 127, 128, 32767, 32768, INT_MAX, INT_MIN};
	static const socklen_t LONG[] = {5, 8, 4096, 4097, 70000};
	static int large[70000 / sizeof(int)];

	for (size_t o = 0; o < COUNT(options); o++) {
		const struct option *option = &options[o];
		int good;

		printf("%s %s:", what, option->text);
		for (socklen_t len = 0; len < 4; len++)
			printf(" %d", set(fd, option, at_end(4), len));
		/*
		 * With any program there, the kernel reads first, and asks
		 * then whether it knows the option.
		 */
		good = set(fd, option, &option->good, sizeof(int));
		printf(", good %d", good);
		if (good != ENOPROTOOPT && good != EOPNOTSUPP)
			printf(", no pointer %d, one %d, end %d %d",
			    set(fd, option, NULL, sizeof(int)),
			    set(fd, option, (void *)1, sizeof(int)),
			    set(fd, option, at_end(2), sizeof(int)),
			    set(fd, option, at_end(2), 2));
		printf(", length %d %d", set(fd, option, &option->good, -1U),
		    set(fd, option, &option->good, INT_MAX));
		printf(", values");
		for (size_t i = 0; i < COUNT(BAD); i++)
			printf(" %d", set(fd, option, &BAD[i], sizeof(int)));
		large[0] = option->good;
		printf(", long");
		for (size_t i = 0; i < COUNT(LONG); i++)
			printf(" %d", set(fd, option, large, LONG[i]));
		putchar('\n');
	}
	has(what, fd);
}

static int
listener(const char *address, int protocol, struct sockaddr_storage *at)
{
	struct sockaddr_in *in = (struct sockaddr_in *)at;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)at;
	const bool v6 = strchr(address, ':') != NULL;
	socklen_t len = sizeof(*at);
	int on = 1, fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM, protocol);

	memset(at, 0, sizeof(*at));
	at->ss_family = v6 ? AF_INET6 : AF_INET;
	inet_pton(at->ss_family, address,
	    v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr);
	in->sin_port = htons(PORT); /* where that of IPv6 is */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)at, v6 ? sizeof(*in6) : sizeof(*in)) <
		0 ||
	    listen(fd, 8) < 0 ||
	    getsockname(fd, (struct sockaddr *)at, &len) < 0)
		err(2, "%s", address);
	return fd;
}

static int
connected(int fd, const struct sockaddr_storage *to)
{
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 &&
	    errno != ECONNREFUSED)
		err(2, "connect");
	return fd;
}

static void
both_sides(const char *address)
{
	struct sockaddr_storage at;
	char what[64];
	int own = listener(address, 0, &at), fd, accepted;

	/* Before, on the listener as well. */
	fd = socket(at.ss_family, SOCK_STREAM, 0);
	set_all(fd);
	set_all(own);
	connected(fd, &at);
	accepted = accept(own, NULL, NULL);
	snprintf(what, sizeof(what), "%s set before, connected", address);
	has(what, fd);
	snprintf(what, sizeof(what), "%s set before, accepted", address);
	has(what, accepted);

	fd = connected(socket(at.ss_family, SOCK_STREAM, 0), &at);
	accepted = accept(own, NULL, NULL);
	snprintf(what, sizeof(what), "%s connected", address);
	every_way(what, fd);
	snprintf(what, sizeof(what), "%s accepted", address);
	every_way(what, accepted);
	set(dup(fd), &options[1], &options[1].good, sizeof(int));
	snprintf(what, sizeof(what), "%s a copy", address);
	has(what, fd);
	snprintf(what, sizeof(what), "%s listener", address);
	every_way(what, own);
	close(own);
}

/* What the first rule has left does not pass for the program's own. */
static void
connects_twice(void)
{
	struct sockaddr_storage gone, at;
	int own = listener("127.0.0.3", 0, &at);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	close(listener("127.0.0.2", 0, &gone));
	connected(fd, &gone);
	has("refused", fd);
	set(fd, &options[2], &(int){9}, sizeof(int));
	has("set between", fd);
	connected(fd, &at);
	has("the second time", fd);
	close(own);
}

int
main(int argc, char *argv[])
{
	struct sockaddr_storage at;
	int pair[2], own, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int n = 1; n < argc; n++)
		both_sides(argv[n]);
	connects_twice();
	every_way("unconnected", socket(AF_INET, SOCK_STREAM, 0));
	every_way("UDP", socket(AF_INET, SOCK_DGRAM, 0));
	every_way("UDP of IPv6", socket(AF_INET6, SOCK_DGRAM, 0));
	every_way("raw", socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		err(2, "socketpair");
	every_way("unix", pair[0]);
	every_way("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
	every_way("no socket", STDOUT_FILENO);
	every_way("closed", 999);
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd >= 0) {
		own = listener("127.0.0.1", IPPROTO_MPTCP, &at);
		connected(fd, &at);
		every_way("MPTCP", fd);
		close(own);
	}
	return 0;
}
