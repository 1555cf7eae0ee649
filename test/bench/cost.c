/* SPDX-License-Identifier: ISC */
/*
 * What the library costs a program, for each kind of call and for an exec,
 * beside a bare program, one that sets its own four options, and one under
 * libkeepalive. In every round each variant runs once, as a process of its
 * own and in another order, and is held against the bare one, or the one that
 * sets its own options, of the same round. What is printed are medians, with
 * the quartiles.
 *
 * Arguments: the build directory, the configuration's name, how many rounds,
 * and, if only one is wanted, the name of the bench.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIBKEEPALIVE "/usr/lib/libkeepalive.so.0"
#define ROUNDS_MAX   999

enum variant {
	BARE,
	HAND, /* sets its own options */
	KASHIM,
	LIBKEEP,
	VARIANTS,
};

static const char *const NAMES[VARIANTS] = {
    "bare", "hand-set", "kashim", "libkeepalive"};

static bool by_hand;
static struct sockaddr_in loopback = {.sin_family = AF_INET};
static int listener;

static double
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void
set_by_hand(int fd)
{
	static const int VALUES[][2] = {
	    {TCP_KEEPIDLE, 300}, {TCP_KEEPINTVL, 30}, {TCP_KEEPCNT, 5}};
	int on = 1;

	if (!by_hand)
		return;
	for (int i = 0; i < 3; i++)
		setsockopt(
		    fd, IPPROTO_TCP, VALUES[i][0], &VALUES[i][1], sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

static void
make_listener(void)
{
	socklen_t len = sizeof(loopback);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	set_by_hand(listener);
	loopback.sin_port = 0;
	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&loopback, len) < 0 ||
	    listen(listener, 128) < 0)
		abort();
	getsockname(listener, (struct sockaddr *)&loopback, &len);
}

/* Without TIME_WAIT: there are not so many ports. */
static void
close_at_once(int fd)
{
	const struct linger none = {.l_onoff = 1};

	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

static void
take_and_close(int fd)
{
	close_at_once(fd);
	close((int)syscall(SYS_accept4, listener, NULL, NULL, 0));
}

static double
run_connect(int count, int flags)
{
	double spent = 0;

	make_listener();
	for (int i = 0; i < count; i++) {
		double start = now_ns();
		int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
		struct pollfd poller = {.fd = fd, .events = POLLOUT};

		set_by_hand(fd);
		if (connect(fd, (struct sockaddr *)&loopback,
			sizeof(loopback)) < 0 &&
		    errno == EINPROGRESS)
			poll(&poller, 1, -1);
		spent += now_ns() - start;
		take_and_close(fd);
	}
	return spent / count;
}

static double
bench_connect(int count)
{
	return run_connect(count, 0);
}

static double
bench_nonblocking(int count)
{
	return run_connect(count, SOCK_NONBLOCK);
}

static double
bench_accept(int count)
{
	double spent = 0;

	make_listener();
	for (int i = 0; i < count; i++) {
		int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		int accepted;
		double start;

		syscall(SYS_connect, fd, &loopback, sizeof(loopback));
		start = now_ns();
		accepted = accept(listener, NULL, NULL);
		spent += now_ns() - start;
		close_at_once(fd);
		close(accepted);
	}
	return spent / count;
}

static double
bench_sendto(int count)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	double start;

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	loopback.sin_port = htons(9);
	start = now_ns();
	for (int i = 0; i < count * 5; i++)
		sendto(fd, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&loopback,
		    sizeof(loopback));
	return (now_ns() - start) / (count * 5);
}

/* To a name that is not there, which is found out at once. */
static double
bench_unix(int count)
{
	const struct sockaddr_un un = {
	    .sun_family = AF_UNIX, .sun_path = "\0kashim-none"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	double start = now_ns();

	for (int i = 0; i < count * 5; i++)
		connect(fd, (const struct sockaddr *)&un, sizeof(un));
	return (now_ns() - start) / (count * 5);
}

static double
bench_exec(int count)
{
	char program[] = "/bin/true";
	char *argv[] = {program, NULL};
	double start;
	int status;
	pid_t pid;

	count /= 5;
	start = now_ns();
	for (int i = 0; i < count; i++) {
		if (posix_spawn(&pid, program, NULL, NULL, argv, environ) == 0)
			waitpid(pid, &status, 0);
	}
	return (now_ns() - start) / count;
}

static const struct bench {
	const char *name;
	double (*run)(int count);
	enum variant against; /* what the rest is held against */
	unsigned int without; /* a bit for each variant that makes no sense */
} BENCHES[] = {
    {"connect", bench_connect, HAND, 0},
    {"connect-nonblocking", bench_nonblocking, HAND, 0},
    {"accept", bench_accept, HAND, 0},
    {"udp-sendto", bench_sendto, BARE, 1u << HAND},
    {"unix-connect", bench_unix, BARE, 1u << HAND},
    {"exec", bench_exec, BARE, 1u << HAND},
};

/* The child: one bench, its result on standard output. */
static int
child(const char *name, int count)
{
	by_hand = getenv("KASHIM_BENCH_BY_HAND") != NULL;
	for (size_t i = 0; i < sizeof(BENCHES) / sizeof(BENCHES[0]); i++) {
		if (strcmp(BENCHES[i].name, name) == 0) {
			BENCHES[i].run(count / 5); /* warm */
			printf("%.1f\n", BENCHES[i].run(count));
			return 0;
		}
	}
	return 2;
}

static double
measure(const char *build, const char *config, const char *bench,
    enum variant variant, int count)
{
	char library[PATH_MAX], number[16], text[64] = "";
	double result = -1;
	FILE *from;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -1;
	snprintf(library, sizeof(library), "%s/libkashim.so", build);
	snprintf(number, sizeof(number), "%d", count);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		unsetenv("LD_PRELOAD");
		unsetenv("KASHIM_TRACE");
		if (variant == HAND)
			setenv("KASHIM_BENCH_BY_HAND", "1", 1);
		if (variant == KASHIM) {
			setenv("LD_PRELOAD", library, 1);
			setenv("KASHIM_CONFIG", config, 1);
		}
		if (variant == LIBKEEP) {
			setenv("LD_PRELOAD", LIBKEEPALIVE, 1);
			setenv("KEEPIDLE", "300", 1);
			setenv("KEEPINTVL", "30", 1);
			setenv("KEEPCNT", "5", 1);
		}
		execl("/proc/self/exe", "cost", "--child", bench, number,
		    (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	from = fdopen(pipes[0], "r");
	if (from != NULL && fgets(text, sizeof(text), from) != NULL)
		result = strtod(text, NULL);
	if (from != NULL)
		fclose(from);
	waitpid(pid, NULL, 0);
	return result;
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which the part of all lies. Sorts. */
static double
quantile(double *values, int count, double part)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[(int)(part * (count - 1) + 0.5)];
}

static void
print_row(const struct bench *bench, double (*ns)[VARIANTS], int rounds)
{
	for (int v = 0; v < VARIANTS; v++) {
		double times[ROUNDS_MAX], ratios[ROUNDS_MAX];
		double added[ROUNDS_MAX], theirs[ROUNDS_MAX];

		if ((bench->without & 1u << v) != 0)
			continue;
		for (int i = 0; i < rounds; i++) {
			times[i] = ns[i][v];
			ratios[i] = ns[i][v] / ns[i][bench->against];
			added[i] = ns[i][v] - ns[i][BARE];
			theirs[i] = ns[i][LIBKEEP] - ns[i][BARE];
		}
		printf("%-20s %-13s %9.0f ns  %8.0f..%-8.0f  x %.3f "
		       "(%.3f..%.3f) of %s",
		    bench->name, NAMES[v], quantile(times, rounds, 0.5),
		    quantile(times, rounds, 0.25),
		    quantile(times, rounds, 0.75),
		    quantile(ratios, rounds, 0.5),
		    quantile(ratios, rounds, 0.25),
		    quantile(ratios, rounds, 0.75), NAMES[bench->against]);
		if (v == KASHIM && bench->run == bench_exec)
			printf(", adds x %.2f of what libkeepalive adds",
			    quantile(added, rounds, 0.5) /
				quantile(theirs, rounds, 0.5));
		putchar('\n');
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	static double ns[ROUNDS_MAX][VARIANTS];
	int rounds, count = 400;

	if (argc == 4 && strcmp(argv[1], "--child") == 0)
		return child(argv[2], atoi(argv[3]));
	if (argc != 4 && argc != 5)
		return 2;
	rounds = atoi(argv[3]);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (size_t b = 0; b < sizeof(BENCHES) / sizeof(BENCHES[0]); b++) {
		const struct bench *bench = &BENCHES[b];

		if (argc == 5 && strcmp(argv[4], bench->name) != 0)
			continue;
		for (int i = 0; i < rounds; i++) {
			for (int k = 0; k < VARIANTS; k++) {
				int v = (k + i) % VARIANTS;

				if ((bench->without & 1u << v) == 0)
					ns[i][v] = measure(argv[1], argv[2],
					    bench->name, (enum variant)v,
					    count);
			}
		}
		print_row(bench, ns, rounds);
	}
	return 0;
}
