/* SPDX-License-Identifier: ISC */
/*
 * A host that makes one kind of call between two getppid() calls, for
 * test_ways_syscalls.sh: those that connect or bring sockets only at times,
 * and those that are never ours.
 */
#include "netns.h"

#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <sys/un.h>

extern int
old_connect(int, const struct sockaddr *, socklen_t) __asm__("__connect");

/* Sockets of IP that are not TCP. */
static void
call_other_sockets(void)
{
	getppid();
	socket(AF_INET, SOCK_DGRAM, 0);
	socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDPLITE);
	socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	socket(AF_INET, SOCK_STREAM, 132); /* SCTP */
	getppid();
}

/* The two ends of a connection that the library never saw. */
static void
raw_pair(int pair[2])
{
	int listener = host_raw_listener("127.0.0.1");

	pair[0] = host_raw_connect("127.0.0.1", host_port(listener));
	pair[1] = (int)syscall(SYS_accept4, listener, NULL, NULL, 0);
}

static void
call_sends(void)
{
	char bytes[] = "hello";
	struct iovec iov = {bytes, 5};
	struct mmsghdr messages[1] = {
	    {.msg_hdr = {.msg_iov = &iov, .msg_iovlen = 1}}};
	int pair[2];

	raw_pair(pair);
	getppid();
	send(pair[0], bytes, 5, 0);
	sendto(pair[0], bytes, 5, MSG_NOSIGNAL, NULL, 0);
	sendmsg(pair[0], &messages[0].msg_hdr, MSG_NOSIGNAL);
	sendmmsg(pair[0], messages, 1, MSG_NOSIGNAL);
	getppid();
}

/* An UDP socket's address is none that connects. */
static void
call_datagrams(void)
{
	struct host_addr to = host_addr("127.0.0.1", 9);
	char bytes[] = "hello";
	struct iovec iov = {bytes, 5};
	struct mmsghdr messages[1] = {{.msg_hdr = {.msg_name = &to.sa,
					   .msg_namelen = to.len,
					   .msg_iov = &iov,
					   .msg_iovlen = 1}}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	getppid();
	sendto(fd, bytes, 5, 0, host_sa(&to), to.len);
	sendmsg(fd, &messages[0].msg_hdr, 0);
	sendmmsg(fd, messages, 1, 0);
	getppid();
}

static void
call_other_ip(int family, int type, int protocol)
{
	struct host_addr to =
	    host_addr(family == AF_INET ? "127.0.0.1" : "::1", 9);

	getppid();
	(void)connect(socket(family, type, protocol), host_sa(&to), to.len);
	getppid();
}

static void
call_udp(void)
{
	call_other_ip(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

static void
call_udp_6(void)
{
	call_other_ip(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_UDP);
}

static void
call_raw(void)
{
	call_other_ip(AF_INET, SOCK_RAW, IPPROTO_TCP);
}

static void
connect_times(int fd, int times)
{
	struct host_addr to = host_addr("127.0.0.1", 9);

	getppid();
	while (times-- > 0)
		(void)connect(fd, host_sa(&to), to.len);
	getppid();
}

static void
call_udp_again(void)
{
	connect_times(socket(AF_INET, SOCK_DGRAM, 0), 4);
}

/* Made in a way that no hook sees. */
static void
call_udp_unseen(void)
{
	connect_times((int)syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0), 2);
}

static void
call_fastopen(void)
{
	struct host_addr to;
	int fd;

	netns_enter();
	to = host_addr("127.0.0.1", host_port(host_raw_listener("127.0.0.1")));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	getppid();
	sendto(fd, "hello", 5, MSG_FASTOPEN, host_sa(&to), to.len);
	getppid();
}

static void
call_old_connect(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	getppid();
	old_connect(fd, host_sa(&to), to.len);
	getppid();
}

/* Plain bytes: without a control buffer, with one, and many at once. */
static void
call_receives(void)
{
	char bytes[16], control[256];
	struct iovec iov = {bytes, 5};
	struct msghdr bare = {.msg_iov = &iov, .msg_iovlen = 1}, roomy = bare;
	struct mmsghdr messages[1];
	int pair[2];

	raw_pair(pair);
	MUST(write(pair[0], "hellohellohello", 15) == 15);
	roomy.msg_control = control;
	roomy.msg_controllen = sizeof(control);
	messages[0].msg_hdr = roomy;
	getppid();
	(void)recvmsg(pair[1], &bare, 0);
	(void)recvmsg(pair[1], &roomy, 0);
	recvmmsg(pair[1], messages, 1, 0, NULL);
	getppid();
}

/*
 * Sends fd, if it is not -1, and receives it, between the marks if it says so.
 * Returns the number that it came with, or -1.
 */
static int
receive_fd(int fd, bool credentials, bool marked)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS}};
	_Alignas(struct cmsghdr) char control[256];
	char bytes[] = "x";
	struct iovec iov = {bytes, 1};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	const struct cmsghdr *first;
	int pair[2], on = credentials, received = -1;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	if (fd >= 0) {
		memcpy(CMSG_DATA(&rights.align), &fd, sizeof(fd));
		message.msg_control = rights.bytes;
		message.msg_controllen = sizeof(rights.bytes);
	}
	MUST(sendmsg(pair[0], &message, 0) == 1);
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	if (marked)
		getppid();
	(void)recvmsg(pair[1], &message, 0);
	if (marked)
		getppid();
	first = CMSG_FIRSTHDR(&message);
	if (first != NULL && first->cmsg_type == SCM_RIGHTS)
		memcpy(&received, CMSG_DATA(first), sizeof(received));
	return received;
}

static void
call_credentials(void)
{
	receive_fd(-1, true, true);
}

static void
call_pipe_received(void)
{
	receive_fd(STDIN_FILENO, true, true);
}

static void
call_tcp_received(void)
{
	int pair[2];

	raw_pair(pair);
	receive_fd(pair[1], false, true);
}

/* A raw listener in whose queue a connection waits. */
static int
raw_queue(void)
{
	int listener = host_raw_listener("127.0.0.1");

	host_raw_connect("127.0.0.1", host_port(listener));
	return listener;
}

/* Accepts the one that waits, then one that is made meanwhile. */
static void
accept_two(int listener)
{
	const uint16_t port = host_port(listener);

	getppid();
	accept(listener, NULL, NULL);
	host_raw_connect("127.0.0.1", port);
	accept(listener, NULL, NULL);
	getppid();
}

static void
call_queue_received(void)
{
	accept_two(receive_fd(raw_queue(), false, false));
}

static void
call_queue_again(void)
{
	int listener = raw_queue();

	listen(listener, 8);
	accept_two(listener);
}

static void
call_queue_unseen(void)
{
	accept_two(raw_queue());
}

/* Of the program's own. */
static void
own_queue(int shares)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	MUST(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &shares,
		 sizeof(shares)) == 0);
	MUST(bind(listener, host_sa(&any), any.len) == 0);
	listen(listener, 8);
	host_raw_connect("127.0.0.1", host_port(listener));
	accept_two(listener);
}

static void
call_queue_own(void)
{
	own_queue(0);
}

static void
call_queue_shared(void)
{
	own_queue(1);
}

/* A socket of a protocol that is not ours: made and connected. */
static void
call_unix(int type)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/none"};

	getppid();
	(void)connect(
	    socket(AF_UNIX, type, 0), (struct sockaddr *)&un, sizeof(un));
	getppid();
}

static struct sockaddr_un
unix_name(socklen_t *len)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	/* An abstract name, so that nothing is left behind. */
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(un.sun_path + 1,
			       sizeof(un.sun_path) - 1, "kashim-calls-%d",
			       (int)getpid()));
	return un;
}

static int
unix_bound(void)
{
	socklen_t len;
	struct sockaddr_un un = unix_name(&len);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	MUST(bind(fd, (struct sockaddr *)&un, len) == 0);
	return fd;
}

static void
call_unix_listen(void)
{
	int fd = unix_bound();

	getppid();
	listen(fd, 8);
	getppid();
}

static void
call_unix_accept(void)
{
	int listener = unix_bound();
	socklen_t len;
	struct sockaddr_un un = unix_name(&len);

	listen(listener, 8);
	MUST(connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&un,
		 len) == 0);
	getppid();
	accept(listener, NULL, NULL);
	getppid();
}

static void
call_unix_stream(void)
{
	call_unix(SOCK_STREAM);
}

static void
call_unix_dgram(void)
{
	call_unix(SOCK_DGRAM);
}

static void
call_unix_seqpacket(void)
{
	call_unix(SOCK_SEQPACKET);
}

static void
call_netlink(void)
{
	struct sockaddr_nl nl = {.nl_family = AF_NETLINK};

	getppid();
	(void)connect(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE),
	    (struct sockaddr *)&nl, sizeof(nl));
	getppid();
}

/* Cut short, so that it goes nowhere. */
static void
call_vsock(void)
{
	struct sockaddr_vm vm = {.svm_family = AF_VSOCK};

	getppid();
	(void)connect(socket(AF_VSOCK, SOCK_STREAM, 0), (struct sockaddr *)&vm,
	    sizeof(vm) - 1);
	getppid();
}

static void
call_packet(void)
{
	struct sockaddr_ll ll = {.sll_family = AF_PACKET};

	getppid();
	(void)connect(socket(AF_PACKET, SOCK_DGRAM, 0), (struct sockaddr *)&ll,
	    sizeof(ll));
	getppid();
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} CALLS[] = {
	    {"sends", call_sends},
	    {"datagrams", call_datagrams},
	    {"udp", call_udp},
	    {"udp-6", call_udp_6},
	    {"raw", call_raw},
	    {"udp-again", call_udp_again},
	    {"udp-unseen", call_udp_unseen},
	    {"fastopen", call_fastopen},
	    {"old-connect", call_old_connect},
	    {"other-sockets", call_other_sockets},
	    {"receives", call_receives},
	    {"credentials", call_credentials},
	    {"pipe-received", call_pipe_received},
	    {"tcp-received", call_tcp_received},
	    {"queue-received", call_queue_received},
	    {"queue-again", call_queue_again},
	    {"queue-unseen", call_queue_unseen},
	    {"queue-own", call_queue_own},
	    {"queue-shared", call_queue_shared},
	    {"unix-stream", call_unix_stream},
	    {"unix-listen", call_unix_listen},
	    {"unix-accept", call_unix_accept},
	    {"unix-dgram", call_unix_dgram},
	    {"unix-seqpacket", call_unix_seqpacket},
	    {"netlink", call_netlink},
	    {"vsock", call_vsock},
	    {"packet", call_packet},
	};

	for (size_t i = 0; i < ARRAY_LEN(CALLS); i++) {
		if (argc == 2 && strcmp(argv[1], CALLS[i].name) == 0) {
			CALLS[i].call();
			return host_failures == 0 ? 0 : 1;
		}
	}
	return 2;
}
