/* SPDX-License-Identifier: ISC */
/*
 * What the test programs share that run as hosts of the library. A program is
 * a table of cases. Started plainly it is the judge: it runs itself for each
 * case twice, bare and under the library, and holds the two transcripts
 * against each other, so that a return value or an errno that differs is a
 * failure. Options are read past every hook, with syscall(2).
 */
#ifndef KASHIM_TEST_HOST_H
#define KASHIM_TEST_HOST_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Seconds that a case may take before it counts as hanging. */
#define HOST_DEADLINE_S 60

/* And that a rule may take to hold, if the program is supervised. */
#define HOST_LATER_MS 4000

struct host_case {
	const char *name;
	const char *config; /* NULL: no file at all */
	void (*run)(void);
};

/* The values of a fresh socket in this network namespace. */
struct host_options {
	int idle, interval, count, user_timeout, on;
};

static int host_failures;

/* Are we the host of the library in this run? */
static inline bool
host_shimmed(void)
{
	return getenv("KASHIM_TEST_SHIMMED") != NULL;
}

static inline void
host_fail(const char *file, int line, const char *what)
{
	host_failures++;
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
}

/* Holds in both runs. */
#define MUST(condition)                                            \
	do {                                                       \
		if (!(condition))                                  \
			host_fail(__FILE__, __LINE__, #condition); \
	} while (0)

/* Makes a call and writes down what came of it, for the comparison. */
#define CALL(expression)                                                     \
	__extension__({                                                      \
		errno = 4321;                                                \
		int result_ = (int)(expression);                             \
		int errno_ = errno;                                          \
		printf("%s = %d, errno %d\n", #expression, result_, errno_); \
		errno = errno_;                                              \
		result_;                                                     \
	})

static inline int
host_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

#ifdef SYS_getsockopt
	if (syscall(SYS_getsockopt, fd, level, name, &value, &len) < 0)
		return -errno;
#else
	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -errno;
#endif
	return value;
}

static inline struct host_options
host_options_get(int fd)
{
	return (struct host_options){
	    .idle = host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE),
	    .interval = host_option(fd, IPPROTO_TCP, TCP_KEEPINTVL),
	    .count = host_option(fd, IPPROTO_TCP, TCP_KEEPCNT),
	    .user_timeout = host_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT),
	    .on = host_option(fd, SOL_SOCKET, SO_KEEPALIVE),
	};
}

/* Waits, in a supervised program, for keepalive to be switched on. */
static inline void
host_wait(int fd)
{
	for (int i = 0; i < HOST_LATER_MS / 5 &&
			host_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 1 &&
			getenv("KASHIM_TEST_SUPERVISED") != NULL;
	     i++)
		usleep(5000);
}

static inline void
host_expect(const char *file, int line, int fd, struct host_options want)
{
	struct host_options have = host_options_get(fd);

	/* From outside, what depends on the peer comes a moment later. */
	for (int i = 0;
	     i < HOST_LATER_MS / 5 && memcmp(&have, &want, sizeof(have)) != 0 &&
	     getenv("KASHIM_TEST_SUPERVISED") != NULL;
	     i++) {
		usleep(5000);
		have = host_options_get(fd);
	}
	if (memcmp(&have, &want, sizeof(have)) == 0)
		return;
	host_failures++;
	fprintf(stderr,
	    "%s:%d: idle %d interval %d count %d user-timeout %d on %d, "
	    "not %d %d %d %d %d\n",
	    file, line, have.idle, have.interval, have.count, have.user_timeout,
	    have.on, want.idle, want.interval, want.count, want.user_timeout,
	    want.on);
}

/*
 * What the socket must have under the library; in the bare run it must have
 * the kernel's defaults, or the case would prove nothing.
 */
#define EXPECT(fd, ...)                                         \
	host_expect(__FILE__, __LINE__, fd,                     \
	    host_shimmed() ? (struct host_options){__VA_ARGS__} \
			   : host_defaults())

/* What it must have in both runs. */
#define EXPECT_SAME(fd, ...) \
	host_expect(__FILE__, __LINE__, fd, (struct host_options){__VA_ARGS__})

static inline struct host_options
host_defaults(void)
{
	static struct host_options defaults;
	int fd;

	if (defaults.idle != 0)
		return defaults;
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	defaults = host_options_get(fd);
	close(fd);
	return defaults;
}

/* An address of a family, loopback or as text. */
struct host_addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

static inline struct host_addr
host_addr(const char *text, int port)
{
	struct host_addr addr = {0};
	struct sockaddr_in *in = (struct sockaddr_in *)&addr.sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr.sa;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		addr.len = sizeof(*in);
	} else {
		MUST(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		addr.len = sizeof(*in6);
	}
	return addr;
}

static inline const struct sockaddr *
host_sa(const struct host_addr *addr)
{
	return (const struct sockaddr *)&addr->sa;
}

static inline int
host_port(int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	uint16_t port = 0;

	MUST(getsockname(fd, (struct sockaddr *)&sa, &len) == 0);
	/* The port lies at the same place in both families. */
	memcpy(&port, (char *)&sa + offsetof(struct sockaddr_in, sin_port),
	    sizeof(port));
	return ntohs(port);
}

/*
 * A listener that the library never sees, made with raw system calls, on
 * address text and a free port.
 */
static inline int
host_raw_listener(const char *text)
{
	struct host_addr addr = host_addr(text, 0);
	int fd = (int)syscall(
	    SYS_socket, addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(fd >= 0);
	MUST(bind(fd, host_sa(&addr), addr.len) == 0);
	MUST(syscall(SYS_listen, fd, 128) == 0);
	return fd;
}

/* A connection to a port of text that the library never sees. */
static inline int
host_raw_connect(const char *text, int port)
{
	struct host_addr addr = host_addr(text, port);
	int fd = (int)syscall(
	    SYS_socket, addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	MUST(fd >= 0);
	MUST(syscall(SYS_connect, fd, &addr.sa, addr.len) == 0);
	return fd;
}

/* How many descriptors are open. */
static inline int
host_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static inline int
host_write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len ||
	    fchmod(fd, mode) < 0 || close(fd) < 0)
		return -1;
	return 0;
}

/* How a case is run. */
enum host_way {
	HOST_BARE,
	HOST_PRELOAD,
	HOST_SUPERVISE, /* by kashim run, from outside */
	HOST_ATTACH,    /* by the kernel */
};

/* For HOST_ATTACH: the control group, in which nothing else is. */
static const char *host_cgroup;

/* kashim, the control group, the configuration; the program and its case. */
static const char HOST_ATTACHED[] =
    "\"$0\" detach --cgroup \"$1\" >/dev/null 2>&1\n"
    "\"$0\" attach --cgroup \"$1\" --config \"$2\" >/dev/null 2>&1\n"
    "echo $$ >\"$1/cgroup.procs\" && exec \"$3\" --case \"$4\"";

/*
 * Runs one case of this program in a process of its own; its output. tool is
 * the library, or the command.
 */
static inline int
host_run_case(const char *self, enum host_way way, const char *tool,
    const char *config, const char *name, const char *output)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		dup2(fd, STDOUT_FILENO);
		close(fd);
		alarm(HOST_DEADLINE_S);
		unsetenv("KASHIM_TRACE");
		if (way != HOST_BARE) {
			setenv("KASHIM_TEST_SHIMMED", "1", 1);
			setenv("KASHIM_CONFIG", config, 1);
		}
		if (way == HOST_SUPERVISE) {
			setenv("KASHIM_TEST_SUPERVISED", "1", 1);
			execl(tool, tool, "run", "--supervise", "--", self,
			    "--case", name, (char *)NULL);
			_exit(127);
		}
		if (way == HOST_ATTACH) {
			execl("/bin/sh", "sh", "-c", HOST_ATTACHED, tool,
			    host_cgroup, config, self, name, (char *)NULL);
			_exit(127);
		}
		if (way == HOST_PRELOAD)
			setenv("LD_PRELOAD", tool, 1);
		execl(self, self, "--case", name, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

static inline bool
host_same_files(const char *a, const char *b)
{
	FILE *fa = fopen(a, "r"), *fb = fopen(b, "r");
	bool same = fa != NULL && fb != NULL;
	int ca = 0, cb = 0;

	while (same && ca != EOF) {
		ca = getc(fa);
		cb = getc(fb);
		same = ca == cb;
	}
	if (fa != NULL)
		fclose(fa);
	if (fb != NULL)
		fclose(fb);
	return same;
}

static inline void
host_show(const char *path)
{
	char line[256];
	FILE *file = fopen(path, "r");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		fprintf(stderr, "    %s", line);
	if (file != NULL)
		fclose(file);
}

/*
 * What is otherwise for a supervised program: socket(2) is not notified, and
 * sockets are known by their cookies.
 */
static inline bool
host_preload_only(const char *name)
{
	return strcmp(name, "set-by-socket") == 0 ||
	       strcmp(name, "connect-twice-unknown") == 0;
}

/*
 * What else the kernel does, as kashim-attach(1) says: with MPTCP it sets the
 * subflow, which the program does not see; nothing is set before connect(2); on
 * the accepting side the rule comes last, over what the listener had; and what
 * an earlier connect(2) was given stays. Calls are answered as ever, but
 * options may differ.
 */
static inline bool
host_differs(enum host_way way, const char *name)
{
	static const char *const DIFFER[] = {"set-by-socket", "respect",
	    "respect-uniform", "respect-beside-override", "listen-twice",
	    "listener-off-respect", "connect-twice", "connect-to-and-fro",
	    "refused"};

	if (way != HOST_ATTACH)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(DIFFER); i++) {
		if (strcmp(name, DIFFER[i]) == 0)
			return true;
	}
	return strncmp(name, "mptcp", strlen("mptcp")) == 0;
}

static inline bool
host_judge(const char *self, enum host_way way, const char *build,
    const struct host_case *test)
{
	char dir[] = "/tmp/kashim-test.XXXXXX";
	char config[64], bare[64], shimmed[64], tool[512];
	int status_bare, status_shimmed;
	bool passed = false;

	if (mkdtemp(dir) == NULL)
		return false;
	snprintf(config, sizeof(config), "%s/kashim.conf", dir);
	snprintf(bare, sizeof(bare), "%s/bare", dir);
	snprintf(shimmed, sizeof(shimmed), "%s/shimmed", dir);
	snprintf(tool, sizeof(tool), "%s/%s", build,
	    way == HOST_PRELOAD ? "libkashim.so" : "kashim");
	if (test->config == NULL ||
	    host_write_file(config, test->config, 0644) == 0) {
		status_bare = host_run_case(
		    self, HOST_BARE, tool, config, test->name, bare);
		status_shimmed =
		    host_run_case(self, way, tool, config, test->name, shimmed);
		if (host_differs(way, test->name) && status_shimmed == 1 << 8)
			status_shimmed = 0;
		passed = status_bare == 0 && status_shimmed == 0;
		if (!passed)
			fprintf(stderr, "%s: status %x bare, %x shimmed\n",
			    test->name, (unsigned int)status_bare,
			    (unsigned int)status_shimmed);
		if (!host_same_files(bare, shimmed)) {
			passed = false;
			fprintf(
			    stderr, "%s: bare, then shimmed:\n", test->name);
			host_show(bare);
			fprintf(stderr, "    --\n");
			host_show(shimmed);
		}
	}
	unlink(config);
	unlink(bare);
	unlink(shimmed);
	rmdir(dir);
	return passed;
}

/*
 * main() of every test program. argv: the build directory, as a path that
 * holds in every directory; and, if not the library is to be judged,
 * --supervise for kashim run, or --attach with a control group for kashim
 * attach.
 */
static inline int
host_main(int argc, char **argv, const struct host_case *cases, size_t count)
{
	enum host_way way = HOST_PRELOAD;
	size_t passed = 0;

	if (argc == 3 && strcmp(argv[1], "--case") == 0) {
		for (size_t i = 0; i < count; i++) {
			if (strcmp(argv[2], cases[i].name) == 0)
				cases[i].run();
		}
		return host_failures == 0 ? 0 : 1;
	}
	if (argc == 3 && strcmp(argv[2], "--supervise") == 0)
		way = HOST_SUPERVISE;
	else if (argc == 4 && strcmp(argv[2], "--attach") == 0) {
		way = HOST_ATTACH;
		host_cgroup = argv[3];
	} else if (argc != 2)
		return 2;
	for (size_t i = 0; i < count; i++) {
		if ((way == HOST_SUPERVISE &&
			host_preload_only(cases[i].name)) ||
		    host_judge(argv[0], way, argv[1], &cases[i]))
			passed++;
		else
			printf("failed: %s\n", cases[i].name);
	}
	printf("%zu passed, %zu failed\n", passed, count - passed);
	return passed == count ? 0 : 1;
}

#endif
