/* SPDX-License-Identifier: ISC */
/*
 * Hosts that replaced malloc(3) with something of their own that bears little:
 * one that ends the program when a socket call allocates, from the very first
 * one on; one that has no memory before main(); one that connects itself.
 */
#include "host.h"

#include "hostile_pool.h"
#include "hostile_state.h"

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define BY_SOURCE                                          \
	"rule s { source = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define ALL "rule all { idle = 300 interval = 30 count = 5 }\n"

static enum {
	MEMORY_UNKNOWN, /* before .preinit_array */
	MEMORY_FINE,
	MEMORY_NONE,      /* every call fails */
	MEMORY_FORBIDDEN, /* every call ends the program */
	MEMORY_CONNECTS,  /* the next call connects */
} memory;

static int memory_connected = -2;

static void
memory_connect(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), fd;

	memory = MEMORY_FINE;
	(void)!bind(listener, (struct sockaddr *)&sa, sizeof(sa));
	syscall(SYS_listen, listener, 8);
	getsockname(listener, (struct sockaddr *)&sa, &len);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	memory_connected = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	syscall(SYS_close, fd);
	syscall(SYS_close, listener);
}

static void *
take(size_t size)
{
	if (memory == MEMORY_FORBIDDEN) {
		static const char TEXT[] = "memory was asked for\n";

		(void)!write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1);
		_exit(98);
	}
	if (memory == MEMORY_CONNECTS)
		memory_connect();
	if (memory == MEMORY_NONE) {
		errno = ENOMEM;
		return NULL;
	}
	return pool_take(size);
}

void *
malloc(size_t size)
{
	return take(size);
}

void
free(void *block)
{
	pool_check(block);
	if (block != NULL && memory == MEMORY_FORBIDDEN)
		_exit(96);
}

void *
calloc(size_t count, size_t size)
{
	return take(count * size);
}

void *
realloc(void *block, size_t size)
{
	return pool_move(block, take(size), size);
}

/* Before every library's constructor. */
static void
preinit(int argc, char **argv, char **envp)
{
	const char *name = argc == 3 ? argv[2] : "";

	(void)envp;
	memory = strncmp(name, "none", 4) == 0       ? MEMORY_NONE
	         : strncmp(name, "connects", 8) == 0 ? MEMORY_CONNECTS
	                                             : MEMORY_FINE;
}

__attribute__((section(".preinit_array"), used)) static void (*const PREINIT)(
    int, char **, char **) = preinit;

static void
connect_and_accept(const char *text)
{
	struct host_addr any = host_addr(text, 0), to;
	struct msghdr message = {0};
	int own, fd, accepted, off = 0;

	memory = MEMORY_FORBIDDEN;
	own = socket(any.sa.ss_family, SOCK_STREAM, 0);
	fd = socket(any.sa.ss_family, SOCK_STREAM, 0);
	if (bind(own, host_sa(&any), any.len) != 0 || listen(own, 8) != 0)
		_exit(95);
	to = host_addr(text, host_port(own));
	if (connect(fd, host_sa(&to), to.len) != 0)
		_exit(94);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off));
	accepted = accept(own, NULL, NULL);
	(void)recvmsg(fd, &message, MSG_DONTWAIT);
	memory = MEMORY_FINE;
	EXPECT(fd, 300, 30, 5, 0, 1);
	EXPECT(accepted, 300, 30, 5, 0, 1);
}

static void
forbidden(void)
{
	connect_and_accept("127.0.0.1");
	connect_and_accept("::1");
}

/* The policy can't be read, or it can, but the host lives. */
static void
none(void)
{
	struct host_addr to;
	int listener, fd;

	memory = MEMORY_FINE;
	listener = host_raw_listener("127.0.0.1");
	to = host_addr("127.0.0.1", host_port(listener));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(
	    host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 300 ||
	    host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == host_defaults().idle);
	state_maps();
}

/* With as long a way from the first call to the policy as there can be. */
static void
connects(void)
{
	/* Whether it was the loader, the library or this that asked first. */
	free(malloc(1));
	MUST(memory_connected == 0);
	connect_and_accept("127.0.0.1");
	state_maps();
}

static const struct host_case CASES[] = {
    {"forbidden", LOOPBACK, forbidden},
    {"forbidden-by-source", BY_SOURCE, forbidden},
    {"forbidden-uniform", ALL, forbidden},
    {"forbidden-tighten", "app-settings = tighten\n" LOOPBACK, forbidden},
    {"none-at-start", LOOPBACK, none},
    {"none-at-start-broken-file", "rule {", none},
    {"connects", LOOPBACK, connects},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
