/* SPDX-License-Identifier: ISC */
/*
 * Connections to one destination after the other and again, and what is
 * accepted from one peer after the other: what the library remembers of the
 * first must be right for the next one, and is not if that socket, or an
 * address, is not what it looks like.
 */
#include "netns.h"
#include "rules.h"

#define TWO_RULES                                                            \
	"rule a { destination = { \"127.0.0.1\" } user-timeout = \"1min\"\n" \
	" idle = 300 interval = 30 count = 5 }\n"                            \
	"rule b { destination = { \"127.0.0.2\", \"::1\" } idle = 100 }\n"

#define RULE_A 300, 30, 5, 60000, 1

static struct host_options
rule_b(void)
{
	struct host_options want = host_defaults();

	want.idle = 100;
	want.on = 1;
	return want;
}

static void
expect_b(int fd)
{
	host_expect(__FILE__, __LINE__, fd,
	    host_shimmed() ? rule_b() : host_defaults());
}

static int
connected(const struct host_addr *to)
{
	int fd = CALL(socket(to->sa.ss_family, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(to), to->len)) == 0);
	return fd;
}

/* In turn, so that what is remembered is of another one each time. */
static void
in_turn(void)
{
	int first = host_raw_listener("127.0.0.1");
	int second = host_raw_listener("127.0.0.2");
	int third = host_raw_listener("127.0.0.3");
	struct host_addr a = host_addr("127.0.0.1", host_port(first));
	struct host_addr mapped =
	    host_addr("::ffff:127.0.0.1", host_port(first));
	struct host_addr b = host_addr("127.0.0.2", host_port(second));
	struct host_addr none = host_addr("127.0.0.3", host_port(third));
	struct host_options defaults = host_defaults();

	for (int i = 0; i < 40; i++) {
		int fd = connected(i % 8 < 4 ? &a : &mapped);

		EXPECT(fd, RULE_A);
		close(fd);
		fd = connected(&b);
		expect_b(fd);
		close(fd);
		fd = connected(&none);
		host_expect(__FILE__, __LINE__, fd, defaults);
		close(fd);
	}
}

/* Sockets that have been elsewhere before. */
static void
not_new(void)
{
	int first = host_raw_listener("127.0.0.1");
	int second = host_raw_listener("127.0.0.2");
	struct host_addr a = host_addr("127.0.0.1", host_port(first));
	struct host_addr b = host_addr("127.0.0.2", host_port(second));
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int fd;

	close(connected(&a));
	close(connected(&b));
	fd = connected(&a);
	EXPECT(fd, RULE_A);
	/* EISCONN: it is still that connection. */
	CALL(connect(fd, host_sa(&b), b.len));
	EXPECT(fd, RULE_A);
	for (int i = 0; i < 3; i++) {
		MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
		MUST(CALL(connect(fd, host_sa(&b), b.len)) == 0);
		expect_b(fd);
		MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
		MUST(CALL(connect(fd, host_sa(&a), a.len)) == 0);
		EXPECT(fd, RULE_A);
	}
}

/* What nobody saw being set is tighter all the same. */
static void
tighter(void)
{
	int listener = host_raw_listener("127.0.0.1"), idle = 100;
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = connected(&to);

	EXPECT(fd, RULES_OPTIONS);
	for (int i = 0; i < 3; i++) {
		fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
		MUST(syscall(SYS_setsockopt, fd, IPPROTO_TCP, TCP_KEEPIDLE,
			 &idle, sizeof(idle)) == 0);
		MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
		MUST(host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 100);
	}
}

/* The same address, and not the same destination. */
static void
unspecified(void)
{
	int listener = host_raw_listener("0.0.0.0");
	struct host_addr to = host_addr("0.0.0.0", host_port(listener));
	struct host_addr from = host_addr("127.0.0.2", 0);

	for (int i = 0; i < 3; i++) {
		int fd = connected(&to);

		EXPECT(fd, RULE_A);
		fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
		MUST(CALL(bind(fd, host_sa(&from), from.len)) == 0);
		MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
		expect_b(fd);
	}
}

/* The kernel's refusal is ours to keep. */
static void
not_tcp(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));

	close(connected(&to));
	for (int i = 0; i < 3; i++) {
		int low = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
		/* A number of which nothing is known. */
		int fd = fcntl(low, F_DUPFD, 500 + i);

		close(low);
		MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
		CALL(host_option(fd, SOL_SOCKET, SO_KEEPALIVE));
		CALL(connect(-1, host_sa(&to), to.len));
		CALL(connect(999999, host_sa(&to), to.len));
		close(fd);
	}
	close(connected(&to));
}

/* For traced(): run by it, and of no interest by itself. */
static void
thrice(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));

	for (int i = 0; i < 3; i++)
		close(connected(&to));
}

/* Each connection is a line of the trace. */
static void
traced(void)
{
	char path[] = "/tmp/kashim-test.XXXXXX", line[512];
	int fd = mkstemp(path), lines = 0, status = -1;
	FILE *trace;
	pid_t pid;

	MUST(fd >= 0);
	close(fd);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setenv("KASHIM_TRACE", path, 1);
		execl("/proc/self/exe", "remembered", "--case", "thrice",
		    (char *)NULL);
		_exit(127);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	trace = fopen(path, "r");
	while (trace != NULL && fgets(line, sizeof(line), trace) != NULL)
		lines += strstr(line, "connect fd ") != NULL;
	MUST(lines == (host_shimmed() ? 3 : 0));
	if (trace != NULL)
		fclose(trace);
	unlink(path);
}

/* One that connects from an address of its own. */
static int
peer_from(const char *text, int port)
{
	struct host_addr from = host_addr(text, 0);
	struct host_addr to = host_addr("127.0.0.1", port);
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);

	MUST(bind(fd, host_sa(&from), from.len) == 0);
	MUST(syscall(SYS_connect, fd, &to.sa, to.len) == 0);
	return fd;
}

/* Two peers in turn, whose addresses the program asks for, or not. */
static void
accepted_in_turn(void)
{
	struct host_addr any = host_addr("0.0.0.0", 0);
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	for (int i = 0; i < 40; i++) {
		const bool by_b = i % 5 >= 2;
		int peer =
		    peer_from(by_b ? "127.0.0.2" : "127.0.0.1", host_port(own));
		struct sockaddr_storage sa;
		socklen_t len = sizeof(sa);
		int fd = i % 2 == 0
		             ? CALL(accept(own, (struct sockaddr *)&sa, &len))
		             : CALL(accept(own, NULL, NULL));

		if (by_b)
			expect_b(fd);
		else
			EXPECT(fd, RULE_A);
		close(fd);
		close(peer);
	}
}

/* On a listener to all addresses, from loopback. */
static int
accepted_here(int listener)
{
	host_raw_connect("127.0.0.1", host_port(listener));
	return CALL(accept(listener, NULL, NULL));
}

static int
listening_anywhere(void)
{
	struct host_addr any = host_addr("0.0.0.0", 0);
	int listener = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(listener, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	return listener;
}

/*
 * An ignored connection has what the kernel gave its listener; a copy of that,
 * what it gave the last one that listened.
 */
static void
ignored(void)
{
	int before, after, number;

	netns_enter();
	before = listening_anywhere();
	EXPECT_SAME(accepted_here(before), 7200, 75, 9, 0, 0);
	MUST(netns_put("/proc/sys/net/ipv4/tcp_keepalive_time", "500"));
	MUST(netns_put("/proc/sys/net/ipv4/tcp_keepalive_probes", "3"));
	host_expect(__FILE__, __LINE__, accepted_here(before),
	    host_shimmed() ? (struct host_options){7200, 75, 9, 0, 0}
			   : (struct host_options){500, 75, 3, 0, 0});
	after = listening_anywhere();
	EXPECT_SAME(accepted_here(after), 500, 75, 3, 0, 0);
	EXPECT_SAME(accepted_here(dup(after)), 500, 75, 3, 0, 0);
	/* And one by a number that was a new socket's. */
	number = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(dup2(after, number) == number);
	EXPECT_SAME(accepted_here(number), 500, 75, 3, 0, 0);
	MUST(CALL(listen(number, 9)) == 0);
	EXPECT_SAME(accepted_here(dup(after)), 500, 75, 3, 0, 0);
}

static const struct host_case CASES[] = {
    {"thrice", TWO_RULES, thrice},
    {"traced", TWO_RULES, traced},
    {"in-turn", TWO_RULES, in_turn},
    {"not-new", TWO_RULES, not_new},
    {"unspecified", TWO_RULES, unspecified},
    {"accepted-by-source",
	"rule b { source = \"127.0.0.2\" idle = 100 }\n"
	"rule a { user-timeout = \"1min\" idle = 300 interval = 30 count = 5 "
	"}\n",
	accepted_in_turn},
    {"accepted-by-source-first",
	"rule a { source = \"127.0.0.1\" user-timeout = \"1min\"\n"
	" idle = 300 interval = 30 count = 5 }\n"
	"rule b { idle = 100 }\n",
	accepted_in_turn},
    {"ignored",
	"rule i { destination = \"127.0.0.0/8\" action = ignore }\n"
	"rule a { idle = 300 interval = 30 count = 5 }\n",
	ignored},
    {"tighter", "app-settings = tighten\n" RULES_BY_DESTINATION, tighter},
    RULES_CASES("not-tcp", not_tcp),
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
