/* SPDX-License-Identifier: ISC */
/*
 * Reloads that come while a hook is at work: the getsockname(2) that the
 * library calls to look at a socket (lib_overtaken.c) calls this program, which
 * reloads three times. So all that the hook had read before is overwritten, and
 * the first policy that was written over it is not in force any more. Each call
 * has to end in the policy that is.
 *
 * The argument is the build directory. The last line is "N passed, M failed".
 */
#include "host.h"

#include <limits.h>
#include <spawn.h>
#include <sys/stat.h>

#define RELOADS 3

#define BY_SOURCE      "source = \"127.0.0.0/8\""
#define BY_DESTINATION "destination = \"127.0.0.0/8\""

static const char *form = BY_SOURCE;
static int in_force; /* number of the policy */
static int spared;   /* how many looks go by */
static int armed;    /* and how many reload then */

/* Policy number n, in a file that is at rest: no reload has to wait for it. */
static void
write_policy(int n)
{
	const char *config = getenv("KASHIM_CONFIG");
	const struct timespec times[2] = {
	    {.tv_sec = 1000000000 + n}, {.tv_sec = 1000000000 + n}};
	char text[256], next[PATH_MAX];

	snprintf(next, sizeof(next), "%s.next", config);
	snprintf(text, sizeof(text),
	    "rule r { %s idle = %d interval = %d count = %d }\n", form, 100 + n,
	    10 + n % 100, 1 + n % 100);
	MUST(host_write_file(next, text, 0644) == 0);
	MUST(utimensat(AT_FDCWD, next, times, 0) == 0);
	MUST(rename(next, config) == 0);
}

static void
reload(void)
{
	char program[PATH_MAX], command[] = "kashim", word[] = "reload";
	char *argv[] = {command, word, getenv("KASHIM_CONFIG"), NULL};
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;

	write_policy(++in_force);
	snprintf(program, sizeof(program), "%s/kashim", getenv("BUILD_DIR"));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(
	    &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, program, &actions, NULL, argv, environ) == 0)
		waitpid(pid, &status, 0);
	posix_spawn_file_actions_destroy(&actions);
	MUST(status == 0);
}

void overtaken_looked(void);

void
overtaken_looked(void)
{
	if (armed == 0 || spared > 0) {
		spared -= armed != 0;
		return;
	}
	armed--;
	for (int i = 0; i < RELOADS; i++)
		reload();
}

static void
begin(const char *rule)
{
	form = rule;
	armed = 0;
	reload();
}

static void
expect(int line, int fd)
{
	host_expect(__FILE__, line, fd,
	    (struct host_options){
		100 + in_force, 10 + in_force % 100, 1 + in_force % 100, 0, 1});
	MUST(armed == 0);
}

static int
bound(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	MUST(bind(fd, host_sa(&any), any.len) == 0);
	return fd;
}

static void
connects(int fd, int listener, int reloads)
{
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));

	armed = reloads;
	MUST(connect(fd, host_sa(&to), to.len) == 0);
}

static void
before_connect(void)
{
	int listener = host_raw_listener("127.0.0.1");
	int fd = bound();

	begin(BY_SOURCE);
	connects(fd, listener, 1);
	expect(__LINE__, fd);
}

static void
after_connect(void)
{
	int listener = host_raw_listener("127.0.0.1");
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	begin(BY_SOURCE);
	/* It has no source before, and then has one. */
	connects(fd, listener, 2 + 1);
	expect(__LINE__, fd);
}

static void
listens(void)
{
	int fd = bound();

	begin(BY_DESTINATION);
	armed = 1;
	MUST(listen(fd, 5) == 0);
	expect(__LINE__, fd);
}

static void
accepts(void)
{
	int listener = bound();
	int fd;

	begin(BY_SOURCE);
	MUST(listen(listener, 5) == 0);
	host_raw_connect("127.0.0.1", host_port(listener));
	armed = 1;
	fd = accept(listener, NULL, NULL);
	MUST(fd >= 0);
	expect(__LINE__, fd);
}

/* The listener has what an earlier policy said, and is seen to first. */
static void
accepts_late(int looks)
{
	int listener = bound();
	int fd;

	begin(BY_DESTINATION);
	MUST(listen(listener, 5) == 0);
	host_raw_connect("127.0.0.1", host_port(listener));
	begin(BY_DESTINATION);
	spared = looks;
	armed = 1;
	fd = accept(listener, NULL, NULL);
	MUST(fd >= 0);
	expect(__LINE__, fd);
	expect(__LINE__, listener);
}

static void
accepts_late_once(void)
{
	accepts_late(0);
}

/* While the connection is looked at: the listener is late once more. */
static void
accepts_late_twice(void)
{
	accepts_late(1);
}

static void
sets(void)
{
	int listener = host_raw_listener("127.0.0.1");
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int value = 7;

	begin(BY_DESTINATION);
	connects(fd, listener, 0);
	armed = 1;
	MUST(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value)) ==
	     0);
	MUST(host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 100 + in_force);
}

/* Whoever reloads all the time, the call ends. */
static void
for_ever(void)
{
	int listener = host_raw_listener("127.0.0.1");
	int fd = bound();

	begin(BY_SOURCE);
	connects(fd, listener, INT_MAX);
	MUST(armed < INT_MAX && armed > INT_MAX - 1000);
	armed = 0;
	host_expect(__FILE__, __LINE__, fd, host_defaults());
}

static const struct {
	const char *name;
	void (*run)(void);
} CASES[] = {
    {"before-connect", before_connect},
    {"after-connect", after_connect},
    {"listen", listens},
    {"accept", accepts},
    {"accept-late", accepts_late_once},
    {"accept-late-twice", accepts_late_twice},
    {"setsockopt", sets},
    {"for-ever", for_ever},
};

static int
host(void)
{
	int passed = 0;

	unsetenv("LD_PRELOAD");
	in_force = 1;
	for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
		int before = host_failures;

		CASES[i].run();
		passed += host_failures == before;
		if (host_failures != before)
			printf("failed: %s\n", CASES[i].name);
	}
	printf(
	    "%d passed, %d failed\n", passed, (int)ARRAY_LEN(CASES) - passed);
	return host_failures == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", text[PATH_MAX];
	int status = -1;
	pid_t pid;

	if (argc == 2 && strcmp(argv[1], "--host") == 0)
		return host();
	if (argc != 2 || mkdtemp(dir) == NULL)
		return 2;
	setenv("KASHIM_CACHE", dir, 1);
	setenv("BUILD_DIR", argv[1], 1);
	snprintf(text, sizeof(text), "%s/kashim.conf", dir);
	setenv("KASHIM_CONFIG", text, 1);
	reload();
	pid = fork();
	if (pid == 0) {
		unsetenv("KASHIM_TRACE");
		snprintf(text, sizeof(text), "%s/libkashim.so", argv[1]);
		setenv("LD_PRELOAD", text, 1);
		execl("/proc/self/exe", "overtaken", "--host", (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	snprintf(text, sizeof(text), "rm -rf %s", dir);
	/* NOLINTNEXTLINE(cert-env33-c): of our own making */
	MUST(system(text) == 0);
	return status == 0 && host_failures == 0 ? 0 : 1;
}
