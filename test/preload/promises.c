/* SPDX-License-Identifier: ISC */
/*
 * What the library promises its host: symbols, descriptors, errno, memory,
 * signals, fork, vfork and threads are the host's own.
 */
#include "host.h"

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "early.h"

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"

/*
 * A host that has functions of these names, exported, as libconfuse and the
 * library itself have: none of them may ever be called by us.
 */
#define CLASH(name)                                                  \
	__attribute__((visibility("default"))) int name(void);       \
	int name(void)                                               \
	{                                                            \
		static const char TEXT[] =                           \
		    "the host's " #name " was called\n";             \
                                                                     \
		(void)!write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1); \
		_exit(99);                                           \
	}
CLASH(cfg_init)
CLASH(cfg_parse)
CLASH(cfg_parse_fp)
CLASH(cfg_free)
CLASH(cfg_getopt)
CLASH(cfg_error)
CLASH(cfg_setopt)
CLASH(cfg_yylex)
CLASH(cfg_lexer_include)
CLASH(config_load)
CLASH(build_image)
CLASH(image_check)
CLASH(match_rule)
CLASH(addr_from_sockaddr)
CLASH(keepalive_set)
CLASH(policy_get)
CLASH(apply_connect)
CLASH(real_resolve)
CLASH(trace_start)
CLASH(hook_connect)

static int
connect_fd(int listener)
{
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	MUST(fd >= 0);
	MUST(connect(fd, host_sa(&to), to.len) == 0);
	return fd;
}

static void
clash(void)
{
	int fd = connect_fd(host_raw_listener("127.0.0.1"));

	EXPECT(fd, 300, 30, 5, 0, 1);
	MUST(dlsym(RTLD_DEFAULT, "cfg_parse") == (void *)cfg_parse);
}

/* Nothing of the parser stays: no mapping, no descriptor, no symbol. */
static void
nothing_stays(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	MUST(dlerror() == NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		MUST(strstr(line, "confuse") == NULL);
		MUST(strstr(line, "kashim-config") == NULL);
	}
	fclose(maps);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			printf("fd %s\n", entry->d_name);
	}
	closedir(dir);
	MUST(dlsym(RTLD_DEFAULT, "cfg_parse") == (void *)cfg_parse);
	MUST(dlsym(RTLD_DEFAULT, "image_rule") == NULL);
	MUST(dlsym(RTLD_DEFAULT, "kashim_config_load") == NULL);
}

static void
errno_kept(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct host_addr any = host_addr("127.0.0.1", 0);
	int on = 1, fd, own;

	/* CALL sets errno to 4321 before; a success must leave it. */
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(errno == 4321);
	CALL(connect(fd, host_sa(&to), to.len));
	MUST(errno == 4321);
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	MUST(errno == 4321);
	own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	CALL(setsockopt(own, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	MUST(errno == 4321);
	CALL(listen(own, 8));
	MUST(errno == 4321);
	host_raw_connect("127.0.0.1", host_port(own));
	CALL(accept(own, NULL, NULL));
	MUST(errno == 4321);
}

/*
 * Every descriptor closed, sockets as 0, 1 and 2: nothing but the host's own
 * bytes may come out of them.
 */
static void
low_descriptors_on(int on)
{
	int listener = host_raw_listener("127.0.0.1"), out = dup(1), fd[3];
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	char byte;

	listener = fcntl(listener, F_DUPFD, 100);
	out = fcntl(out, F_DUPFD, 100);
	close(0);
	close(1);
	close(2);
	for (int i = 0; i < 3; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (fd[i] != i || connect(fd[i], host_sa(&to), to.len) != 0 ||
		    host_option(fd[i], SOL_SOCKET, SO_KEEPALIVE) != on)
			_exit(3);
	}
	for (int i = 0; i < 3; i++) {
		int peer = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

		if (recv(peer, &byte, 1, MSG_DONTWAIT) != -1 || errno != EAGAIN)
			_exit(4);
	}
	(void)!write(out, "quiet\n", 6);
	_exit(0);
}

static void
low_descriptors(void)
{
	low_descriptors_on(host_shimmed());
}

static void
low_descriptors_no_policy(void)
{
	low_descriptors_on(0);
}

static void
early(void)
{
	MUST(early_fd >= 0);
	MUST(early_result == 0);
	MUST(early_errno == 4321);
	EXPECT(early_fd, 300, 30, 5, 0, 1);
}

/* From here on, memory may be neither given nor taken. */
static volatile sig_atomic_t no_memory;

/* dlsym(3) itself may want memory, or free it: NULL for those calls. */
static void *
next_one(const char *name)
{
	static int within;
	void *next = NULL;

	if (within++ == 0)
		next = dlsym(RTLD_NEXT, name);
	within--;
	return next;
}

void *
malloc(size_t size)
{
	static void *(*next)(size_t);

	if (no_memory)
		_exit(98);
	if (next == NULL)
		next = (void *(*)(size_t))next_one("malloc");
	return next != NULL ? next(size) : NULL;
}

void
free(void *block)
{
	static void (*next)(void *);

	if (no_memory)
		_exit(97);
	if (next == NULL)
		next = (void (*)(void *))next_one("free");
	if (next != NULL)
		next(block);
}

static void
no_malloc(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr any = host_addr("127.0.0.1", 0);
	int off = 0, fd, own, accepted;

	no_memory = 1;
	fd = connect_fd(listener);
	own = socket(AF_INET, SOCK_STREAM, 0);
	MUST(bind(own, host_sa(&any), any.len) == 0);
	MUST(listen(own, 8) == 0);
	host_raw_connect("127.0.0.1", host_port(own));
	accepted = accept(own, NULL, NULL);
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof(off));
	no_memory = 0;
	EXPECT(fd, 300, 30, 5, 0, 1);
	EXPECT(accepted, 300, 30, 5, 0, 1);
}

static int signal_listener;
static volatile sig_atomic_t signal_fd = -1;

static void
on_signal(int number)
{
	int saved = errno;

	(void)number;
	signal_fd = connect_fd(signal_listener);
	errno = saved;
}

/* A handler connects that interrupted connect(): the queue is full. */
static void
in_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int full = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), fd;

	signal_listener = host_raw_listener("127.0.0.1");
	MUST(bind(full, host_sa(&any), any.len) == 0);
	MUST(syscall(SYS_listen, full, 0) == 0);
	to = host_addr("127.0.0.1", host_port(full));
	host_raw_connect("127.0.0.1", host_port(full));
	sigaction(SIGUSR1, &action, NULL);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fork() == 0) {
		/* Repeated, because the first may come too early. */
		for (int i = 0; i < 20; i++) {
			usleep(50000);
			kill(getppid(), SIGUSR1);
		}
		_exit(0);
	}
	CALL(connect(fd, host_sa(&to), to.len));
	MUST(errno == EINTR);
	signal(SIGUSR1, SIG_IGN);
	MUST(signal_fd >= 0);
	EXPECT(signal_fd, 300, 30, 5, 0, 1);
	EXPECT(fd, 300, 30, 5, 0, 1);
}

static void
in_vfork(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, host_sa(&to), to.len) != 0)
			_exit(1);
		_exit(
		    host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == host_shimmed()
			? 0
			: 2);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(connect_fd(listener), 300, 30, 5, 0, 1);
}

static int thread_listener;

static void *
thread_connects(void *bad)
{
	for (int i = 0; i < 200; i++) {
		int fd = connect_fd(thread_listener);

		if (host_option(fd, SOL_SOCKET, SO_KEEPALIVE) != host_shimmed())
			__atomic_fetch_add((int *)bad, 1, __ATOMIC_RELAXED);
		close(fd);
	}
	return NULL;
}

static void *
thread_drains(void *unused)
{
	(void)unused;
	for (int i = 0; i < 8 * 200; i++)
		close(
		    (int)syscall(SYS_accept4, thread_listener, NULL, NULL, 0));
	return NULL;
}

/* Threads connect while others fork children that connect. */
static void
in_threads(void)
{
	pthread_t threads[8], drain;
	int bad = 0, status;

	thread_listener = host_raw_listener("127.0.0.1");
	pthread_create(&drain, NULL, thread_drains, NULL);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_create(&threads[i], NULL, thread_connects, &bad);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			int listener = host_raw_listener("127.0.0.1");
			int fd = connect_fd(listener);

			_exit(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) ==
				      host_shimmed()
				  ? 0
				  : 1);
		}
		MUST(waitpid(pid, &status, 0) == pid && status == 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	pthread_join(drain, NULL);
	MUST(bad == 0);
}

static void *
thread_accepts(void *listener)
{
	/* Unwinds through the hook's frame. */
	accept(*(int *)listener, NULL, NULL);
	return NULL;
}

static void
cancelled(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int own = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;
	void *result;

	MUST(bind(own, host_sa(&any), any.len) == 0);
	MUST(listen(own, 8) == 0);
	pthread_create(&thread, NULL, thread_accepts, &own);
	usleep(100000);
	pthread_cancel(thread);
	pthread_join(thread, &result);
	MUST(result == PTHREAD_CANCELED);
	CALL(host_descriptors());
}

/* What a message goes to: the trace file, and never descriptor 2. */
static void
quiet(void)
{
	char path[] = "/tmp/kashim-test-err.XXXXXX", text[64];
	char *const argv[] = {
	    (char *)"promises", (char *)"--case", (char *)"nothing", NULL};
	int fd = mkstemp(path), status;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fd, 1);
		dup2(fd, 2);
		execv("/proc/self/exe", argv);
		_exit(1);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(pread(fd, text, sizeof(text), 0) == 0);
	unlink(path);
}

static const struct host_case CASES[] = {
    {"clash", LOOPBACK, clash},
    {"nothing-stays", LOOPBACK, nothing_stays},
    {"nothing-stays-broken-file", "rule {", nothing_stays},
    {"errno-kept", LOOPBACK, errno_kept},
    {"errno-kept-uniform", "rule all { idle = 300 }", errno_kept},
    {"errno-kept-by-source", "rule s { source = { \"127.0.0.1\" } idle = 300 }",
	errno_kept},
    {"low-descriptors", LOOPBACK, low_descriptors},
    {"low-descriptors-broken-file", "rule {", low_descriptors_no_policy},
    {"early", LOOPBACK, early},
    {"no-malloc", LOOPBACK, no_malloc},
    {"in-signal", LOOPBACK, in_signal},
    {"in-signal-by-source",
	"rule s { source = { \"127.0.0.0/8\" }\n"
	" idle = 300 interval = 30 count = 5 }\n",
	in_signal},
    {"in-vfork", LOOPBACK, in_vfork},
    {"in-threads", LOOPBACK, in_threads},
    {"cancelled", LOOPBACK, cancelled},
    {"quiet-broken-file", "rule {", quiet},
};

int
main(int argc, char **argv)
{
	/* For the constructor of lib_early.c, in the cases. */
	setenv("KASHIM_TEST_EARLY", "1", 1);
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
