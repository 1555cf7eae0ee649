/* SPDX-License-Identifier: ISC */
/*
 * How little a host may have: address space, data, stack, descriptors. For
 * each, the least with which a small host works is looked for, bare and under
 * the library; what the library takes more must be little, and where there is
 * too little for the policy, but enough for the host, the host must run on.
 */
#include "host.h"

#include <limits.h>
#include <sys/resource.h>

#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"

#define KIB 1024ul
#define MIB (1024ul * KIB)

/* How a host ends. */
#define WITHOUT_POLICY 0
#define WITH_POLICY    10

/* Steps between two limits that are tried one by one. */
#define SWEEP 24

struct kind {
	const char *name;
	int resource;
	unsigned long step; /* what a difference of matters */
	unsigned long most; /* with which any host works */
	unsigned long more; /* that the library may take */
};

static const struct kind KINDS[] = {
    {"RLIMIT_AS", RLIMIT_AS, 4 * KIB, 256 * MIB, 256 * KIB},
    {"RLIMIT_DATA", RLIMIT_DATA, 4 * KIB, 256 * MIB, 192 * KIB},
    {"RLIMIT_STACK", RLIMIT_STACK, 4 * KIB, 8 * MIB, 64 * KIB},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE, 1, 64, 0},
};

/* The host itself: no stdio, little of anything. */
static int
limited(void)
{
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd, idle;

	if (listener < 0 || bind(listener, (struct sockaddr *)&sa, len) != 0 ||
	    listen(listener, 8) != 0 ||
	    getsockname(listener, (struct sockaddr *)&sa, &len) != 0)
		return 1;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	errno = 4321;
	if (connect(fd, (struct sockaddr *)&sa, len) != 0 || errno != 4321)
		return 2;
	idle = host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE);
	if (close(fd) != 0)
		return 3;
	fd = accept(listener, (struct sockaddr *)&sa, &len);
	if (fd < 0 || len != sizeof(sa) || errno != 4321)
		return 4;
	if (host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) != idle)
		return 5;
	return idle == 300 ? WITH_POLICY : WITHOUT_POLICY;
}

/* Starts the host with a limit. library may be NULL. Its status. */
static int
start(const struct kind *kind, unsigned long limit, const char *library,
    const char *config)
{
	const struct rlimit limits = {limit, limit};
	int status = -1, null;
	pid_t pid = fork();

	if (pid == 0) {
		/* What the loader says when it has too little. */
		null = open("/dev/null", O_RDWR);
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		alarm(10);
		unsetenv("KASHIM_TRACE");
		setenv("KASHIM_CONFIG", config, 1);
		if (library != NULL)
			setenv("LD_PRELOAD", library, 1);
		if (setrlimit((__rlimit_resource_t)kind->resource, &limits) < 0)
			_exit(20);
		execl("/proc/self/exe", "hostile_limits", "--limited",
		    (char *)NULL);
		_exit(21);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool
works(int status)
{
	return status == WITHOUT_POLICY || status == WITH_POLICY;
}

/* The least limit with which the host works, or has a policy, too. */
static unsigned long
least(const struct kind *kind, bool with_policy, const char *library,
    const char *config)
{
	unsigned long low = 0, high = kind->most / kind->step;

	while (low < high) {
		unsigned long middle = low + (high - low) / 2;
		int status = start(kind, middle * kind->step, library, config);

		if (with_policy ? status == WITH_POLICY : works(status))
			high = middle;
		else
			low = middle + 1;
	}
	return low * kind->step;
}

static bool
judge(const struct kind *kind, const char *library, const char *config)
{
	unsigned long bare = least(kind, false, NULL, config);
	unsigned long runs = least(kind, false, library, config);
	unsigned long policy = least(kind, true, library, config);
	unsigned long step = (policy - bare) / kind->step / SWEEP + 1;
	bool good = policy < kind->most && bare > 0;

	printf("%s: least %lu bare, %lu with the library, %lu with a policy\n",
	    kind->name, bare, runs, policy);
	if (runs > bare + kind->more) {
		printf("%s: %lu more than bare\n", kind->name, runs - bare);
		good = false;
	}
	for (unsigned long limit = bare + kind->more; limit <= policy;
	     limit += step * kind->step) {
		int status = start(kind, limit, library, config);

		if (!works(status)) {
			printf("%s: the host fails with %lu: %d\n", kind->name,
			    limit, status);
			good = false;
		}
	}
	return good;
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/kashim-test.XXXXXX", config[64], library[PATH_MAX];
	int failed = 0;

	if (argc == 2 && strcmp(argv[1], "--limited") == 0)
		return limited();
	if (argc != 2 || mkdtemp(dir) == NULL)
		return 2;
	snprintf(config, sizeof(config), "%s/kashim.conf", dir);
	snprintf(library, sizeof(library), "%s/libkashim.so", argv[1]);
	if (host_write_file(config, LOOPBACK, 0644) < 0)
		return 2;
	for (size_t i = 0; i < ARRAY_LEN(KINDS); i++) {
		if (!judge(&KINDS[i], library, config)) {
			printf("failed: %s\n", KINDS[i].name);
			failed++;
		}
	}
	unlink(config);
	rmdir(dir);
	printf("%zu passed, %d failed\n", ARRAY_LEN(KINDS) - (size_t)failed,
	    failed);
	return failed == 0 ? 0 : 1;
}
