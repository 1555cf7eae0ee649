/* SPDX-License-Identifier: ISC */
/*
 * connect() and accept() in all their forms under all kinds of policies, what
 * the program itself sets afterwards, and the protocols that are not ours.
 */
#include "host.h"
#include "rules.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <net/ethernet.h>
#include <poll.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/un.h>

#ifndef IPPROTO_SCTP
#define IPPROTO_SCTP 132
#endif

static const int FLAGS[] = {
    0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

/* The symbol that binaries import which are older than connect@GLIBC. */
extern int
old_connect(int, const struct sockaddr *, socklen_t) __asm__("__connect");

typedef int connect_fn(int, const struct sockaddr *, socklen_t);

static void
flags_as_asked(int fd, int flags)
{
	MUST((fcntl(fd, F_GETFD) & FD_CLOEXEC) ==
	     ((flags & SOCK_CLOEXEC) != 0 ? FD_CLOEXEC : 0));
	MUST((fcntl(fd, F_GETFL) & O_NONBLOCK) ==
	     ((flags & SOCK_NONBLOCK) != 0 ? O_NONBLOCK : 0));
}

/* Then asks once more, as programs do to learn how it went. */
static void
connect_once(connect_fn *call, const char *listen_text,
    const char *connect_text, int flags, bool bound)
{
	int listener = host_raw_listener(listen_text);
	struct host_addr to = host_addr(connect_text, host_port(listener));
	struct host_addr any = host_addr(connect_text, 0);
	int fd = CALL(socket(to.sa.ss_family, SOCK_STREAM | flags, 0));
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	int result;

	if (bound)
		MUST(CALL(bind(fd, host_sa(&any), any.len)) == 0);
	result = CALL(call(fd, host_sa(&to), to.len));
	MUST(result == 0 ||
	     ((flags & SOCK_NONBLOCK) != 0 && errno == EINPROGRESS));
	EXPECT(fd, RULES_OPTIONS);
	MUST(poll(&ready, 1, 10000) == 1);
	CALL(call(fd, host_sa(&to), to.len));
	CALL(call(fd, host_sa(&to), to.len));
	EXPECT(fd, RULES_OPTIONS);
	flags_as_asked(fd, flags);
	close(fd);
	close(listener);
}

static void
connect_by(connect_fn *call)
{
	for (size_t i = 0; i < 2 * ARRAY_LEN(FLAGS); i++) {
		int flags = FLAGS[i / 2];
		bool bound = i % 2 == 1;

		connect_once(call, "127.0.0.1", "127.0.0.1", flags, bound);
		connect_once(call, "::1", "::1", flags, bound);
		connect_once(
		    call, "127.0.0.1", "::ffff:127.0.0.1", flags, bound);
	}
}

static void
connect_new(void)
{
	connect_by(connect);
}

static void
connect_old(void)
{
	connect_by(old_connect);
}

/* An unspecified destination is, to the kernel, loopback. */
static void
connect_unspecified(void)
{
	static const char *const TO[] = {"0.0.0.0", "::"};
	static const char *const AT[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < ARRAY_LEN(TO); i++) {
		connect_once(connect, AT[i], TO[i], 0, false);
		connect_once(connect, AT[i], TO[i], SOCK_NONBLOCK, false);
	}
}

static int
own_listener(const char *text, int type, int protocol)
{
	struct host_addr any = host_addr(text, 0);
	int fd = CALL(socket(any.sa.ss_family, type, protocol));

	MUST(CALL(bind(fd, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(fd, 8)) == 0);
	return fd;
}

/* A non-blocking listener may need a moment, also on loopback. */
static void
wait_for_peer(int listener)
{
	struct pollfd ready = {.fd = listener, .events = POLLIN};

	MUST(poll(&ready, 1, 10000) == 1);
}

static void
accept_with(const char *text, int listener_flags, int flags)
{
	int own = own_listener(text, SOCK_STREAM | listener_flags, 0);
	int port = host_port(own);
	struct host_addr peer = {.len = sizeof(peer.sa)};
	socklen_t none = 0;
	int fd;

	if ((listener_flags & SOCK_NONBLOCK) != 0) {
		CALL(accept(own, NULL, NULL));
		CALL(accept4(own, (struct sockaddr *)&peer.sa, &none, flags));
	}
	host_raw_connect(text, port);
	wait_for_peer(own);
	fd = CALL(accept(own, NULL, NULL));
	EXPECT(fd, RULES_OPTIONS);
	flags_as_asked(fd, 0);

	host_raw_connect(text, port);
	wait_for_peer(own);
	fd = CALL(accept(own, (struct sockaddr *)&peer.sa, &peer.len));
	MUST(peer.len == host_addr(text, 0).len);
	EXPECT(fd, RULES_OPTIONS);

	host_raw_connect(text, port);
	wait_for_peer(own);
	fd = CALL(accept4(own, NULL, NULL, flags));
	EXPECT(fd, RULES_OPTIONS);
	flags_as_asked(fd, flags);

	peer.len = sizeof(peer.sa);
	host_raw_connect(text, port);
	wait_for_peer(own);
	fd = CALL(accept4(own, (struct sockaddr *)&peer.sa, &peer.len, flags));
	MUST(peer.len == host_addr(text, 0).len);
	MUST(peer.sa.ss_family == host_addr(text, 0).sa.ss_family);
	EXPECT(fd, RULES_OPTIONS);
	flags_as_asked(fd, flags);

	/* A buffer of no length at all; one without a length; a bad length. */
	host_raw_connect(text, port);
	wait_for_peer(own);
	memset(&peer.sa, 0x55, sizeof(peer.sa));
	fd = CALL(accept4(own, (struct sockaddr *)&peer.sa, &none, flags));
	MUST(none == host_addr(text, 0).len && peer.sa.ss_family == 0x5555);
	EXPECT(fd, RULES_OPTIONS);
	host_raw_connect(text, port);
	wait_for_peer(own);
	CALL(accept(own, (struct sockaddr *)&peer.sa, NULL));
	none = (socklen_t)-1;
	host_raw_connect(text, port);
	wait_for_peer(own);
	CALL(accept4(own, (struct sockaddr *)&peer.sa, &none, flags));
	close(own);
}

static void
accept_every(void)
{
	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
		accept_with("127.0.0.1", FLAGS[i], FLAGS[i]);
		accept_with("::1", FLAGS[i], FLAGS[ARRAY_LEN(FLAGS) - 1 - i]);
	}
}

/*
 * MPTCP. What the kernel refuses to tell or to set must not disturb the
 * others, and a refusal is not the program's.
 */
static bool
mptcp_has(int level, int name, int value)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	bool has = syscall(SYS_setsockopt, fd, level, name, &value,
		       sizeof(value)) == 0;

	close(fd);
	return has;
}

static void
mptcp_expect(int fd)
{
	struct host_options have;

	host_wait(fd);
	have = host_options_get(fd);
	MUST(have.on == host_shimmed());
	if (!host_shimmed())
		return;
	if (mptcp_has(IPPROTO_TCP, TCP_KEEPIDLE, 1))
		MUST(have.idle == 300);
	if (mptcp_has(IPPROTO_TCP, TCP_KEEPINTVL, 1))
		MUST(have.interval == 30);
	if (mptcp_has(IPPROTO_TCP, TCP_KEEPCNT, 1))
		MUST(have.count == 5);
}

static void
mptcp_on(const char *text, int flags)
{
	int own = own_listener(text, SOCK_STREAM | flags, IPPROTO_MPTCP);
	struct host_addr to = host_addr(text, host_port(own));
	int fd =
	    CALL(socket(to.sa.ss_family, SOCK_STREAM | flags, IPPROTO_MPTCP));
	int value = 1234, result;

	result = CALL(connect(fd, host_sa(&to), to.len));
	MUST(result == 0 || errno == EINPROGRESS);
	mptcp_expect(fd);
	wait_for_peer(own);
	mptcp_expect(CALL(accept4(own, NULL, NULL, flags)));

	/* What the program may set, and what it gets to hear. */
	CALL(setsockopt(
	    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &value, sizeof(value)));
	CALL(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value)));
	value = 999999;
	CALL(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof(value)));
	value = 0;
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof(value)));
	mptcp_expect(fd);

	/* Its own listener serves plain TCP as well. */
	host_raw_connect(text, host_port(own));
	wait_for_peer(own);
	fd = CALL(accept(own, NULL, NULL));
	mptcp_expect(fd);
}

static void
mptcp(void)
{
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	if (fd < 0) {
		puts("cannot run here: mptcp: sockets of MPTCP");
		return;
	}
	close(fd);
	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
		mptcp_on("127.0.0.1", FLAGS[i]);
		mptcp_on("::1", FLAGS[i]);
	}
}

static void
set_option(int fd, int level, int name, int value)
{
	MUST(CALL(setsockopt(fd, level, name, &value, sizeof(value))) == 0);
}

static void
set_everything(int fd)
{
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, 7000);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 10);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 50);
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 1234);
}

/* After set_everything(): what the rules and the program agree upon. */
#define EXPECT_SET(fd, ...)                                     \
	host_expect(__FILE__, __LINE__, fd,                     \
	    host_shimmed() ? (struct host_options){__VA_ARGS__} \
			   : (struct host_options){7000, 10, 50, 1234, 1})

/* Each returns another descriptor of the same socket. */
static int
by_dup(int fd)
{
	return CALL(dup(fd));
}

static int
by_dup2(int fd)
{
	return CALL(dup2(fd, 200));
}

static int
by_dup3(int fd)
{
	return CALL(dup3(fd, 201, O_CLOEXEC));
}

static int
by_fcntl(int fd)
{
	return CALL(fcntl(fd, F_DUPFD_CLOEXEC, 300));
}

static int
by_fcntl_high(int fd)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = limit.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	/* Where the system does not allow that many, any will do. */
	return CALL(fcntl(fd, F_DUPFD, limit.rlim_max > 6000 ? 5000 : 600));
}

static int (*const COPIES[])(int) = {
    by_dup, by_dup2, by_dup3, by_fcntl, by_fcntl_high};

static int
connected_fd(const char *text)
{
	int listener = host_raw_listener(text);
	struct host_addr to = host_addr(text, host_port(listener));
	int fd = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	return fd;
}

static int
accepted_fd(const char *text)
{
	int own = own_listener(text, SOCK_STREAM, 0);

	host_raw_connect(text, host_port(own));
	return CALL(accept(own, NULL, NULL));
}

/* The program sets its values through a copy of the descriptor. */
static void
sets_through_copies(struct host_options want)
{
	static const char *const TEXTS[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		for (size_t j = 0; j < 2 * ARRAY_LEN(COPIES); j++) {
			int fd = j % 2 == 0 ? connected_fd(TEXTS[i])
			                    : accepted_fd(TEXTS[i]);
			int copy = COPIES[j / 2](fd);

			EXPECT(copy, RULES_OPTIONS);
			set_everything(copy);
			EXPECT_SET(fd, want.idle, want.interval, want.count,
			    want.user_timeout, want.on);
			close(copy);
			close(fd);
		}
	}
}

/* The same by a child that inherited the descriptor. */
static void
sets_in_child(struct host_options want)
{
	static const char *const TEXTS[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < 2 * ARRAY_LEN(TEXTS); i++) {
		int fd = i % 2 == 0 ? connected_fd(TEXTS[i / 2])
		                    : accepted_fd(TEXTS[i / 2]);
		int status = -1;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			set_everything(fd);
			exit(host_failures);
		}
		MUST(waitpid(pid, &status, 0) == pid && status == 0);
		EXPECT_SET(fd, want.idle, want.interval, want.count,
		    want.user_timeout, want.on);
	}
}

static void
copies_override(void)
{
	struct host_options want = {300, 30, 5, 1234, 1};

	sets_through_copies(want);
	sets_in_child(want);
}

static void
copies_tighten(void)
{
	struct host_options want = {300, 10, 5, 1234, 1};

	sets_through_copies(want);
	sets_in_child(want);
}

static void
copies_respect(void)
{
	struct host_options want = {7000, 10, 50, 1234, 1};

	sets_through_copies(want);
	sets_in_child(want);
}

/*
 * The program switches keepalive off on its listener: before listen(), after
 * it, and on a copy. What is accepted then has it, or not.
 */
static void
listener_off(bool on)
{
	static const char *const TEXTS[] = {"127.0.0.1", "::1"};

	for (size_t i = 0; i < 3 * ARRAY_LEN(TEXTS); i++) {
		struct host_addr any = host_addr(TEXTS[i / 3], 0);
		int own = CALL(socket(any.sa.ss_family, SOCK_STREAM, 0)), fd;

		MUST(CALL(bind(own, host_sa(&any), any.len)) == 0);
		if (i % 3 == 0)
			set_option(own, SOL_SOCKET, SO_KEEPALIVE, 0);
		MUST(CALL(listen(own, 8)) == 0);
		if (i % 3 == 1)
			set_option(own, SOL_SOCKET, SO_KEEPALIVE, 0);
		if (i % 3 == 2)
			set_option(CALL(dup(own)), SOL_SOCKET, SO_KEEPALIVE, 0);
		host_raw_connect(TEXTS[i / 3], host_port(own));
		fd = CALL(accept(own, NULL, NULL));
		/* Before listen(), the rule comes later than the program. */
		EXPECT(fd, 300, 30, 5, 0, on || i % 3 == 0);
	}
}

static void
listener_stays_on(void)
{
	listener_off(true);
}

static void
listener_goes_off(void)
{
	listener_off(false);
}

#define TWO_RULES                                                            \
	"rule a { destination = { \"127.0.0.1\" } user-timeout = \"1min\"\n" \
	" idle = 300 interval = 30 count = 5 }\n"                            \
	"rule b { destination = { \"127.0.0.2\", \"::1\" } idle = 100 }\n"

/* An address where nobody listens. */
static struct host_addr
dead_address(void)
{
	int gone = host_raw_listener("127.0.0.1");
	struct host_addr dead = host_addr("127.0.0.1", host_port(gone));

	close(gone);
	return dead;
}

/*
 * The known limit of record.h: a second connect through a descriptor of
 * which nothing is known leaves what the first rule set and the second does
 * not name.
 */
static void
connect_twice_by(int (*copy_of)(int), bool forget)
{
	int listener = host_raw_listener("127.0.0.2");
	struct host_addr to = host_addr("127.0.0.2", host_port(listener));
	struct host_addr dead = dead_address();
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0)), copy;

	if (forget) {
		copy = copy_of(fd);
		close(fd);
		fd = copy;
	}
	CALL(connect(fd, host_sa(&dead), dead.len));
	MUST(errno == ECONNREFUSED);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	CALL(connect(fd, &unspec, sizeof(unspec)));
	copy = forget ? fd : copy_of(fd);
	MUST(CALL(connect(copy, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 100, 30, 5, 60000, 1);
	close(copy);
}

static void
connect_twice_unknown(void)
{
	for (size_t i = 0; i < ARRAY_LEN(COPIES); i++)
		connect_twice_by(COPIES[i], false);
	connect_twice_by(by_fcntl_high, true);
}

/* Or, with IPv4, it is the address that the socket is bound to. */
static void
connect_unspecified_bound(void)
{
	int listener = host_raw_listener("127.0.0.2");
	struct host_addr to = host_addr("0.0.0.0", host_port(listener));
	struct host_addr from = host_addr("127.0.0.2", 0);
	struct host_options want = host_defaults();
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(bind(fd, host_sa(&from), from.len)) == 0);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 100, want.interval, want.count, want.user_timeout, 1);
}

/*
 * A connection on which another connect() is tried: EISCONN, and
 * the rule of the connection that is there holds on. The same while it is
 * still under way.
 */
static void
connect_elsewhere(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct host_addr other = host_addr("127.0.0.2", host_port(listener));
	struct host_addr none = host_addr("127.0.0.3", host_port(listener));
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0)), full;

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	CALL(connect(fd, host_sa(&other), other.len));
	MUST(errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	CALL(connect(fd, host_sa(&none), none.len));
	EXPECT(fd, 300, 30, 5, 60000, 1);

	/* A listener whose queue is full leaves the SYN unanswered. */
	full = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	to = host_addr("127.0.0.1", 0);
	MUST(bind(full, host_sa(&to), to.len) == 0);
	MUST(syscall(SYS_listen, full, 0) == 0);
	to = host_addr("127.0.0.1", host_port(full));
	for (int i = 0; i < 4; i++) {
		fd = CALL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		MUST(connect(fd, host_sa(&to), to.len) < 0 &&
		     errno == EINPROGRESS);
	}
	CALL(connect(fd, host_sa(&other), other.len));
	MUST(errno == EALREADY);
	EXPECT(fd, 300, 30, 5, 60000, 1);
}

/*
 * A connection was made and taken apart with AF_UNSPEC, more than once, to
 * and fro: each time the options are those of the last rule alone.
 */
static void
connect_again(int flags)
{
	static const char *const TO[] = {
	    "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.2", "127.0.0.1"};
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int fd = CALL(socket(AF_INET, SOCK_STREAM | flags, 0));

	for (size_t i = 0; i < ARRAY_LEN(TO); i++) {
		int listener = host_raw_listener(TO[i]);
		struct host_addr to = host_addr(TO[i], host_port(listener));
		struct host_options want = host_defaults();
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		int result = CALL(connect(fd, host_sa(&to), to.len));

		MUST(result == 0 || errno == EINPROGRESS);
		if (i == 0 || i == 4)
			want = (struct host_options){300, 30, 5, 60000, 1};
		else if (i == 1 || i == 3)
			want = (struct host_options){100, want.interval,
			    want.count, want.user_timeout, 1};
		host_expect(__FILE__, __LINE__, fd,
		    host_shimmed() ? want : host_defaults());
		MUST(poll(&ready, 1, 10000) == 1);
		MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
		close(listener);
	}
}

static void
connect_to_and_fro(void)
{
	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++)
		connect_again(FLAGS[i]);
}

/*
 * Protocols that are not ours. All is compared with the bare run by CALL; of
 * the socket, every option that could have been changed.
 */
static void
untouched(int fd)
{
	CALL(host_option(fd, SOL_SOCKET, SO_KEEPALIVE));
	CALL(host_option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
	CALL(host_option(fd, IPPROTO_TCP, TCP_KEEPINTVL));
	CALL(host_option(fd, IPPROTO_TCP, TCP_KEEPCNT));
	CALL(host_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT));
}

static void
connect_other(int family, int type, int protocol, const void *sa, socklen_t len)
{
	int on = 1, fd = CALL(socket(family, type, protocol));

	if (fd < 0)
		return;
	untouched(fd);
	CALL(connect(fd, sa, len));
	untouched(fd);
	CALL(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	CALL(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)));
	untouched(fd);
	CALL(listen(fd, 1));
	untouched(fd);
	close(fd);
}

static void
other_ip(const char *text)
{
	static const struct {
		int type, protocol;
	} KINDS[] = {
	    {SOCK_DGRAM, 0},
	    {SOCK_DGRAM, IPPROTO_UDPLITE},
	    {SOCK_DGRAM, IPPROTO_ICMP},
	    {SOCK_DGRAM, IPPROTO_ICMPV6},
	    {SOCK_RAW, IPPROTO_TCP},
	    {SOCK_RAW, IPPROTO_RAW},
	    {SOCK_RAW, IPPROTO_ICMP},
	    {SOCK_STREAM, IPPROTO_SCTP},
	    {SOCK_SEQPACKET, IPPROTO_SCTP},
	    {SOCK_STREAM, IPPROTO_UDP},
	    {SOCK_RDM, 0},
	};
	struct host_addr to = host_addr(text, 9);

	for (size_t i = 0; i < 2 * ARRAY_LEN(KINDS); i++)
		connect_other(to.sa.ss_family,
		    KINDS[i / 2].type | (i % 2 == 1 ? SOCK_NONBLOCK : 0),
		    KINDS[i / 2].protocol, host_sa(&to), to.len);
}

static void
other_unix(int type)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int own = CALL(socket(AF_UNIX, type, 0)), fd, pair[2];
	socklen_t len;

	/* An abstract name, so that nothing is left behind. */
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			  (size_t)snprintf(un.sun_path + 1,
			      sizeof(un.sun_path) - 1, "kashim-test-%d",
			      (int)getpid()));
	MUST(CALL(bind(own, (struct sockaddr *)&un, len)) == 0);
	CALL(listen(own, 1));
	connect_other(AF_UNIX, type, 0, &un, len);
	connect_other(AF_UNIX, type | SOCK_NONBLOCK, 0, &un, len);
	if (type != SOCK_DGRAM) {
		fd = CALL(accept(own, NULL, NULL));
		untouched(fd);
	}
	untouched(own);
	MUST(CALL(socketpair(AF_UNIX, type, 0, pair)) == 0);
	untouched(pair[0]);
}

static void
others(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};
	struct sockaddr_vm vm = {
	    .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL, .svm_port = 9};
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};
	struct host_addr to = host_addr("127.0.0.1", 9);

	other_ip("127.0.0.1");
	other_ip("::1");
	other_unix(SOCK_STREAM);
	other_unix(SOCK_DGRAM);
	other_unix(SOCK_SEQPACKET);
	connect_other(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &nl, sizeof(nl));
	connect_other(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE, &nl, sizeof(nl));
	connect_other(AF_VSOCK, SOCK_STREAM, 0, &vm, sizeof(vm) - 1);
	connect_other(AF_VSOCK, SOCK_DGRAM, 0, &vm, sizeof(vm) - 1);
	connect_other(AF_PACKET, SOCK_RAW, htons(ETH_P_ARP), &ll, sizeof(ll));
	connect_other(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ARP), &ll, sizeof(ll));
	/* An address that a rule matches, on what is no IP socket. */
	connect_other(AF_UNIX, SOCK_STREAM, 0, &to.sa, to.len);
	connect_other(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &to.sa, to.len);
	connect_other(AF_VSOCK, SOCK_STREAM, 0, &to.sa, to.len);
	CALL(host_descriptors());
}

static const struct host_case CASES[] = {
    RULES_CASES("connect", connect_new),
    RULES_CASES("old-connect", connect_old),
    RULES_CASES("connect-unspecified", connect_unspecified),
    RULES_CASES("accept", accept_every),
    RULES_CASES("mptcp", mptcp),
    {"mptcp-user-timeout", "user-timeout = \"1min\"\n" RULES_BY_DESTINATION,
	mptcp},
    RULES_CASES("copies-override", copies_override),
    {"copies-tighten", "app-settings = tighten\n" RULES_BY_DESTINATION,
	copies_tighten},
    {"copies-tighten-by-source", "app-settings = tighten\n" RULES_BY_SOURCE,
	copies_tighten},
    {"copies-tighten-uniform", "app-settings = tighten\n" RULES_UNIFORM,
	copies_tighten},
    {"copies-respect", "app-settings = respect\n" RULES_BY_DESTINATION,
	copies_respect},
    {"copies-respect-by-source", "app-settings = respect\n" RULES_BY_SOURCE,
	copies_respect},
    {"copies-respect-by-port", "app-settings = respect\n" RULES_BY_PORT,
	copies_respect},
    {"copies-respect-beside-override",
	"rule r { destination" RULES_LOOPBACK " app-settings = respect\n"
	" idle = 300 interval = 30 count = 5 }\n"
	"rule all { idle = 1 }\n",
	copies_respect},
    RULES_CASES("listener-off", listener_stays_on),
    {"listener-off-tighten", "app-settings = tighten\n" RULES_BY_PORT,
	listener_stays_on},
    {"listener-off-respect", "app-settings = respect\n" RULES_BY_PORT,
	listener_goes_off},
    {"listener-off-respect-by-source",
	"app-settings = respect\n" RULES_BY_SOURCE, listener_stays_on},
    {"connect-twice-unknown", TWO_RULES, connect_twice_unknown},
    {"connect-unspecified-bound", TWO_RULES, connect_unspecified_bound},
    {"connect-elsewhere", TWO_RULES, connect_elsewhere},
    {"connect-to-and-fro", TWO_RULES, connect_to_and_fro},
    RULES_CASES("others", others),
    {"others-switch-only", "rule s { destination = { \"127.0.0.0/8\" } }\n",
	others},
    {"others-switch-only-uniform", "rule s { }\n", others},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
