/* SPDX-License-Identifier: ISC */
/*
 * Connections that no hook sees: the system call itself, io_uring, a library
 * that binds to the C library first. They must work as bare and be left
 * alone; where socket() already knows the rule, or the listener has it, it
 * holds for them too. See test_unreachable.sh for whole programs.
 */
#include "host.h"
#include "rules.h"

#include <dlfcn.h>
#include <linux/io_uring.h>
#include <sys/mman.h>

#include "deepbind.h"

static const char *const TEXTS[] = {"127.0.0.1", "::1"};

/* What a case expects in the shimmed run: the rule's options or none. */
enum reach { MISSED, REACHED };

static void
expect(int line, int fd, enum reach reach)
{
	struct host_options rule = {RULES_OPTIONS};

	host_expect(__FILE__, line, fd,
	    host_shimmed() && reach == REACHED ? rule : host_defaults());
}

static int
own_listener(const char *text)
{
	struct host_addr any = host_addr(text, 0);
	int fd = CALL(socket(any.sa.ss_family, SOCK_STREAM, 0));

	MUST(CALL(bind(fd, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(fd, 8)) == 0);
	return fd;
}

/* socket() is the library's, what follows is not. */
static void
by_syscall(enum reach connecting, enum reach accepting)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int own = own_listener(TEXTS[i]);
		struct host_addr to = host_addr(TEXTS[i], host_port(own));
		int fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));

		MUST(CALL(syscall(SYS_connect, fd, &to.sa, to.len)) == 0);
		expect(__LINE__, fd, connecting);
		fd = CALL(syscall(SYS_accept4, own, NULL, NULL, 0));
		expect(__LINE__, fd, accepting);
		/* Not even the socket is the library's. */
		fd = CALL(syscall(SYS_socket, to.sa.ss_family, SOCK_STREAM, 0));
		MUST(CALL(syscall(SYS_connect, fd, &to.sa, to.len)) == 0);
		expect(__LINE__, fd, MISSED);
	}
}

/* The two rings of io_uring_setup(2), and what is needed of them. */
struct ring {
	int fd;
	struct io_uring_params params;
	uint8_t *submitted, *completed;
	struct io_uring_sqe *entries;
};

static void *
ring_map(const struct ring *ring, size_t size, uint64_t offset)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
	    (off_t)offset);
}

static bool
ring_open(struct ring *ring)
{
	const struct io_uring_params *params = &ring->params;

	*ring = (struct ring){0};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0) {
		printf("cannot run here: io-uring: sockets of io_uring: %s\n",
		    strerror(errno));
		return false;
	}
	ring->submitted = ring_map(ring,
	    params->sq_off.array + params->sq_entries * sizeof(uint32_t),
	    IORING_OFF_SQ_RING);
	ring->completed = ring_map(ring,
	    params->cq_off.cqes +
		params->cq_entries * sizeof(struct io_uring_cqe),
	    IORING_OFF_CQ_RING);
	ring->entries = ring_map(ring,
	    params->sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	MUST(ring->submitted != MAP_FAILED && ring->completed != MAP_FAILED &&
	     ring->entries != MAP_FAILED);
	return true;
}

static uint32_t *
ring_word(uint8_t *ring, uint32_t offset)
{
	return (uint32_t *)(void *)(ring + offset);
}

/* Hands in one entry and waits for it; what came of it, or -errno. */
static int
ring_call(struct ring *ring, const struct io_uring_sqe *entry)
{
	const struct io_sqring_offsets *in = &ring->params.sq_off;
	const struct io_cqring_offsets *out = &ring->params.cq_off;
	uint32_t *tail = ring_word(ring->submitted, in->tail);
	uint32_t *head = ring_word(ring->completed, out->head);
	uint32_t at = *tail & *ring_word(ring->submitted, in->ring_mask);
	const struct io_uring_cqe *done =
	    (const void *)(ring->completed + out->cqes);
	int result;

	ring->entries[at] = *entry;
	ring_word(ring->submitted, in->array)[at] = at;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS,
		NULL, 0) != 1)
		return -errno;
	MUST(__atomic_load_n(ring_word(ring->completed, out->tail),
		 __ATOMIC_ACQUIRE) != *head);
	result = done[*head & *ring_word(ring->completed, out->ring_mask)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static int
ring_connect(struct ring *ring, int fd, const struct host_addr *to)
{
	return ring_call(ring, &(struct io_uring_sqe){
				   .opcode = IORING_OP_CONNECT,
				   .fd = fd,
				   .addr = (uintptr_t)&to->sa,
				   .off = to->len,
			       });
}

static int
ring_accept(struct ring *ring, int fd)
{
	return ring_call(
	    ring, &(struct io_uring_sqe){.opcode = IORING_OP_ACCEPT, .fd = fd});
}

static void
by_ring(enum reach connecting, enum reach accepting)
{
	struct ring ring;

	if (!ring_open(&ring))
		return;
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int own = own_listener(TEXTS[i]);
		struct host_addr to = host_addr(TEXTS[i], host_port(own));
		int fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));

		MUST(CALL(ring_connect(&ring, fd, &to)) == 0);
		expect(__LINE__, fd, connecting);
		fd = CALL(ring_accept(&ring, own));
		MUST(fd >= 0);
		expect(__LINE__, fd, accepting);
		/* Failures, too. */
		fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));
		close(own);
		CALL(ring_connect(&ring, fd, &to));
		CALL(ring_connect(&ring, -1, &to));
		CALL(ring_accept(&ring, fd));
	}
}

static int
deepbind_call(const struct host_addr *to)
{
	static void *library;
	static int (*call)(int, const struct sockaddr *, socklen_t);
	static const char NAME[] = "/lib_deepbind.so";
	char path[512];
	ssize_t len;

	if (library == NULL) {
		len = readlink(
		    "/proc/self/exe", path, sizeof(path) - sizeof(NAME));
		MUST(len > 0);
		path[len > 0 ? len : 0] = '\0';
		memcpy(strrchr(path, '/'), NAME, sizeof(NAME));
		library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
		MUST(library != NULL);
		if (library == NULL)
			_exit(96);
		call = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(
		    library, "deepbind_connect");
	}
	return call(to->sa.ss_family, host_sa(to), to->len);
}

static void
by_deepbind(void)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int listener = host_raw_listener(TEXTS[i]);
		struct host_addr to = host_addr(TEXTS[i], host_port(listener));
		int fd = CALL(deepbind_call(&to));

		MUST(fd >= 0);
		expect(__LINE__, fd, MISSED);
		close(fd);
		/* The program itself is reached as before. */
		fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));
		MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
		expect(__LINE__, fd, REACHED);
		close(listener);
		CALL(deepbind_call(&to));
	}
}

static void
syscall_missed(void)
{
	by_syscall(MISSED, MISSED);
}

static void
syscall_listener(void)
{
	by_syscall(MISSED, REACHED);
}

static void
syscall_uniform(void)
{
	by_syscall(REACHED, REACHED);
}

static void
ring_missed(void)
{
	by_ring(MISSED, MISSED);
}

static void
ring_listener(void)
{
	by_ring(MISSED, REACHED);
}

static void
ring_uniform(void)
{
	by_ring(REACHED, REACHED);
}

static const struct host_case CASES[] = {
    {"syscall-by-destination", RULES_BY_DESTINATION, syscall_listener},
    {"syscall-by-source", RULES_BY_SOURCE, syscall_missed},
    {"syscall-by-port", RULES_BY_PORT, syscall_listener},
    {"syscall-uniform", RULES_UNIFORM, syscall_uniform},
    {"io-uring-by-destination", RULES_BY_DESTINATION, ring_listener},
    {"io-uring-by-source", RULES_BY_SOURCE, ring_missed},
    {"io-uring-by-port", RULES_BY_PORT, ring_listener},
    {"io-uring-uniform", RULES_UNIFORM, ring_uniform},
    RULES_CASES("deepbind", by_deepbind),
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
