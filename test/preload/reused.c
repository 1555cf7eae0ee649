/* SPDX-License-Identifier: ISC */
/*
 * Numbers of descriptors that come back as another socket. The library notes
 * of a socket that it is not TCP, so that connect() need not ask; a TCP socket
 * that gets the same number later must not be taken for it.
 */
#include "netns.h"
#include "rules.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/un.h>

/* A number at which a datagram socket was noted, and is open no more. */
static int
noted_number(void)
{
	int fd = CALL(socket(AF_INET, SOCK_DGRAM, 0));

	close(fd);
	return fd;
}

/* Notes it under a number that will be taken by a socket that is there. */
static int
onto_noted(int fd)
{
	int number = noted_number();

	MUST(CALL(dup2(fd, number)) == number);
	close(fd);
	return number;
}

static void
connects(int fd, bool at_once)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0 ||
	     (!at_once && errno == EINPROGRESS));
	EXPECT(fd, RULES_OPTIONS);
	MUST(poll(&ready, 1, 10000) == 1);
	close(listener);
}

static void
by_socket(void)
{
	int number = noted_number();
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(fd == number);
	connects(fd, true);
	close(fd);
	number = noted_number();
	fd = CALL(socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
	MUST(fd == number);
	close(fd);
}

/* connect() that is under way tells that it is TCP after all. */
static void
by_dup_nonblocking(void)
{
	connects(
	    onto_noted(CALL(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0))),
	    false);
}

/*
 * The known limit of record_take_other(): one connection, and no second one.
 */
static void
by_dup(void)
{
	int listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(listener));
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int fd = onto_noted(CALL(socket(AF_INET, SOCK_STREAM, 0)));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, RULES_OPTIONS);
}

/* The flag is for TCP alone, and there nothing noted is believed. */
static void
by_dup_fastopen(void)
{
	struct host_addr to;
	int fd, listener;

	netns_enter();
	fd = onto_noted(CALL(socket(AF_INET, SOCK_STREAM, 0)));
	listener = host_raw_listener("127.0.0.1");
	to = host_addr("127.0.0.1", host_port(listener));
	MUST(CALL(sendto(fd, "x", 1, MSG_FASTOPEN, host_sa(&to), to.len)) == 1);
	EXPECT(fd, RULES_OPTIONS);
}

/* A listener, and what it accepts, at noted numbers. */
static void
by_accept(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int listener = onto_noted(CALL(socket(AF_INET, SOCK_STREAM, 0)));
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int peer, number, fd;

	MUST(CALL(bind(listener, host_sa(&any), any.len)) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	peer = host_raw_connect("127.0.0.1", host_port(listener));
	number = noted_number();
	fd = CALL(accept(listener, NULL, NULL));
	MUST(fd == number);
	EXPECT(fd, RULES_OPTIONS);
	/* It may connect from now on. */
	MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
	connects(fd, true);
	close(peer);
}

/*
 * The number of a unix(7) listener, of which was noted that nothing is to be
 * done, becomes that of a TCP listener that leaves all to accept().
 */
static void
by_listener(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct host_addr any = host_addr("0.0.0.0", 0);
	int number = CALL(socket(AF_UNIX, SOCK_STREAM, 0));
	int listener, peer, fd;

	MUST(bind(number, (struct sockaddr *)&un, sizeof(sa_family_t)) == 0);
	MUST(CALL(listen(number, 8)) == 0);
	listener = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(bind(listener, host_sa(&any), any.len) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	MUST(CALL(dup2(listener, number)) == number);
	for (int i = 0; i < 2; i++) {
		peer = host_raw_connect("127.0.0.1", host_port(listener));
		fd = CALL(accept(number, NULL, NULL));
		EXPECT(fd, RULES_OPTIONS);
		close(fd);
		close(peer);
	}
}

/* What was decided when a socket connected says nothing of what it accepts. */
static void
accepts(int fd, int port)
{
	for (int i = 0; i < 2; i++) {
		int peer = host_raw_connect("127.0.0.1", port);
		int accepted = CALL(accept(fd, NULL, NULL));

		EXPECT(accepted, RULES_OPTIONS);
		close(accepted);
		close(peer);
	}
}

/* The number of a connection becomes that of a listener. */
static void
by_connection(void)
{
	int to_listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(to_listener));
	struct host_addr any = host_addr("0.0.0.0", 0);
	int number = CALL(socket(AF_INET, SOCK_STREAM, 0));
	int listener = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(bind(listener, host_sa(&any), any.len) == 0);
	MUST(CALL(listen(listener, 8)) == 0);
	MUST(CALL(connect(number, host_sa(&to), to.len)) == 0);
	close(number);
	MUST(CALL(fcntl(listener, F_DUPFD, number)) == number);
	accepts(number, host_port(number));
}

/* A socket that was connected, or tried to, listens. */
static void
by_itself(void)
{
	int to_listener = host_raw_listener("127.0.0.1");
	struct host_addr to = host_addr("127.0.0.1", host_port(to_listener));
	struct host_addr any = host_addr("0.0.0.0", 0);
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int fd = CALL(socket(AF_INET, SOCK_STREAM, 0));

	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	MUST(CALL(connect(fd, &unspec, sizeof(unspec))) == 0);
	MUST(bind(fd, host_sa(&any), any.len) == 0);
	MUST(CALL(listen(fd, 8)) == 0);
	accepts(fd, host_port(fd));
	close(fd);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	close(to_listener);
	MUST(CALL(connect(fd, host_sa(&to), to.len)) < 0);
	MUST(bind(fd, host_sa(&any), any.len) == 0);
	MUST(CALL(listen(fd, 8)) == 0);
	accepts(fd, host_port(fd));
}

/* Nothing of a listener that was ignored stays with its number. */
static void
by_ignored(void)
{
	struct host_addr ignored = host_addr("127.0.0.2", 0);
	struct host_addr any = host_addr("0.0.0.0", 0);
	int number = CALL(socket(AF_INET, SOCK_STREAM, 0)), fd;

	MUST(bind(number, host_sa(&ignored), ignored.len) == 0);
	MUST(CALL(listen(number, 8)) == 0);
	close(number);
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(fd == number);
	MUST(bind(fd, host_sa(&any), any.len) == 0);
	MUST(CALL(listen(fd, 8)) == 0);
	accepts(fd, host_port(fd));
}

/* A TCP socket that another process made, and that is not connected. */
static void
by_recvmsg(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} rights = {.align = {.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS}};
	char bytes[] = "x";
	struct iovec iov = {bytes, 1};
	struct msghdr message = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = rights.bytes,
	    .msg_controllen = sizeof(rights.bytes)};
	int pair[2], number, fd;

	fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	memcpy(CMSG_DATA(&rights.align), &fd, sizeof(fd));
	MUST(sendmsg(pair[0], &message, 0) == 1);
	number = noted_number();
	MUST(CALL(recvmsg(pair[1], &message, 0)) == 1);
	memcpy(&fd, CMSG_DATA(&rights.align), sizeof(fd));
	MUST(fd == number);
	connects(fd, true);
}

/* What a parent noted, its child has, too. */
static void
by_fork(void)
{
	int number = noted_number(), status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		MUST(socket(AF_INET, SOCK_STREAM, 0) == number);
		connects(number, true);
		fflush(stdout);
		_exit(host_failures == 0 ? 0 : 1);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static const struct host_case CASES[] = {
    RULES_CASES("socket", by_socket),
    RULES_CASES("dup-nonblocking", by_dup_nonblocking),
    {"dup-by-destination", RULES_BY_DESTINATION, by_dup},
    {"dup-by-source", RULES_BY_SOURCE, by_dup},
    {"dup-by-port", RULES_BY_PORT, by_dup},
    RULES_CASES("dup-fastopen", by_dup_fastopen),
    RULES_CASES("accept", by_accept),
    RULES_CASES("listener", by_listener),
    RULES_CASES("connection", by_connection),
    RULES_CASES("itself", by_itself),
    {"ignored",
	"rule i { destination = \"127.0.0.2\" action = ignore "
	"}\n" RULES_BY_DESTINATION,
	by_ignored},
    RULES_CASES("recvmsg", by_recvmsg),
    RULES_CASES("fork", by_fork),
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
