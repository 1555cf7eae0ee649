/* SPDX-License-Identifier: ISC */
/*
 * A program to be supervised: does what programs do that make a supervisor's
 * life hard, and judges what it gets to see. Built as a static program, for
 * test_run.sh. It prints one line, and its status is 1 if something was wrong.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16

static unsigned long wrong, calls, interrupted, not_begun;
static struct sockaddr_in address = {.sin_family = AF_INET};
static volatile bool stop;

static void
count_wrong(const char *what, int error)
{
	if (__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED) <= 10)
		fprintf(stderr, "%s: errno %d\n", what, error);
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(fd, level, name, &value, &len);
	return value;
}

static int
listener(struct sockaddr_in *sa)
{
	socklen_t len = sizeof(*sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa->sin_port = 0;
	if (fd < 0 || bind(fd, (struct sockaddr *)sa, len) < 0 ||
	    listen(fd, 4096) < 0 ||
	    getsockname(fd, (struct sockaddr *)sa, &len) < 0) {
		perror("listener");
		exit(2);
	}
	return fd;
}

/* Without TIME_WAIT: there will be many. */
static void
drop(int fd)
{
	const struct linger none = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

/* Takes what comes, until the other side has dropped it. */
static void *
accept_all(void *data)
{
	int own = *(int *)data;

	for (;;) {
		int fd = accept(own, NULL, NULL);
		char byte;

		if (fd >= 0) {
			while (read(fd, &byte, 1) > 0)
				continue;
			close(fd);
		} else if (errno != ECONNABORTED && errno != EINTR)
			return NULL;
	}
}

static void
start_server(void)
{
	static int own;
	pthread_t thread;
	sigset_t all, old;

	own = listener(&address);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_create(&thread, NULL, accept_all, &own);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* One connection; idle_s is what the rule says, 0 for anything. */
static void
connect_once(int idle_s)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	__atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR) {
			struct tcp_info info = {0};
			socklen_t len = sizeof(info);

			getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
			not_begun += info.tcpi_state == TCP_CLOSE;
			interrupted++;
		} else
			count_wrong("connect", errno);
	} else if (idle_s > 0 &&
		   option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != idle_s) {
		count_wrong("idle", option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	}
	drop(fd);
}

static int connects_each, idle_wanted;

static void *
connect_many(void *data)
{
	(void)data;
	for (int i = 0; i < connects_each; i++)
		connect_once(idle_wanted);
	return NULL;
}

static void
run_threads(void *(*function)(void *))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, function, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* threads IDLE COUNT: many threads connect at once. */
static void
threads(int idle_s, int count)
{
	start_server();
	connects_each = count;
	idle_wanted = idle_s;
	run_threads(connect_many);
}

/* Every notified call, each with a result that is known. */
static void *
call_all(void *data)
{
	(void)data;
	while (!stop) {
		struct sockaddr_in own = {.sin_family = AF_INET};
		int value = 1234, fd = listener(&own);
		socklen_t len = sizeof(own);
		int client = socket(AF_INET, SOCK_STREAM, 0);

		if (setsockopt(client, SOL_TCP, TCP_KEEPIDLE, &value,
			sizeof(value)) < 0)
			count_wrong("setsockopt", errno);
		if (setsockopt(client, SOL_TCP, TCP_KEEPIDLE, &value, 1) == 0 ||
		    errno != EINVAL)
			count_wrong("setsockopt, short", errno);
		if (connect(client, (struct sockaddr *)&own, len) < 0)
			count_wrong("connect", errno);
		value = 1;
		if (setsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &value,
			sizeof(value)) < 0)
			count_wrong("SO_KEEPALIVE", errno);
		if (connect(client, (struct sockaddr *)&own, len) == 0 ||
		    errno != EISCONN)
			count_wrong("connect again", errno);
		if (listen(-1, 1) == 0 || errno != EBADF)
			count_wrong("listen", errno);
		drop(client);
		close(fd);
		__atomic_add_fetch(&calls, 8, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* load: until there is something to read on standard input. */
static void *
wait_for_stop(void *data)
{
	char byte;

	(void)data;
	stop = read(STDIN_FILENO, &byte, 1) >= 0;
	return NULL;
}

static void
load(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_stop, NULL);
	run_threads(call_all);
}

static void
on_signal(int number)
{
	(void)number;
}

/*
 * signals FLAG COUNT: connects while a timer interrupts. With SA_RESTART no
 * call may fail. Without, it may be interrupted, and nothing else.
 */
static void
signals(bool restart, int count)
{
	const struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0};
	const struct itimerval timer = {
	    .it_interval.tv_usec = 211, .it_value.tv_usec = 211};

	start_server();
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	for (int i = 0; i < count; i++)
		connect_once(0);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	if (restart && interrupted > 0)
		count_wrong("interrupted in spite of SA_RESTART", EINTR);
}

/* children IDLE: of fork(2), vfork(2) and a child of a child, each connects. */
static void
children(const char *self, int idle_s)
{
	char port[16], idle[16];
	int status = 0;

	start_server();
	snprintf(port, sizeof(port), "%d", ntohs(address.sin_port));
	snprintf(idle, sizeof(idle), "%d", idle_s);
	for (int i = 0; i < 60; i++) {
		pid_t pid = i % 2 == 0 ? fork() : vfork();

		if (pid == 0 && i % 3 == 0 && i % 2 == 0) {
			/* The child's own child, and it does not exec. */
			pid = fork();
			if (pid == 0) {
				connect_once(idle_s);
				_exit(wrong > 0);
			}
			_exit(waitpid(pid, &status, 0) == pid && status == 0
				  ? 0
				  : 1);
		}
		if (pid == 0) {
			execl(self, self, "client", idle, port, (char *)NULL);
			_exit(127);
		}
		if (waitpid(-1, &status, 0) != pid || status != 0)
			count_wrong("child", status);
		calls++;
	}
	if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD)
		count_wrong("there is another child", errno);
}

/* filter: a filter of its own stands in front of, or behind, the other. */
static void
filter(int idle_s)
{
	struct sock_filter refuse[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_listen, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOWNERDEAD),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {
	    .len = sizeof(refuse) / sizeof(refuse[0]), .filter = refuse};

	start_server();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		count_wrong("seccomp", errno);
	connect_once(idle_s);
	if (listen(-1, 1) == 0 || errno != EOWNERDEAD)
		count_wrong("its own filter", errno);
	/* No second listener: the kernel has one for each. */
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0 ||
	    errno != EBUSY)
		count_wrong("a second listener", errno);
}

/* descriptors COUNT: connects, and then waits for the end of its input. */
static void
descriptors(int count)
{
	char byte;

	start_server();
	for (int i = 0; i < count; i++)
		connect_once(0);
	printf("%lu calls\n", calls);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
}

/*
 * later IDLE: how long, in milliseconds, until a connection that was accepted
 * has what the rule says; the longest of a few, in each way to accept.
 */
static void
later(int idle_s)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	int server = listener(&own);
	double longest_ms = 0;

	for (int i = 0; i < 20; i++) {
		struct timespec start, now;
		struct pollfd ready = {.fd = server, .events = POLLIN};
		int client = socket(AF_INET, SOCK_STREAM, 0), fd;
		double ms = 0;

		fcntl(server, F_SETFL, i % 2 == 0 ? 0 : O_NONBLOCK);
		connect(client, (struct sockaddr *)&own, sizeof(own));
		poll(&ready, 1, 1000);
		fd = accept(server, NULL, NULL);
		clock_gettime(CLOCK_MONOTONIC, &start);
		while (option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != idle_s &&
		       ms < 2000) {
			usleep(200);
			clock_gettime(CLOCK_MONOTONIC, &now);
			ms = (double)(now.tv_sec - start.tv_sec) * 1e3 +
			     (double)(now.tv_nsec - start.tv_nsec) / 1e6;
		}
		if (ms >= 2000)
			count_wrong("accepted, and no rule", 0);
		if (ms > longest_ms)
			longest_ms = ms;
		drop(client);
		drop(fd);
		calls++;
	}
	fprintf(stderr, "after accept: %.1f ms at most\n", longest_ms);
}

static double
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/*
 * Memory that nobody gives, until give() does: whoever reads it waits. Not
 * the kernel in a call of our own alone, but the supervisor, too.
 */
static char *withheld;
static int faults;

static void
withhold(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	withheld = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	range.range.start = (uintptr_t)withheld;
	range.range.len = 4096;
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0 ||
	    ioctl(faults, UFFDIO_REGISTER, &range) < 0) {
		perror("userfaultfd");
		exit(2);
	}
}

static void
give(const void *bytes, size_t len)
{
	static _Alignas(4096) char page[4096];
	struct uffdio_copy copy = {
	    .dst = (uintptr_t)withheld,
	    .src = (uintptr_t)page,
	    .len = sizeof(page),
	};

	memcpy(page, bytes, len);
	if (ioctl(faults, UFFDIO_COPY, &copy) < 0)
		count_wrong("UFFDIO_COPY", errno);
}

static void *
connect_to_withheld(void *data)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	(void)data;
	if (connect(fd, (struct sockaddr *)withheld, sizeof(address)) < 0)
		count_wrong("connect, memory withheld", errno);
	drop(fd);
	return NULL;
}

/*
 * stuck MS IDLE: a thread's connect never lets the supervisor read its address.
 * Others' may wait for so long, and not longer, and have their rule.
 */
static void
stuck(int most_ms, int idle_s)
{
	const double end = now_us() + 8e6;
	double longest_ms = 0;
	pthread_t thread;
	struct pollfd fault = {.events = POLLIN};

	start_server();
	withhold();
	pthread_create(&thread, NULL, connect_to_withheld, NULL);
	fault.fd = faults;
	if (poll(&fault, 1, 5000) != 1)
		count_wrong("nobody reads the address", 0);
	do {
		const double start = now_us();
		double ms;

		connect_once(idle_s);
		ms = (now_us() - start) / 1e3;
		if (ms > longest_ms)
			longest_ms = ms;
	} while (now_us() < end);
	give(&address, sizeof(address));
	pthread_join(thread, NULL);
	fprintf(stderr, "stuck: %.0f ms at most\n", longest_ms);
	if (longest_ms < 50)
		count_wrong("nobody was stuck", 0);
	if (longest_ms > most_ms)
		count_wrong("stuck for too long", 0);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int *accepted;
static int accepted_count;

static void *
accept_and_keep(void *data)
{
	int own = *(int *)data;

	while (!stop) {
		int fd = accept(own, NULL, NULL);

		if (fd < 0)
			continue;
		accepted[accepted_count] = fd;
		__atomic_add_fetch(&accepted_count, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* How many of those that were accepted have not what the rule says. */
static int
count_without(int idle_s)
{
	int without = 0;

	for (int i = 0; i < accepted_count; i++)
		without +=
		    option(accepted[i], IPPROTO_TCP, TCP_KEEPIDLE) != idle_s;
	return without;
}

/* again IDLE: who accepts goes back at once to wait for the next one. */
static void
again(int idle_s)
{
	pthread_t thread;
	int own = listener(&address);

	accepted = calloc(5, sizeof(*accepted));
	pthread_create(&thread, NULL, accept_and_keep, &own);
	for (int i = 1; i <= 5; i++) {
		const double end = now_us() + 5e6;
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) <
		    0)
			count_wrong("connect", errno);
		while (
		    (__atomic_load_n(&accepted_count, __ATOMIC_ACQUIRE) < i ||
			count_without(idle_s) > 0) &&
		    now_us() < end)
			usleep(1000);
		if (accepted_count < i || count_without(idle_s) > 0)
			count_wrong("accepted, and no rule", 0);
	}
}

/* Accepts one, and gives it to a child. */
static void *
accept_and_fork(void *data)
{
	const int *args = data; /* the listener, and idle */
	int status, fd = accept(args[0], NULL, NULL);
	pid_t child = fork();

	if (child == 0) {
		const double end = now_us() + 5e6;

		while (option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != args[1] &&
		       now_us() < end)
			usleep(1000);
		_exit(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != args[1]);
	}
	close(fd);
	if (waitpid(child, &status, 0) != child || status != 0)
		count_wrong("accepted, with a child, and no rule", 0);
	return NULL;
}

/* forks IDLE: a child has what the first thread, or another one, accepted. */
static void
forks(int idle_s)
{
	int args[] = {listener(&address), idle_s};

	for (int i = 0; i < 4; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		pthread_t thread;

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) <
		    0)
			count_wrong("connect", errno);
		if (i % 2 == 0) {
			accept_and_fork(args);
			continue;
		}
		pthread_create(&thread, NULL, accept_and_fork, args);
		pthread_join(thread, NULL);
	}
}

#define MORE 1000

/* Connects, keeps all, and looks how long the last ones take. */
static void
connect_beside(int count)
{
	double us[MORE] = {0};

	for (int i = 0; i < count + MORE; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		double start = now_us();

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) <
		    0)
			count_wrong("connect", errno);
		if (i < count)
			continue;
		us[i - count] = now_us() - start;
		usleep(1000);
	}
	qsort(us, MORE, sizeof(*us), compare);
	fprintf(stderr,
	    "connect beside %d: median %.0f us, of 100 all but one %.0f us, "
	    "longest %.0f us\n",
	    count, us[MORE / 2], us[MORE - MORE / 100], us[MORE - 1]);
	if (us[MORE / 2] > 20000)
		count_wrong("connects wait for long", 0);
}

/*
 * many IDLE COUNT: has so many connections, and looks how long a child's take
 * while a thread accepts, so that the supervisor looks through all of them.
 */
static void
many(int idle_s, int count)
{
	const double end = now_us() + 30e6;
	struct rlimit files;
	pthread_t thread;
	char byte;
	int own, done[2];
	pid_t child;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	accepted = calloc((size_t)count + MORE, sizeof(*accepted));
	own = listener(&address);
	if (pipe(done) < 0)
		exit(2);
	child = fork();
	if (child == 0) {
		connect_beside(count);
		(void)!write(done[1], &wrong, 1);
		pause();
	}
	pthread_create(&thread, NULL, accept_and_keep, &own);
	if (read(done[0], &byte, 1) != 1 || byte != 0)
		count_wrong("the child", 0);
	while ((__atomic_load_n(&accepted_count, __ATOMIC_ACQUIRE) <
		       count + MORE ||
		   count_without(idle_s) > 0) &&
	       now_us() < end)
		usleep(10000);
	if (accepted_count < count + MORE || count_without(idle_s) > 0)
		count_wrong("accepted, and no rule", count_without(idle_s));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Accepts one connection. Returns whether it soon has what the rule says. */
static bool
accept_one(int own, int idle_s)
{
	int fd = accept(own, NULL, NULL);
	const double end = now_us() + 20e6;

	while (
	    option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != idle_s && now_us() < end)
		usleep(10000);
	return option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == idle_s;
}

/* acceptors IDLE COUNT: so many processes wait in accept(2) at once. */
static void
acceptors(int idle_s, int count)
{
	int own = listener(&address), status;

	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			_exit(!accept_one(own, idle_s));
	}
	/* All of them have called it, and the supervisor looks less often. */
	sleep(1);
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) <
		    0)
			count_wrong("connect", errno);
	}
	for (int i = 0; i < count; i++) {
		if (wait(&status) < 0 || status != 0)
			count_wrong("accepted, and no rule", 0);
	}
}

/* times COUNT: the median of a connect, and of a call that nobody looks at. */
static void
times(int count)
{
	double *us = calloc((size_t)count, sizeof(*us)), start;

	start_server();
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		start = now_us();
		connect(fd, (struct sockaddr *)&address, sizeof(address));
		us[i] = now_us() - start;
		drop(fd);
	}
	qsort(us, (size_t)count, sizeof(*us), compare);
	start = now_us();
	for (int i = 0; i < 100000; i++)
		syscall(SYS_getppid);
	printf("connect %.2f us, getppid %.1f ns\n", us[count / 2],
	    (now_us() - start) / 100);
	exit(0);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int first = argc > 2 ? atoi(argv[2]) : 0;
	int second = argc > 3 ? atoi(argv[3]) : 0;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "threads") == 0)
		threads(first, second);
	else if (strcmp(what, "load") == 0)
		load();
	else if (strcmp(what, "signals") == 0)
		signals(first != 0, second);
	else if (strcmp(what, "children") == 0)
		children(argv[0], first);
	else if (strcmp(what, "filter") == 0)
		filter(first);
	else if (strcmp(what, "descriptors") == 0)
		descriptors(first);
	else if (strcmp(what, "later") == 0)
		later(first);
	else if (strcmp(what, "stuck") == 0)
		stuck(first, second);
	else if (strcmp(what, "again") == 0)
		again(first);
	else if (strcmp(what, "forks") == 0)
		forks(first);
	else if (strcmp(what, "many") == 0)
		many(first, second);
	else if (strcmp(what, "acceptors") == 0)
		acceptors(first, second);
	else if (strcmp(what, "times") == 0)
		times(first);
	else if (strcmp(what, "client") == 0) {
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.sin_port = htons((uint16_t)second);
		connect_once(first);
		return wrong > 0;
	} else {
		return 2;
	}
	printf("%s: %s, %s\n", what, calls > 0 || first > 0 ? "ran" : "idle",
	    wrong == 0 ? "all right" : "WRONG");
	if (interrupted > 0)
		fprintf(stderr, "%lu of %lu interrupted, %lu not begun\n",
		    interrupted, calls, not_begun);
	return wrong > 0;
}
