/* SPDX-License-Identifier: ISC */
/*
 * A static program that holds TCP sockets on loopback: a listener on the port
 * that it is given, two connections to it, and what it accepts of them: the
 * first at once, the second, and more, when it is told to. With "ring" its
 * sockets come, connect and are accepted by io_uring(7).
 *
 * A line on standard input is answered by a line on standard output: "show"
 * by what getsockopt(2) says of each socket, "accept" by that of a connection
 * accepted now, "make" by that of one that is made and accepted now. It ends
 * with standard input, after 300 s at the latest.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
need(bool good, const char *what)
{
	if (!good) {
		perror(what);
		exit(98);
	}
}

/* The rings of io_uring_setup(2); fd -1: not asked for. */
static struct {
	int fd;
	struct io_uring_params params;
	uint8_t *in, *out;
	struct io_uring_sqe *entries;
} ring = {.fd = -1};

static uint8_t *
ring_map(size_t size, uint64_t offset)
{
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
	    ring.fd, (off_t)offset);

	need(at != MAP_FAILED, "io_uring");
	return at;
}

static void
ring_open(void)
{
	const struct io_uring_params *params = &ring.params;

	ring.fd = (int)syscall(SYS_io_uring_setup, 4, &ring.params);
	need(ring.fd >= 0, "io_uring_setup");
	ring.in = ring_map(
	    params->sq_off.array + params->sq_entries * sizeof(uint32_t),
	    IORING_OFF_SQ_RING);
	ring.out =
	    ring_map(params->cq_off.cqes +
			 params->cq_entries * sizeof(struct io_uring_cqe),
		IORING_OFF_CQ_RING);
	ring.entries = (struct io_uring_sqe *)(void *)ring_map(
	    params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
}

static uint32_t *
ring_word(uint8_t *at, uint32_t offset)
{
	return (uint32_t *)(void *)(at + offset);
}

/* Hands in one entry and waits for it; what came of it, or -errno. */
static int
ring_call(const struct io_uring_sqe *entry)
{
	const struct io_sqring_offsets *in = &ring.params.sq_off;
	const struct io_cqring_offsets *out = &ring.params.cq_off;
	uint32_t *tail = ring_word(ring.in, in->tail);
	uint32_t *head = ring_word(ring.out, out->head);
	uint32_t at = *tail & *ring_word(ring.in, in->ring_mask);
	const struct io_uring_cqe *done = (const void *)(ring.out + out->cqes);
	int result;

	ring.entries[at] = *entry;
	ring_word(ring.in, in->array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS,
		 NULL, 0) == 1,
	    "io_uring_enter");
	result = done[*head & *ring_word(ring.out, out->ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static struct sockaddr_in address = {.sin_family = AF_INET};

static int
connected(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), result;

	need(fd >= 0, "socket");
	if (ring.fd < 0)
		result =
		    connect(fd, (struct sockaddr *)&address, sizeof(address));
	else
		result = ring_call(&(struct io_uring_sqe){
		    .opcode = IORING_OP_CONNECT,
		    .fd = fd,
		    .addr = (uintptr_t)&address,
		    .off = sizeof(address),
		});
	need(result == 0, "connect");
	return fd;
}

static int
accepted(int listener)
{
	int fd = ring.fd < 0 ? accept(listener, NULL, NULL)
	                     : ring_call(&(struct io_uring_sqe){
				   .opcode = IORING_OP_ACCEPT, .fd = listener});

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
	need(argc > 1, "usage: holds PORT [ring]");
	if (argc > 2)
		ring_open();
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
			connected();
		if (strcmp(line, "show\n") == 0) {
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
