/* SPDX-License-Identifier: ISC */
/*
 * connect(2) and accept(2) by io_uring(7), without a library: one entry at a
 * time, for test programs.
 */
#ifndef KASHIM_TEST_RING_H
#define KASHIM_TEST_RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline void
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
	uint8_t flags; /* of each entry */
	struct io_uring_params params;
	uint8_t *in, *out;
	struct io_uring_sqe *entries;
} ring = {.fd = -1};

static inline uint8_t *
ring_map(size_t size, uint64_t offset)
{
	uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
	    ring.fd, (off_t)offset);

	need(at != MAP_FAILED, "io_uring");
	return at;
}

/*
 * how: "inline", by the caller itself as far as that can be; "async", by
 * threads of the kernel that work for it; "polled", handed in by another one.
 */
static inline void
ring_open(const char *how)
{
	const struct io_uring_params *params = &ring.params;

	if (strcmp(how, "async") == 0)
		ring.flags = IOSQE_ASYNC;
	else if (strcmp(how, "polled") == 0)
		ring.params.flags = IORING_SETUP_SQPOLL;
	else
		need(strcmp(how, "inline") == 0, how);
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

static inline uint32_t *
ring_word(uint8_t *at, uint32_t offset)
{
	return (uint32_t *)(void *)(at + offset);
}

/* Hands in one entry and waits for it; what came of it, or -errno. */
static inline int
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
	ring.entries[at].flags = ring.flags;
	ring_word(ring.in, in->array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	need(syscall(SYS_io_uring_enter, ring.fd, 1, 1,
		 IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP, NULL, 0) == 1,
	    "io_uring_enter");
	result = done[*head & *ring_word(ring.out, out->ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

/* By io_uring, if that was asked for, and by the system call else. */

static inline int
ring_connect(int fd, const void *to, socklen_t length)
{
	if (ring.fd < 0)
		return connect(fd, to, length);
	return ring_call(&(struct io_uring_sqe){.opcode = IORING_OP_CONNECT,
	    .fd = fd,
	    .addr = (uintptr_t)to,
	    .off = length});
}

static inline int
ring_accept(int listener)
{
	if (ring.fd < 0)
		return accept(listener, NULL, NULL);
	return ring_call(
	    &(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT, .fd = listener});
}

#endif
