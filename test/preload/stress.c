/* SPDX-License-Identifier: ISC */
/*
 * Many threads and processes that connect, accept, fork and are signalled at
 * the same time, for a bounded number of rounds. Each of the addresses
 * 127.0.0.1 to 127.0.0.8 has a rule of its own, so that every connection shows
 * by itself, on both sides, whether it got the options of its own rule. Each
 * call's result is checked, too.
 *
 * The argument is the build directory. One line has the totals; the last line
 * is "N passed, M failed".
 */
#include "host.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#define PROCESSES   2ul
#define CONNECTORS  12 /* threads of each process */
#define ACCEPTORS   3
#define FORKERS     2
#define ROUNDS      6000ul /* of each connector */
#define FORKS       300ul  /* of each forker */
#define ADDRESSES   8
#define DEADLINE_S  300 /* against a hang only */
#define WAIT_MS     20000
#define BACKLOG     4096
#define SIGNAL_USEC 2000

enum count {
	CONNECTED,
	ACCEPTED,
	FORKED,
	HANDLED,
	INTERRUPTED,
	WRONG_OPTIONS,
	WRONG_RESULTS,
	COUNTS,
};

/* Shared by all processes. */
static struct {
	unsigned long count[COUNTS];
	int over;
} * shared;

static int listener;
static uint16_t port;
static pthread_t connectors[CONNECTORS];
static int connecting; /* connectors that are not done */

static void
count(enum count what)
{
	__atomic_fetch_add(&shared->count[what], 1, __ATOMIC_RELAXED);
}

static unsigned long
counted(enum count what)
{
	return __atomic_load_n(&shared->count[what], __ATOMIC_RELAXED);
}

/* The rule of 127.0.0.N: its values depend on N. Nothing for the last one. */
static struct host_options
wanted(unsigned int n)
{
	int i = (int)n;

	if (n == ADDRESSES)
		return host_defaults();
	return (struct host_options){100 * i, 10 * i, i, 1000 * i, 1};
}

static void
write_rules(char *text, size_t size)
{
	size_t len = 0;

	for (int i = 1; i < ADDRESSES; i++)
		len += (size_t)snprintf(text + len, size - len,
		    "rule a%d { destination = \"127.0.0.%d\" idle = %d\n"
		    " interval = %d count = %d user-timeout = \"%ds\" %s}\n",
		    i, i, 100 * i, 10 * i, i, i,
		    i == 3   ? "app-settings = tighten "
		    : i == 5 ? "app-settings = respect "
			     : "");
	snprintf(text + len, size - len,
	    "rule last { destination = \"127.0.0.%d\" action = ignore }\n"
	    "rule other { idle = 7 }\n",
	    ADDRESSES);
}

static void
check_options(int fd, unsigned int n)
{
	struct host_options have = host_options_get(fd), want = wanted(n);

	if (memcmp(&have, &want, sizeof(have)) != 0)
		count(WRONG_OPTIONS);
}

/* Also what a success leaves in errno. */
static void
check_result(bool right, int error)
{
	if (!right || error != 4321)
		count(WRONG_RESULTS);
}

static void
address(struct sockaddr_in *sa, unsigned int n)
{
	*sa = (struct sockaddr_in){
	    .sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + n),
	};
}

/* A connect() that goes on by itself: waits for it, and for its result. */
static bool
finish_connect(int fd)
{
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	int result;

	for (int i = 0; i < 1000; i++) {
		result = poll(&poller, 1, WAIT_MS);
		if (result == 1)
			return host_option(fd, SOL_SOCKET, SO_ERROR) == 0;
		if (result == 0 || errno != EINTR)
			return false;
	}
	return false;
}

/* Async-signal-safe: handlers call it too. */
static void
connect_once(unsigned int n, int flags, bool own_settings)
{
	int fd, result, error, one = 1, name = TCP_KEEPCNT, few = 100;
	struct sockaddr_in sa;

	address(&sa, n);
	errno = 4321;
	fd = socket(AF_INET, SOCK_STREAM | flags, 0);
	check_result(fd >= 0, errno);
	if (fd < 0)
		return;
	errno = 4321;
	result = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	error = errno;
	if (result == 0) {
		check_result(true, error);
	} else {
		/* Only what this kind of connect() may say. */
		if (error != EINTR &&
		    !(error == EINPROGRESS && (flags & SOCK_NONBLOCK) != 0))
			count(WRONG_RESULTS);
		if (error == EINTR)
			count(INTERRUPTED);
		if (!finish_connect(fd))
			count(WRONG_RESULTS);
	}
	count(CONNECTED);
	check_options(fd, n);
	/* The rule holds against the program; not that for n = 5. */
	if (own_settings && n != 5 && n != ADDRESSES) {
		errno = 4321;
		result = setsockopt(fd, IPPROTO_TCP, name, &few, sizeof(few));
		check_result(result == 0, errno);
		errno = 4321;
		result =
		    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		check_result(result == 0, errno);
		check_options(fd, n);
	}
	errno = 4321;
	result = close(fd);
	check_result(result == 0, errno);
}

static void
on_signal(int number)
{
	static unsigned int turn;
	int saved = errno;

	(void)number;
	count(HANDLED);
	connect_once(
	    1 + __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % ADDRESSES, 0,
	    false);
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
connector(void *first)
{
	static const int FLAGS[] = {
	    0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_NONBLOCK | SOCK_CLOEXEC};
	unsigned int start = *(const unsigned int *)first;

	block(SIG_UNBLOCK);
	for (unsigned int i = 0; i < ROUNDS; i++)
		connect_once(1 + (start + i) % ADDRESSES,
		    FLAGS[(start + i / ADDRESSES) % ARRAY_LEN(FLAGS)],
		    i % 3 == 0);
	__atomic_fetch_sub(&connecting, 1, __ATOMIC_RELEASE);
	/* Stay, so that a signal finds somebody. */
	while (__atomic_load_n(&connecting, __ATOMIC_ACQUIRE) > 0)
		usleep(1000);
	return NULL;
}

/* Until every connection has been taken; signals are for the connectors. */
static void *
acceptor(void *which)
{
	struct pollfd poller = {.fd = listener, .events = POLLIN};

	while (!__atomic_load_n(&shared->over, __ATOMIC_ACQUIRE)) {
		struct sockaddr_in peer = {0}, local = {0};
		socklen_t len = sizeof(peer), local_len = sizeof(local);
		int fd;

		if (poll(&poller, 1, 10) != 1)
			continue;
		errno = 4321;
		if (*(const unsigned int *)which % 2 == 0)
			fd = accept4(listener, (struct sockaddr *)&peer, &len,
			    SOCK_CLOEXEC);
		else
			fd = accept(listener, (struct sockaddr *)&peer, &len);
		if (fd < 0 && errno == EAGAIN)
			continue;
		check_result(fd >= 0, errno);
		if (fd < 0)
			continue;
		count(ACCEPTED);
		if (len != sizeof(peer) || peer.sin_family != AF_INET ||
		    getsockname(fd, (struct sockaddr *)&local, &local_len) < 0)
			count(WRONG_RESULTS);
		check_options(
		    fd, ntohl(local.sin_addr.s_addr) - (INADDR_LOOPBACK - 1));
		close(fd);
	}
	return NULL;
}

static void *
forker(void *first)
{
	unsigned int start = *(const unsigned int *)first;

	for (unsigned int i = 0; i < FORKS; i++) {
		int status = -1;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(DEADLINE_S);
			for (unsigned int k = 0; k < 4; k++)
				connect_once(1 + (start + i + k) % ADDRESSES, 0,
				    k % 2 == 0);
			_exit(0);
		}
		count(FORKED);
		while (
		    pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		if (status != 0)
			count(WRONG_RESULTS);
	}
	return NULL;
}

/* Interrupts connectors all the time. */
static void *
signaller(void *unused)
{
	for (unsigned int i = 0;
	     __atomic_load_n(&connecting, __ATOMIC_ACQUIRE) > CONNECTORS / 4;
	     i++) {
		pthread_kill(connectors[i % CONNECTORS], SIGUSR1);
		usleep(SIGNAL_USEC);
	}
	return unused;
}

static void
process(void)
{
	unsigned int number[CONNECTORS + ACCEPTORS + FORKERS], next = 0;
	struct sigaction action = {.sa_handler = on_signal};
	pthread_t acceptors[ACCEPTORS], forkers[FORKERS], signals;

	sigaction(SIGUSR1, &action, NULL);
	for (unsigned int i = 0; i < ARRAY_LEN(number); i++)
		number[i] = i;
	connecting = CONNECTORS;
	block(SIG_BLOCK);
	for (size_t i = 0; i < CONNECTORS; i++)
		pthread_create(
		    &connectors[i], NULL, connector, &number[next++]);
	for (size_t i = 0; i < ACCEPTORS; i++)
		pthread_create(&acceptors[i], NULL, acceptor, &number[next++]);
	for (size_t i = 0; i < FORKERS; i++)
		pthread_create(&forkers[i], NULL, forker, &number[next++]);
	pthread_create(&signals, NULL, signaller, NULL);
	pthread_join(signals, NULL);
	for (size_t i = 0; i < CONNECTORS; i++)
		pthread_join(connectors[i], NULL);
	for (size_t i = 0; i < FORKERS; i++)
		pthread_join(forkers[i], NULL);
	/* The other processes may need these still. */
	for (size_t i = 0; i < ACCEPTORS; i++)
		pthread_join(acceptors[i], NULL);
}

/* Waits until the listener's queue has been empty for a while. */
static void
drain(void)
{
	for (int quiet = 0, i = 0; quiet < 10 && i < DEADLINE_S * 50; i++) {
		unsigned long before = counted(ACCEPTED);

		usleep(20000);
		quiet = counted(ACCEPTED) == before ? quiet + 1 : 0;
	}
}

/* The host itself, which the library was loaded into. */
static int
stress(void)
{
	struct host_addr any = host_addr("0.0.0.0", 0);
	pid_t pids[PROCESSES];
	int status, left;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (shared == MAP_FAILED || host_defaults().idle == 0 ||
	    bind(listener, host_sa(&any), any.len) != 0 ||
	    listen(listener, BACKLOG) != 0)
		return 2;
	port = (uint16_t)host_port(listener);
	for (size_t i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			process();
			_exit(0);
		}
	}
	/* They end when told to, so that all is accepted. */
	for (int i = 0; i < DEADLINE_S * 100; i++) {
		if (counted(FORKED) >= PROCESSES * FORKERS * FORKS &&
		    counted(CONNECTED) >=
			PROCESSES *
				(CONNECTORS * ROUNDS + FORKERS * FORKS * 4ul) +
			    counted(HANDLED))
			break;
		usleep(10000);
	}
	drain();
	__atomic_store_n(&shared->over, 1, __ATOMIC_RELEASE);
	left = 0;
	for (size_t i = 0; i < PROCESSES; i++) {
		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			left++;
	}
	if (counted(ACCEPTED) != counted(CONNECTED))
		left++;
	printf("%lu connected, %lu accepted, %lu children, %lu signals, "
	       "%lu interrupted: %lu wrong options, %lu wrong results\n",
	    counted(CONNECTED), counted(ACCEPTED), counted(FORKED),
	    counted(HANDLED), counted(INTERRUPTED), counted(WRONG_OPTIONS),
	    counted(WRONG_RESULTS));
	return left == 0 && counted(WRONG_OPTIONS) == 0 &&
	               counted(WRONG_RESULTS) == 0 && counted(HANDLED) > 0
	           ? 0
	           : 1;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", config[64], library[PATH_MAX];
	char rules[4096];
	int status = -1;
	pid_t pid;

	if (argc == 2 && strcmp(argv[1], "--stress") == 0)
		return stress();
	if (argc != 2 || mkdtemp(dir) == NULL)
		return 2;
	snprintf(config, sizeof(config), "%s/kashim.conf", dir);
	snprintf(library, sizeof(library), "%s/libkashim.so", argv[1]);
	write_rules(rules, sizeof(rules));
	pid = host_write_file(config, rules, 0644) == 0 ? fork() : -1;
	if (pid == 0) {
		unsetenv("KASHIM_TRACE");
		setenv("KASHIM_CONFIG", config, 1);
		setenv("LD_PRELOAD", library, 1);
		setpgid(0, 0);
		alarm(2 * DEADLINE_S);
		execl("/proc/self/exe", "stress", "--stress", (char *)NULL);
		_exit(127);
	}
	if (pid > 0) {
		waitpid(pid, &status, 0);
		/* Nothing is left behind by a run that went wrong. */
		kill(-pid, SIGKILL);
	}
	unlink(config);
	rmdir(dir);
	printf("%d passed, %d failed\n", status == 0, status != 0);
	return status == 0 ? 0 : 1;
}
