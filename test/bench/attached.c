/* SPDX-License-Identifier: ISC */
/*
 * What kashim attach costs a program, beside a bare program, one that sets its
 * own four options, and one under the library: the whole cycle of socket(),
 * connect(), accept() and close(). One side of the connection is a program's
 * in its control group; the other one is bare.
 *
 * A process for each of them, all on one processor. In each round all have
 * their turn, in an order that changes: a hundred cycles, of which the median
 * counts. What is printed are medians of the rounds, and of the ratios to the
 * bare process in the same round, with the quartiles.
 *
 * Then the kernel's own count of the time that its programs take (bpf_stats),
 * while one process for each control group goes on; and, with the side connect,
 * the memory of what is attached.
 *
 * Arguments: the build directory, the configuration's name, the directory of
 * the control groups "bare", "kernel" and "hold", a side, how many rounds. The
 * sides: connect; accept, where the program that sets its own options sets the
 * listener's; accept-peer, where it sets those of each connection; setsockopt:
 * no cycle, but a call that is of no concern to kashim; memory: no time, but
 * bytes of the kernel's memory for each connection that has the rule, and that
 * is reckoned for the whole machine, so nothing else should go on.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "quantile.h"

#define CYCLES     100
#define ROUNDS_MAX 999
#define MAPS_MAX   16
#define SOCKETS    5000 /* whose memory is reckoned */
#define SETTLES_US 300000

enum side {
	CONNECT,
	ACCEPT,
	ACCEPT_PEER,
	SETSOCKOPT,
	MEMORY,
	SIDES,
};

static const char *const SIDE_NAMES[SIDES] = {
    "connect", "accept", "accept-peer", "setsockopt", "memory"};

static const struct variant {
	const char *name;
	const char *group;
	bool by_hand;
	bool library;
} VARIANTS[] = {
    {"bare", "bare", false, false},
    {"bare again", "bare", false, false},
    {"hand-set", "bare", true, false},
    {"library", "bare", false, true},
    {"kernel", "kernel", false, false},
    {"kernel, holds", "hold", false, false},
};

#define VARIANT_COUNT (sizeof(VARIANTS) / sizeof(VARIANTS[0]))

struct worker {
	pid_t pid;
	int to;
	int from;
};

static void
enter(const char *groups, const char *group)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", groups, group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		abort();
	close(fd);
}

static void
set_by_hand(int fd)
{
	static const int VALUES[][3] = {{IPPROTO_TCP, TCP_KEEPIDLE, 300},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 30}, {IPPROTO_TCP, TCP_KEEPCNT, 5},
	    {SOL_SOCKET, SO_KEEPALIVE, 1}};

	for (int i = 0; i < 4; i++)
		setsockopt(
		    fd, VALUES[i][0], VALUES[i][1], &VALUES[i][2], sizeof(int));
}

/*
 * The side that is not measured goes past the library. The accepted side is
 * closed first, and at once, since it inherits that from the listener: without
 * TIME_WAIT, for there are not so many ports.
 */
static int
make_listener(enum side side, bool by_hand, struct sockaddr_in *at)
{
	const struct linger none = {.l_onoff = 1};
	socklen_t len = sizeof(*at);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	*at = (struct sockaddr_in){
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (by_hand && side == ACCEPT)
		set_by_hand(fd);
	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	if (bind(fd, (struct sockaddr *)at, len) < 0 ||
	    (side == CONNECT ? (int)syscall(SYS_listen, fd, 128)
			     : listen(fd, 128)) < 0)
		abort();
	getsockname(fd, (struct sockaddr *)at, &len);
	return fd;
}

static double
cycle(enum side side, bool by_hand, int listener, const struct sockaddr_in *at)
{
	const struct sockaddr *to = (const struct sockaddr *)at;
	const double start = now_ns(CLOCK_MONOTONIC);
	int fd, accepted;

	if (side == CONNECT) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (by_hand)
			set_by_hand(fd);
		if (connect(fd, to, sizeof(*at)) < 0)
			abort();
		accepted = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
	} else {
		fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		if (syscall(SYS_connect, fd, to, sizeof(*at)) < 0)
			abort();
		accepted = accept(listener, NULL, NULL);
		if (by_hand && side == ACCEPT_PEER)
			set_by_hand(accepted);
	}
	close(accepted);
	close(fd);
	return now_ns(CLOCK_MONOTONIC) - start;
}

static double
other_call(int fd)
{
	const int value = 0;
	const double start = now_ns(CLOCK_MONOTONIC);

	setsockopt(fd, SOL_SOCKET, SO_PRIORITY, &value, sizeof(value));
	return now_ns(CLOCK_MONOTONIC) - start;
}

/* SUnreclaim of proc_meminfo(5), in bytes. */
static double
slab_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	unsigned long kib = 0;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "SUnreclaim: %lu", &kib);
	if (file != NULL)
		fclose(file);
	return (double)kib * 1024;
}

static double
bytes_of_one(int listener, const struct sockaddr_in *at)
{
	static int fds[SOCKETS][2];
	double before, bytes;

	/* What was closed before is given back a little later. */
	usleep(SETTLES_US);
	before = slab_bytes();
	for (int i = 0; i < SOCKETS; i++) {
		fds[i][0] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fds[i][0], (const struct sockaddr *)at,
			sizeof(*at)) < 0)
			abort();
		fds[i][1] = accept(listener, NULL, NULL);
	}
	bytes = slab_bytes() - before;
	for (int i = 0; i < SOCKETS; i++) {
		close(fds[i][1]);
		close(fds[i][0]);
	}
	return bytes / SOCKETS;
}

static double
measure(
    enum side side, bool by_hand, int listener, const struct sockaddr_in *at)
{
	double all[CYCLES];

	if (side == MEMORY)
		return bytes_of_one(listener, at);
	for (int i = 0; i < CYCLES; i++)
		all[i] = side == SETSOCKOPT
		             ? other_call(listener)
		             : cycle(side, by_hand, listener, at);
	return quantile(all, CYCLES, 0.5);
}

/* Standard input says when, standard output gets the median. */
static int
child(const struct variant *variant, const char *groups, enum side side)
{
	const struct rlimit files = {3 * SOCKETS, 3 * SOCKETS};
	struct sockaddr_in at;
	int listener;
	char turn;

	setrlimit(RLIMIT_NOFILE, &files);
	/* A connection that is accepted is in the listener's control group. */
	enter(groups,
	    side == CONNECT || side == MEMORY ? "bare" : variant->group);
	listener = make_listener(side, variant->by_hand, &at);
	enter(groups, side == CONNECT ? variant->group : "bare");
	/* Warm. */
	for (int i = 0; i < CYCLES; i++)
		cycle(side, variant->by_hand, listener, &at);
	enter(groups,
	    side == ACCEPT || side == ACCEPT_PEER ? "bare" : variant->group);
	while (read(STDIN_FILENO, &turn, 1) == 1) {
		const double median =
		    measure(side, variant->by_hand, listener, &at);

		if (write(STDOUT_FILENO, &median, sizeof(median)) < 0)
			return 1;
	}
	return 0;
}

static struct worker
start(const struct variant *variant, char **argv)
{
	int in[2], out[2];
	struct worker worker;
	char index[8];

	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		abort();
	worker.pid = fork();
	if (worker.pid == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		if (variant->library) {
			char library[PATH_MAX];

			snprintf(library, sizeof(library), "%s/libkashim.so",
			    argv[1]);
			setenv("KASHIM_CONFIG", argv[2], 1);
			setenv("LD_PRELOAD", library, 1);
		}
		snprintf(index, sizeof(index), "%d", (int)(variant - VARIANTS));
		execl("/proc/self/exe", "attached", "--child", index, argv[3],
		    argv[4], (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	worker.to = in[1];
	worker.from = out[0];
	return worker;
}

static double
turn(const struct worker *worker)
{
	double median;

	if (write(worker->to, "", 1) != 1 ||
	    read(worker->from, &median, sizeof(median)) != sizeof(median))
		abort();
	return median;
}

static void
stop(const struct worker *worker)
{
	close(worker->to);
	close(worker->from);
	waitpid(worker->pid, NULL, 0);
}

/* Descriptors of the programs that the control group has of its own. */
static uint32_t
programs(const char *groups, const char *group, int fds[2])
{
	static const enum bpf_attach_type TYPES[] = {
	    BPF_CGROUP_SOCK_OPS, BPF_CGROUP_SETSOCKOPT};
	char path[PATH_MAX];
	uint32_t found = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", groups, group);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		uint32_t ids[8], count = 8, flags;

		if (bpf_prog_query(fd, TYPES[i], 0, &flags, ids, &count) == 0 &&
		    count == 1)
			fds[found++] = bpf_prog_get_fd_by_id(ids[0]);
	}
	close(fd);
	return found;
}

/* What all of them took by now. */
static uint64_t
taken_ns(const int *fds, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fds[i], &info, &size) == 0)
			sum += info.run_time_ns;
	}
	return sum;
}

/* "memlock" of fdinfo: what the kernel reckons for it. */
static unsigned long
memory_of(int fd)
{
	char path[64], line[128];
	unsigned long bytes = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		sscanf(line, "memlock: %lu", &bytes);
	if (file != NULL)
		fclose(file);
	return bytes;
}

static void
print_memory(const char *name, const int *fds, uint32_t count)
{
	uint32_t seen[2 * MAPS_MAX], seen_count = 0;
	unsigned long code = 0, maps = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t ids[MAPS_MAX];
		struct bpf_prog_info info = {
		    .nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};
		uint32_t size = sizeof(info);

		code += memory_of(fds[i]);
		if (bpf_obj_get_info_by_fd(fds[i], &info, &size) != 0)
			continue;
		for (uint32_t n = 0; n < info.nr_map_ids && n < MAPS_MAX; n++) {
			uint32_t k = 0;
			int fd;

			while (k < seen_count && seen[k] != ids[n])
				k++;
			if (k < seen_count)
				continue;
			seen[seen_count++] = ids[n];
			fd = bpf_map_get_fd_by_id(ids[n]);
			maps += memory_of(fd);
			close(fd);
		}
	}
	printf("%-12s %-14s   programs %lu KiB, maps %lu KiB\n", "attached",
	    name, code >> 10, maps >> 10);
}

/* What the kernel counts while the process of the control group goes on. */
static void
print_count(const struct variant *variant, const struct worker *worker,
    char **argv, enum side side, int rounds)
{
	int fds[2], stats;
	uint32_t count = programs(argv[3], variant->group, fds);
	uint64_t before;

	if (count == 0)
		return;
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	before = taken_ns(fds, count);
	for (int i = 0; i < rounds; i++)
		(void)turn(worker);
	printf("%-12s %-14s   %6.0f ns of the kernel's own count\n",
	    SIDE_NAMES[side], variant->name,
	    (double)(taken_ns(fds, count) - before) / rounds / CYCLES);
	close(stats);
	if (side == CONNECT)
		print_memory(variant->name, fds, count);
	for (uint32_t i = 0; i < count; i++)
		close(fds[i]);
}

int
main(int argc, char **argv)
{
	static double ns[VARIANT_COUNT][ROUNDS_MAX];
	struct worker workers[VARIANT_COUNT];
	enum side side = CONNECT;
	const char *unit;
	cpu_set_t last;
	int rounds;

	if (argc == 5 && strcmp(argv[1], "--child") == 0)
		return child(&VARIANTS[atoi(argv[2])], argv[3],
		    (enum side)atoi(argv[4]));
	rounds = argc == 6 ? atoi(argv[5]) : 0;
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	while (side < SIDES && strcmp(SIDE_NAMES[side], argv[4]) != 0)
		side++;
	if (side == SIDES)
		return 2;
	unit = side == MEMORY ? "bytes" : "ns";
	snprintf(argv[4], strlen(argv[4]) + 1, "%d", (int)side);
	CPU_ZERO(&last);
	CPU_SET(sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	sched_setaffinity(0, sizeof(last), &last);
	for (size_t v = 0; v < VARIANT_COUNT; v++)
		workers[v] = start(&VARIANTS[v], argv);
	for (int i = 0; i < rounds; i++) {
		for (size_t k = 0; k < VARIANT_COUNT; k++) {
			const size_t v = (k + (size_t)i) % VARIANT_COUNT;

			ns[v][i] = turn(&workers[v]);
		}
	}
	for (size_t v = 1; v < VARIANT_COUNT; v++) {
		double ratios[ROUNDS_MAX], added[ROUNDS_MAX];

		for (int i = 0; i < rounds; i++) {
			ratios[i] = ns[v][i] / ns[0][i];
			added[i] = ns[v][i] - ns[0][i];
		}
		printf("%-12s %-14s + %6.0f %s  x %.3f (%.3f..%.3f) of bare\n",
		    SIDE_NAMES[side], VARIANTS[v].name,
		    quantile(added, rounds, 0.5), unit,
		    quantile(ratios, rounds, 0.5),
		    quantile(ratios, rounds, 0.25),
		    quantile(ratios, rounds, 0.75));
	}
	printf("%-12s %-14s   %6.0f %s\n", SIDE_NAMES[side], VARIANTS[0].name,
	    quantile(ns[0], rounds, 0.5), unit);
	for (size_t v = 0; v < VARIANT_COUNT; v++) {
		if (side != MEMORY)
			print_count(
			    &VARIANTS[v], &workers[v], argv, side, rounds);
		stop(&workers[v]);
	}
	return 0;
}
