/* SPDX-License-Identifier: ISC */
/*
 * Sockets that another program opened: descriptor 0 of an inetd, those of
 * socket activation, and those that come as SCM_RIGHTS. Who opens them here
 * does it with raw system calls, past the library.
 */
#include "host.h"
#include "rules.h"

#include <poll.h>
#include <signal.h>
#include <sys/un.h>

#define CHILD_DEADLINE_S 10

static const char *const TEXTS[] = {"127.0.0.1", "::1"};

static int
raw_accept(int listener)
{
	return (int)syscall(SYS_accept4, listener, NULL, NULL, SOCK_CLOEXEC);
}

/* A connection that was accepted, as an inetd hands it on. */
static int
raw_accepted(const char *text)
{
	int listener = host_raw_listener(text), fd;

	host_raw_connect(text, host_port(listener));
	fd = raw_accept(listener);
	MUST(fd >= 0);
	close(listener);
	return fd;
}

/*
 * What the program of an inetd does. argv: the number of descriptors from
 * first on to look at, and for each 'c', connected, 'l', listening, or '-',
 * not to be touched.
 */
static int
child_main(const char *first_text, const char *kinds)
{
	int first = atoi(first_text);

	for (int i = 0; kinds[i] != '\0'; i++) {
		int fd = first + i, accepted;

		switch (kinds[i]) {
		case 'c':
			EXPECT(fd, RULES_OPTIONS);
			break;
		case 'l':
			host_raw_connect(
			    getenv("KASHIM_TEST_TEXT"), host_port(fd));
			accepted = accept(fd, NULL, NULL);
			MUST(accepted >= 0);
			EXPECT(accepted, RULES_OPTIONS);
			break;
		default:
			MUST(host_option(fd, SOL_SOCKET, SO_KEEPALIVE) <= 0);
		}
	}
	return host_failures == 0 ? 0 : 1;
}

struct child {
	int fd;      /* to be descriptor first, and those after it */
	int more[2]; /* or -1 */
	int first;
	const char *kinds; /* see child_main */
	const char *text;
	const char *listen_fds; /* NULL: not set */
	const char *listen_pid; /* NULL: the child's own */
};

/* Puts the descriptors in their places and becomes the program. */
_Noreturn static void
child_exec(const struct child *child)
{
	const int fds[] = {child->fd, child->more[0], child->more[1]};
	char first[16], pid[32];
	int kept[ARRAY_LEN(fds)];

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		kept[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (kept[i] >= 0)
			dup2(kept[i], child->first + (int)i);
	}
	if (child->fd < 0)
		close(child->first);
	snprintf(first, sizeof(first), "%d", child->first);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (child->listen_fds != NULL) {
		setenv("LISTEN_FDS", child->listen_fds, 1);
		setenv("LISTEN_PID",
		    child->listen_pid != NULL ? child->listen_pid : pid, 1);
	}
	if (child->text != NULL)
		setenv("KASHIM_TEST_TEXT", child->text, 1);
	/* However absurd the environment is: it must be quick. */
	alarm(CHILD_DEADLINE_S);
	execl("/proc/self/exe", "handed", "--child", first, child->kinds,
	    (char *)NULL);
	_exit(127);
}

static void
child_run(const struct child *child)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		child_exec(child);
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (status != 0)
		fprintf(stderr, "child %s, %s, LISTEN_FDS %s: status %x\n",
		    child->kinds, child->text != NULL ? child->text : "-",
		    child->listen_fds != NULL ? child->listen_fds : "-",
		    (unsigned int)status);
	MUST(status == 0);
}

/* inetd with "nowait" hands on a connection, with "wait" the listener. */
static void
inetd(void)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int fd = raw_accepted(TEXTS[i]);

		child_run(&(struct child){.fd = fd,
		    .more = {-1, -1},
		    .kinds = "c",
		    .text = TEXTS[i]});
		MUST(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
		child_run(&(struct child){.fd = fd,
		    .more = {-1, -1},
		    .kinds = "c",
		    .text = TEXTS[i]});
		close(fd);
		fd = host_raw_listener(TEXTS[i]);
		child_run(&(struct child){.fd = fd,
		    .more = {-1, -1},
		    .kinds = "l",
		    .text = TEXTS[i]});
		close(fd);
	}
}

/* A connection that the parent opened is known by its far end. */
static void
opened_by_parent(void)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		int listener = host_raw_listener(TEXTS[i]);
		int fd = host_raw_connect(TEXTS[i], host_port(listener));

		child_run(&(struct child){.fd = fd,
		    .more = {-1, -1},
		    .kinds = "c",
		    .text = TEXTS[i]});
	}
}

/* Descriptor 0 as it mostly is. */
static void
inetd_not(void)
{
	struct host_addr any = host_addr("127.0.0.1", 0);
	int pair[2], pipes[2];
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int file = (int)syscall(SYS_memfd_create, "host", 0u);
	int udp = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);

	MUST(pipe(pipes) == 0);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	MUST(bind(udp, host_sa(&any), any.len) == 0);
	const int fds[] = {null, file, udp, pipes[0], pair[0], -1};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		child_run(&(struct child){
		    .fd = fds[i], .more = {-1, -1}, .kinds = "-"});
}

/*
 * No connection yet: nobody can tell what it will be, unless the rule is the
 * same for all.
 */
static void
inetd_fresh(const char *kinds)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		struct host_addr any = host_addr(TEXTS[i], 0);
		int fd =
		    (int)syscall(SYS_socket, any.sa.ss_family, SOCK_STREAM, 0);

		child_run(&(struct child){
		    .fd = fd, .more = {-1, -1}, .kinds = kinds});
		MUST(bind(fd, host_sa(&any), any.len) == 0);
		child_run(&(struct child){
		    .fd = fd, .more = {-1, -1}, .kinds = kinds});
	}
}

static void
fresh_undecided(void)
{
	inetd_fresh("-");
}

static void
fresh_decided(void)
{
	inetd_fresh("c");
}

/* Of these nobody told the program, so they are not looked at. */
static void
activation_not(void)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		static const char *const COUNTS[] = {
		    "-1", "abc", "", "0", "-99999999999", " ", "0x7"};
		int fd = raw_accepted(TEXTS[i]);
		struct child child = {.fd = fd,
		    .more = {-1, -1},
		    .first = 3,
		    .kinds = "-",
		    .text = TEXTS[i]};

		child_run(&child);
		child.listen_fds = "1";
		child.listen_pid = "1";
		child_run(&child);
		child.listen_pid = "abc";
		child_run(&child);
		child.listen_pid = "";
		child_run(&child);
		child.listen_pid = "-1";
		child_run(&child);
		child.listen_pid = "99999999999999999999";
		child_run(&child);
		child.listen_pid = NULL;
		for (size_t j = 0; j < ARRAY_LEN(COUNTS); j++) {
			child.listen_fds = COUNTS[j];
			child_run(&child);
		}
		/* One was named, the next one was not. */
		child.more[0] = raw_accepted(TEXTS[i]);
		child.listen_fds = "1";
		child.kinds = "c-";
		child_run(&child);
		close(child.more[0]);
		close(fd);
	}
}

static void
activation(void)
{
	static const char *const COUNTS[] = {"3", "99999999999",
	    "99999999999999999999999", "2147483647", "4294967299"};

	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		for (size_t j = 0; j < ARRAY_LEN(COUNTS); j++) {
			int listener = host_raw_listener(TEXTS[i]);
			int fd = raw_accepted(TEXTS[i]);
			int other = host_raw_listener(TEXTS[i]);

			child_run(&(struct child){.fd = listener,
			    .more = {fd, other},
			    .first = 3,
			    .kinds = "lcl",
			    .text = TEXTS[i],
			    .listen_fds = COUNTS[j]});
			close(listener);
			close(fd);
			close(other);
		}
	}
}

/* SCM_RIGHTS: the descriptors and what else a message is to carry. */
struct parcel {
	int fds[8];
	size_t count;
	bool credentials; /* the receiver asks for them; they come first */
};

static void
parcel_send(int over, const struct parcel *parcel, const char *text)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(parcel->fds))];
	} control = {0};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *cmsg;
	size_t size = parcel->count * sizeof(int);

	if (parcel->count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(size);
		cmsg = CMSG_FIRSTHDR(&message);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(cmsg), parcel->fds, size);
	}
	MUST(sendmsg(over, &message, 0) == (ssize_t)strlen(text));
}

#define CONTROL_MAX 256

struct inbox {
	struct msghdr message;
	struct sockaddr_un name;
	struct iovec iov;
	char text[16];
	_Alignas(struct cmsghdr) uint8_t control[CONTROL_MAX];
	int fds[8];
	size_t count;
};

static void
inbox_prepare(struct inbox *inbox, size_t room)
{
	memset(inbox, 0xa5, sizeof(*inbox));
	inbox->iov = (struct iovec){inbox->text, sizeof(inbox->text)};
	inbox->message = (struct msghdr){
	    .msg_name = &inbox->name,
	    .msg_namelen = sizeof(inbox->name),
	    .msg_iov = &inbox->iov,
	    .msg_iovlen = 1,
	    .msg_control = room > 0 ? inbox->control : NULL,
	    .msg_controllen = room,
	};
	inbox->count = 0;
}

/* Writes down all of a message that a program can see, and keeps the fds. */
static void
inbox_open(struct inbox *inbox)
{
	struct msghdr *message = &inbox->message;
	size_t touched = 0;

	for (size_t i = 0; i < CONTROL_MAX; i++) {
		if (inbox->control[i] != 0xa5)
			touched = i + 1;
	}
	printf("flags %x namelen %u iovlen %zu iov_len %zu control %zu "
	       "touched %zu\n",
	    (unsigned int)message->msg_flags,
	    (unsigned int)message->msg_namelen, (size_t)message->msg_iovlen,
	    inbox->iov.iov_len, (size_t)message->msg_controllen, touched);
	MUST(message->msg_name == &inbox->name);
	MUST(message->msg_iov == &inbox->iov);
	inbox->count = 0;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(message, cmsg)) {
		size_t size = cmsg->cmsg_len - CMSG_LEN(0);

		printf("level %d type %d len %zu", cmsg->cmsg_level,
		    cmsg->cmsg_type, (size_t)cmsg->cmsg_len);
		if (cmsg->cmsg_type != SCM_RIGHTS) {
			putchar('\n');
			continue;
		}
		for (size_t i = 0; i < size / sizeof(int); i++) {
			int fd;

			memcpy(
			    &fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			printf(
			    " %d (%x)", fd, (unsigned int)fcntl(fd, F_GETFD));
			inbox->fds[inbox->count++] = fd;
		}
		putchar('\n');
	}
}

static void
inbox_close(struct inbox *inbox)
{
	for (size_t i = 0; i < inbox->count; i++)
		close(inbox->fds[i]);
}

/* A received listener: what is accepted from it has the rule's options. */
static void
expect_listener(int fd, const char *text)
{
	int client = host_raw_connect(text, host_port(fd));
	int accepted = CALL(accept(fd, NULL, NULL));

	EXPECT(accepted, RULES_OPTIONS);
	close(accepted);
	close(client);
}

struct sent {
	int listener, connected, fresh, udp, pipe;
};

static struct sent
open_sockets(const char *text)
{
	struct host_addr any = host_addr(text, 0);
	struct sent sent;
	int pipes[2];

	sent.listener = host_raw_listener(text);
	sent.connected = raw_accepted(text);
	sent.fresh = (int)syscall(SYS_socket, any.sa.ss_family, SOCK_STREAM, 0);
	sent.udp = (int)syscall(SYS_socket, any.sa.ss_family, SOCK_DGRAM, 0);
	MUST(bind(sent.udp, host_sa(&any), any.len) == 0);
	MUST(pipe(pipes) == 0);
	sent.pipe = pipes[0];
	return sent;
}

/* All kinds in one message: a pipe, UDP, TCP in each state, UDP again. */
static struct parcel
mixed(const struct sent *sent)
{
	return (struct parcel){
	    .fds = {sent->pipe, sent->udp, sent->connected, sent->fresh,
		sent->listener, sent->udp},
	    .count = 6,
	};
}

static void
expect_mixed(const struct inbox *inbox, const char *text)
{
	struct host_addr any = host_addr(text, 0), to;
	int listener = host_raw_listener(text);

	MUST(inbox->count == 6);
	MUST(host_option(inbox->fds[1], SOL_SOCKET, SO_KEEPALIVE) == 0);
	EXPECT(inbox->fds[2], RULES_OPTIONS);
	expect_listener(inbox->fds[4], text);
	MUST(host_option(inbox->fds[5], SOL_SOCKET, SO_KEEPALIVE) == 0);
	/* Whatever it was until now: as soon as it connects, it is ours. */
	to = host_addr(text, host_port(listener));
	MUST(any.len == to.len);
	MUST(CALL(connect(inbox->fds[3], host_sa(&to), to.len)) == 0);
	EXPECT(inbox->fds[3], RULES_OPTIONS);
	close(listener);
}

static void
receive_mixed(const char *text, int type, int flags, bool credentials)
{
	struct sent sent = open_sockets(text);
	struct parcel parcel = mixed(&sent);
	struct inbox inbox;
	int pair[2], on = 1;

	MUST(CALL(socketpair(AF_UNIX, type, 0, pair)) == 0);
	/* Credentials, then a timestamp where there is one, come first. */
	if (credentials) {
		MUST(CALL(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on,
			 sizeof(on))) == 0);
		CALL(setsockopt(
		    pair[1], SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)));
	}
	parcel_send(pair[0], &parcel, "six");
	inbox_prepare(&inbox, CONTROL_MAX);
	MUST(CALL(recvmsg(pair[1], &inbox.message, flags)) == 3);
	MUST(memcmp(inbox.text, "six", 3) == 0);
	inbox_open(&inbox);
	for (size_t i = 0; i < inbox.count; i++)
		MUST((fcntl(inbox.fds[i], F_GETFD) == FD_CLOEXEC) ==
		     ((flags & MSG_CMSG_CLOEXEC) != 0));
	expect_mixed(&inbox, text);
	inbox_close(&inbox);
}

static void
receive(void)
{
	static const int TYPES[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (size_t i = 0; i < 2 * ARRAY_LEN(TYPES); i++) {
		int type = TYPES[i / 2];

		receive_mixed(TEXTS[i % 2], type, 0, false);
		receive_mixed(TEXTS[i % 2], type, MSG_CMSG_CLOEXEC, true);
		receive_mixed(TEXTS[i % 2], type, MSG_DONTWAIT, true);
	}
}

/* MSG_PEEK gives descriptors, too, and gives them again. */
static void
receive_peeked(void)
{
	for (size_t i = 0; i < ARRAY_LEN(TEXTS); i++) {
		struct parcel parcel = {
		    .fds = {raw_accepted(TEXTS[i])}, .count = 1};
		struct inbox inbox;
		int pair[2];

		MUST(CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
		parcel_send(pair[0], &parcel, "peek");
		for (int j = 0; j < 2; j++) {
			inbox_prepare(&inbox, CONTROL_MAX);
			MUST(CALL(recvmsg(pair[1], &inbox.message,
				 j == 0 ? MSG_PEEK : 0)) == 4);
			inbox_open(&inbox);
			MUST(inbox.count == 1);
			EXPECT(inbox.fds[0], RULES_OPTIONS);
		}
	}
}

/* Too little room, or none: the kernel cuts, we look at what there is. */
static void
receive_cut(void)
{
	static const size_t ROOMS[] = {0, 1, CMSG_LEN(0) - 1, CMSG_LEN(0),
	    CMSG_LEN(3), CMSG_LEN(4), CMSG_LEN(8), CMSG_SPACE(8), CMSG_LEN(12),
	    CMSG_SPACE(12) + 5};

	for (size_t i = 0; i < 2 * ARRAY_LEN(ROOMS); i++) {
		struct parcel parcel = {.count = 3};
		struct inbox inbox;
		int pair[2], on = 1;

		for (size_t j = 0; j < parcel.count; j++)
			parcel.fds[j] = raw_accepted(TEXTS[i % 2]);
		MUST(CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
		/* Every second time the credentials take the room. */
		if (i / 2 % 2 == 1)
			setsockopt(
			    pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
		parcel_send(pair[0], &parcel, "cut");
		inbox_prepare(&inbox, ROOMS[i / 2]);
		MUST(CALL(recvmsg(pair[1], &inbox.message, 0)) == 3);
		inbox_open(&inbox);
		for (size_t j = 0; j < inbox.count; j++)
			EXPECT(inbox.fds[j], RULES_OPTIONS);
		inbox_close(&inbox);
		for (size_t j = 0; j < parcel.count; j++)
			close(parcel.fds[j]);
	}
	CALL(host_descriptors());
}

/* Several messages at once, of which some have control data. */
static void
receive_many(void)
{
	for (size_t i = 0; i < 2 * ARRAY_LEN(TEXTS); i++) {
		const char *text = TEXTS[i / 2];
		int flags = i % 2 == 1 ? MSG_CMSG_CLOEXEC : 0;
		struct sent sent = open_sockets(text);
		struct parcel all = mixed(&sent), none = {.count = 0};
		struct parcel one = {.fds = {raw_accepted(text)}, .count = 1};
		struct inbox inbox[4];
		struct mmsghdr messages[4];
		int pair[2];

		MUST(CALL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) == 0);
		parcel_send(pair[0], &none, "none");
		parcel_send(pair[0], &all, "all");
		parcel_send(pair[0], &one, "one");
		for (size_t j = 0; j < ARRAY_LEN(inbox); j++) {
			inbox_prepare(&inbox[j], CONTROL_MAX);
			messages[j].msg_hdr = inbox[j].message;
			messages[j].msg_len = 77;
		}
		MUST(CALL(recvmmsg(pair[1], messages, 4, MSG_DONTWAIT | flags,
			 NULL)) == 3);
		for (size_t j = 0; j < ARRAY_LEN(inbox); j++) {
			inbox[j].message = messages[j].msg_hdr;
			printf("%u bytes, ", messages[j].msg_len);
			/* The fourth was not received; its buffer is bare. */
			if (j < 3)
				inbox_open(&inbox[j]);
		}
		MUST(inbox[0].count == 0);
		expect_mixed(&inbox[1], text);
		MUST(inbox[2].count == 1);
		EXPECT(inbox[2].fds[0], RULES_OPTIONS);
		for (size_t j = 0; j < 3; j++)
			inbox_close(&inbox[j]);
	}
}

/* Calls that fail, or bring nothing, are as bare. */
static void
receive_not(void)
{
	struct timespec soon = {.tv_nsec = 1000000}, wrong = {.tv_nsec = -1};
	struct inbox inbox;
	struct mmsghdr messages[2];
	int pair[2];

	MUST(CALL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)) == 0);
	inbox_prepare(&inbox, CONTROL_MAX);
	messages[0].msg_hdr = messages[1].msg_hdr = inbox.message;
	CALL(recvmsg(pair[1], &inbox.message, MSG_DONTWAIT));
	inbox_prepare(&inbox, CONTROL_MAX);
	CALL(recvmsg(-1, &inbox.message, 0));
	CALL(recvmsg(1000, &inbox.message, 0));
	CALL(recvmsg(STDOUT_FILENO, &inbox.message, 0));
	CALL(recvmsg(pair[1], NULL, MSG_DONTWAIT));
	CALL(recvmmsg(pair[1], NULL, 1, MSG_DONTWAIT, NULL));
	CALL(recvmmsg(pair[1], messages, 0, MSG_DONTWAIT, NULL));
	CALL(recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, NULL));
	CALL(recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, &soon));
	CALL(recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, &wrong));
	CALL(recvmmsg(-1, messages, 2, 0, NULL));
	/* A message whose control buffer can't be written. */
	parcel_send(pair[0],
	    &(struct parcel){.fds = {STDOUT_FILENO}, .count = 1}, "bad");
	inbox_prepare(&inbox, CONTROL_MAX);
	inbox.message.msg_control = (void *)16;
	CALL(recvmsg(pair[1], &inbox.message, MSG_DONTWAIT));
	CALL(host_descriptors());
	/* An orderly end of a stream, with room for control data. */
	MUST(CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
	close(pair[0]);
	inbox_prepare(&inbox, CONTROL_MAX);
	CALL(recvmsg(pair[1], &inbox.message, 0));
	inbox_open(&inbox);
}

/*
 * The number of a descriptor of which the library knew something, closed past
 * it, comes back as a socket of another program: what that one set and our
 * rule does not name is no concern of ours.
 */
static void
receive_into_known(void)
{
	struct host_addr to;
	struct host_options want = host_defaults();
	int gone = host_raw_listener("127.0.0.1"), value = 60000;
	int theirs = raw_accepted("127.0.0.2"), fd;
	struct parcel parcel = {.fds = {theirs}, .count = 1};
	struct inbox inbox;
	int pair[2];

	MUST(syscall(SYS_setsockopt, theirs, IPPROTO_TCP, TCP_USER_TIMEOUT,
		 &value, sizeof(value)) == 0);
	to = host_addr("127.0.0.1", host_port(gone));
	MUST(CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
	parcel_send(pair[0], &parcel, "x");
	fd = CALL(socket(AF_INET, SOCK_STREAM, 0));
	MUST(CALL(connect(fd, host_sa(&to), to.len)) == 0);
	EXPECT(fd, 300, 30, 5, 60000, 1);
	close(fd);
	inbox_prepare(&inbox, CONTROL_MAX);
	MUST(CALL(recvmsg(pair[1], &inbox.message, 0)) == 1);
	inbox_open(&inbox);
	MUST(inbox.count == 1 && inbox.fds[0] == fd);
	want.user_timeout = 60000;
	if (host_shimmed()) {
		want.idle = 100;
		want.on = 1;
	}
	host_expect(__FILE__, __LINE__, fd, want);
}

#define CONNECT_ONLY(matcher) \
	"rule c { direction = connect " matcher RULES_LOOPBACK RULES_TIMERS

static const struct host_case CASES[] = {
    RULES_CASES("inetd", inetd),
    RULES_CASES("inetd-not", inetd_not),
    {"inetd-fresh-by-destination", RULES_BY_DESTINATION, fresh_undecided},
    {"inetd-fresh-by-port", RULES_BY_PORT, fresh_undecided},
    {"inetd-fresh-uniform", RULES_UNIFORM, fresh_decided},
    {"inetd-accept-only",
	"rule a { direction = accept destination" RULES_LOOPBACK RULES_TIMERS,
	inetd},
    RULES_CASES("opened-by-parent", opened_by_parent),
    {"opened-by-parent-connect-only", CONNECT_ONLY("destination"),
	opened_by_parent},
    {"opened-by-parent-connect-only-source", CONNECT_ONLY("source"),
	opened_by_parent},
    RULES_CASES("activation", activation),
    RULES_CASES("activation-not", activation_not),
    RULES_CASES("receive", receive),
    RULES_CASES("receive-peeked", receive_peeked),
    RULES_CASES("receive-cut", receive_cut),
    RULES_CASES("receive-many", receive_many),
    RULES_CASES("receive-not", receive_not),
    {"receive-into-known",
	"rule a { destination = \"127.0.0.1\" user-timeout = \"1min\"\n"
	" idle = 300 interval = 30 count = 5 }\n"
	"rule b { destination = \"127.0.0.2\" idle = 100 }\n",
	receive_into_known},
};

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "--child") == 0)
		return child_main(argv[2], argv[3]);
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
