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
 * The configuration is mostly renamed into place, and sometimes written slowly:
 * a half-written one is refused, and nobody gets options of one that was read
 * while it changed.
 *
 * reloads BUILD [SECONDS [CGROUP]]
 *
 * BUILD is the build directory. With a control group, kashim attach looks after
 * all connections, in place of the library. One line has the totals; the last
 * line is "N passed, M failed".
 */
#include "host.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <time.h>

#define POLICIES    7u /* odd, so that both halves get all of them */
#define FORMS       4u
#define CONNECTORS  6
#define ACCEPTORS   8 /* more than wait for a connector in its handler */
#define FORKERS     2
#define PERIOD_US   10000
#define SLOW_EVERY  8
#define RELOADS_MIN 16  /* or half the deadline */
#define DEADLINE_S  300 /* against a hang only */
#define BACKLOG     512
#define TEXT_MAX    512
#define SLOWLY_US   1000 /* a byte; or up to three times as long */
#define REST_MS     8    /* so long it may be taken for written */

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
	HALVES_TAKEN,
	RESTS, /* the machine was busy, and the slow writer had to wait */
	COUNTS,
};

/* Shared by all processes. */
static struct {
	unsigned long count[COUNTS];
	unsigned int begun; /* reload that was begun last */
	unsigned int done;  /* and that was done last */
	int over;
	/* The first that is wrong. */
	bool told;
	struct host_options wrong;
	char side[16], call[16];
	int error;
	unsigned int first, last;
} * shared;

static int listener;
static uint16_t port;

/* Is what kashim says of no concern now? */
static bool refusals_expected;

/* Does the kernel set options? It does when a connection is made. */
static bool by_kernel;

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
	if (__atomic_exchange_n(&shared->told, true, __ATOMIC_RELAXED))
		return;
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
	/* For who accepts. */
	(void)send(fd, &first, sizeof(first), MSG_NOSIGNAL);
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
		if (by_kernel && recv(fd, &first, sizeof(first), MSG_WAITALL) !=
				     sizeof(first)) {
			close(fd);
			continue;
		}
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
	by_kernel = getenv("LD_PRELOAD") == NULL;
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

/* Policy number n, in a form of its own; as long as any other of this form. */
static size_t
policy_text(int n, unsigned int form, char text[TEXT_MAX])
{
	static const char *const FORM[FORMS] = {
	    "destination = \"127.0.0.0/8\"",
	    "port = \"1-65535\"",
	    "",
	    "source = \"127.0.0.0/8\"",
	};

	return (size_t)snprintf(text, TEXT_MAX,
	    "rule r { %s idle = %d interval = %d count = %d\n"
	    " user-timeout = \"%ds\" }\n",
	    FORM[form], 100 * n, 10 * n, n, 100 * n);
}

static void
write_policy(const char *path, int n, unsigned int form)
{
	char text[TEXT_MAX];

	policy_text(n, form, text);
	MUST(host_write_file(path, text, 0644) == 0);
}

/* kashim WORD ARGUMENT...; its exit status, 256 for any other end. */
static int
run_kashim(const char *build, char *argv[])
{
	char program[PATH_MAX];
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	snprintf(program, sizeof(program), "%s/kashim", build);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	/* What it says of a file that it refuses is no news. */
	if (refusals_expected)
		posix_spawn_file_actions_addopen(
		    &actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

static int
reload(const char *build, const char *config)
{
	char command[] = "kashim", word[] = "reload";
	char *argv[] = {command, word, (char *)config, NULL};

	return run_kashim(build, argv);
}

static int
attach(const char *build, const char *config, const char *group)
{
	char command[] = "kashim", word[] = "attach", to[] = "--cgroup",
	     by[] = "--config";
	char *argv[] = {
	    command, word, to, (char *)group, by, (char *)config, NULL};

	return run_kashim(build, argv);
}

/* A file at rest, so that the reload does not wait for the clock of files. */
static void
by_rename(const char *config, unsigned int i)
{
	char path[PATH_MAX], next[PATH_MAX];

	snprintf(
	    path, sizeof(path), "%s.%u.%u", config, i % POLICIES, i % FORMS);
	snprintf(next, sizeof(next), "%s.next", config);
	unlink(next);
	MUST(link(path, next) == 0 && rename(next, config) == 0);
}

/* A reload in the middle: half a rule is refused. */
static void
in_halves(const char *build, const char *config, unsigned int i)
{
	char text[TEXT_MAX];
	size_t length = policy_text(value_of(i), i % FORMS, text);
	int fd;

	unlink(config);
	fd = open(config, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	MUST(write(fd, text, length / 2) == (ssize_t)(length / 2));
	refusals_expected = true;
	if (reload(build, config) != 2)
		count(HALVES_TAKEN);
	refusals_expected = false;
	MUST(write(fd, text + length / 2, length - length / 2) ==
	     (ssize_t)(length - length / 2));
	close(fd);
}

static long
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * In place, so slowly that a reload reads some of the old text and some of the
 * new one: it waits, or refuses it.
 */
static void
byte_by_byte(const char *build, const char *config, unsigned int i)
{
	char text[TEXT_MAX];
	size_t length = policy_text(value_of(i), i % FORMS, text);
	pid_t writer;

	unlink(config);
	write_policy(config, value_of(i - 1), i % FORMS);
	writer = fork();
	if (writer == 0) {
		const struct sched_param first = {.sched_priority = 1};
		int fd = open(config, O_WRONLY | O_CLOEXEC);
		long last = clock_ms();

		/* Only root may. */
		sched_setscheduler(0, SCHED_FIFO, &first);
		for (size_t k = 0; k < length; k++) {
			if (pwrite(fd, &text[k], 1, (off_t)k) != 1)
				_exit(1);
			if (clock_ms() - last >= REST_MS)
				count(RESTS);
			last = clock_ms();
			usleep(SLOWLY_US + SLOWLY_US / 4 * (i % 64 / 8));
		}
		_exit(0);
	}
	refusals_expected = true;
	(void)reload(build, config);
	refusals_expected = false;
	MUST(writer > 0 && waitpid(writer, NULL, 0) == writer);
}

static void
reload_for(const char *build, const char *config, int seconds)
{
	struct timespec start, now;
	unsigned int i = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		i++;
		if (i % SLOW_EVERY == 0)
			in_halves(build, config, i);
		else if (i % SLOW_EVERY != SLOW_EVERY / 2)
			by_rename(config, i);
		__atomic_store_n(&shared->begun, i, __ATOMIC_SEQ_CST);
		if (i % SLOW_EVERY == SLOW_EVERY / 2)
			byte_by_byte(build, config, i);
		if (reload(build, config) == 0) {
			__atomic_store_n(&shared->done, i, __ATOMIC_SEQ_CST);
			count(RELOADED);
		} else {
			count(FAILED_RELOADS);
		}
		usleep(PERIOD_US / 2);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (
	    now.tv_sec - start.tv_sec < seconds ||
	    (i < RELOADS_MIN && now.tv_sec - start.tv_sec < DEADLINE_S / 2));
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
	       "%lu failed reloads, %lu halves of a rule taken, %lu rests of "
	       "the slow writer\n",
	    counts[CONNECTED], counts[ACCEPTED], counts[CHILDREN],
	    counts[HANDLED], counts[RELOADED], counts[MIXED], counts[TOO_OLD],
	    counts[WRONG_RESULTS], counts[FAILED_RELOADS], counts[HALVES_TAKEN],
	    counts[RESTS]);
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
	       counts[RELOADED] >= RELOADS_MIN &&
	       (counts[MIXED] == 0 || counts[RESTS] > 0) &&
	       counts[TOO_OLD] == 0 && counts[WRONG_RESULTS] == 0 &&
	       counts[FAILED_RELOADS] == 0 && counts[HALVES_TAKEN] == 0;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", config[64], text[PATH_MAX];
	const char *group = argc > 3 ? argv[3] : NULL;
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
	MUST(reload(argv[1], config) == 0);
	MUST(group == NULL || attach(argv[1], config, group) == 0);
	pid = fork();
	if (pid == 0) {
		unsetenv("KASHIM_TRACE");
		setenv("KASHIM_CONFIG", config, 1);
		snprintf(text, sizeof(text),
		    group ? "%s/cgroup.procs" : "%s/libkashim.so",
		    group ? group : argv[1]);
		if (group == NULL)
			setenv("LD_PRELOAD", text, 1);
		else if (host_write_file(text, "0", 0644) < 0)
			_exit(127);
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
