/* SPDX-License-Identifier: ISC */
/*
 * A policy that is reloaded all the time, while threads, their children of
 * fork() and vfork() and their signal handlers connect and accept. Generation
 * I has rules that set idle 100 * n, interval 10 * n and so on for an n that
 * follows from I, so every connection shows by itself whether it got options
 * of one policy, and of one that was in force between two looks at a counter.
 * The rules look at the destination, the port, the source or nothing, in turn,
 * so that each reload also changes where options are set. Each call's result
 * is checked, too.
 *
 * The argument is the build directory. One line has the totals; the last line
 * is "N passed, M failed".
 */
#include "host.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <time.h>

#define POLICIES   7u /* odd, so that both halves get all of them */
#define FORMS      4u
#define CONNECTORS 6
#define ACCEPTORS  2
#define FORKERS    2
#define PERIOD_US  10000
#define DEADLINE_S 60 /* against a hang only */
#define BACKLOG    512

enum count {
	CONNECTED,
	ACCEPTED,
	CHILDREN,
	HANDLED,
	RELOADED,
	MIXED,
	TOO_OLD,
	WRONG_RESULTS,
	FAILED_RELOADS,
	COUNTS,
};

/* Shared by all processes. */
static struct {
	unsigned long count[COUNTS];
	unsigned int begun; /* reload that was begun last */
	unsigned int done;  /* and that was done last */
	int over;
	/* One of those that are wrong, whichever. */
	struct host_options wrong;
	char side[16], call[16];
	int error;
	unsigned int first, last;
} * shared;

static int listener;
static uint16_t port;

static void
count(enum count what)
{
	__atomic_fetch_add(&shared->count[what], 1, __ATOMIC_RELAXED);
}

static unsigned int
look(const unsigned int *counter)
{
	return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

static bool
is_over(void)
{
	return __atomic_load_n(&shared->over, __ATOMIC_ACQUIRE) != 0;
}

static int
value_of(unsigned int reload)
{
	return 1 + (int)(reload % POLICIES);
}

static void
count_wrong(enum count what, const char *side, const struct host_options *have,
    unsigned int first, unsigned int last)
{
	count(what);
	shared->wrong = *have;
	shared->first = first;
	shared->last = last;
	memcpy(shared->side, side, strlen(side) + 1);
}

/* The options have to be those of one policy, from first to last. */
static void
check_options(const char *side, int fd, unsigned int first, unsigned int last)
{
	struct host_options have = host_options_get(fd);
	int n = have.count;

	if (have.idle != 100 * n || have.interval != 10 * n ||
	    have.user_timeout != 100000 * n || have.on != 1) {
		count_wrong(MIXED, side, &have, first, last);
		return;
	}
	for (unsigned int i = first; i <= last; i++) {
		if (value_of(i) == n)
			return;
	}
	count_wrong(TOO_OLD, side, &have, first, last);
}

static void
check_result(const char *what, bool right, int error)
{
	if (right && error == 4321)
		return;
	count(WRONG_RESULTS);
	shared->error = error;
	memcpy(shared->call, what, strlen(what) + 1);
}

/* Async-signal-safe. */
static void
connect_once(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	unsigned int first = look(&shared->done);
	int fd, result;

	errno = 4321;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	check_result("socket", fd >= 0, errno);
	if (fd < 0)
		return;
	errno = 4321;
	result = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (result < 0 && errno == EINTR) {
		struct pollfd poller = {.fd = fd, .events = POLLOUT};

		/* It goes on by itself. */
		for (int i = 0; i < 1000 && poll(&poller, 1, 10000) != 1; i++)
			continue;
	} else {
		check_result("connect", result == 0, errno);
	}
	check_options("connect", fd, first, look(&shared->begun));
	count(CONNECTED);
	close(fd);
}

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	if (!is_over()) {
		count(HANDLED);
		connect_once();
	}
	errno = saved;
}

static void
block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(how, &set, NULL);
}

/*
 * Handlers run here, but not while a sanitizer's runtime starts the thread,
 * under a lock of its own: a handler may wait for those who accept.
 */
static void *
connector(void *data)
{
	block(SIG_UNBLOCK);
	while (!is_over())
		connect_once();
	return data;
}

static void *
acceptor(void *data)
{
	struct pollfd poller = {.fd = listener, .events = POLLIN};

	for (;;) {
		unsigned int first;
		int fd;

		if (poll(&poller, 1, 100) != 1) {
			if (is_over())
				return data;
			continue;
		}
		first = look(&shared->done);
		errno = 4321;
		fd = accept(listener, NULL, NULL);
		if (fd < 0 && errno == EAGAIN)
			continue;
		check_result("accept", fd >= 0, errno);
		if (fd < 0)
			continue;
		check_options("accept", fd, first, look(&shared->begun));
		count(ACCEPTED);
		close(fd);
	}
}

static void *
forker(void *data)
{
	for (volatile unsigned int i = 0; !is_over(); i++) {
		int status = -1;
		/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork) */
		pid_t pid = i % 2 == 0 ? fork() : vfork();

		if (pid == 0) {
			for (int k = 0; k < 3; k++)
				connect_once();
			_exit(0);
		}
		count(CHILDREN);
		while (
		    pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		check_result("child", status == 0, 4321);
	}
	return data;
}

/* The host itself, which the library was loaded into. */
static int
host(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	pthread_t connectors[CONNECTORS], others[ACCEPTORS + FORKERS];
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_RESTART};
	const char *memory = getenv("KASHIM_TEST_SHARED");

	if (memory == NULL)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
	    atoi(memory), 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (shared == MAP_FAILED ||
	    bind(listener, host_sa(&any), any.len) < 0 ||
	    listen(listener, BACKLOG) < 0)
		return 2;
	port = (uint16_t)host_port(listener);
	alarm(DEADLINE_S);
	sigaction(SIGUSR1, &action, NULL);
	block(SIG_BLOCK);
	for (int i = 0; i < ACCEPTORS + FORKERS; i++)
		pthread_create(
		    &others[i], NULL, i < ACCEPTORS ? acceptor : forker, NULL);
	for (int i = 0; i < CONNECTORS; i++)
		pthread_create(&connectors[i], NULL, connector, NULL);
	for (int i = 0; !is_over(); i++) {
		pthread_kill(connectors[i % CONNECTORS], SIGUSR1);
		usleep(3000);
	}
	for (int i = 0; i < CONNECTORS; i++)
		pthread_join(connectors[i], NULL);
	for (int i = 0; i < ACCEPTORS + FORKERS; i++)
		pthread_join(others[i], NULL);
	return 0;
}

/* Policy number n, in a form of its own. */
static void
write_policy(const char *path, int n, unsigned int form)
{
	static const char *const FORM[FORMS] = {
	    "destination = \"127.0.0.0/8\"",
	    "port = \"1-65535\"",
	    "",
	    "source = \"127.0.0.0/8\"",
	};
	char text[512];

	snprintf(text, sizeof(text),
	    "rule r { %s idle = %d interval = %d count = %d\n"
	    " user-timeout = \"%ds\" }\n",
	    FORM[form], 100 * n, 10 * n, n, 100 * n);
	MUST(host_write_file(path, text, 0644) == 0);
}

static bool
reload(const char *build, const char *config)
{
	char program[PATH_MAX], command[] = "kashim", word[] = "reload";
	char *argv[] = {command, word, (char *)config, NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/kashim", build);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return status == 0;
}

static void
reload_for(const char *build, const char *config, int seconds)
{
	struct timespec start, now;
	unsigned int i = 0;
	char path[PATH_MAX], next[PATH_MAX];

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		i++;
		/* Files at rest, so that no reload has to wait for the clock.
		 */
		snprintf(path, sizeof(path), "%s.%u.%u", config, i % POLICIES,
		    i % FORMS);
		snprintf(next, sizeof(next), "%s.next", config);
		unlink(next);
		MUST(link(path, next) == 0 && rename(next, config) == 0);
		__atomic_store_n(&shared->begun, i, __ATOMIC_SEQ_CST);
		if (reload(build, config)) {
			__atomic_store_n(&shared->done, i, __ATOMIC_SEQ_CST);
			count(RELOADED);
		} else {
			count(FAILED_RELOADS);
		}
		usleep(PERIOD_US / 2);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < seconds);
}

static void
prepare(const char *config)
{
	struct timespec times[2] = {{.tv_sec = 1700000000, .tv_nsec = 1}};
	char path[PATH_MAX];

	times[1] = times[0];
	for (unsigned int i = 0; i < POLICIES * FORMS; i++) {
		snprintf(path, sizeof(path), "%s.%u.%u", config, i % POLICIES,
		    i % FORMS);
		write_policy(path, value_of(i), i % FORMS);
		/* Told apart by their times. */
		times[1].tv_nsec = (long)i + 1;
		MUST(utimensat(AT_FDCWD, path, times, 0) == 0);
	}
	snprintf(path, sizeof(path), "%s.0.0", config);
	MUST(link(path, config) == 0);
}

static bool
judge(void)
{
	const unsigned long *counts = shared->count;

	printf("%lu connected, %lu accepted, %lu children, %lu signals, "
	       "%lu reloads: %lu mixed, %lu too old, %lu wrong results, "
	       "%lu failed reloads\n",
	    counts[CONNECTED], counts[ACCEPTED], counts[CHILDREN],
	    counts[HANDLED], counts[RELOADED], counts[MIXED], counts[TOO_OLD],
	    counts[WRONG_RESULTS], counts[FAILED_RELOADS]);
	if (counts[WRONG_RESULTS] > 0)
		printf("%s: errno %d\n", shared->call, shared->error);
	if (counts[MIXED] + counts[TOO_OLD] > 0)
		printf("%s: idle %d interval %d count %d user-timeout %d "
		       "on %d, reloads %u to %u\n",
		    shared->side, shared->wrong.idle, shared->wrong.interval,
		    shared->wrong.count, shared->wrong.user_timeout,
		    shared->wrong.on, shared->first, shared->last);
	return counts[CONNECTED] > 100 && counts[ACCEPTED] > 100 &&
	       counts[CHILDREN] > 10 && counts[HANDLED] > 10 &&
	       counts[RELOADED] > 10 && counts[MIXED] == 0 &&
	       counts[TOO_OLD] == 0 && counts[WRONG_RESULTS] == 0 &&
	       counts[FAILED_RELOADS] == 0;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", config[64], text[PATH_MAX];
	int status = -1, memory;
	bool passed;
	pid_t pid;

	if (argc == 2 && strcmp(argv[1], "--host") == 0)
		return host();
	if (argc < 2 || mkdtemp(dir) == NULL)
		return 2;
	memory = memfd_create("reloads", 0);
	MUST(ftruncate(memory, (off_t)sizeof(*shared)) == 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
	    memory, 0);
	snprintf(config, sizeof(config), "%s/kashim.conf", dir);
	setenv("KASHIM_CACHE", dir, 1);
	prepare(config);
	MUST(reload(argv[1], config));
	pid = fork();
	if (pid == 0) {
		snprintf(text, sizeof(text), "%s/libkashim.so", argv[1]);
		unsetenv("KASHIM_TRACE");
		setenv("KASHIM_CONFIG", config, 1);
		setenv("LD_PRELOAD", text, 1);
		snprintf(text, sizeof(text), "%d", memory);
		setenv("KASHIM_TEST_SHARED", text, 1);
		setpgid(0, 0);
		execl("/proc/self/exe", "reloads", "--host", (char *)NULL);
		_exit(127);
	}
	if (pid > 0) {
		reload_for(argv[1], config, argc > 2 ? atoi(argv[2]) : 6);
		__atomic_store_n(&shared->over, 1, __ATOMIC_RELEASE);
		waitpid(pid, &status, 0);
		/* Nothing is left behind by a run that went wrong. */
		kill(-pid, SIGKILL);
	}
	snprintf(text, sizeof(text), "rm -rf %s", dir);
	/* NOLINTNEXTLINE(cert-env33-c): of our own making */
	MUST(system(text) == 0);
	passed = judge() && status == 0 && host_failures == 0;
	printf("%d passed, %d failed\n", passed, !passed);
	return passed ? 0 : 1;
}
