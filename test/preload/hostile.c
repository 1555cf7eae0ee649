/* SPDX-License-Identifier: ISC */
/*
 * Hosts that do what few libraries reckon with: connect before main(), in
 * signal handlers, in cancelled threads, among forks; and hosts that look
 * whether anything of theirs has changed.
 */
#include "host.h"

#include <dlfcn.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "hostile_early.h"
#include "hostile_state.h"

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define BY_SOURCE                                          \
	"rule s { source = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define ALL "rule all { idle = 300 interval = 30 count = 5 }\n"

/* The same, but it takes milliseconds to read. */
#define TIMES_8(text)  text text text text text text text text
#define TIMES_64(text) TIMES_8(TIMES_8(text))
#define LONG                                                     \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"                \
	"rule long { destination = {\n" TIMES_64(TIMES_8(        \
	    "\"10.0.0.0/24\", \"10.0.1.0/24\",\n")) " \"10.0.2.0/24\" } }\n"

#define IDLE 300

/* lib_hostile_behind.c */
extern int behind_cancels;

static int case_argc;
static char **case_argv;

/* What a connection's TCP_KEEPIDLE must be in this run. */
static int
want_idle(void)
{
	return host_shimmed() ? IDLE : host_defaults().idle;
}

static int
own_listener(const char *text, int backlog)
{
	struct host_addr addr = host_addr(text, 0);
	int fd = socket(addr.sa.ss_family, SOCK_STREAM, 0);

	MUST(bind(fd, host_sa(&addr), addr.len) == 0);
	MUST(listen(fd, backlog) == 0);
	return fd;
}

static int
connect_fd(int listener, const char *text)
{
	struct host_addr to = host_addr(text, host_port(listener));
	int fd = socket(to.sa.ss_family, SOCK_STREAM, 0);

	MUST(fd >= 0);
	MUST(connect(fd, host_sa(&to), to.len) == 0);
	return fd;
}

/* A listener to which a further connect() has to wait. */
static int
full_listener(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	MUST(bind(fd, host_sa(&any), any.len) == 0);
	MUST(syscall(SYS_listen, fd, 0) == 0);
	host_raw_connect("127.0.0.1", host_port(fd));
	return fd;
}

/*
 * Runs a case in a further process, as this one is run, bare or shimmed, and
 * returns its status. trace, if not NULL, is where its decisions go.
 */
static int
run_again(const char *name, const char *trace)
{
	char self[PATH_MAX] = "";
	int status = -1;
	pid_t pid;

	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	pid = fork();
	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		if (trace != NULL)
			setenv("KASHIM_TRACE", trace, 1);
		execl(self, case_argv[0], "--case", name, (char *)NULL);
		_exit(127);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* The same with a trace file, which must hold a word in the end. */
static void
run_traced(const char *name, const char *word)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", path[64], text[4096];
	ssize_t len = -1;
	int fd;

	MUST(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/trace", dir);
	/* Root's programs make none. */
	MUST(host_write_file(path, "", 0600) == 0);
	MUST(run_again(name, path) == 0);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		len = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[len > 0 ? len : 0] = '\0';
	MUST(host_shimmed() ? strstr(text, word) != NULL : len == 0);
	unlink(path);
	rmdir(dir);
}

/* Before our constructor has run. */

static struct early_connection preinit_connection = {.result = -2};

static void
preinit(int argc, char **argv, char **envp)
{
	(void)envp;
	if (argc == 3 && strcmp(argv[2], "early-preinit") == 0)
		preinit_connection = early_connect();
}

/* Before the constructors of all libraries: nothing can come earlier. */
__attribute__((section(".preinit_array"), used)) static void (*const PREINIT)(
    int, char **, char **) = preinit;

static void
must_have_connected(const struct early_connection *made)
{
	MUST(made->result == 0);
	MUST(made->error == 4321);
	MUST(made->idle == want_idle());
}

static void
must_still_connect(void)
{
	int listener = host_raw_listener("127.0.0.1");

	EXPECT(connect_fd(listener, "127.0.0.1"), 300, 30, 5, 0, 1);
	MUST(dlerror() == NULL);
	state_maps();
	/* A dlopen() too early would lose it. */
	state_environment(case_argc, case_argv);
}

static void
early(void)
{
	must_have_connected(&early_here);
	must_still_connect();
}

/* There is no environment yet, so nobody can say where the policy is. */
static void
early_preinit(void)
{
	MUST(preinit_connection.result == 0);
	MUST(preinit_connection.error == 4321);
	must_still_connect();
}

static void
early_child(void)
{
	must_have_connected(&early_in_child);
	must_have_connected(&early_here);
	must_still_connect();
}

static void
early_goes_on_in_child(void)
{
	must_have_connected(&early_in_child);
	must_still_connect();
}

/* A thread was in its first connect() while our constructor ran. */
static void
early_thread_once(void)
{
	struct early_connection here = early_connect(), last;

	last = early_thread_end();
	must_have_connected(&here);
	must_have_connected(&last);
	must_still_connect();
}

static void
early_thread(void)
{
	char name[32];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "early-thread-%d", i * 50);
		/* The library waits for a second, which may be too short here.
		 */
		MUST(run_again(name, NULL) == 0 || run_again(name, NULL) == 0 ||
		     run_again(name, NULL) == 0);
	}
}

/* Nothing can be read then, so the host runs without a policy. */
static void
early_no_descriptors(void)
{
	int listener, fd;

	for (fd = 3; fd < 64; fd++)
		close(fd);
	listener = host_raw_listener("127.0.0.1");
	fd = connect_fd(listener, "127.0.0.1");
	host_expect(__FILE__, __LINE__, fd, host_defaults());
	MUST(dlerror() == NULL);
	state_show(case_argc, case_argv);
}

/* What the host has. */

static void
use_everything(const char *text)
{
	int own = own_listener(text, 8), fd, accepted, off = 0;
	struct msghdr message = {0};
	struct host_addr to = host_addr(text, host_port(own));

	fd = connect_fd(own, text);
	accepted = accept(own, NULL, NULL);
	MUST(accepted >= 0);
	MUST(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off)) == 0);
	EXPECT(accepted, 300, 30, 5, 0, 1);
	MUST(sendmsg(fd, &message, 0) == 0);
	MUST(recvmsg(fd, &message, MSG_DONTWAIT) < 0);
	close(fd);
	fd = socket(to.sa.ss_family, SOCK_STREAM, 0);
	MUST(sendto(fd, "x", 1, MSG_FASTOPEN, host_sa(&to), to.len) == 1 ||
	     errno == EOPNOTSUPP);
	close(fd);
	close(accepted);
	close(own);
}

static void
state(void)
{
	unsigned int maps;

	state_show(case_argc, case_argv);
	use_everything("127.0.0.1");
	maps = state_maps();
	for (int i = 0; i < 20; i++) {
		use_everything("127.0.0.1");
		use_everything("::1");
	}
	MUST(state_maps() == maps);
	state_show(case_argc, case_argv);
}

/* The same for a host that has changed all it can. */
static void
state_changed(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (number != SIGALRM)
			signal(number, SIG_IGN);
	}
	umask(077);
	printf("locale %d\n", setlocale(LC_ALL, "C.UTF-8") != NULL);
	MUST(chdir("/") == 0);
	prctl(PR_SET_NAME, "another");
	prctl(PR_SET_DUMPABLE, 0);
	fesetround(FE_UPWARD);
	setenv("LD_PRELOAD_OF_HOST", "1", 1);
	state();
}

/* An environment of its own, and then none at all, for others. */
static void
clears_environment(void)
{
	char self[PATH_MAX] = "", *none[] = {NULL};
	char *const argv[] = {
	    case_argv[0], (char *)"--case", (char *)"bare-again", NULL};
	int status;
	pid_t pid;

	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	MUST(clearenv() == 0);
	pid = fork();
	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		execve(self, argv, environ != NULL ? environ : none);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	pid = fork();
	if (pid == 0) {
		alarm(HOST_DEADLINE_S);
		execve(self, argv, none);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static void
clears_environment_and_connects(void)
{
	bool shimmed = host_shimmed();
	int fd;

	clears_environment();
	fd = connect_fd(host_raw_listener("127.0.0.1"), "127.0.0.1");
	MUST(host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) ==
	     (shimmed ? IDLE : host_defaults().idle));
}

/* What it executes then: nothing of the library is left. */
static void
bare_again(void)
{
	must_still_connect();
	MUST(environ == NULL || *environ == NULL);
	MUST(dlsym(RTLD_DEFAULT, "accept4") == dlsym(RTLD_NEXT, "accept4"));
}

/* Libraries come and go around the calls. */
static void
loads_libraries(void)
{
	static const char *const NAMES[] = {
	    "libconfuse.so.2", "libm.so.6", "libnone.so.0"};
	int listener = host_raw_listener("127.0.0.1");

	for (size_t i = 0; i < 30; i++) {
		void *handle = dlopen(NAMES[i % ARRAY_LEN(NAMES)],
		    RTLD_NOW | (i % 2 == 0 ? RTLD_GLOBAL : RTLD_LOCAL));
		int fd = connect_fd(listener, "127.0.0.1");

		EXPECT(fd, 300, 30, 5, 0, 1);
		close(fd);
		/* The host's error is the host's to fetch. */
		MUST((handle == NULL) == (dlerror() != NULL));
		if (handle != NULL)
			MUST(dlclose(handle) == 0);
	}
}

/* A trace line must go to the trace file, whatever 0, 1 and 2 are. */
static void
low_descriptors_traced(void)
{
	int listener = host_raw_listener("127.0.0.1"), fd[3];
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	char byte;

	listener = fcntl(listener, F_DUPFD, 100);
	for (int i = 0; i < 100; i++)
		close(i);
	for (int i = 0; i < 3; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (fd[i] != i || connect(fd[i], host_sa(&to), to.len) != 0)
			_exit(3);
	}
	for (int i = 0; i < 3; i++) {
		int peer = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

		if (recv(peer, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
			_exit(4);
	}
	_exit(0);
}

static void
low_descriptors(void)
{
	run_traced("low-descriptors-traced", "rule lo");
}

static void
low_descriptors_broken(void)
{
	run_traced("low-descriptors-traced", "without a policy");
}

/* The trace file's name leads nowhere, or to what must not be written. */
static void
trace_to(void)
{
	static const char *const PATHS[] = {"/", "/dev/full", "/dev/stdout",
	    "/proc/self/fd/1", "/no/such/directory/trace", "relative/trace"};

	for (size_t i = 0; i < ARRAY_LEN(PATHS); i++)
		MUST(run_again("low-descriptors-traced", PATHS[i]) == 0);
}

/* Signal handlers. */

static int handler_listener;
static volatile sig_atomic_t handled, handled_well;
static int handler_idle;

/* connects, has itself accepted, and looks. */
static void
on_signal(int number)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);
	int saved = errno, fd, result, error, accepted;

	(void)number;
	handled = handled + 1;
	getsockname(handler_listener, (struct sockaddr *)&sa, &len);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	errno = 4321;
	result = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	error = errno;
	accepted = accept(handler_listener, NULL, NULL);
	if (fd >= 0 && result == 0 && error == 4321 && accepted >= 0 &&
	    host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == handler_idle &&
	    host_option(accepted, IPPROTO_TCP, TCP_KEEPIDLE) == handler_idle)
		handled_well = handled_well + 1;
	syscall(SYS_close, fd);
	syscall(SYS_close, accepted);
	errno = saved;
}

static void
handler_start(void)
{
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	static stack_t stack;

	stack.ss_size = (size_t)SIGSTKSZ;
	stack.ss_sp = malloc(stack.ss_size);
	MUST(sigaltstack(&stack, NULL) == 0);
	handler_listener = own_listener("127.0.0.1", 64);
	handler_idle = want_idle();
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* A process that signals us for a second at most; it may come too early. */
static pid_t
signaller(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		for (int i = 0; i < 40; i++) {
			usleep(25000);
			if (kill(getppid(), SIGUSR1) < 0)
				break;
		}
		_exit(0);
	}
	return pid;
}

static void
signaller_end(pid_t pid)
{
	signal(SIGUSR1, SIG_IGN);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	MUST(handled > 0 && handled_well == handled);
}

static void
in_signal_during_connect(void)
{
	int full = full_listener(), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct host_addr to = host_addr("127.0.0.1", host_port(full));
	pid_t pid;

	handler_start();
	pid = signaller();
	CALL(connect(fd, host_sa(&to), to.len));
	MUST(errno == EINTR);
	signaller_end(pid);
	EXPECT(fd, 300, 30, 5, 0, 1);
}

static void
in_signal_during_accept(void)
{
	int own = own_listener("127.0.0.1", 8);
	pid_t pid;

	handler_start();
	pid = signaller();
	CALL(accept(own, NULL, NULL));
	MUST(errno == EINTR);
	CALL(accept4(own, NULL, NULL, SOCK_CLOEXEC));
	MUST(errno == EINTR);
	signaller_end(pid);
	host_raw_connect("127.0.0.1", host_port(own));
	EXPECT(accept(own, NULL, NULL), 300, 30, 5, 0, 1);
}

static void
in_signal_during_recvmsg(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	int pair[2];
	pid_t pid;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	handler_start();
	pid = signaller();
	CALL(recvmsg(pair[0], &message, 0));
	MUST(errno == EINTR && message.msg_controllen == sizeof(control));
	signaller_end(pid);
}

/* A call that never waits is hit by a timer, somewhere in the hook. */
static void
in_signal_during_setsockopt(void)
{
	const struct itimerval often = {{0, 150}, {0, 150}}, never = {0};
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_ONSTACK};
	int listener = host_raw_listener("127.0.0.1"), off = 0;
	int fd = connect_fd(listener, "127.0.0.1");

	handler_start();
	MUST(sigaction(SIGVTALRM, &action, NULL) == 0);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	for (int i = 0; i < 400000 && handled < 30; i++) {
		errno = 4321;
		if (setsockopt(
			fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off)) != 0 ||
		    errno != 4321) {
			MUST(!"setsockopt() failed");
			break;
		}
		if (host_shimmed() &&
		    host_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 1) {
			MUST(!"the rule did not hold");
			break;
		}
	}
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	MUST(handled > 0 && handled_well == handled);
}

static void
in_signal_traced(void)
{
	run_traced("in-signal-during-connect", "rule ");
	run_traced("in-signal-during-accept", "rule ");
}

/* Threads. */

static int work_listener, work_waits;
static int cancel_type;
static volatile int cleaned;
static char *cancel_call;

static void
clean(void *unused)
{
	(void)unused;
	cleaned = cleaned + 1;
}

static void
wait_in_connect(void)
{
	struct host_addr to = host_addr("127.0.0.1", host_port(work_listener));

	(void)connect(work_waits, host_sa(&to), to.len);
}

static void
wait_in_recvmsg(void)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};

	(void)recvmsg(work_waits, &message, 0);
}

static void *
thread_waits(void *ready)
{
	int old;

	pthread_setcanceltype(cancel_type, &old);
	pthread_cleanup_push(clean, NULL);
	__atomic_store_n((int *)ready, 1, __ATOMIC_RELEASE);
	if (strcmp(cancel_call, "accept") == 0)
		accept(work_listener, NULL, NULL);
	else if (strcmp(cancel_call, "accept4") == 0)
		accept4(work_listener, NULL, NULL, 0);
	else if (strcmp(cancel_call, "connect") == 0)
		wait_in_connect();
	else
		wait_in_recvmsg();
	pthread_cleanup_pop(0);
	return NULL;
}

static void
cancel_in(const char *call, int type)
{
	int before = host_descriptors(), pair[2], ready = 0;
	pthread_t thread;
	void *result = NULL;

	cancel_call = (char *)call;
	cancel_type = type;
	work_listener = strcmp(call, "connect") == 0
	                    ? full_listener()
	                    : own_listener("127.0.0.1", 8);
	if (strcmp(call, "recvmsg") == 0) {
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		work_waits = pair[0];
	} else {
		work_waits = socket(AF_INET, SOCK_STREAM, 0);
	}
	cleaned = 0;
	MUST(pthread_create(&thread, NULL, thread_waits, &ready) == 0);
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		sched_yield();
	usleep(20000);
	MUST(pthread_cancel(thread) == 0);
	MUST(pthread_join(thread, &result) == 0);
	MUST(result == PTHREAD_CANCELED && cleaned == 1);
	printf("%s: %d descriptors more\n", call, host_descriptors() - before);
}

static void
cancelled(void)
{
	static const char *const CALLS[] = {
	    "accept", "accept4", "connect", "recvmsg"};

	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
		cancel_in(CALLS[i], PTHREAD_CANCEL_DEFERRED);
		cancel_in(CALLS[i], PTHREAD_CANCEL_ASYNCHRONOUS);
	}
	must_still_connect();
}

/*
 * A thread that is about to be cancelled when the C library's accept() has
 * returned must get the descriptor: nothing that a hook does after it may be a
 * point at which the thread ends. lib_hostile_behind.c sees to it.
 */
static void *
thread_is_to_be_cancelled(void *listener)
{
	struct host_addr to =
	    host_addr("127.0.0.1", host_port(*(int *)listener));
	struct host_addr peer;
	int old, fd, accepted, result;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	__atomic_store_n(&behind_cancels, 1, __ATOMIC_RELEASE);
	if (cancel_call[0] == 'c') {
		result = connect(fd, host_sa(&to), to.len);
	} else {
		result = (int)syscall(SYS_connect, fd, &to.sa, to.len);
		peer.len = sizeof(peer.sa);
		accepted = accept(
		    *(int *)listener, (struct sockaddr *)&peer.sa, &peer.len);
		syscall(SYS_close, accepted);
	}
	__atomic_store_n(&behind_cancels, 0, __ATOMIC_RELEASE);
	syscall(SYS_close, fd);
	cleaned = result == 0;
	pthread_testcancel();
	return NULL;
}

static void
cancelled_afterwards_once(void)
{
	int own = own_listener("127.0.0.1", 64), before = host_descriptors();

	for (int round = 0; round < 4; round++) {
		pthread_t thread;
		void *result = NULL;

		cancel_call = (char *)(round % 2 == 0 ? "accept" : "connect");
		cleaned = 0;
		MUST(pthread_create(
			 &thread, NULL, thread_is_to_be_cancelled, &own) == 0);
		MUST(pthread_join(thread, &result) == 0);
		MUST(result == PTHREAD_CANCELED && cleaned == 1);
	}
	MUST(host_descriptors() == before);
}

/* In a further process, whose decisions are written to a file. */
static void
cancelled_afterwards(void)
{
	cancelled_afterwards_once();
	run_traced("cancelled-afterwards-once", "rule ");
}

#define THREADS     64
#define FORKERS     4
#define CONNECTIONS 25
#define FORKS       10

static int thread_bad;

static int
connects_well(void)
{
	struct host_addr to = host_addr("127.0.0.1", host_port(work_listener));
	int fd = socket(AF_INET, SOCK_STREAM, 0), result, error;

	errno = 4321;
	result = connect(fd, host_sa(&to), to.len);
	error = errno;
	result = fd >= 0 && result == 0 && error == 4321 &&
	         host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == handler_idle;
	syscall(SYS_close, fd);
	return result;
}

static void *
thread_connects(void *unused)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!connects_well())
			__atomic_fetch_add(&thread_bad, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

static void *
thread_forks(void *unused)
{
	for (volatile int i = 0; i < FORKS; i++) {
		int status = 1;
		/* NOLINTNEXTLINE(clang-analyzer-*): to use it is the test */
		pid_t pid = i % 2 == 0 ? fork() : vfork();

		if (pid == 0) {
			/* So that none that hangs outlives the case. */
			alarm(HOST_DEADLINE_S);
			_exit(connects_well() ? 0 : 1);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			__atomic_fetch_add(&thread_bad, 1, __ATOMIC_RELAXED);
	}
	return unused;
}

static void *
thread_drains(void *unused)
{
	for (int i = 0; i < THREADS * CONNECTIONS + FORKERS * FORKS; i++) {
		int fd = accept(work_listener, NULL, NULL);

		if (host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != handler_idle)
			__atomic_fetch_add(&thread_bad, 1, __ATOMIC_RELAXED);
		syscall(SYS_close, fd);
	}
	return unused;
}

static void
in_threads(void)
{
	pthread_t threads[THREADS], forkers[FORKERS], drain;

	handler_idle = want_idle();
	/* None has to wait for its SYN to be repeated. */
	work_listener = own_listener("127.0.0.1", 4096);
	MUST(pthread_create(&drain, NULL, thread_drains, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, thread_connects, NULL) ==
		     0);
	for (int i = 0; i < FORKERS; i++)
		MUST(
		    pthread_create(&forkers[i], NULL, thread_forks, NULL) == 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forkers[i], NULL);
	pthread_join(drain, NULL);
	MUST(thread_bad == 0);
}

/* Not judged by themselves: these are started by others. */
static const struct host_case STARTED[] = {
    {"bare-again", NULL, bare_again},
    {"low-descriptors-traced", NULL, low_descriptors_traced},
    {"cancelled-afterwards-once", NULL, cancelled_afterwards_once},
};

static const struct host_case CASES[] = {
    {"early-preinit", LOOPBACK, early_preinit},
    {"early-connect", LOOPBACK, early},
    {"early-fork", LOOPBACK, early_child},
    {"early-vfork", LOOPBACK, early_child},
    {"early-goes-on-in-child", LOOPBACK, early_goes_on_in_child},
    {"early-thread", LONG, early_thread},
    {"early-no-descriptors", LOOPBACK, early_no_descriptors},
    {"state", LOOPBACK, state},
    {"state-by-source", BY_SOURCE, state},
    {"state-uniform", ALL, state},
    {"state-changed", LOOPBACK, state_changed},
    {"clears-environment", LOOPBACK, clears_environment_and_connects},
    {"loads-libraries", LOOPBACK, loads_libraries},
    {"low-descriptors", LOOPBACK, low_descriptors},
    {"low-descriptors-broken-file", "rule {", low_descriptors_broken},
    {"trace-to", LOOPBACK, trace_to},
    {"in-signal-during-connect", LOOPBACK, in_signal_during_connect},
    {"in-signal-during-accept", LOOPBACK, in_signal_during_accept},
    {"in-signal-during-recvmsg", LOOPBACK, in_signal_during_recvmsg},
    {"in-signal-during-setsockopt", LOOPBACK, in_signal_during_setsockopt},
    {"in-signal-by-source", BY_SOURCE, in_signal_during_connect},
    {"in-signal-traced", LOOPBACK, in_signal_traced},
    {"cancelled", LOOPBACK, cancelled},
    {"cancelled-by-source", BY_SOURCE, cancelled},
    {"cancelled-afterwards", LOOPBACK, cancelled_afterwards},
    {"cancelled-afterwards-by-source", BY_SOURCE, cancelled_afterwards},
    {"in-threads", LOOPBACK, in_threads},
    {"in-threads-by-source", BY_SOURCE, in_threads},
};

int
main(int argc, char **argv)
{
	/* Whatever an earlier dlopen() left must not be seen here. */
	MUST(dlerror() == NULL);
	case_argc = argc;
	case_argv = argv;
	if (argc == 3 && strncmp(argv[2], "early-thread-", 13) == 0) {
		early_thread_once();
		return host_failures == 0 ? 0 : 1;
	}
	for (size_t i = 0; argc == 3 && i < ARRAY_LEN(STARTED); i++) {
		if (strcmp(argv[2], STARTED[i].name) == 0)
			return host_main(
			    argc, argv, STARTED, ARRAY_LEN(STARTED));
	}
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
