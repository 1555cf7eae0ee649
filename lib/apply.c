/* SPDX-License-Identifier: ISC */
/*
 * apply: what each hook does to a socket, without the hooks.
 *
 * A table by descriptor would be wrong after the first dup(2) or close(2). So
 * what has to be known of a socket is asked of the kernel, and only where a
 * rule needs it; what record remembers is a hint.
 */
#include "apply.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "addr.h"
#include "apply_trace.h"
#include "record.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf /* linux/net.h */
#endif

/* Of a listener whose queue can't be told: the kernel's own limit. */
#define QUEUE_MAX 4096u
/* Connections that are just being made may not be in the queue yet. */
#define QUEUE_SPARE 64u

#define TRIES_MAX 100

struct end {
	struct addr addr;
	uint16_t port;
};

/* Our end of fd. Returns 0, or -errno if it is not an IP socket. */
static int
local_end(int fd, struct end *end, socklen_t *len)
{
	struct sockaddr_storage sa;

	*len = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, len) < 0)
		return -errno;
	return addr_from_sockaddr(&sa, *len, &end->addr, &end->port);
}

/*
 * The other end of fd. getpeername(2) refuses while the SYN is under way;
 * SO_PEERNAME tells it already then, but wants the address's exact length
 * (sk_getsockopt() in net/core/sock.c).
 */
static int
peer_end(
    const struct apply *apply, int fd, struct end *end, socklen_t local_len)
{
	struct sockaddr_storage sa;
	socklen_t len = local_len;

	if (apply->calls.get(fd, SOL_SOCKET, SO_PEERNAME, &sa, &len) < 0)
		return -errno;
	return addr_from_sockaddr(&sa, len, &end->addr, &end->port);
}

static const struct keepalive NOTHING;

/* The rule has to be looked up again, in the policy that came meanwhile. */
#define RULE_OVERTAKEN (-2)

/* A rule, as it was when it was found. */
struct found {
	int rule; /* or MATCH_NONE, RULE_OVERTAKEN */
	uint32_t action;
	uint32_t app_settings;
	struct keepalive want;
};

static bool
is_overtaken(const struct apply *apply)
{
	return apply->overtaken != NULL && apply->overtaken(apply->data);
}

static struct found
get_found(const struct apply *apply, int rule)
{
	struct found found = {.rule = MATCH_NONE};
	struct image_rule record;

	if (rule != MATCH_NONE &&
	    image_rule(&apply->view->image, (uint32_t)rule, &record)) {
		found.rule = rule;
		found.action = record.action;
		found.app_settings = record.app_settings;
		found.want.set = record.options;
		for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
			found.want.value[option] = record.value[option];
	}
	if (is_overtaken(apply))
		found.rule = RULE_OVERTAKEN;
	return found;
}

static struct found
find_rule(const struct apply *apply, const struct match_query *query)
{
	return get_found(apply,
	    match_rule(&apply->view->image, &apply->view->groups, query));
}

/* Takes back what an earlier rule left on fd and want does not name. */
static void
take_back(
    const struct apply *apply, int fd, int rule, const struct keepalive *want)
{
	struct keepalive was = record_of_rule(fd);
	struct keepalive program;

	if (was.set == 0 ||
	    (rule != MATCH_NONE &&
		record_rule(fd, apply->view->generation) == rule))
		return;
	program = record_of_program(fd);
	keepalive_take_back(&apply->calls, fd, &was, want, &program);
	record_decide(fd, apply->view->generation, MATCH_NONE, &NOTHING);
}

/*
 * Not inlined, for the stack that it takes: only when there is a trace. If
 * the policy was overtaken just now, the name may be missing or another.
 */
__attribute__((noinline)) static void
trace_rule(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct found *found, int error)
{
	struct image_rule record;
	bool named =
	    found->rule != MATCH_NONE &&
	    image_rule(&apply->view->image, (uint32_t)found->rule, &record);

	apply_trace(apply, call, fd, query, named ? &record : NULL, error);
}

/* Sets what a rule says on fd. query, if not NULL, is for the trace. */
static void
set_rule(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct found *found)
{
	bool set =
	    found->rule != MATCH_NONE && found->action == ACTION_KEEPALIVE;
	bool tighten = set && found->app_settings == APP_TIGHTEN;
	int error = 0;

	/* To tighten, what a rule left must not pass for the program's own. */
	take_back(
	    apply, fd, found->rule, set && !tighten ? &found->want : &NOTHING);
	if (tighten)
		error = keepalive_tighten(&apply->calls, fd, &found->want);
	else if (set)
		error = keepalive_set(&apply->calls, fd, &found->want);
	if (set && error != -ENOPROTOOPT)
		record_decide(
		    fd, apply->view->generation, found->rule, &found->want);
	/* A datagram socket has come by: not a decision of ours. */
	if (error == -ENOPROTOOPT)
		record_set_other(fd, apply->view->generation);
	if (apply->trace_path[0] != '\0' && error != -ENOPROTOOPT)
		trace_rule(apply, call, fd, query, found, error);
}

/*
 * Has fd the uniform rule since socket(2)? After a reload, what is on record
 * may be of a socket of the same number in a child of vfork(2).
 */
static bool
was_set_at_once(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct keepalive ours;

	if (view->uniform == MATCH_NONE || !view->changed)
		return view->uniform != MATCH_NONE;
	ours = record_of_rule(fd);
	return record_decided(fd, view->generation) &&
	       keepalive_begins(&apply->calls, fd, &ours);
}

void
apply_socket(
    const struct apply *apply, int fd, int domain, int type, int protocol)
{
	struct found found;

	record_clear(fd);
	if (domain != AF_INET && domain != AF_INET6)
		return;
	if ((type & SOCK_TYPE_MASK) != SOCK_STREAM) {
		record_set_other(fd, apply->view->generation);
		return;
	}
	if (apply->view->uniform == MATCH_NONE ||
	    (protocol != 0 && protocol != IPPROTO_TCP &&
		protocol != IPPROTO_MPTCP))
		return;
	found = get_found(apply, apply->view->uniform);
	if (found.rule == RULE_OVERTAKEN)
		apply_socket(apply, fd, domain, type, protocol);
	else
		set_rule(apply, "socket", fd, NULL, &found);
}

bool
apply_is_other(const struct apply *apply, int fd)
{
	return record_take_other(fd, apply->view->generation);
}

/*
 * Has fd a peer already? Then no connect(2) can give it another one, however
 * that call ends. Asked only if a rule was set on fd before, so that a first
 * connect costs nothing. Two bytes will do: sk_getsockopt() cuts the address.
 */
static bool
keeps_its_peer(const struct apply *apply, int fd)
{
	sa_family_t family;
	socklen_t len = sizeof(family);

	return record_of_rule(fd).set != 0 &&
	       apply->calls.get(fd, SOL_SOCKET, SO_PEERNAME, &family, &len) ==
	           0;
}

/*
 * The kernel takes an unspecified destination for loopback, or, with IPv4, for
 * the address that the socket is bound to (ip_route_output_key_hash_rcu() in
 * net/ipv4/route.c, tcp_v6_connect() in net/ipv6/tcp_ipv6.c).
 */
static void
specify(int fd, struct addr *destination)
{
	static const struct addr LOOPBACK_V4 = {
	    .family = ADDR_V4, .bytes = {127, 0, 0, 1}};
	static const struct addr LOOPBACK_V6 = {
	    .family = ADDR_V6, .bytes = {[15] = 1}};
	struct end local = {0};
	socklen_t local_len;

	if (!addr_is_unspecified(destination) ||
	    local_end(fd, &local, &local_len) < 0)
		return;
	if (destination->family == ADDR_V4 && !addr_is_unspecified(&local.addr))
		*destination = local.addr;
	else if (destination->family == ADDR_V4 || local.addr.family == ADDR_V4)
		*destination = LOOPBACK_V4;
	else
		*destination = LOOPBACK_V6;
}

bool
apply_connect(const struct apply *apply, int fd, const void *sa, size_t len)
{
	const struct match_scope *scope = &apply->view->connect;
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct found found;

	/* An earlier policy may have left something on it. */
	if (was_set_at_once(apply, fd) ||
	    (match_scope_is_empty(scope) &&
		(!apply->view->changed || record_of_rule(fd).set == 0)))
		return false;
	if (addr_from_sockaddr(sa, len, &query.destination, &query.port) < 0 ||
	    keeps_its_peer(apply, fd))
		return false;
	specify(fd, &query.destination);

	if ((scope->matchers & MATCHER_SOURCE) != 0) {
		struct end local = {0};
		socklen_t local_len;

		if (local_end(fd, &local, &local_len) < 0)
			return false;
		if (addr_is_unspecified(&local.addr))
			return true;
		query.source = local.addr;
	}
	found = find_rule(apply, &query);
	if (found.rule == RULE_OVERTAKEN)
		return apply_connect(apply, fd, sa, len);
	set_rule(apply, "connect", fd, &query, &found);
	return false;
}

/* For a query that has all that can be known of a connection. */
static void
look_up_and_set(const struct apply *apply, const char *call, int fd,
    const struct match_query *query)
{
	struct found found = find_rule(apply, query);

	for (int i = 0; found.rule == RULE_OVERTAKEN; i++) {
		if (i == TRIES_MAX)
			return;
		found = find_rule(apply, query);
	}
	set_rule(apply, call, fd, query, &found);
}

void
apply_connected(const struct apply *apply, int fd, const void *sa, size_t len)
{
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct end local = {0};
	socklen_t local_len;

	if (addr_from_sockaddr(sa, len, &query.destination, &query.port) < 0 ||
	    local_end(fd, &local, &local_len) < 0)
		return;
	specify(fd, &query.destination);
	query.source = local.addr;
	look_up_and_set(apply, "connect", fd, &query);
}

void
apply_made(const struct apply *apply, int fd)
{
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct end local = {0}, peer = {0};
	socklen_t local_len;

	record_clear(fd);
	if (local_end(fd, &local, &local_len) < 0 ||
	    peer_end(apply, fd, &peer, local_len) < 0)
		return;
	query.source = local.addr;
	query.destination = peer.addr;
	query.port = peer.port;
	look_up_and_set(apply, "made", fd, &query);
}

/*
 * Do all connections to a listener get the same rule, by its port and, if it
 * is bound to one, its address?
 */
static bool
listener_decides(const struct apply *apply, const struct end *local)
{
	const uint32_t matchers = apply->view->accept.matchers;

	return (matchers & MATCHER_SOURCE) == 0 &&
	       ((matchers & MATCHER_DESTINATION) == 0 ||
		   !addr_is_unspecified(&local->addr));
}

/* The rule that they get then. */
static struct found
listener_rule(const struct apply *apply, const struct end *local,
    struct match_query *query)
{
	*query = (struct match_query){
	    .direction = DIRECTION_ACCEPT, .port = local->port};
	if (!addr_is_unspecified(&local->addr))
		query->destination = local->addr;
	return find_rule(apply, query);
}

/* How many connections wait in a listener's queue (tcp_get_info()). */
static uint32_t
waiting(const struct apply *apply, int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (apply->calls.get(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
		return QUEUE_MAX;
	return info.tcpi_unacked;
}

/*
 * Around a change of a listener's options: connections that wait, or are on
 * their way into the queue, have got the former ones, or some of each. Another
 * thread that accepts one meanwhile has to know, too, so there are many of
 * them at first. Returns a number for queue_changed().
 */
static uint32_t
queue_changes(const struct apply *apply, int fd)
{
	if (!apply->view->changed)
		return 0;
	record_set_queue(fd, QUEUE_MAX);
	return record_begin_change(fd);
}

static void
queue_changed(const struct apply *apply, int fd, uint32_t number)
{
	if (!apply->view->changed)
		return;
	record_set_queue(fd, waiting(apply, fd) + QUEUE_SPARE);
	record_end_change(fd, number);
}

/* What a listener accepts has to be looked at one by one. */
static void
leave_to_accept(const struct apply *apply, int fd)
{
	uint32_t number = queue_changes(apply, fd);

	/* It may have tried to connect before. */
	take_back(apply, fd, MATCH_NONE, &NOTHING);
	if (apply->view->changed)
		record_decide(
		    fd, apply->view->generation, RECORD_EACH, &NOTHING);
	queue_changed(apply, fd, number);
}

bool
apply_listen(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct match_query query;
	struct end local = {0};
	socklen_t local_len;
	struct found found;
	uint32_t number;

	if (was_set_at_once(apply, fd))
		return false;
	if ((view->accept.matchers & MATCHER_SOURCE) != 0 ||
	    match_scope_is_empty(&view->accept)) {
		leave_to_accept(apply, fd);
		return false;
	}
	if (local_end(fd, &local, &local_len) < 0)
		return false;
	if (!listener_decides(apply, &local)) {
		leave_to_accept(apply, fd);
		return false;
	}
	if (local.port == 0)
		return true;
	found = listener_rule(apply, &local, &query);
	if (found.rule == RULE_OVERTAKEN)
		return apply_listen(apply, fd);
	/* Called again, for another backlog: the program's call is later. */
	if (found.rule != MATCH_NONE &&
	    found.rule == record_rule(fd, view->generation) &&
	    found.app_settings == APP_RESPECT)
		return false;
	number = queue_changes(apply, fd);
	set_rule(apply, "listen", fd, &query, &found);
	/* Also if there was nothing to set. */
	if (!record_decided(fd, view->generation))
		record_decide(fd, view->generation, found.rule, &NOTHING);
	queue_changed(apply, fd, number);
	return false;
}

/* What is known of a connection that our side accepted. */
static int
accepted_query(const struct apply *apply, int fd, struct match_query *query)
{
	struct end local = {0}, peer = {0};
	socklen_t local_len;
	int error = local_end(fd, &local, &local_len);

	if (error < 0)
		return error;
	if ((apply->view->accept.matchers & MATCHER_SOURCE) != 0)
		error = peer_end(apply, fd, &peer, local_len);
	*query = (struct match_query){
	    .direction = DIRECTION_ACCEPT,
	    .source = peer.addr,
	    .destination = local.addr,
	    .port = local.port,
	};
	return error;
}

/* Sets what the rule for an accepted connection says. */
static void
set_accepted(const struct apply *apply, int fd)
{
	struct match_query query;
	struct found found;

	if (accepted_query(apply, fd, &query) < 0)
		return;
	found = find_rule(apply, &query);
	if (found.rule == RULE_OVERTAKEN)
		set_accepted(apply, fd);
	else
		set_rule(apply, "accept", fd, &query, &found);
}

void
apply_called_back(const struct apply *apply, int fd)
{
	record_clear(fd);
	set_accepted(apply, fd);
}

struct apply_accepting
apply_accepting(int listener)
{
	return (struct apply_accepting){
	    .decided = record_decided_in(listener),
	    .queued = record_has_queued(listener),
	};
}

/*
 * After a reload the listener may still have what an earlier policy said, and
 * so may what it accepts. Brings it up to date, and returns whether what was
 * just accepted has to be set by itself.
 */
static bool
has_earlier(const struct apply *apply, int listener,
    const struct apply_accepting *before)
{
	const uint32_t now = record_decided_in(listener);

	if (!record_has_room(listener))
		return true;
	if (!record_decided(listener, apply->view->generation)) {
		(void)apply_listen(apply, listener);
		return true;
	}
	record_take_queued(listener);
	return before->queued || before->decided != now;
}

/*
 * Gives what was just accepted what it would have from the listener as it is
 * now: nothing of an earlier policy stays, and the program has set nothing.
 */
static void
inherit_anew(const struct apply *apply, int listener, int fd)
{
	struct keepalive want, have;

	if (keepalive_get(&apply->calls, listener, &want) < 0 ||
	    keepalive_get(&apply->calls, fd, &have) < 0)
		return;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if (want.value[option] == have.value[option])
			want.set &= ~(1u << option);
	}
	if (want.set != 0)
		keepalive_set(&apply->calls, fd, &want);
}

bool
apply_inherits(uint32_t generation, int listener,
    const struct apply_accepting *before, int fd)
{
	/* A listener that came from elsewhere has nothing to be inherited. */
	if (before->queued || before->decided != generation + 1 ||
	    !record_decided(listener, generation) ||
	    record_rule(listener, generation) == RECORD_EACH)
		return false;
	/* It tells who sent the SYN, if rules for both sides would fit. */
	record_inherit(fd, listener);
	return true;
}

void
apply_accepted(const struct apply *apply, int listener,
    const struct apply_accepting *before, int fd)
{
	const struct view *view = apply->view;

	record_clear(fd);
	if (view->changed && has_earlier(apply, listener, before))
		inherit_anew(apply, listener, fd);
	else if (match_scope_is_empty(&view->accept))
		return;
	set_accepted(apply, fd);
}

static bool
is_listener(const struct apply *apply, int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return apply->calls.get(
		   fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
	       listening != 0;
}

/* The rules that a connected socket has, by who sent the SYN. */
struct sides {
	struct match_query connect;
	struct match_query accept;
	struct found connected;
	struct found accepted;
};

/* Returns false if it has to be done again, with what view says now. */
static bool
find_sides(const struct apply *apply, const struct end *local,
    const struct end *peer, struct sides *sides)
{
	sides->connect = (struct match_query){
	    .direction = DIRECTION_CONNECT,
	    .source = local->addr,
	    .destination = peer->addr,
	    .port = peer->port,
	};
	sides->accept = (struct match_query){
	    .direction = DIRECTION_ACCEPT,
	    .source = peer->addr,
	    .destination = local->addr,
	    .port = local->port,
	};
	sides->connected = find_rule(apply, &sides->connect);
	sides->accepted = find_rule(apply, &sides->accept);
	/* The first one is void, too, if the second one came too late. */
	return sides->connected.rule != RULE_OVERTAKEN &&
	       sides->accepted.rule != RULE_OVERTAKEN;
}

void
apply_inherited(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct end local = {0}, peer = {0};
	struct found found;
	struct sides sides;
	socklen_t local_len;

	record_clear(fd);
	if (local_end(fd, &local, &local_len) < 0)
		return;
	if (view->uniform != MATCH_NONE) {
		found = get_found(apply, view->uniform);
		if (found.rule == RULE_OVERTAKEN)
			apply_inherited(apply, fd);
		else
			set_rule(apply, "inherited", fd, NULL, &found);
	} else if (peer_end(apply, fd, &peer, local_len) == 0) {
		/* Who hands sockets on has as a rule accepted them. */
		if (!find_sides(apply, &local, &peer, &sides))
			apply_inherited(apply, fd);
		else if (sides.accepted.rule != MATCH_NONE)
			set_rule(apply, "inherited", fd, &sides.accept,
			    &sides.accepted);
		else
			set_rule(apply, "inherited", fd, &sides.connect,
			    &sides.connected);
	} else if (is_listener(apply, fd)) {
		apply_listen(apply, fd);
	}
}

/* Has the socket all that the rule says, or, for tighten, tighter? */
static bool
fits(const struct apply *apply, int fd, const struct found *found)
{
	struct keepalive have;

	if (found->rule == MATCH_NONE || found->action != ACTION_KEEPALIVE)
		return false;
	return keepalive_get(&apply->calls, fd, &have) == 0 &&
	       keepalive_covers(
		   &have, &found->want, found->app_settings == APP_TIGHTEN);
}

/*
 * The rule that was set on fd. The kernel does not tell who sent the SYN; if
 * that makes a difference, the options that the socket has tell it.
 */
static struct found
rule_of_socket(const struct apply *apply, int fd)
{
	static const struct found NO_RULE = {.rule = MATCH_NONE};
	const struct view *view = apply->view;
	struct match_query query;
	struct end local = {0}, peer = {0};
	struct sides sides;
	socklen_t local_len;

	if (view->uniform != MATCH_NONE)
		return get_found(apply, view->uniform);
	if (local_end(fd, &local, &local_len) < 0)
		return NO_RULE;
	if (peer_end(apply, fd, &peer, local_len) < 0) {
		if (!listener_decides(apply, &local) || !is_listener(apply, fd))
			return NO_RULE;
		return listener_rule(apply, &local, &query);
	}
	if (!find_sides(apply, &local, &peer, &sides))
		return (struct found){.rule = RULE_OVERTAKEN};
	/* What is on record for fd, if it fits, is the better answer. */
	if (record_rule(fd, view->generation) == sides.accepted.rule &&
	    fits(apply, fd, &sides.accepted))
		return sides.accepted;
	if (sides.connected.rule == sides.accepted.rule ||
	    fits(apply, fd, &sides.connected))
		return sides.connected;
	if (fits(apply, fd, &sides.accepted))
		return sides.accepted;
	return NO_RULE;
}

int
apply_holding(const struct apply *apply, int fd)
{
	struct found found;

	if (!apply->view->holds)
		return MATCH_NONE;
	found = rule_of_socket(apply, fd);
	if (found.rule == RULE_OVERTAKEN)
		return apply_holding(apply, fd);
	if (found.rule == MATCH_NONE || found.action != ACTION_KEEPALIVE ||
	    found.app_settings == APP_RESPECT)
		return MATCH_NONE;
	return found.rule;
}

void
apply_hold(const struct apply *apply, int fd, int rule,
    enum keepalive_option option, int value)
{
	struct found found;

	record_program(fd, option, value);
	if (rule == MATCH_NONE)
		return;
	found = get_found(apply, rule);
	if (found.rule == RULE_OVERTAKEN)
		found = get_found(apply, apply_holding(apply, fd));
	if (found.rule < 0)
		return;
	found.want.set &= 1u << option;
	if (found.app_settings == APP_TIGHTEN)
		keepalive_tighten(&apply->calls, fd, &found.want);
	else
		keepalive_set(&apply->calls, fd, &found.want);
}
