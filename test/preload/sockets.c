/* SPDX-License-Identifier: ISC */
/* Each way that a socket gets its options from a rule, or must not. */
#include "host.h"

#include <sys/un.h>

/* host.h: only what is really set differs from the kernel's defaults. */
#define ALL "rule all { idle = 300 interval = 30 count = 5 }\n"
#define ALL_BUT_LOOPBACK_6 \
	"rule six { destination = { \"::1\" } action = ignore }\n" ALL
/* Depends on the destination, so that socket() can't decide. */
#define LOOPBACK                                                 \
	"rule lo { destination = { \"127.0.0.0/8\", \"::1\" }\n" \
	" idle = 300 interval = 30 count = 5 }\n"
#define SOURCE                                               \
	"rule a { source = { \"127.0.0.2\" } idle = 200 }\n" \
	"rule b { source = { \"127.0.0.0/8\" } idle = 100 }\n"

#define TWICE                                                            \
	"rule a { destination = \"127.0.0.1\" user-timeout = \"1min\"\n" \
	" idle = 300 interval = 30 count = 5 }\n"                        \
	"rule b { destination = \"127.0.0.2\" idle = 100 }\n"            \
	"rule c { destination = \"127.0.0.3\" action = ignore }\n"

static struct host_options
defaults_but_idle(int idle)
{
	struct host_options options = host_defaults();

	options.idle = idle;
	options.on = 1;
	return options;
}

/* As EXPECT, for rules that set nothing but idle. */
#define EXPECT_IDLE(fd, idle)               \
	host_expect(__FILE__, __LINE__, fd, \
	    host_shimmed() ? defaults_but_idle(idle) : host_defaults())

static void
connect_to(
    const char *listen_text, const char *connect_text, int family, int flags)
{
	int listener = host_raw_listener(listen_text);
	struct host_addr addr = host_addr(connect_text, host_port(listener));
	int fd = CALL(socket(family, SOCK_STREAM | flags, 0));
	int result = CALL(connect(fd, host_sa(&addr), addr.len));

	if ((flags & SOCK_NONBLOCK) != 0)
		MUST(result == 0 || errno == EINPROGRESS);
	else
		MUST(result == 0);
	EXPECT(fd, 300, 30, 5, 0, 1);
	MUST((fcntl(fd, F_GETFD) & FD_CLOEXEC) ==
	     ((flags & SOCK_CLOEXEC) != 0 ? FD_CLOEXEC : 0));
	MUST((fcntl(fd, F_GETFL) & O_NONBLOCK) ==
	     ((flags & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0));
}

static void
connect_every_way(void)
{
	static const int FLAGS[] = {
	    0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
		connect_to("127.0.0.1", "127.0.0.1", AF_INET, FLAGS[i]);
		connect_to("::1", "::1", AF_INET6, FLAGS[i]);
		/* Dual stack: an IPv4 connection of an IPv6 socket. */
		connect_to("127.0.0.1", "::ffff:127.0.0.1", AF_INET6, FLAGS[i]);
	}
}

static void
accept_on(const char *text, const char *from, int flags)
{
	struct host_addr addr = host_addr(text, 0);
	struct sockaddr_storage peer = {0};
	socklen_t len = sizeof(peer), small = 2;
	int listener = CALL(socket(addr.sa.ss_family, SOCK_STREAM, 0));
	int fd, port;

	MUST(CALL(bind(listener, host_sa(&addr), addr.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	port = host_port(listener);

	host_raw_connect(from, port);
	fd = CALL(accept(listener, NULL, NULL));
	EXPECT(fd, 300, 30, 5, 0, 1);

	host_raw_connect(from, port);
	fd = CALL(accept(listener, (struct sockaddr *)&peer, &len));
	MUST(len == addr.len && peer.ss_family == addr.sa.ss_family);
	EXPECT(fd, 300, 30, 5, 0, 1);

	/* A buffer that is too small: cut, and the real length told. */
	memset(&peer, 0, sizeof(peer));
	host_raw_connect(from, port);
	fd = CALL(accept4(listener, (struct sockaddr *)&peer, &small, flags));
	MUST(small == addr.len && peer.ss_family == addr.sa.ss_family);
	MUST(((struct sockaddr_in *)&peer)->sin_port == 0);
	EXPECT(fd, 300, 30, 5, 0, 1);
	MUST((fcntl(fd, F_GETFD) & FD_CLOEXEC) ==
	     ((flags & SOCK_CLOEXEC) != 0 ? FD_CLOEXEC : 0));
	MUST((fcntl(fd, F_GETFL) & O_NONBLOCK) ==
	     ((flags & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0));
}

static void
accept_every_way(void)
{
	accept_on("127.0.0.1", "127.0.0.1", 0);
	accept_on("::1", "::1", SOCK_CLOEXEC);
	accept_on("127.0.0.1", "127.0.0.1", SOCK_NONBLOCK);
}

/* On a listener for both families, each connection has its own rule. */
static void
accept_dual_stack(void)
{
	struct host_addr addr = host_addr("::", 0);
	int listener = CALL(socket(AF_INET6, SOCK_STREAM, 0));
	int off = 0, port, fd;

	MUST(setsockopt(
		 listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) == 0);
	MUST(CALL(bind(listener, host_sa(&addr), addr.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	port = host_port(listener);
	host_raw_connect("127.0.0.1", port);
	fd = CALL(accept(listener, NULL, NULL));
	EXPECT(fd, 300, 30, 5, 0, 1);
	host_raw_connect("::1", port);
	fd = CALL(accept(listener, NULL, NULL));
	host_expect(__FILE__, __LINE__, fd, host_defaults());
}

/* The rule of an accepted connection that depends on where it came from. */
static void
accept_by_source(void)
{
	struct host_addr addr = host_addr("127.0.0.1", 0);
	struct host_addr from = host_addr("127.0.0.2", 0);
	struct host_addr to;
	int listener = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int client, fd;

	MUST(CALL(bind(listener, host_sa(&addr), addr.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(listener));
	client = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	MUST(bind(client, host_sa(&from), from.len) == 0);
	MUST(syscall(SYS_connect, client, &to.sa, to.len) == 0);
	fd = CALL(accept(listener, NULL, NULL));
	EXPECT_IDLE(fd, 200);
	host_raw_connect("127.0.0.1", host_port(listener));
	fd = CALL(accept(listener, NULL, NULL));
	EXPECT_IDLE(fd, 100);
}

static void
connect_by_source(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct host_addr from = host_addr("127.0.0.2", 0);
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(fd, host_sa(&from), from.len)) == 0);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT_IDLE(fd, 200);
	/* The kernel chooses 127.0.0.1, which nobody knows before. */
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT_IDLE(fd, 100);
	fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	CALL(connect(fd, host_sa(&to), to.len));
	EXPECT_IDLE(fd, 100);
}

/* What socket() sets is there whatever is done with the socket. */
static void
set_by_socket(void)
{
	int fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

	EXPECT(fd, 300, 30, 5, 0, 1);
	fd = CALL(socket(AF_INET6, SOCK_STREAM, IPPROTO_TCP));
	EXPECT(fd, 300, 30, 5, 0, 1);
	fd = CALL(socket(AF_INET6, SOCK_DGRAM, 0));
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	fd = CALL(socket(AF_UNIX, SOCK_STREAM, 0));
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	fd = CALL(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	MUST(fd < 0 || host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

/* Only rules decide: not set without one, not for action ignore. */
static void
no_rule(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	host_expect(__FILE__, __LINE__, fd, host_defaults());
}

static void
idle_200(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT_IDLE(fd, 200);
}

/* SO_KEEPALIVE alone, for a rule that says no time. */
static void
switch_only(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct host_options on = host_defaults();
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	on.on = 1;
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	host_expect(
	    __FILE__, __LINE__, fd, host_shimmed() ? on : host_defaults());
	fd = CALL(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
}

static void
user_timeout(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 300, 30, 5, 120000, 1);
}

/* Sockets that are not TCP, to addresses that a rule matches. */
static void
other_protocols(void)
{
	struct host_addr to = host_addr("127.0.0.1", 9);
	struct host_addr to6 = host_addr("::1", 9);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = CALL(socket(AF_INET, SOCK_DGRAM, 0)), pair[2];

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	fd = CALL(socket(AF_INET6, SOCK_DGRAM, 0));
	MUST(CALL(connect(fd, host_sa(&to6), to6.len)) == 0);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	fd = CALL(socket(AF_INET, SOCK_RAW, IPPROTO_TCP));
	if (fd >= 0) {
		MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
		MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	}
	fd = CALL(socket(AF_UNIX, SOCK_STREAM, 0));
	CALL(connect(fd, (struct sockaddr *)&un, sizeof(un)));
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	MUST(CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
	MUST(host_option(pair[0], SOL_SOCKET, SO_KEEPALIVE) == 0);
}

/* Every failure must come through as it is. */
static void
failures(void)
{
	struct host_addr refused, in = host_addr("127.0.0.1", 1);
	struct host_addr in6 = host_addr("::1", 1);
	int listener = host_raw_listener("127.0.0.1");
	int on = 1, fd;

	refused = host_addr("127.0.0.1", host_port(listener));
	close(listener);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(connect(fd, host_sa(&refused), refused.len));
	CALL(connect(fd, host_sa(&in), 3));
	CALL(connect(fd, host_sa(&in), 0));
	CALL(connect(fd, NULL, 0));
	CALL(connect(fd, NULL, sizeof(struct sockaddr_in)));
	CALL(connect(fd, (void *)1, sizeof(struct sockaddr_in)));
	CALL(sendmsg(fd, NULL, MSG_FASTOPEN));
	CALL(sendmsg(fd, (void *)1, MSG_FASTOPEN));
	CALL(sendmmsg(fd, (void *)1, 1, MSG_FASTOPEN));
	CALL(sendto(fd, "", 1, MSG_FASTOPEN, (void *)1, 16));
	CALL(connect(fd, host_sa(&in6), in6.len));
	CALL(connect(-1, host_sa(&in), in.len));
	CALL(connect(1000, host_sa(&in), in.len));
	CALL(connect(STDOUT_FILENO, host_sa(&in), in.len));
	CALL(listen(-1, 1));
	CALL(listen(STDOUT_FILENO, 1));
	CALL(accept(-1, NULL, NULL));
	CALL(accept(fd, NULL, NULL));
	CALL(accept(STDOUT_FILENO, NULL, NULL));
	CALL(accept4(fd, NULL, NULL, 0x7fffffff));
	CALL(socket(AF_INET, SOCK_STREAM, 9999));
	CALL(socket(9999, SOCK_STREAM, 0));
	CALL(socket(AF_INET, 9999, 0));
	CALL(setsockopt(-1, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, 1));
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, NULL, sizeof(on)));
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, (void *)1, 4));
	on = 99999;
	CALL(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)));
	on = 0;
	CALL(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &on, sizeof(on)));
	CALL(setsockopt(fd, 9999, 9999, &on, sizeof(on)));
	/* Non-blocking: nothing there yet. */
	fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
	in = host_addr("127.0.0.1", 0);
	MUST(CALL(bind(fd, host_sa(&in), in.len)) == 0);
	MUST(CALL(listen(fd, 1)) == 0);
	CALL(accept(fd, NULL, NULL));
	MUST(CALL(host_descriptors()) > 0);
}

static void
set_option(int fd, int level, int name, int value)
{
	MUST(CALL(setsockopt(fd, level, name, &value, sizeof(value))) == 0);
}

/* The program's own calls: before connect, after it, on a dup, on accept. */
static void
set_everything(int fd)
{
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 7000);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 50);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234);
}

struct settings {
	int before[5];    /* set by the program before connect() */
	int after[5];     /* after it */
	int inherited[5]; /* on its listener, after listen() */
};

static struct host_options
options_of(const int *o)
{
	if (!host_shimmed())
		return (struct host_options){7000, 10, 50, 1234, 1};
	return (struct host_options){o[0], o[1], o[2], o[3], o[4]};
}

static void
program_sets(const struct settings *want)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct host_addr any = host_addr("127.0.0.1", 0);
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int copy, own, accepted;

	set_everything(fd);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	host_expect(__FILE__, __LINE__, fd, options_of(want->before));

	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	set_everything(fd);
	host_expect(__FILE__, __LINE__, fd, options_of(want->after));
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);

	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	copy = CALL(dup(fd));
	set_everything(copy);
	host_expect(__FILE__, __LINE__, fd, options_of(want->after));

	own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	host_raw_connect("127.0.0.1", host_port(own));
	accepted = CALL(accept(own, NULL, NULL));
	set_everything(accepted);
	host_expect(__FILE__, __LINE__, accepted, options_of(want->after));

	/* On the listener, and then inherited. */
	set_everything(own);
	host_raw_connect("127.0.0.1", host_port(own));
	accepted = CALL(accept(own, NULL, NULL));
	host_expect(__FILE__, __LINE__, accepted, options_of(want->inherited));
}

/* The rules in these cases leave the user timeout alone. */
static void
override(void)
{
	program_sets(&(struct settings){{300, 30, 5, 1234, 1},
	    {300, 30, 5, 1234, 1}, {300, 30, 5, 1234, 1}});
}

static void
tighten(void)
{
	program_sets(&(struct settings){{300, 10, 5, 1234, 1},
	    {300, 10, 5, 1234, 1}, {300, 10, 5, 1234, 1}});
}

static void
respect(void)
{
	program_sets(&(struct settings){{300, 30, 5, 1234, 1},
	    {7000, 10, 50, 1234, 1}, {300, 30, 5, 1234, 1}});
}

/* Where accept() relies on the listener, the call on it is the last one. */
static void
respect_inherited(void)
{
	program_sets(&(struct settings){{300, 30, 5, 1234, 1},
	    {7000, 10, 50, 1234, 1}, {7000, 10, 50, 1234, 1}});
}

/* Switched off by the program: on again for override and tighten. */
static void
switched_off(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
	EXPECT(fd, 300, 30, 5, 0, 1);
}

/*
 * A program sets its timers as soon as a non-blocking connect is under way,
 * when getpeername(2) does not know the peer yet: the queue of the listener
 * is full, so the SYN stays unanswered.
 */
static void
override_in_syn_sent(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int listener = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	int fd = -1;

	MUST(bind(listener, host_sa(&any), any.len) == 0);
	MUST(syscall(SYS_listen, listener, 0) == 0);
	to = host_addr("127.0.0.1", host_port(listener));
	for (int i = 0; i < 4; i++) {
		fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		MUST(connect(fd, host_sa(&to), to.len) < 0 &&
		     errno == EINPROGRESS);
	}
	set_everything(fd);
	host_expect(__FILE__, __LINE__, fd,
	    options_of((const int[]){300, 30, 5, 1234, 1}));
}

/*
 * A rule for connect alone: the same program accepts from and to the same
 * addresses, and there its own settings are its own.
 */
static void
direction_apart(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int fd, accepted;

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	accepted = CALL(accept(own, NULL, NULL));
	host_expect(__FILE__, __LINE__, accepted, host_defaults());
	set_everything(accepted);
	EXPECT_SAME(accepted, 7000, 10, 50, 1234, 1);
	set_everything(fd);
	host_expect(__FILE__, __LINE__, fd,
	    options_of((const int[]){300, 30, 5, 1234, 1}));
}

/* A listener that never bound gets its port in listen(). */
static void
listen_unbound(void)
{
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0)), fd;

	MUST(CALL(listen(own, 8)) == 0);
	host_raw_connect("127.0.0.1", host_port(own));
	fd = CALL(accept(own, NULL, NULL));
	EXPECT(fd, 300, 30, 5, 0, 1);
}

/*
 * The first connect fails, the second goes elsewhere, where another rule
 * holds: nothing of the first may stay, and what the program set itself, and
 * the second rule does not name, must come back.
 */
static void
second_connect(int flags, bool own_count, const char *second)
{
	int listener = host_raw_listener(second), gone, fd, result;
	struct host_addr to = host_addr(second, host_port(listener));
	struct host_addr dead;
	struct host_options want = host_defaults();
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};

	gone = host_raw_listener("127.0.0.1");
	dead = host_addr("127.0.0.1", host_port(gone));
	close(gone);
	fd = CALL(socket(AF_INET, SOCK_STREAM | flags, 0));
	if (own_count) {
		set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 42);
		want.count = 42;
	}
	CALL(connect(fd, host_sa(&dead), dead.len));
	if ((flags & SOCK_NONBLOCK) != 0)
		host_option(fd, SOL_SOCKET, SO_ERROR);
	host_expect(__FILE__, __LINE__, fd,
	    host_shimmed() ? (struct host_options){300, 30, 5, 60000, 1}
			   : want);
	if (!own_count)
		CALL(connect(fd, &unspec, sizeof(unspec)));
	result = CALL(connect(fd, host_sa(&to), to.len));
	MUST(result == 0 || errno == EINPROGRESS);
	if (host_shimmed() && strcmp(second, "127.0.0.2") == 0) {
		want.idle = 100;
		want.on = 1;
	}
	host_expect(__FILE__, __LINE__, fd, want);
}

static void
connect_twice(void)
{
	static const char *const SECOND[] = {
	    "127.0.0.2", "127.0.0.3", "127.0.0.4"};

	for (size_t i = 0; i < ARRAY_LEN(SECOND); i++) {
		second_connect(0, false, SECOND[i]);
		second_connect(SOCK_NONBLOCK, false, SECOND[i]);
		second_connect(0, true, SECOND[i]);
	}
}

/* What the first rule left must not pass for the program's own, tighter. */
static void
connect_twice_tighten(void)
{
	int listener = host_raw_listener("127.0.0.2");
	struct host_addr to = host_addr("127.0.0.2", host_port(listener));
	int gone = host_raw_listener("127.0.0.1"), fd;
	struct host_addr dead = host_addr("127.0.0.1", host_port(gone));

	close(gone);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(connect(fd, host_sa(&dead), dead.len));
	EXPECT(fd, 10, 2, 2, 5000, 1);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 300, 30, 5, 120000, 1);
}

/* Both sides' rules would fit; the one that was set must hold. */
static void
sides_alike(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int fd, accepted;

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	accepted = CALL(accept(own, NULL, NULL));
	set_everything(accepted);
	set_everything(fd);
	host_expect(__FILE__, __LINE__, accepted,
	    options_of((const int[]){300, 30, 5, 1234, 1}));
	EXPECT_SAME(fd, 7000, 10, 50, 1234, 1);
}

/* A listener that the library never saw: nothing is inherited from it. */
static void
accept_on_foreign_listener(void)
{
	int own = host_raw_listener("127.0.0.1"), fd;

	host_raw_connect("127.0.0.1", host_port(own));
	fd = CALL(accept(own, NULL, NULL));
	EXPECT(fd, 300, 30, 5, 0, 1);
}

/* listen() again, for another backlog: the program's call is the later one. */
static void
listen_twice(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int own = CALL(socket(AF_INET, SOCK_STREAM, 0)), accepted;

	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	set_everything(own);
	MUST(CALL(listen(own, 9)) == 0);
	host_raw_connect("127.0.0.1", host_port(own));
	accepted = CALL(accept(own, NULL, NULL));
	EXPECT_SAME(accepted, 7000, 10, 50, 1234, 1);
}

/* The kernel refuses some options (which, depends on its age). */
static void
mptcp(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int own = CALL(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)), fd;

	if (own < 0)
		return;
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	fd = CALL(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	host_wait(fd);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == host_shimmed());
	fd = CALL(accept(own, NULL, NULL));
	host_wait(fd);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == host_shimmed());
}

/* What TCP refuses, MPTCP takes before connect(2), and tells it. */
static void
mptcp_takes_anything(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0), to;
	int own = CALL(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP)), fd;
	int value = -1;

	if (own < 0)
		return;
	MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(own, 8)) == 0);
	to = host_addr("127.0.0.1", host_port(own));
	fd = CALL(socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP));
	if (CALL(setsockopt(
		fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value))) < 0)
		return;
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE) ==
	     (host_shimmed() ? 300 : -1));
}

static const struct host_case CASES[] = {
    {"connect-every-way", LOOPBACK, connect_every_way},
    {"connect-every-way-uniform", ALL, connect_every_way},
    {"accept-every-way", LOOPBACK, accept_every_way},
    {"accept-every-way-by-source",
	"rule s { source = { \"127.0.0.1\", \"::1\" }\n"
	" idle = 300 interval = 30 count = 5 }\n",
	accept_every_way},
    {"accept-every-way-uniform", ALL, accept_every_way},
    {"accept-every-way-by-port",
	"rule p { direction = accept port = { \"1-65535\" }\n"
	" idle = 300 interval = 30 count = 5 }\n",
	accept_every_way},
    {"accept-dual-stack", ALL_BUT_LOOPBACK_6, accept_dual_stack},
    {"accept-by-source", SOURCE, accept_by_source},
    {"connect-by-source", SOURCE, connect_by_source},
    {"set-by-socket", ALL, set_by_socket},
    {"no-file", NULL, no_rule},
    {"no-rule-for-destination", "rule r { destination = \"10.0.0.0/8\" }\n",
	no_rule},
    {"no-rule-for-direction", "rule r { direction = accept }\n", no_rule},
    {"no-rule-for-program", "rule r { program = \"java\" idle = 200 }\n",
	no_rule},
    {"ignore",
	"rule r { destination = \"127.0.0.0/8\" action = ignore }\n"
	"rule all { idle = 200 }\n",
	no_rule},
    {"broken-file", "rule r { idle = 200 }\nrule s { idel = 3 }\n", no_rule},
    {"program", "rule r { program = { \"java\", \"sock*\" } idle = 200 }\n",
	idle_200},
    {"first-match",
	"rule a { destination = \"127.0.0.2\" idle = 100 }\n"
	"rule b { destination = \"127.0.0.0/8\" idle = 200 }\n"
	"rule c { destination = \"127.0.0.1\" idle = 50 }\n",
	idle_200},
    {"switch-only", "rule r { destination = \"127.0.0.0/8\" }\n", switch_only},
    {"switch-only-uniform", "rule r { }\n", switch_only},
    {"user-timeout",
	"rule r { idle = 300 interval = 30 count = 5\n"
	" user-timeout = \"2min\" }\n",
	user_timeout},
    {"other-protocols", LOOPBACK, other_protocols},
    {"other-protocols-uniform", ALL, other_protocols},
    {"failures", LOOPBACK, failures},
    {"failures-uniform", ALL, failures},
    {"failures-by-source", SOURCE, failures},
    {"override", LOOPBACK, override},
    {"override-uniform", ALL, override},
    {"override-by-port",
	"rule p { port = { \"1-65535\" } idle = 300 interval = 30 count = 5 }",
	override},
    {"tighten", "app-settings = tighten\n" LOOPBACK, tighten},
    {"tighten-uniform", "app-settings = tighten\n" ALL, tighten},
    {"respect", "app-settings = respect\n" LOOPBACK, respect_inherited},
    {"respect-by-source",
	"app-settings = respect\n"
	"rule lo { source = \"127.0.0.0/8\" idle = 300 interval = 30\n"
	" count = 5 }\n",
	respect},
    {"respect-uniform", "app-settings = respect\n" ALL, respect_inherited},
    {"respect-beside-override",
	"rule lo { destination = \"127.0.0.0/8\" app-settings = respect\n"
	" idle = 300 interval = 30 count = 5 }\n"
	"rule all { app-settings = override idle = 1 }\n",
	respect_inherited},
    {"switched-off", LOOPBACK, switched_off},
    {"switched-off-uniform", ALL, switched_off},
    {"switched-off-tighten", "app-settings = tighten\n" LOOPBACK, switched_off},
    {"override-in-syn-sent", LOOPBACK, override_in_syn_sent},
    {"direction-apart",
	"rule r { direction = connect destination = \"127.0.0.0/8\"\n"
	" idle = 300 interval = 30 count = 5 }\n",
	direction_apart},
    {"listen-unbound",
	"rule p { port = { \"1-65535\" } idle = 300 interval = 30 count = 5 }",
	listen_unbound},
    {"connect-twice", TWICE, connect_twice},
    {"connect-twice-tighten",
	"rule a { destination = \"127.0.0.1\" user-timeout = 5\n"
	" idle = 10 interval = 2 count = 2 }\n"
	"rule b { app-settings = tighten user-timeout = \"2min\"\n"
	" idle = 300 interval = 30 count = 5 }\n",
	connect_twice_tighten},
    {"sides-alike",
	"idle = 300 interval = 30 count = 5\n"
	"rule a { direction = connect destination = \"127.0.0.0/8\"\n"
	" app-settings = respect }\n"
	"rule b { direction = accept destination = \"127.0.0.0/8\" }\n",
	sides_alike},
    {"accept-on-foreign-listener", ALL, accept_on_foreign_listener},
    {"accept-on-foreign-listener-by-port",
	"rule p { port = { \"1-65535\" } idle = 300 interval = 30 count = 5 }",
	accept_on_foreign_listener},
    {"listen-twice",
	"rule p { app-settings = respect port = { \"1-65535\" } idle = 300 }",
	listen_twice},
    {"mptcp", "user-timeout = \"1min\"\n" LOOPBACK, mptcp},
    {"mptcp-uniform", "user-timeout = \"1min\"\n" ALL, mptcp},
    {"mptcp-takes-anything", "app-settings = tighten\n" LOOPBACK,
	mptcp_takes_anything},
    {"mptcp-user-timeout-alone",
	"rule l { destination = { \"127.0.0.0/8\" } user-timeout = \"1min\" "
	"}\n",
	mptcp},
    {"mptcp-user-timeout-alone-uniform", "rule a { user-timeout = \"1min\" }\n",
	mptcp},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
