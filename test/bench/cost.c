/* SPDX-License-Identifier: ISC */
/*
 * What the library costs a program, for each kind of call and for an exec,
 * beside a bare program, one that sets its own four options, and one under
 * libkeepalive.
 *
 * Calls: a process under each library, one after the other, in every round.
 * In it each call is made twice in turn, once as any program makes it, which
 * the library sees, and once past every library, the program setting its own
 * options: so both have the same machine at the same moment. The process says
 * the median of each. An exec: one program starts another with each library in
 * turn, and past them without any.
 *
 * What is printed are medians of the rounds, with the quartiles.
 *
 * Arguments: the build directory, the configuration's name, how many rounds,
 * and, if only one is wanted, the name of the bench. A bench with a policy of
 * its own has it beside the configuration. The network is one of our own, with
 * ELSEWHERE as an address of loopback.
 */
#include <dlfcn.h>
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
#include <unistd.h>

#include "quantile.h"

#define ELSEWHERE    0x0a630001 /* 10.99.0.1 */
#define LIBKEEPALIVE "/usr/lib/libkeepalive.so.0"
#define ROUNDS_MAX   999
#define CALLS        2000 /* in a process */
#define EXECS        60   /* in a round, of each variant */

enum variant {
	BARE,
	KASHIM,
	LIBKEEP,
	VARIANTS,
};

static const char *const NAMES[VARIANTS] = {"bare", "kashim", "libkeepalive"};

/* The median of all calls, in ns. */
struct result {
	double past; /* every library, by hand */
	double through;
};

/* The C library's own, or what stands before it. */
struct calls {
	int (*socket)(int, int, int);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*listen)(int, int);
	int (*accept)(int, struct sockaddr *, socklen_t *);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	ssize_t (*sendto)(
	    int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	bool by_hand;
};

enum way {
	PAST,
	THROUGH,
	WAYS,
};

static struct calls calls[WAYS];

static void *
libc_symbol(const char *name)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *symbol = libc != NULL ? dlsym(libc, name) : NULL;

	if (symbol == NULL)
		abort();
	return symbol;
}

static void
find_calls(void)
{
	calls[THROUGH] = (struct calls){.socket = socket,
	    .connect = connect,
	    .listen = listen,
	    .accept = accept,
	    .setsockopt = setsockopt,
	    .sendto = sendto};
	calls[PAST] = (struct calls){.by_hand = true};
	*(void **)&calls[PAST].socket = libc_symbol("socket");
	*(void **)&calls[PAST].connect = libc_symbol("connect");
	*(void **)&calls[PAST].listen = libc_symbol("listen");
	*(void **)&calls[PAST].accept = libc_symbol("accept");
	*(void **)&calls[PAST].setsockopt = libc_symbol("setsockopt");
	*(void **)&calls[PAST].sendto = libc_symbol("sendto");
}

static void
set_by_hand(const struct calls *use, int fd)
{
	static const int VALUES[][2] = {
	    {TCP_KEEPIDLE, 300}, {TCP_KEEPINTVL, 30}, {TCP_KEEPCNT, 5}};
	int on = 1;

	if (!use->by_hand)
		return;
	for (int i = 0; i < 3; i++)
		use->setsockopt(
		    fd, IPPROTO_TCP, VALUES[i][0], &VALUES[i][1], sizeof(int));
	use->setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

struct listener {
	int fd;
	struct sockaddr_in at;
};

static struct listener
make_listener(const struct calls *use, in_addr_t addr)
{
	struct listener made = {
	    .at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(addr)}};
	socklen_t len = sizeof(made.at);

	made.fd = use->socket(AF_INET, SOCK_STREAM, 0);
	set_by_hand(use, made.fd);
	if (bind(made.fd, (struct sockaddr *)&made.at, len) < 0 ||
	    use->listen(made.fd, 128) < 0)
		abort();
	getsockname(made.fd, (struct sockaddr *)&made.at, &len);
	return made;
}

/* Without TIME_WAIT: there are not so many ports. */
static void
close_at_once(int fd)
{
	const struct linger none = {.l_onoff = 1};

	syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

/* Where a bench keeps what it needs, for each way. */
struct place {
	struct listener listener;
	int fd;
};

static void
place_listener(struct place *place, const struct calls *use)
{
	place->listener = make_listener(use, INADDR_LOOPBACK);
}

/* For connections to any address of ours, which go to one that is no loopback.
 */
static void
place_any(struct place *place, const struct calls *use)
{
	place->listener = make_listener(use, INADDR_ANY);
	place->listener.at.sin_addr.s_addr = htonl(ELSEWHERE);
}

/* And these go to loopback. */
static void
place_any_local(struct place *place, const struct calls *use)
{
	const struct calls bare = {
	    .socket = use->socket, .listen = use->listen};

	place->listener = make_listener(&bare, INADDR_ANY);
	place->listener.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static double
run_connect(struct place *place, const struct calls *use, int flags)
{
	const struct sockaddr *to = (struct sockaddr *)&place->listener.at;
	double start = now_ns(CLOCK_MONOTONIC), spent;
	int fd = use->socket(AF_INET, SOCK_STREAM | flags, 0);
	struct pollfd poller = {.fd = fd, .events = POLLOUT};

	set_by_hand(use, fd);
	if (use->connect(fd, to, sizeof(place->listener.at)) < 0 &&
	    errno == EINPROGRESS)
		poll(&poller, 1, -1);
	spent = now_ns(CLOCK_MONOTONIC) - start;
	close_at_once(fd);
	close((int)syscall(SYS_accept4, place->listener.fd, NULL, NULL, 0));
	return spent;
}

static double
run_blocking(struct place *place, const struct calls *use)
{
	return run_connect(place, use, 0);
}

static double
run_nonblocking(struct place *place, const struct calls *use)
{
	return run_connect(place, use, SOCK_NONBLOCK);
}

static double
accept_one(struct place *place, const struct calls *use, bool asks)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), accepted;
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	double start, spent;

	syscall(
	    SYS_connect, fd, &place->listener.at, sizeof(place->listener.at));
	start = now_ns(CLOCK_MONOTONIC);
	accepted = use->accept(place->listener.fd,
	    asks ? (struct sockaddr *)&from : NULL, asks ? &len : NULL);
	spent = now_ns(CLOCK_MONOTONIC) - start;
	close_at_once(fd);
	close(accepted);
	return spent;
}

static double
run_accept(struct place *place, const struct calls *use)
{
	return accept_one(place, use, false);
}

static double
run_accept_from(struct place *place, const struct calls *use)
{
	return accept_one(place, use, true);
}

static void
place_datagram(struct place *place, const struct calls *use)
{
	place->fd = use->socket(AF_INET, SOCK_DGRAM, 0);
}

static double
run_sendto(struct place *place, const struct calls *use)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(9)};
	double start = now_ns(CLOCK_MONOTONIC);

	use->sendto(place->fd, "x", 1, MSG_DONTWAIT,
	    (const struct sockaddr *)&to, sizeof(to));
	return now_ns(CLOCK_MONOTONIC) - start;
}

static void
place_nothing(struct place *place, const struct calls *use)
{
	(void)use;
	place->fd = -1;
}

static double
run_udp(struct place *place, const struct calls *use)
{
	const struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(9)};
	double start = now_ns(CLOCK_MONOTONIC), spent;

	place->fd = use->socket(AF_INET, SOCK_DGRAM, 0);
	use->connect(place->fd, (const struct sockaddr *)&to, sizeof(to));
	spent = now_ns(CLOCK_MONOTONIC) - start;
	close(place->fd);
	return spent;
}

static void
place_unix(struct place *place, const struct calls *use)
{
	place->fd = use->socket(AF_UNIX, SOCK_STREAM, 0);
}

/* To a name that is not there, which is found out at once. */
static double
run_unix(struct place *place, const struct calls *use)
{
	const struct sockaddr_un un = {
	    .sun_family = AF_UNIX, .sun_path = "\0kashim-none"};
	double start = now_ns(CLOCK_MONOTONIC);

	use->connect(place->fd, (const struct sockaddr *)&un, sizeof(un));
	return now_ns(CLOCK_MONOTONIC) - start;
}

static const struct bench {
	const char *name;
	void (*prepare)(struct place *place, const struct calls *use);
	double (*run)(struct place *place, const struct calls *use);
	bool tcp;           /* has options to be set by hand */
	const char *policy; /* before a rule for all; NULL: the configuration */
} BENCHES[] = {
    {"connect", place_listener, run_blocking, true, NULL},
    {"connect-nonblocking", place_listener, run_nonblocking, true, NULL},
    {"connect-source", place_listener, run_blocking, true,
	"rule apart { source = \"127.0.0.0/8\" destination = \"10.0.0.0/8\" "
	"idle = 600 }"},
    {"accept", place_listener, run_accept, true, NULL},
    {"accept-any", place_any, run_accept, true, NULL},
    {"accept-ignore-local", place_any, run_accept, true,
	"rule local { destination = { \"127.0.0.0/8\", \"::1\" } "
	"action = ignore }"},
    {"accept-ignored", place_any_local, run_accept, false,
	"rule local { destination = { \"127.0.0.0/8\", \"::1\" } "
	"action = ignore }"},
    {"accept-source-port", place_any, run_accept, true,
	"rule apart { source = \"10.0.0.0/8\" port = 1 idle = 600 }"},
    {"accept-source", place_any, run_accept, true,
	"rule apart { source = \"10.20.0.0/16\" idle = 600 }"},
    {"accept-source-from", place_any, run_accept_from, true,
	"rule apart { source = \"10.20.0.0/16\" idle = 600 }"},
    {"udp-connect", place_nothing, run_udp, false, NULL},
    {"udp-sendto", place_datagram, run_sendto, false, NULL},
    {"unix-connect", place_unix, run_unix, false, NULL},
    {"exec", NULL, NULL, false, NULL},
};

/* The child: one bench, its result on standard output. */
static int
child(const char *name)
{
	static double ns[WAYS][CALLS];
	const struct bench *bench = BENCHES;
	struct place places[WAYS] = {0};

	while (strcmp(bench->name, name) != 0) {
		if (++bench == BENCHES + sizeof(BENCHES) / sizeof(BENCHES[0]))
			return 2;
	}
	if (bench->run == NULL)
		return 2;
	find_calls();
	for (int way = 0; way < WAYS; way++)
		bench->prepare(&places[way], &calls[way]);
	for (int i = -CALLS / 5; i < CALLS; i++) {
		for (int k = 0; k < WAYS; k++) {
			int way = (k + i) & 1;
			double spent = bench->run(&places[way], &calls[way]);

			/* The first are to get warm. */
			if (i >= 0)
				ns[way][i] = spent;
		}
	}
	printf("%.1f %.1f\n", quantile(ns[PAST], CALLS, 0.5),
	    quantile(ns[THROUGH], CALLS, 0.5));
	return 0;
}

/* The environment of a process under the variant. */
static void
set_environment(enum variant variant, const char *build, const char *config)
{
	char library[PATH_MAX];

	snprintf(library, sizeof(library), "%s/libkashim.so", build);
	unsetenv("LD_PRELOAD");
	unsetenv("KASHIM_TRACE");
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
}

static struct result
measure(const char *build, const char *config, const char *bench,
    enum variant variant)
{
	struct result result = {-1, -1};
	char text[64] = "", *end;
	FILE *from;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return result;
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], STDOUT_FILENO);
		set_environment(variant, build, config);
		execl("/proc/self/exe", "cost", "--child", bench, (char *)NULL);
		_exit(127);
	}
	close(pipes[1]);
	from = fdopen(pipes[0], "r");
	if (from != NULL && fgets(text, sizeof(text), from) != NULL) {
		result.past = strtod(text, &end);
		result.through = strtod(end, NULL);
	}
	if (from != NULL)
		fclose(from);
	waitpid(pid, NULL, 0);
	return result;
}

/* As many as make a round: medians of them for each variant. */
static void
measure_exec(const char *build, const char *config, struct result *results)
{
	static double ns[VARIANTS][EXECS];
	char program[] = "/bin/true";
	char *argv[] = {program, NULL};
	double bare;

	for (int i = 0; i < EXECS; i++) {
		for (int k = 0; k < VARIANTS; k++) {
			int v = (k + i) % VARIANTS, status;
			double start;
			pid_t pid;

			set_environment((enum variant)v, build, config);
			start = now_ns(CLOCK_MONOTONIC);
			if (posix_spawn(
				&pid, program, NULL, NULL, argv, environ) == 0)
				waitpid(pid, &status, 0);
			ns[v][i] = now_ns(CLOCK_MONOTONIC) - start;
		}
	}
	bare = quantile(ns[BARE], EXECS, 0.5);
	for (int v = 0; v < VARIANTS; v++)
		results[v] = (struct result){bare, quantile(ns[v], EXECS, 0.5)};
	unsetenv("LD_PRELOAD");
}

static void
print_times(const char *bench, const char *name, double *times, double *ratios,
    int rounds, const char *against)
{
	printf("%-20s %-13s %9.0f ns  %8.0f..%-8.0f  x %.3f "
	       "(%.3f..%.3f) of %s",
	    bench, name, quantile(times, rounds, 0.5),
	    quantile(times, rounds, 0.25), quantile(times, rounds, 0.75),
	    quantile(ratios, rounds, 0.5), quantile(ratios, rounds, 0.25),
	    quantile(ratios, rounds, 0.75), against);
}

static void
print_row(
    const struct bench *bench, struct result (*results)[VARIANTS], int rounds)
{
	const char *against = bench->tcp ? "hand-set" : "bare";

	for (int v = 0; v < VARIANTS; v++) {
		double times[ROUNDS_MAX], ratios[ROUNDS_MAX];
		double added[ROUNDS_MAX];

		/* By hand, in the process that has no library. */
		for (int i = 0; i < rounds && v == BARE; i++) {
			times[i] = results[i][v].past;
			ratios[i] = 1;
		}
		if (v == BARE && bench->tcp) {
			print_times(bench->name, against, times, ratios, rounds,
			    against);
			putchar('\n');
		}
		for (int i = 0; i < rounds; i++) {
			const struct result *libkeep = &results[i][LIBKEEP];

			times[i] = results[i][v].through;
			ratios[i] = results[i][v].through / results[i][v].past;
			added[i] =
			    (results[i][v].through - results[i][v].past) /
			    (libkeep->through - libkeep->past);
		}
		print_times(
		    bench->name, NAMES[v], times, ratios, rounds, against);
		if (v == KASHIM && bench->run == NULL)
			printf(", adds x %.2f (%.2f..%.2f) of what "
			       "libkeepalive adds",
			    quantile(added, rounds, 0.5),
			    quantile(added, rounds, 0.25),
			    quantile(added, rounds, 0.75));
		putchar('\n');
		fflush(stdout);
	}
}

/* Has the bench's policy published, and says in config which file it is of. */
static void
publish(const struct bench *bench, const char *build, char config[PATH_MAX])
{
	char kashim[PATH_MAX], reload[] = "reload";
	char *const argv[] = {kashim, reload, config, NULL};
	posix_spawn_file_actions_t silent;
	size_t len = strlen(config);
	int status = -1;
	FILE *file;
	pid_t pid;

	if (bench->policy == NULL)
		return;
	snprintf(config + len, PATH_MAX - len, ".%s", bench->name);
	file = fopen(config, "w");
	if (file == NULL ||
	    fprintf(file,
		"%s\nrule all { idle = 300 interval = 30 count = 5 }\n",
		bench->policy) < 0 ||
	    fclose(file) != 0)
		abort();
	snprintf(kashim, sizeof(kashim), "%s/kashim", build);
	unsetenv("LD_PRELOAD");
	posix_spawn_file_actions_init(&silent);
	posix_spawn_file_actions_addopen(
	    &silent, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, kashim, &silent, NULL, argv, environ) != 0 ||
	    waitpid(pid, &status, 0) < 0 || status != 0)
		abort();
	posix_spawn_file_actions_destroy(&silent);
}

int
main(int argc, char **argv)
{
	static struct result results[ROUNDS_MAX][VARIANTS];
	int rounds;

	if (argc == 3 && strcmp(argv[1], "--child") == 0)
		return child(argv[2]);
	if (argc != 4 && argc != 5)
		return 2;
	rounds = atoi(argv[3]);
	if (rounds < 1 || rounds > ROUNDS_MAX)
		return 2;
	for (size_t b = 0; b < sizeof(BENCHES) / sizeof(BENCHES[0]); b++) {
		const struct bench *bench = &BENCHES[b];
		char config[PATH_MAX];

		if (argc == 5 && strcmp(argv[4], bench->name) != 0)
			continue;
		snprintf(config, sizeof(config), "%s", argv[2]);
		publish(bench, argv[1], config);
		for (int i = 0; i < rounds; i++) {
			if (bench->run == NULL)
				measure_exec(argv[1], config, results[i]);
			for (int k = 0; k < VARIANTS && bench->run != NULL;
			     k++) {
				int v = (k + i) % VARIANTS;

				results[i][v] = measure(argv[1], config,
				    bench->name, (enum variant)v);
			}
		}
		print_row(bench, results, rounds);
	}
	return 0;
}
