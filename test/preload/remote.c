/* SPDX-License-Identifier: ISC */
/*
 * rcmd(), rcmd_af(), rexec() and rexec_af(): the C library connects inside
 * them, past every hook. The servers are children of the test and speak what
 * rcmd(3) and rexec(3) expect; all of it in a network namespace of its own,
 * because these protocols want ports below 1024.
 */
#include "netns.h"
#include "rules.h"

#include <netdb.h>
#include <signal.h>

/* What the server does instead of starting a command. */
enum answer {
	ANSWER_YES,
	ANSWER_NO,           /* refuses, with a line of text */
	ANSWER_HANG_UP,      /* closes without a word */
	ANSWER_PORT_TOO_HIGH /* its second connection is from any port */
};

struct server {
	const char *text;
	int listener;
	enum answer answer;
	bool remote_shell; /* rcmd's protocol, else rexec's */
};

/* Reads up to a zero byte. */
static void
read_string(int fd, char *string, size_t size)
{
	size_t at = 0;

	while (at + 1 < size && read(fd, &string[at], 1) == 1 &&
	       string[at] != '\0')
		at++;
	string[at] = '\0';
}

/* The connection for standard error, from the server to port. */
static int
second_connection(const struct server *server, int port)
{
	struct host_addr to = host_addr(server->text, port), from;
	int fd = (int)syscall(
	    SYS_socket, to.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	for (int low = 700; low < 720; low++) {
		from = host_addr(server->text,
		    server->answer == ANSWER_PORT_TOO_HIGH ? 0 : low);
		if (bind(fd, host_sa(&from), from.len) == 0)
			break;
	}
	if (syscall(SYS_connect, fd, &to.sa, to.len) < 0)
		_exit(4);
	return fd;
}

/* Serves one call; never returns. The status tells what went wrong. */
_Noreturn static void
serve(const struct server *server)
{
	static const char *const WANT[] = {"luser", "ruser", "date"};
	char string[64];
	int fd, second = -1;

	alarm(20);
	fd = (int)syscall(SYS_accept4, server->listener, NULL, NULL, 0);
	read_string(fd, string, sizeof(string));
	/*
	 * rcmd() notices that while it waits for the second connection, which
	 * rexec() would do for ever. Elsewhere all is read first: what is left
	 * unread would end the connection sooner or later, as it comes.
	 */
	if (server->answer == ANSWER_HANG_UP && server->remote_shell &&
	    atoi(string) != 0)
		_exit(0);
	if (string[0] != '\0' && atoi(string) != 0)
		second = second_connection(server, atoi(string));
	for (size_t i = 0; i < ARRAY_LEN(WANT); i++) {
		read_string(fd, string, sizeof(string));
		if (server->answer == ANSWER_PORT_TOO_HIGH)
			_exit(0);
		if (strcmp(string, WANT[i]) != 0)
			_exit(5);
	}
	if (server->answer == ANSWER_HANG_UP)
		_exit(0);
	if (server->answer == ANSWER_NO) {
		(void)!write(fd, "\1go away\n", 9);
		_exit(0);
	}
	/* The program's own bytes, in both directions. */
	(void)!write(fd, "\0out", 4);
	if (second >= 0)
		(void)!write(second, "err", 3);
	read_string(fd, string, sizeof(string));
	_exit(strcmp(string, "in") == 0 ? 0 : 6);
}

static pid_t
server_start(struct server *server)
{
	pid_t pid;

	/*
	 * A new namespace for each call: which of the low ports is still busy
	 * with an earlier one is a matter of chance, and shows in errno.
	 */
	netns_enter();
	server->listener = host_raw_listener(server->text);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		serve(server);
	MUST(pid > 0);
	return pid;
}

/* One of the four functions, with the port as it wants it. */
typedef int remote_fn(char **host, int port, int *error_fd, sa_family_t family);

static int
by_rcmd(char **host, int port, int *error_fd, sa_family_t family)
{
	(void)family;
	return rcmd(
	    host, (unsigned short)port, "luser", "ruser", "date", error_fd);
}

static int
by_rcmd_af(char **host, int port, int *error_fd, sa_family_t family)
{
	return rcmd_af(host, (unsigned short)port, "luser", "ruser", "date",
	    error_fd, family);
}

static int
by_rexec(char **host, int port, int *error_fd, sa_family_t family)
{
	(void)family;
	return rexec(host, port, "luser", "ruser", "date", error_fd);
}

static int
by_rexec_af(char **host, int port, int *error_fd, sa_family_t family)
{
	return rexec_af(host, port, "luser", "ruser", "date", error_fd, family);
}

static const struct remote {
	remote_fn *call;
	bool remote_shell;
	bool any_family;
} REMOTES[] = {
    {by_rcmd, true, false},
    {by_rcmd_af, true, true},
    {by_rexec, false, false},
    {by_rexec_af, false, true},
};

static void
prepare(void)
{
	netns_enter();
	/* Both look for a .netrc or .rhosts there; and may complain. */
	setenv("HOME", "/nonexistent", 1);
	fflush(stdout);
	signal(SIGPIPE, SIG_IGN);
}

/* What is expected of both connections, in the shimmed run. */
struct expected {
	struct host_options first;
	struct host_options second;
};

static void
expect(int line, int fd, struct host_options want)
{
	host_expect(
	    __FILE__, line, fd, host_shimmed() ? want : host_defaults());
}

static void
call_one_way(const struct remote *remote, const char *text, bool with_error,
    const struct expected *expected)
{
	struct server server = {
	    .text = text, .remote_shell = remote->remote_shell};
	pid_t pid = server_start(&server);
	char *host = (char *)text, bytes[4] = "";
	int error_fd = -1, status = -1;
	int port = htons((uint16_t)host_port(server.listener));
	int fd = CALL(remote->call(&host, port, with_error ? &error_fd : NULL,
	    host_addr(text, 0).sa.ss_family));

	MUST(fd >= 0);
	printf("host %s, error channel %d\n", host, error_fd);
	expect(__LINE__, fd, expected->first);
	MUST(recv(fd, bytes, 3, MSG_WAITALL) == 3);
	MUST(strcmp(bytes, "out") == 0);
	MUST(with_error == (error_fd >= 0));
	if (error_fd >= 0) {
		expect(__LINE__, error_fd, expected->second);
		MUST(recv(error_fd, bytes, 3, MSG_WAITALL) == 3);
		MUST(strcmp(bytes, "err") == 0);
		close(error_fd);
	}
	MUST(write(fd, "in", 3) == 3);
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	close(fd);
	close(server.listener);
	CALL(host_descriptors());
}

static void
call_every_way(const struct expected *expected)
{
	prepare();
	for (size_t i = 0; i < 2 * ARRAY_LEN(REMOTES); i++) {
		const struct remote *remote = &REMOTES[i / 2];

		call_one_way(remote, "127.0.0.1", i % 2 == 1, expected);
		if (remote->any_family)
			call_one_way(remote, "::1", i % 2 == 1, expected);
	}
}

#define RULED                 \
	{                     \
		RULES_OPTIONS \
	}

static void
both_channels(void)
{
	call_every_way(&(struct expected){RULED, RULED});
}

/*
 * The server makes the second connection, to our side: a rule for connect
 * alone is for the first, and one for accept alone for the second.
 */
static void
first_channel(void)
{
	struct expected expected = {RULED, host_defaults()};

	call_every_way(&expected);
}

static void
second_channel(void)
{
	struct expected expected = {host_defaults(), RULED};

	call_every_way(&expected);
}

/* Failures: all that the program sees, and what it may find on fd 2. */
static void
call_in_vain(const struct remote *remote, const char *text, bool with_error,
    enum answer answer)
{
	struct server server = {.text = text,
	    .answer = answer,
	    .remote_shell = remote->remote_shell};
	pid_t pid = server_start(&server);
	char *host = (char *)text;
	int error_fd = -77, status = -1, result;
	int port = htons((uint16_t)host_port(server.listener));

	result = CALL(remote->call(&host, port, with_error ? &error_fd : NULL,
	    host_addr(text, 0).sa.ss_family));
	MUST(result < 0);
	/* Each run has other ports, but that is all that may differ. */
	printf("host %s, error channel %s\n", host,
	    error_fd == -77 ? "as it was" : "written");
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	close(server.listener);
	CALL(host_descriptors());
}

/* A connection that a rule would match, if anybody looked at it. */
static int
unrelated(void)
{
	return host_raw_connect(
	    "127.0.0.1", host_port(host_raw_listener("127.0.0.1")));
}

static void
fails_as_bare(void)
{
	char nowhere[] = "no.such.host.invalid", v4[] = "127.0.0.1";
	char *host;
	int error_fd, other;

	prepare();
	/* What the functions say on standard error is compared as well. */
	dup2(STDOUT_FILENO, STDERR_FILENO);
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < 2 * ARRAY_LEN(REMOTES); i++) {
		const struct remote *remote = &REMOTES[i / 2];
		bool with_error = i % 2 == 1;
		const char *text = remote->any_family ? "::1" : "127.0.0.1";

		call_in_vain(remote, text, with_error, ANSWER_NO);
		call_in_vain(remote, text, with_error, ANSWER_HANG_UP);
		if (with_error && remote->remote_shell)
			call_in_vain(
			    remote, text, with_error, ANSWER_PORT_TOO_HIGH);
		/* What the variable held before is no socket of theirs. */
		netns_enter();
		error_fd = other = unrelated();
		host = nowhere;
		CALL(remote->call(&host, htons(1), &error_fd, AF_INET));
		host = v4;
		if (remote->any_family) {
			CALL(
			    remote->call(&host, htons(1), &error_fd, AF_INET6));
			CALL(remote->call(&host, htons(1), &error_fd, 9999));
		}
		MUST(error_fd == other);
		host_expect(__FILE__, __LINE__, other, host_defaults());
	}
	CALL(host_descriptors());
}

#define ONE_WAY(direction, matcher)       \
	"rule o { direction = " direction \
	" " matcher RULES_LOOPBACK RULES_TIMERS

static const struct host_case CASES[] = {
    RULES_CASES("both-channels", both_channels),
    {"first-channel-by-destination", ONE_WAY("connect", "destination"),
	first_channel},
    {"first-channel-by-source", ONE_WAY("connect", "source"), first_channel},
    {"first-channel-by-port",
	"rule o { direction = connect port = \"1-65535\"" RULES_TIMERS,
	first_channel},
    {"first-channel-all", "rule o { direction = connect" RULES_TIMERS,
	first_channel},
    {"second-channel-by-destination", ONE_WAY("accept", "destination"),
	second_channel},
    {"second-channel-by-source", ONE_WAY("accept", "source"), second_channel},
    {"second-channel-by-port",
	"rule o { direction = accept port = \"1-65535\"" RULES_TIMERS,
	second_channel},
    {"second-channel-all", "rule o { direction = accept" RULES_TIMERS,
	second_channel},
    RULES_CASES("fails-as-bare", fails_as_bare),
};

int
main(int argc, char **argv)
{
	return host_main(argc, argv, CASES, ARRAY_LEN(CASES));
}
