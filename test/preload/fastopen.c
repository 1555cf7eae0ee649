/* SPDX-License-Identifier: ISC */
/*
 * Connections that begin with data (RFC 7413): sendto(), sendmsg() and
 * sendmmsg() with MSG_FASTOPEN, and connect() under TCP_FASTOPEN_CONNECT.
 */
#include "netns.h"
#include "rules.h"

#include <poll.h>

#define FASTOPEN "/proc/sys/net/ipv4/tcp_fastopen"

/* The addresses a, b: rule a sets everything, rule b nothing but idle. */
#define TWO_RULES                                                        \
	"rule a { destination = \"127.0.0.1\" user-timeout = \"1min\"\n" \
	" idle = 300 interval = 30 count = 5 }\n"                        \
	"rule b { destination = \"127.0.0.2\" idle = 100 }\n"

static const char HELLO[] = "hello";

static struct iovec
hello(void)
{
	return (struct iovec){(void *)HELLO, sizeof(HELLO) - 1};
}

static ssize_t
by_sendto(int fd, const struct host_addr *to)
{
	return sendto(
	    fd, HELLO, sizeof(HELLO) - 1, MSG_FASTOPEN, host_sa(to), to->len);
}

static struct msghdr
hello_to(const struct host_addr *to, struct iovec *iov)
{
	*iov = hello();
	return (struct msghdr){
	    .msg_name = (void *)&to->sa,
	    .msg_namelen = to->len,
	    .msg_iov = iov,
	    .msg_iovlen = 1,
	};
}

static ssize_t
by_sendmsg(int fd, const struct host_addr *to)
{
	struct iovec iov;
	struct msghdr message = hello_to(to, &iov);

	return sendmsg(fd, &message, MSG_FASTOPEN);
}

/* Two messages, "hel" to the address and "lo"; returns the bytes sent. */
static ssize_t
by_sendmmsg(int fd, const struct host_addr *to)
{
	struct iovec iov[2];
	struct mmsghdr messages[2] = {
	    {.msg_hdr = hello_to(to, &iov[0])},
	    {.msg_hdr = hello_to(to, &iov[1])},
	};
	int sent;

	iov[0].iov_len = 3;
	iov[1].iov_base = (void *)(HELLO + 3);
	iov[1].iov_len = 2;
	/* The second must not connect again, or it were EISCONN. */
	sent = sendmmsg(fd, messages, 1, MSG_FASTOPEN);
	if (sent != 1)
		return sent;
	messages[1].msg_hdr.msg_name = NULL;
	messages[1].msg_hdr.msg_namelen = 0;
	if (sendmmsg(fd, &messages[1], 1, 0) != 1)
		return -1;
	return messages[0].msg_len + messages[1].msg_len;
}

static ssize_t
by_connect(int fd, const struct host_addr *to)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)) <
		0 ||
	    connect(fd, host_sa(to), to->len) < 0)
		return -1;
	return write(fd, HELLO, sizeof(HELLO) - 1);
}

static int
fastopen_listener(const char *text)
{
	int listener = host_raw_listener(text), queue = 16;

	MUST(setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &queue,
		 sizeof(queue)) == 0);
	return listener;
}

/* Was data in the SYN, and was it taken? */
static bool
data_in_syn(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	MUST(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
	return (info.tcpi_options & TCPI_OPT_SYN_DATA) != 0;
}

static void
arrives(int listener)
{
	char text[sizeof(HELLO)] = "";
	int peer = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);

	MUST(recv(peer, text, sizeof(HELLO) - 1, MSG_WAITALL) ==
	     sizeof(HELLO) - 1);
	MUST(strcmp(text, HELLO) == 0);
	close(peer);
}

struct round {
	ssize_t (*way)(int fd, const struct host_addr *to);
	const char *text;
	int flags;
	bool bound;
};

static void
send_once(const struct round *round, int listener, bool cookie)
{
	struct host_addr to = host_addr(round->text, host_port(listener));
	struct host_addr any = host_addr(round->text, 0);
	int fd = CALL(socket(to.sa.ss_family, SOCK_STREAM | round->flags, 0));
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	ssize_t sent;

	if (round->bound)
		MUST(CALL(bind(fd, host_sa(&any), any.len)) == 0);
	sent = CALL(round->way(fd, &to));
	EXPECT(fd, RULES_OPTIONS);
	if (sent < 0) {
		/* Without a cookie the data must wait for the connection. */
		MUST(errno == EINPROGRESS && !cookie);
		MUST((round->flags & SOCK_NONBLOCK) != 0);
		MUST(poll(&ready, 1, 10000) == 1);
		MUST(
		    send(fd, HELLO, sizeof(HELLO) - 1, 0) == sizeof(HELLO) - 1);
		sent = sizeof(HELLO) - 1;
	}
	MUST(sent == sizeof(HELLO) - 1);
	arrives(listener);
	MUST(data_in_syn(fd) == cookie);
	EXPECT(fd, RULES_OPTIONS);
	close(fd);
}

/* The first connection to an address fetches the cookie, the others use it. */
static void
send_round(const struct round *round)
{
	int listener;

	netns_enter();
	MUST(netns_put(FASTOPEN, "3"));
	listener = fastopen_listener(round->text);
	send_once(round, listener, false);
	send_once(round, listener, true);
	send_once(round, listener, true);
}

static void
send_every_way(ssize_t (*way)(int fd, const struct host_addr *to))
{
	static const int FLAGS[] = {
	    0, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_CLOEXEC | SOCK_NONBLOCK};

	for (size_t i = 0; i < ARRAY_LEN(FLAGS); i++) {
		bool bound = i % 2 == 1;

		send_round(&(struct round){way, "127.0.0.1", FLAGS[i], bound});
		send_round(&(struct round){way, "::1", FLAGS[i], bound});
	}
}

static void
sendto_connects(void)
{
	send_every_way(by_sendto);
}

static void
sendmsg_connects(void)
{
	send_every_way(by_sendmsg);
}

static void
sendmmsg_connects(void)
{
	send_every_way(by_sendmmsg);
}

static void
connect_defers(void)
{
	send_every_way(by_connect);
}

/* All that can be wrong with such a call; nothing connects. */
static void
bad_calls(int fd, const struct host_addr *to)
{
	struct iovec iov;
	struct msghdr good = hello_to(to, &iov), nameless = good;
	struct mmsghdr messages[2] = {{.msg_hdr = good}, {.msg_hdr = good}};
	struct host_addr family = *to;

	nameless.msg_name = NULL;
	nameless.msg_namelen = 0;
	family.sa.ss_family = 9999;
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, NULL, 0));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, NULL, to->len));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(to), 0));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(to), 3));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(to), 1 << 20));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(&family), to->len));
	CALL(sendto(-1, HELLO, 5, MSG_FASTOPEN, host_sa(to), to->len));
	CALL(sendto(
	    STDOUT_FILENO, HELLO, 5, MSG_FASTOPEN, host_sa(to), to->len));
	CALL(send(fd, HELLO, 5, MSG_FASTOPEN | MSG_NOSIGNAL));
	CALL(sendmsg(fd, NULL, MSG_FASTOPEN));
	CALL(sendmsg(fd, &nameless, MSG_FASTOPEN));
	CALL(sendmsg(-1, &good, MSG_FASTOPEN));
	CALL(sendmmsg(fd, NULL, 1, MSG_FASTOPEN));
	CALL(sendmmsg(fd, NULL, 0, MSG_FASTOPEN));
	CALL(sendmmsg(fd, messages, 0, MSG_FASTOPEN));
	CALL(sendmmsg(-1, messages, 2, MSG_FASTOPEN));
	messages[0].msg_hdr = nameless;
	CALL(sendmmsg(fd, messages, 2, MSG_FASTOPEN));
	CALL(host_descriptors());
}

static void
fails_as_bare(void)
{
	static const char *const TEXTS[] = {"127.0.0.1", "::1"};

	signal(SIGPIPE, SIG_IGN);
	netns_enter();
	MUST(netns_put(FASTOPEN, "3"));
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int listener = fastopen_listener(TEXTS[i]);
		struct host_addr to = host_addr(TEXTS[i], host_port(listener));
		int family = to.sa.ss_family;

		bad_calls(CALL(socket(family, SOCK_STREAM, 0)), &to);
		bad_calls(
		    CALL(socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0)), &to);
	}
}

/* With the flag, on sockets that have no such thing. */
static void
flag_elsewhere(void)
{
	struct host_addr to = host_addr("127.0.0.1", 9);
	struct iovec iov = hello();
	struct msghdr nameless = {.msg_iov = &iov, .msg_iovlen = 1};
	struct iovec iovs[2];
	struct mmsghdr messages[2] = {
	    {.msg_hdr = hello_to(&to, &iovs[0])},
	    {.msg_hdr = hello_to(&to, &iovs[1])},
	};
	int fd, pair[2];

	netns_enter();
	fd = CALL(socket(AF_INET, SOCK_DGRAM, 0));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(&to), to.len));
	CALL(sendmsg(fd, &messages[0].msg_hdr, MSG_FASTOPEN));
	/* All of them go, not only the first. */
	fd = CALL(socket(AF_INET, SOCK_DGRAM, 0));
	MUST(CALL(sendmmsg(fd, messages, 2, MSG_FASTOPEN)) == 2);
	CALL(messages[0].msg_len + messages[1].msg_len);
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	fd = CALL(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(&to), to.len));
	MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) == 0);
	MUST(CALL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) == 0);
	CALL(sendto(pair[0], HELLO, 5, MSG_FASTOPEN, NULL, 0));
	CALL(sendmsg(pair[0], &nameless, MSG_FASTOPEN));
	CALL(sendto(pair[0], HELLO, 5, MSG_FASTOPEN, host_sa(&to), to.len));
	MUST(host_option(pair[0], SOL_SOCKET, SO_KEEPALIVE) == 0);
}

static struct host_options
idle_100(void)
{
	struct host_options options = host_defaults();

	options.idle = 100;
	options.on = 1;
	return options;
}

/*
 * Switched off in the kernel: EOPNOTSUPP, and the program then connects
 * elsewhere in the plain way. Nothing of the first rule stays.
 */
static void
switched_off(void)
{
	int listener, fd;
	struct host_addr a, b;

	netns_enter();
	MUST(netns_put(FASTOPEN, "0"));
	listener = host_raw_listener("127.0.0.2");
	a = host_addr("127.0.0.1", host_port(listener));
	b = host_addr("127.0.0.2", host_port(listener));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(sendto(fd, HELLO, 5, MSG_FASTOPEN, host_sa(&a), a.len));
	MUST(errno == EOPNOTSUPP);
	MUST(CALL(connect(fd, host_sa(&b), b.len)) == 0);
	host_expect(__FILE__, __LINE__, fd,
	    host_shimmed() ? idle_100() : host_defaults());
}

/* Nobody listens: the socket can be used again, for another rule. */
static void
refused(void)
{
	int listener, fd;
	struct host_addr a, b;

	netns_enter();
	MUST(netns_put(FASTOPEN, "3"));
	listener = fastopen_listener("127.0.0.2");
	a = host_addr("127.0.0.1", host_port(listener));
	b = host_addr("127.0.0.2", host_port(listener));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	CALL(by_sendto(fd, &a));
	MUST(errno == ECONNREFUSED);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	MUST(CALL(by_sendmsg(fd, &b)) == 5);
	host_expect(__FILE__, __LINE__, fd,
	    host_shimmed() ? idle_100() : host_defaults());
	arrives(listener);
}

/*
 * On a connection, to an address that another rule is for: the call fails and
 * the connection keeps its rule.
 */
static void
connected_already(void)
{
	int listener, fd;
	struct host_addr a, b;
	struct iovec iov;
	struct mmsghdr message;

	netns_enter();
	MUST(netns_put(FASTOPEN, "3"));
	listener = fastopen_listener("127.0.0.1");
	a = host_addr("127.0.0.1", host_port(listener));
	b = host_addr("127.0.0.2", host_port(listener));
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(by_sendto(fd, &a)) == 5);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	MUST(CALL(by_sendto(fd, &a)) == -1 && errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	MUST(CALL(by_sendto(fd, &b)) == -1 && errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	MUST(CALL(by_sendmsg(fd, &b)) == -1 && errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	message.msg_hdr = hello_to(&b, &iov);
	MUST(CALL(sendmmsg(fd, &message, 1, MSG_FASTOPEN)) == -1);
	MUST(errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	MUST(CALL(connect(fd, host_sa(&b), b.len)) == -1 && errno == EISCONN);
	EXPECT(fd, 300, 30, 5, 60000, 1);
}

/* A listener that takes data in the SYN: what it accepts has its rule. */
static void
accept_early(void)
{
	static const char *const TEXTS[] = {"127.0.0.1", "::1"};
	int queue = 16;

	netns_enter();
	MUST(netns_put(FASTOPEN, "3"));
	for (size_t i = 0; i < 2 * ARRAY_LEN(TEXTS); i++) {
		struct host_addr to = host_addr(TEXTS[i / 2], 0);
		int own = CALL(socket(to.sa.ss_family, SOCK_STREAM, 0));
		int client =
		    (int)syscall(SYS_socket, to.sa.ss_family, SOCK_STREAM, 0);
		int fd;

		MUST(CALL(bind(own, host_sa(&to), to.len)) == 0);
		MUST(CALL(setsockopt(own, IPPROTO_TCP, TCP_FASTOPEN, &queue,
			 sizeof(queue))) == 0);
		MUST(CALL(listen(own, 8)) == 0);
		to = host_addr(TEXTS[i / 2], host_port(own));
		MUST(syscall(SYS_sendto, client, HELLO, 5, MSG_FASTOPEN, &to.sa,
			 to.len) == 5);
		fd = CALL(accept4(own, NULL, NULL, SOCK_NONBLOCK));
		EXPECT(fd, RULES_OPTIONS);
		MUST(data_in_syn(client) == (i % 2 == 1));
	}
}

static const struct host_case CASES[] = {
    RULES_CASES("sendto", sendto_connects),
    RULES_CASES("sendmsg", sendmsg_connects),
    RULES_CASES("sendmmsg", sendmmsg_connects),
    RULES_CASES("fastopen-connect", connect_defers),
    RULES_CASES("accept-early", accept_early),
    RULES_CASES("fails-as-bare", fails_as_bare),
    RULES_CASES("flag-elsewhere", flag_elsewhere),
    {"switched-off", TWO_RULES, switched_off},
    {"refused", TWO_RULES, refused},
    {"connected-already", TWO_RULES, connected_already},
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
