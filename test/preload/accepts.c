/* SPDX-License-Identifier: ISC */
/*
 * What accepted and connected sockets have, and what they should have by the
 * naive oracle (accepts.h): for policies, listeners, peers, calls of the
 * program and reloads that are made at random. Each round is a process of its
 * own, with a policy that it starts with, and at times others that come later.
 *
 * The arguments are the build directory, and, to see one that failed again,
 * the number of a round; "accepts BUILD 0 N" is the first N.
 */
#include "accepts.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "image/cache.h"
#include "image/shared.h"
#include "netns.h"

#define ROUNDS        4000u
#define POLICIES_MAX  8
#define LISTENERS     4
#define QUEUE_MAX     8
#define IDLE_CLIENTS  4
#define DEADLINE_MS   10000
#define RECORDS       2048 /* numbers that record.h has room for */
#define FIRST_FOREIGN 1000 /* numbers that the library has not seen */

#define COUNTS(X)                                                          \
	X(policies) /* in force at some time */                            \
	X(connected)                                                       \
	X(accepted)                                                        \
	X(depends)    /* accepted where listen(2) can't know the rule */   \
	X(given_back) /* the listener is set, and this one is not to be */ \
	X(late)       /* connected before a reload, accepted after it */   \
	X(overtaken)  /* by a reload while accept(2) waited */             \
	X(later)      /* of a listener that an earlier policy was for */   \
	X(tightened)                                                       \
	X(foreign) /* of a listener that came from elsewhere */            \
	X(unnoted) /* of one that there is no room for on record */        \
	X(cut)     /* the program had too little room for the address */   \
	X(chosen)  /* connected, and the source made a difference */       \
	X(again)   /* connected with a socket that was so before */        \
	X(held)    /* against what the program set after the call */       \
	X(respected)

#define COUNT_ENUM(name) COUNT_##name,
enum { COUNTS(COUNT_ENUM) COUNT_MAX };
#define COUNT_NAME(name) #name,
static const char *const COUNT_NAMES[] = {COUNTS(COUNT_NAME)};

/* Against a hang only. */
static const struct timeval DEADLINE = {.tv_sec = DEADLINE_MS / 1000};

static unsigned long *counts; /* shared by all rounds */

enum way {
	MADE,     /* through the library */
	MADE_RAW, /* with system calls; accept(2) is the first that it sees */
	RECEIVED, /* as SCM_RIGHTS */
	WAYS,
};

/* What a client is, and what it reaches. */
enum kind {
	OVER_V4,
	OVER_MAPPED, /* a socket of AF_INET6, to ::ffff:a.b.c.d */
	OVER_V6,
	KINDS,
};

struct client {
	int fd;
	bool is_bound;
	enum kind kind;
	bool was_connected;
	struct options program; /* what the program has set */
	int policy;             /* that was in force when it connected */
};

struct listener {
	int fd; /* -1: none */
	enum way way;
	const char *at;
	int port;
	struct options program; /* what the program's listener has */
	uint32_t foreign;       /* options that are from elsewhere */
	uint32_t seen;          /* options that it set through the library */
	uint32_t since;         /* those that it set since listen(2) */
	int policy;             /* that was in force when it was made */
	struct client waiting[QUEUE_MAX];
	int count;
	bool v6, v6_only;
	bool copied; /* by dup(2) */
	bool ruled;  /* a rule may have been set on it before it listened */
};

/* A round. */
static uint64_t state;
static struct policy policies[POLICIES_MAX];
static int policy_count;
static struct listener listeners[LISTENERS];
static struct client idle[IDLE_CLIENTS]; /* that may connect again */
static int idle_count;
static int next_foreign = FIRST_FOREIGN;
static const char *config;
static char diary[1 << 16], shared_path[PATH_MAX];
static size_t diary_size;

__attribute__((format(printf, 1, 2))) static void
note(const char *format, ...)
{
	const size_t room = sizeof(diary) - diary_size;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(diary + diary_size, room, format, args);
	va_end(args);
	if (len > 0 && (size_t)len < room)
		diary_size += (size_t)len;
}

static const struct policy *
in_force(void)
{
	return &policies[policy_count - 1];
}

static void
count(int what)
{
	counts[what]++;
}

static void
format_options(const struct options *options, char text[80])
{
	snprintf(text, 80, "idle %d interval %d count %d user-timeout %d on %d",
	    options->value[KEEPALIVE_IDLE], options->value[KEEPALIVE_INTERVAL],
	    options->value[KEEPALIVE_COUNT],
	    options->value[KEEPALIVE_USER_TIMEOUT],
	    options->value[KEEPALIVE_SWITCH]);
}

static struct options
options_of(int fd)
{
	struct options options;

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		options.value[option] =
		    host_option(fd, keepalive_about[option].level,
			keepalive_about[option].name);
	return options;
}

static const struct options *
defaults(void)
{
	static struct options options;
	int fd;

	if (options.value[KEEPALIVE_IDLE] == 0) {
		fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
		options = options_of(fd);
		close(fd);
	}
	return &options;
}

/* The first failure ends the round. */
__attribute__((noreturn)) static void
give_up(const char *what)
{
	for (int i = 0; i < policy_count; i++) {
		printf("# policy %d%s\n", i,
		    policies[i].migrates ? ", which migrates" : "");
		policy_print(&policies[i]);
	}
	printf("%s%s\n", diary, what);
	fflush(stdout);
	_exit(1);
}

#define NEED(condition)                                               \
	do {                                                          \
		if (!(condition)) {                                   \
			note("line %d: errno %d\n", __LINE__, errno); \
			give_up(#condition);                          \
		}                                                     \
	} while (0)

/* loose: options that may have the program's value, too. */
static void
check(const char *what, int fd, const struct options *want, uint32_t loose,
    const struct options *program)
{
	struct options have = options_of(fd);
	bool right = true;
	char text[80];

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const int value = have.value[option];

		if (value != want->value[option] &&
		    ((loose & 1u << option) == 0 ||
			value != program->value[option]))
			right = false;
	}
	if (right)
		return;
	format_options(want, text);
	note("policy %d: %s should have %s\n", policy_count - 1, what, text);
	format_options(&have, text);
	note("    and has %s\n", text);
	format_options(program, text);
	note("    the program's: %s\n", text);
	give_up("not what it should have");
}

static void
end_of(int fd, bool peer, struct addr *addr, uint16_t *port)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);

	NEED((peer ? getpeername(fd, (struct sockaddr *)&sa, &len)
		   : getsockname(fd, (struct sockaddr *)&sa, &len)) == 0);
	NEED(addr_from_sockaddr(&sa, len, addr, port) == 0);
}

/* A connection, by what the kernel says of it. */
static struct match_query
query_of(int fd, enum direction direction)
{
	const bool connects = direction == DIRECTION_CONNECT;
	struct match_query query = {.direction = direction};
	uint16_t other;

	end_of(fd, connects, &query.destination, &query.port);
	end_of(fd, !connects, &query.source, &other);
	return query;
}

/* NULL: none. */
static const struct rule *
rule_for(int fd, enum direction direction)
{
	const struct policy *policy = in_force();
	const struct match_query query = query_of(fd, direction);
	int rule = naive_match(policy->rules, policy->count, PROGRAM, &query);

	return rule == MATCH_NONE ? NULL : &policy->rules[rule];
}

/* Some options, or, with room for it on record, each one for itself. */
static uint32_t
set_options(int fd, struct options *program, bool raw)
{
	uint32_t set = 0;

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const struct keepalive_about *about = &keepalive_about[option];
		const int value =
		    raw ? FOREIGN_VALUES[option] : PICK(&state, VALUES[option]);

		if (chance(&state, 2))
			continue;
		note("    sets %s %d%s\n", about->constant, value,
		    raw ? " unseen" : "");
		if (raw)
			NEED(syscall(SYS_setsockopt, fd, about->level,
				 about->name, &value, sizeof(value)) == 0);
		else
			NEED(setsockopt(fd, about->level, about->name, &value,
				 sizeof(value)) == 0);
		program->value[option] = value;
		set |= 1u << option;
	}
	return set;
}

/*
 * What the program sets after the call. Who sent the SYN the library takes from
 * the options, if rules for both could be meant; that is no promise.
 */
static void
set_and_check(int fd, enum direction direction, struct options *program)
{
	const struct rule *rule = rule_for(fd, direction);
	struct options want = options_of(fd);
	uint32_t set;

	if (!chance(&state, 4) ||
	    rule_for(fd, DIRECTION_BOTH - direction) != rule)
		return;
	set = set_options(fd, program, false);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((set & 1u << option) == 0)
			continue;
		want.value[option] = program->value[option];
		if (rule != NULL && rule->app_settings != APP_RESPECT)
			want.value[option] =
			    naive_options(rule, program).value[option];
		if (naive_names(rule, option))
			count(rule->app_settings == APP_RESPECT
				  ? COUNT_respected
				  : COUNT_held);
	}
	check("after the program's call it", fd, &want, 0, program);
}

/* Does one rule hold for all sockets, so that socket(2) sets it? */
static bool
is_uniform(const struct policy *policy)
{
	for (size_t i = 0; i < policy->count; i++) {
		const struct rule *rule = &policy->rules[i];

		if (naive_programs(
			rule->programs, rule->program_count, PROGRAM))
			return rule->direction == DIRECTION_BOTH &&
			       rule->source_count + rule->destination_count +
			               rule->port_count ==
			           0;
	}
	return false;
}

/* As if the rules had been read from the configuration file. */
static void
publish(const struct policy *policy)
{
	struct build_source source = {.path = config};
	const struct build_input input = {
	    .rules = policy->rules,
	    .rule_count = policy->count,
	    .sources = &source,
	    .source_count = 1,
	    .migrates = policy->migrates,
	};
	struct shared_result result;
	struct image image;
	uint8_t *bytes;
	struct stat st;

	NEED(stat(config, &st) == 0);
	source.device = st.st_dev;
	source.inode = st.st_ino;
	source.size = (uint64_t)st.st_size;
	source.mtime_s = st.st_mtim.tv_sec;
	source.mtime_ns = (uint32_t)st.st_mtim.tv_nsec;
	NEED(build_image(&input, &bytes, &image.size) == 0);
	image.bytes = bytes;
	NEED(shared_publish(shared_path, &image, &result) == 0);
	free(bytes);
	/* The host, which has mapped the other one, would not see it. */
	NEED(!result.new_file || policy_count == 0);
}

static void
reload(void)
{
	if (policy_count == POLICIES_MAX)
		return;
	policy_make(&state, &policies[policy_count++]);
	publish(in_force());
	note("reload: policy %d\n", policy_count - 1);
	count(COUNT_policies);
}

/*
 * One that the library sees being made, or not. What it does not see gets a
 * number that it has not seen either; so does what is to be at the number at
 * least, if that is not 0.
 */
static int
open_socket(bool v6, int flags, bool raw, int least)
{
	const int domain = v6 ? AF_INET6 : AF_INET, type = SOCK_STREAM | flags;
	int fd = raw ? (int)syscall(SYS_socket, domain, type, 0)
	             : socket(domain, type, 0);
	int to = fd;

	NEED(fd >= 0);
	if (raw || least != 0) {
		to = fcntl(fd, F_DUPFD, least + next_foreign);
		NEED(to == least + next_foreign);
		next_foreign++;
		NEED(close(fd) == 0);
	}
	return to;
}

static int
receive(int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	int pair[2], received = -1;

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	control.header = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS,
	    .cmsg_len = CMSG_LEN(sizeof(int))};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	NEED(sendmsg(pair[0], &message, 0) == 1);
	close(fd);
	NEED(recvmsg(pair[1], &message, 0) == 1);
	memcpy(&received, CMSG_DATA(&control.header), sizeof(received));
	close(pair[0]);
	close(pair[1]);
	return received;
}

static bool
is_taken(int port)
{
	for (int i = 0; i < LISTENERS; i++) {
		if (listeners[i].fd >= 0 && listeners[i].port == port)
			return true;
	}
	return false;
}

/* With or without an address, on a port of the rules or another. */
static void
bind_listener(struct listener *l, int fd)
{
	struct host_addr addr;
	static int last_port = 5000;
	int on = 1, port = chance(&state, 2) ? last_port : PICK(&state, PORTS);

	l->at = l->v6 ? "::" : "0.0.0.0";
	if (l->v6 && chance(&state, 2))
		l->at = PICK(&state, V6);
	else if (!l->v6 && chance(&state, 2))
		l->at = PICK(&state, V4);
	l->v6_only = l->v6 && chance(&state, 3);
	if (l->v6_only)
		NEED(setsockopt(
			 fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
	NEED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
	if (chance(&state, 4))
		NEED(setsockopt(
			 fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0);
	if (chance(&state, 8)) {
		/* Then listen(2) chooses the port, and comes first. */
		l->ruled = true;
		l->at = l->v6 ? "::" : "0.0.0.0";
		return;
	}
	if (chance(&state, 6) || is_taken(port))
		port = 0;
	if (port != 0)
		last_port = port;
	addr = host_addr(l->at, port);
	NEED(bind(fd, host_sa(&addr), addr.len) == 0);
}

static void
disconnect(int fd)
{
	const struct sockaddr unspec = {.sa_family = AF_UNSPEC};

	note("client %d again\n", fd);
	NEED(connect(fd, &unspec, sizeof(unspec)) == 0);
}

/* One that was connected before, in the place of a new one. */
static bool
take_unbound(struct listener *l, int *fd)
{
	const struct client *client;

	if (idle_count == 0 || chance(&state, 2))
		return false;
	client = &idle[idle_count - 1];
	if (client->is_bound || client->kind == OVER_MAPPED)
		return false;
	idle_count--;
	disconnect(client->fd);
	*fd = client->fd;
	l->v6 = client->kind == OVER_V6;
	l->way = MADE;
	l->program = client->program;
	/* What the program sets is later than the call that connected it. */
	l->since = ~0u;
	return true;
}

static void
open_listener(struct listener *l)
{
	const bool unnoted = chance(&state, 6);
	bool raw = chance(&state, 3);
	int fd;

	*l = (struct listener){.v6 = chance(&state, 2),
	    .program = *defaults(),
	    .way = raw ? MADE_RAW + (int)test_below(&state, 2) : MADE,
	    .policy = policy_count - 1};
	l->ruled = is_uniform(in_force());
	if (take_unbound(l, &fd)) {
		l->ruled = true;
		raw = false;
	} else
		fd = open_socket(l->v6, 0, raw, unnoted ? RECORDS : 0);
	note("listener %d: %s%s", fd, raw ? "from elsewhere" : "made",
	    l->way == RECEIVED ? ", received" : "");
	bind_listener(l, fd);
	note(" on %s%s\n", l->at, l->v6_only ? " alone" : "");
	if (chance(&state, 2))
		*(raw ? &l->foreign : &l->seen) =
		    set_options(fd, &l->program, raw);
	if (chance(&state, 10))
		reload();
	NEED((raw ? (int)syscall(SYS_listen, fd, 64) : listen(fd, 64)) == 0);
	l->fd = l->way == RECEIVED ? receive(fd) : fd;
	l->port = host_port(l->fd);
	note("    as %d, port %d\n", l->fd, l->port);
}

static void
close_client(struct client *client)
{
	/* No TIME_WAIT: ports are few. */
	const struct linger linger = {.l_onoff = 1};

	setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(client->fd);
}

static void
close_listener(struct listener *l)
{
	note("close listener %d\n", l->fd);
	close(l->fd);
	for (int i = 0; i < l->count; i++)
		close_client(&l->waiting[i]);
	l->fd = -1;
}

static bool
is_wildcard(const struct listener *l)
{
	return strcmp(l->at, "::") == 0 || strcmp(l->at, "0.0.0.0") == 0;
}

static bool
reaches(enum kind kind, const struct listener *l)
{
	if (kind == OVER_V6)
		return l->v6;
	return !l->v6 || (is_wildcard(l) && !l->v6_only);
}

static struct host_addr
address_for(enum kind kind, const char *text, int port)
{
	char mapped[INET6_ADDRSTRLEN];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
	return host_addr(kind == OVER_MAPPED ? mapped : text, port);
}

/* Any one that is there; at times the unspecified one. */
static const char *
any_address(enum kind kind)
{
	if (chance(&state, 4))
		return kind == OVER_V6 ? "::" : "0.0.0.0";
	/* What is remembered of one address is to be met again. */
	if (chance(&state, 2))
		return kind == OVER_V6 ? V6[1] : V4[1];
	return kind == OVER_V6 ? PICK(&state, V6) : PICK(&state, V4);
}

static void
new_client(struct client *client, enum kind kind)
{
	struct host_addr from = address_for(kind, any_address(kind), 0);

	*client = (struct client){.kind = kind, .program = *defaults()};
	client->fd =
	    open_socket(kind != OVER_V4, chance(&state, 2) ? SOCK_NONBLOCK : 0,
		chance(&state, 8) && !is_uniform(&policies[0]), 0);
	note("client %d\n", client->fd);
	NEED(setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &DEADLINE,
		 sizeof(DEADLINE)) == 0);
	client->is_bound = chance(&state, 2);
	if (client->is_bound)
		NEED(bind(client->fd, host_sa(&from), from.len) == 0);
	if (chance(&state, 4))
		set_options(client->fd, &client->program, false);
	if (chance(&state, 20))
		reload();
}

/*
 * One that was connected before. It keeps its kind: in Linux 6.18 one that was
 * connected to a mapped address can't be to another one of IPv6 after that.
 */
static bool
take_idle(const struct listener *l, struct client *client)
{
	if (idle_count == 0 || !reaches(idle[idle_count - 1].kind, l) ||
	    chance(&state, 2))
		return false;
	*client = idle[--idle_count];
	disconnect(client->fd);
	return true;
}

static void
start_connection(struct listener *l)
{
	struct client *client = &l->waiting[l->count];
	enum kind kind;
	struct pollfd poller = {.events = POLLOUT};
	const struct rule *rule;
	struct match_query query;
	struct options want;
	struct host_addr to;
	const char *at;

	if (!take_idle(l, client)) {
		do {
			kind = (enum kind)test_below(&state, KINDS);
		} while (!reaches(kind, l));
		new_client(client, kind);
	}
	at = is_wildcard(l) ? any_address(client->kind) : l->at;
	to = address_for(client->kind, at, l->port);
	note("    connects to listener %d by %s%s\n", l->fd,
	    client->kind == OVER_MAPPED ? "::ffff:" : "", at);
	/* With TCP Fast Open, as far as the kernel knows no cookie, too. */
	NEED((chance(&state, 8)
		     ? sendto(client->fd, "", 1, MSG_FASTOPEN, host_sa(&to),
			   to.len) == 1
		     : connect(client->fd, host_sa(&to), to.len) == 0) ||
	     errno == EINPROGRESS);
	client->policy = policy_count - 1;
	poller.fd = client->fd;
	NEED(poll(&poller, 1, DEADLINE_MS) == 1);
	rule = rule_for(client->fd, DIRECTION_CONNECT);
	want = naive_options(rule, &client->program);
	check("client", client->fd, &want, 0, &client->program);
	set_and_check(client->fd, DIRECTION_CONNECT, &client->program);
	count(COUNT_connected);
	query = query_of(client->fd, DIRECTION_CONNECT);
	query.source.family = ADDR_NONE;
	if (naive_surely(in_force()->rules, in_force()->count, PROGRAM,
		&query) == MATCH_DEPENDS)
		count(COUNT_chosen);
	if (client->was_connected)
		count(COUNT_again);
	client->was_connected = true;
	l->count++;
}

/* In the ways that there are, with more or less room for the address. */
static int
accept_one(const struct listener *l)
{
	const socklen_t size =
	    l->v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	const int flags = chance(&state, 2) ? SOCK_CLOEXEC : SOCK_NONBLOCK;
	const bool with_flags = chance(&state, 2);
	struct sockaddr_storage sa, peer;
	socklen_t len = sizeof(sa), room, peer_len = sizeof(peer);
	struct pollfd poller = {.fd = l->fd, .events = POLLIN};
	int fd;

	memset(&sa, 0xa5, sizeof(sa));
	NEED(poll(&poller, 1, DEADLINE_MS) == 1);
	if (chance(&state, 3)) {
		fd = with_flags ? accept4(l->fd, NULL, NULL, flags)
		                : accept(l->fd, NULL, NULL);
		NEED(fd >= 0);
		return fd;
	}
	if (chance(&state, 3))
		len = test_below(&state, size + 1);
	room = len;
	fd = with_flags ? accept4(l->fd, (struct sockaddr *)&sa, &len, flags)
	                : accept(l->fd, (struct sockaddr *)&sa, &len);
	NEED(fd >= 0);
	NEED(len == size);
	NEED(getpeername(fd, (struct sockaddr *)&peer, &peer_len) == 0);
	NEED(memcmp(&sa, &peer, room < size ? room : size) == 0);
	if (room < size)
		count(COUNT_cut);
	return fd;
}

/* What the listener is for, as far as that is known before. */
static void
count_accepted(
    const struct listener *l, int policy_then, const struct rule *rule)
{
	const struct policy *policy = in_force();
	struct match_query query = {
	    .direction = DIRECTION_ACCEPT, .port = (uint16_t)l->port};
	bool sets = rule != NULL && rule->action == ACTION_KEEPALIVE;
	int known;

	end_of(l->fd, false, &query.destination, &query.port);
	if (addr_is_unspecified(&query.destination))
		query.destination.family = ADDR_NONE;
	known = naive_match(policy->rules, policy->count, PROGRAM, &query);
	count(COUNT_accepted);
	if (naive_surely(policy->rules, policy->count, PROGRAM, &query) ==
	    MATCH_DEPENDS)
		count(COUNT_depends);
	if (!sets && known != MATCH_NONE &&
	    policy->rules[known].action == ACTION_KEEPALIVE)
		count(COUNT_given_back);
	if (policy_then != policy_count - 1)
		count(COUNT_late);
	if (l->policy != policy_count - 1)
		count(COUNT_later);
	if (sets && rule->app_settings == APP_TIGHTEN)
		count(COUNT_tightened);
	if (l->way != MADE)
		count(COUNT_foreign);
	if (l->fd >= RECORDS)
		count(COUNT_unnoted);
}

/*
 * What there is no record of can't be taken back after a reload; nor can
 * timers, if the kernel's were not seen before.
 */
static uint32_t
left_over(const struct listener *l, const struct rule *rule)
{
	const bool noted = l->fd < RECORDS && !l->copied;
	uint32_t left = 0;

	if (noted ? !l->ruled : l->policy == policy_count - 1)
		return 0;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if (!naive_names(rule, option) ||
		    rule->app_settings == APP_TIGHTEN)
			left |= 1u << option;
	}
	return noted ? left & KEEPALIVE_TIMERS & ~l->seen : left;
}

/*
 * If a listener from elsewhere has all that a rule sets, then for all that is
 * known an earlier program has set that for it, by the same rule. Then it can't
 * be known of SO_KEEPALIVE; of other options, since no rule has these values.
 */
static bool
may_be_of(const struct rule *rule, const struct listener *l)
{
	const struct options set = naive_options(rule, &l->program);

	for (int option = 0; option < KEEPALIVE_SWITCH; option++) {
		if ((l->seen & 1u << option) == 0 &&
		    set.value[option] != l->program.value[option])
			return false;
	}
	return rule->action == ACTION_KEEPALIVE;
}

static uint32_t
unclear(const struct listener *l)
{
	for (int i = l->policy; i < policy_count; i++) {
		for (size_t n = 0; n < policies[i].count; n++) {
			if (may_be_of(&policies[i].rules[n], l))
				return l->foreign & ~l->seen &
				       1u << KEEPALIVE_SWITCH;
		}
	}
	return 0;
}

/* policy: the one that was in force when the client connected. */
static void
check_accepted(const struct listener *l, int fd, int policy)
{
	struct client accepted = {.fd = fd};
	const struct rule *rule;
	struct options want, have, new;
	uint32_t left;

	note("listener %d accepts %d\n", l->fd, accepted.fd);
	rule = rule_for(accepted.fd, DIRECTION_ACCEPT);
	want = naive_options(rule, &l->program);
	left = left_over(l, rule) | unclear(l);
	/* A copy that the program has changed is not known for one. */
	if (l->copied && l->since != 0)
		left = ~0u;
	have = options_of(accepted.fd);
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((left & 1u << option) != 0)
			want.value[option] = have.value[option];
	}
	/* Nor is there one, for a copy, of what the program set before. */
	new = naive_options(rule, defaults());
	if (l->copied)
		check("accepted", accepted.fd, &want, ~0u, &new);
	else
		check("accepted", accepted.fd, &want,
		    rule != NULL && rule->app_settings == APP_RESPECT ? l->since
								      : 0,
		    &l->program);
	count_accepted(l, policy, rule);
	accepted.program = l->program;
	set_and_check(accepted.fd, DIRECTION_ACCEPT, &accepted.program);
	close_client(&accepted);
}

static void
finish_connection(struct listener *l)
{
	struct client client = l->waiting[0];

	l->count--;
	memmove(l->waiting, l->waiting + 1,
	    (size_t)l->count * sizeof(l->waiting[0]));
	check_accepted(l, accept_one(l), client.policy);
	if (idle_count < IDLE_CLIENTS && chance(&state, 2))
		idle[idle_count++] = client;
	else
		close_client(&client);
}

/* Waits until the process waits for something. */
static void
wait_for_process(pid_t pid)
{
	char path[64], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int i = 0; i < DEADLINE_MS && strstr(text, ") S ") == NULL; i++) {
		file = fopen(path, "r");
		NEED(file != NULL && fgets(text, sizeof(text), file) != NULL);
		fclose(file);
		usleep(100);
	}
}

/* A reload while accept(2) waits, and then a connection. */
static void
reload_in_accept(struct listener *l)
{
	const enum kind kind = l->v6 ? OVER_V6 : OVER_V4;
	const char *at = is_wildcard(l) ? any_address(kind) : l->at;
	const pid_t host = getpid();
	pid_t pid;
	int fd;

	if (l->count > 0 || policy_count == POLICIES_MAX ||
	    (fcntl(l->fd, F_GETFL) & O_NONBLOCK) != 0)
		return;
	policy_make(&state, &policies[policy_count++]);
	fflush(stdout);
	pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		/* Also if the host fails. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		wait_for_process(host);
		publish(in_force());
		(void)host_raw_connect(at, l->port);
		pause();
		_exit(0);
	}
	note("reload: policy %d, in accept\n", policy_count - 1);
	count(COUNT_policies);
	fd = chance(&state, 2) ? accept(l->fd, NULL, NULL)
	                       : accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	NEED(fd >= 0);
	count(COUNT_overtaken);
	check_accepted(l, fd, policy_count - 1);
	kill(pid, SIGKILL);
	NEED(waitpid(pid, NULL, 0) == pid);
}

/* By dup(2), of which the library sees nothing. */
static void
copy_listener(struct listener *l)
{
	int to;

	if (l->fd >= RECORDS)
		return;
	to = fcntl(l->fd, F_DUPFD, next_foreign++);
	NEED(to == next_foreign - 1);
	note("listener %d becomes %d\n", l->fd, to);
	close(l->fd);
	l->fd = to;
	l->copied = true;
}

static void
step(void)
{
	struct listener *l = &listeners[test_below(&state, LISTENERS)];
	uint32_t set;

	if (chance(&state, 16)) {
		reload();
		if (chance(&state, 3))
			reload();
		return;
	}
	if (l->fd < 0) {
		open_listener(l);
		return;
	}
	switch (test_below(&state, 32)) {
	case 0:
		close_listener(l);
		return;
	case 1:
		copy_listener(l);
		return;
	case 2:
		note("listener %d again\n", l->fd);
		NEED(listen(l->fd, 32) == 0);
		return;
	case 3:
	case 4:
	case 5:
	case 6:
		/* What waits has what the program's listener had before. */
		if (l->count > 0)
			return;
		note("listener %d\n", l->fd);
		set = set_options(l->fd, &l->program, false);
		l->since |= set;
		l->seen |= set;
		return;
	case 7:
		reload_in_accept(l);
		return;
	case 8:
	case 9:
		/* What is remembered of the first is right for the others. */
		for (set = 2 + test_below(&state, 8); set > 0; set--) {
			if (l->count < QUEUE_MAX)
				start_connection(l);
			finish_connection(l);
		}
		return;
	default:
		break;
	}
	if (l->count > 0 && (l->count == QUEUE_MAX || chance(&state, 2)))
		finish_connection(l);
	else
		start_connection(l);
}

static uint64_t
seed_of(unsigned int round)
{
	uint64_t seed = (round + 1) * UINT64_C(0x9e3779b97f4a7c15);

	for (int i = 0; i < 4; i++)
		(void)test_random(&seed);
	return seed;
}

/* The program that the library was loaded into. */
static int
host(unsigned int round)
{
	const char *memory = getenv("KASHIM_TEST_SHARED");

	config = getenv("KASHIM_CONFIG");
	if (memory == NULL || config == NULL ||
	    shared_name(config, geteuid(), shared_path, sizeof(shared_path)) <
		0)
		return 2;
	counts = mmap(NULL, COUNT_MAX * sizeof(*counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED, atoi(memory), 0);
	if (counts == MAP_FAILED)
		return 2;
	alarm(HOST_DEADLINE_S);
	state = seed_of(round);
	policy_make(&state, &policies[policy_count++]);
	count(COUNT_policies);
	for (int i = 0; i < LISTENERS; i++)
		listeners[i].fd = -1;
	for (unsigned int i = 20 + test_below(&state, 80); i > 0; i--)
		step();
	for (int i = 0; i < LISTENERS; i++) {
		while (listeners[i].fd >= 0 && listeners[i].count > 0)
			finish_connection(&listeners[i]);
	}
	return 0;
}

/* The kernel takes a moment until an address may be used. */
static void
wait_for(const char *text)
{
	const struct host_addr addr = host_addr(text, 0);
	int fd = socket(addr.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int bound = -1;

	for (int i = 0; i < DEADLINE_MS && bound < 0; i++) {
		bound = bind(fd, host_sa(&addr), addr.len);
		if (bound < 0)
			usleep(1000);
	}
	MUST(bound == 0);
	close(fd);
}

static void
add_addresses(void)
{
	struct in6_ifreq {
		struct in6_addr addr;
		uint32_t prefix;
		int index;
	} v6 = {.prefix = 128, .index = (int)if_nametoindex("lo")};
	struct ifreq v4 = {.ifr_addr.sa_family = AF_INET};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fd6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* 127.0.0.0/8 and ::1 are there. */
	for (size_t i = 0; i < ARRAY_LEN(V4); i++) {
		struct host_addr addr = host_addr(V4[i], 0);

		if (strncmp(V4[i], "127.", 4) == 0)
			continue;
		snprintf(v4.ifr_name, sizeof(v4.ifr_name), "lo:%zu", i);
		memcpy(&v4.ifr_addr, &addr.sa, sizeof(v4.ifr_addr));
		MUST(ioctl(fd, SIOCSIFADDR, &v4) == 0);
	}
	for (size_t i = 1; i < ARRAY_LEN(V6); i++) {
		MUST(inet_pton(AF_INET6, V6[i], &v6.addr) == 1);
		MUST(ioctl(fd6, SIOCSIFADDR, &v6) == 0);
		wait_for(V6[i]);
	}
	close(fd);
	close(fd6);
}

/* The host finds its first policy published. */
static bool
run_round(const char *build, const char *trace, int memory, unsigned int round)
{
	char text[PATH_MAX], number[16];
	int status = -1;
	pid_t pid;

	state = seed_of(round);
	policy_make(&state, &policies[0]);
	publish(&policies[0]);
	pid = fork();
	if (pid == 0) {
		snprintf(text, sizeof(text), "%s/libkashim.so", build);
		setenv("LD_PRELOAD", text, 1);
		snprintf(text, sizeof(text), "%d", memory);
		setenv("KASHIM_TEST_SHARED", text, 1);
		snprintf(number, sizeof(number), "%u", round);
		if (round % 8 == 7)
			setenv("KASHIM_TRACE", trace, 1);
		execl(
		    "/proc/self/exe", PROGRAM, "--host", number, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	if (status != 0)
		printf("failed: round %u, status %x\n", round,
		    (unsigned int)status);
	return status == 0;
}

/* So many of everything that it means something. */
static bool
report(unsigned int rounds)
{
	bool enough = true;

	for (int i = 0; i < COUNT_MAX; i++) {
		printf(
		    "%s%lu %s", i == 0 ? "" : ", ", counts[i], COUNT_NAMES[i]);
		if (rounds == ROUNDS && counts[i] < 500)
			enough = false;
	}
	printf("\n");
	return enough &&
	       (rounds < ROUNDS || (counts[COUNT_policies] > 3000 &&
				       counts[COUNT_accepted] > 20000));
}

int
main(int argc, char **argv)
{
	char dir[] = "/dev/shm/kashim-test.XXXXXX", text[PATH_MAX];
	char path[64], trace[64];
	unsigned int first = 0, rounds = ROUNDS, failed = 0;
	int memory;

	if (argc == 3 && strcmp(argv[1], "--host") == 0)
		return host((unsigned int)strtoul(argv[2], NULL, 10));
	if (argc < 2 || mkdtemp(dir) == NULL)
		return 2;
	if (argc > 2) {
		first = (unsigned int)strtoul(argv[2], NULL, 10);
		rounds =
		    argc > 3 ? (unsigned int)strtoul(argv[3], NULL, 10) : 1;
	}
	netns_enter();
	add_addresses();
	memory = memfd_create("accepts", 0);
	MUST(ftruncate(memory, (off_t)(COUNT_MAX * sizeof(*counts))) == 0);
	counts = mmap(NULL, COUNT_MAX * sizeof(*counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED, memory, 0);
	MUST(counts != MAP_FAILED);
	snprintf(path, sizeof(path), "%s/kashim.conf", dir);
	config = path;
	snprintf(trace, sizeof(trace), "%s/trace", dir);
	MUST(host_write_file(trace, "", 0600) == 0);
	/* It is published as if this had been the rules. */
	MUST(host_write_file(config, "# made at random\n", 0644) == 0);
	unsetenv("KASHIM_TRACE");
	setenv("KASHIM_CACHE", dir, 1);
	setenv("KASHIM_CONFIG", config, 1);
	MUST(shared_name(config, geteuid(), shared_path, sizeof(shared_path)) ==
	     0);
	for (unsigned int i = 0; i < rounds && failed < 3; i++)
		failed += !run_round(argv[1], trace, memory, first + i);
	snprintf(text, sizeof(text), "rm -rf %s", dir);
	/* NOLINTNEXTLINE(cert-env33-c): of our own making */
	MUST(system(text) == 0);
	if (!report(rounds))
		failed++;
	failed += (unsigned int)host_failures;
	printf("%d passed, %u failed\n", failed == 0, failed);
	return failed == 0 ? 0 : 1;
}
