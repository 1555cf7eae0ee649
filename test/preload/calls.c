/* SPDX-License-Identifier: ISC */
/*
 * A host that makes one kind of call between two getppid() calls, for
 * test_syscalls.sh, which reads from strace what the library adds to it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_in loopback = {.sin_family = AF_INET};

static int
listener_on(in_addr_t addr)
{
	socklen_t len = sizeof(loopback);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	loopback.sin_addr.s_addr = htonl(addr);
	bind(fd, (struct sockaddr *)&loopback, len);
	listen(fd, 8);
	getsockname(fd, (struct sockaddr *)&loopback, &len);
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd;
}

static int
listener(void)
{
	return listener_on(INADDR_LOOPBACK);
}

static void
connect_to(int fd)
{
	connect(fd, (struct sockaddr *)&loopback, sizeof(loopback));
}

static void
call_socket(void)
{
	getppid();
	socket(AF_INET, SOCK_STREAM, 0);
	getppid();
}

static void
call_connect(void)
{
	int fd = (listener(), socket(AF_INET, SOCK_STREAM, 0));

	getppid();
	connect_to(fd);
	getppid();
}

/* The one before leaves its answer behind. */
static void
call_connect_again(void)
{
	int fd;

	listener();
	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	getppid();
	connect_to(fd);
	getppid();
}

static void
call_connect_nonblocking(void)
{
	int fd = (listener(), socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));

	getppid();
	connect_to(fd);
	getppid();
}

static void
call_connect_6(void)
{
	struct sockaddr_in6 sa = {
	    .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);

	/* Nobody listens on the port that a listener of the other family has.
	 */
	listener();
	sa.sin6_port = loopback.sin_port;
	getppid();
	connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	getppid();
}

static void
call_udp(void)
{
	int fd = (listener(), socket(AF_INET, SOCK_DGRAM, 0));

	getppid();
	connect_to(fd);
	getppid();
}

static void
call_unix(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/none"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	getppid();
	connect(fd, (struct sockaddr *)&un, sizeof(un));
	getppid();
}

static void
call_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(fd, (struct sockaddr *)&loopback, sizeof(loopback));
	getppid();
	listen(fd, 8);
	getppid();
}

static void
call_accept(void)
{
	int own = listener();

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	getppid();
	accept(own, NULL, NULL);
	getppid();
}

/* What a listener on all addresses accepts. */
static void
call_accept_any(void)
{
	int own = listener_on(INADDR_ANY);

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	getppid();
	accept(own, NULL, NULL);
	getppid();
}

/* The second one, from the same address, which the program asks for. */
static void
call_accept_from(void)
{
	int own = listener_on(INADDR_ANY);
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	accept(own, (struct sockaddr *)&from, &len);
	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	len = sizeof(from);
	getppid();
	accept(own, (struct sockaddr *)&from, &len);
	getppid();
}

/* There is no room for the address. */
static void
call_accept_short(void)
{
	int own = listener_on(INADDR_ANY);
	struct sockaddr from;
	socklen_t len = sizeof(from) / 2;

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	getppid();
	accept(own, &from, &len);
	getppid();
}

static void
call_listen_any(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	getppid();
	listen(fd, 8);
	getppid();
}

static void
call_accept4(void)
{
	int own = listener();

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	getppid();
	accept4(own, NULL, NULL, SOCK_CLOEXEC);
	getppid();
}

static void
call_setsockopt(void)
{
	int fd = (listener(), socket(AF_INET, SOCK_STREAM, 0)), on = 1;

	connect_to(fd);
	getppid();
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	getppid();
}

/* Not between marks: what a program that has sockets has in memory. */
static void
call_memory(void)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	char line[256];
	long kib = 0, part;
	int own = listener();

	connect_to(socket(AF_INET, SOCK_STREAM, 0));
	accept(own, NULL, NULL);
	connect_to(socket(AF_INET, SOCK_DGRAM, 0));
	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "Anonymous: %ld", &part) == 1)
			kib += part;
	}
	printf("%ld\n", kib);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} CALLS[] = {
	    {"socket", call_socket},
	    {"connect", call_connect},
	    {"connect-again", call_connect_again},
	    {"connect-nonblocking", call_connect_nonblocking},
	    {"connect-6", call_connect_6},
	    {"udp", call_udp},
	    {"unix", call_unix},
	    {"listen", call_listen},
	    {"accept", call_accept},
	    {"accept4", call_accept4},
	    {"accept-any", call_accept_any},
	    {"accept-from", call_accept_from},
	    {"accept-short", call_accept_short},
	    {"listen-any", call_listen_any},
	    {"setsockopt", call_setsockopt},
	    {"memory", call_memory},
	};

	for (size_t i = 0; i < sizeof(CALLS) / sizeof(CALLS[0]); i++) {
		if (argc == 2 && strcmp(argv[1], CALLS[i].name) == 0) {
			CALLS[i].call();
			return 0;
		}
	}
	return 2;
}
