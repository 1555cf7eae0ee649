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

static bool
get_rule(const struct apply *apply, int rule, struct image_rule *record)
{
	return rule != MATCH_NONE &&
	       image_rule(&apply->view->image, (uint32_t)rule, record);
}

static void
rule_keepalive(const struct image_rule *record, struct keepalive *keepalive)
{
	keepalive->set = record->options;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		keepalive->value[option] = record->value[option];
}

static const struct keepalive NOTHING;

/* Takes back what an earlier rule left on fd and want does not name. */
static void
take_back(
    const struct apply *apply, int fd, int rule, const struct keepalive *want)
{
	int before = record_rule(fd);
	struct image_rule record;
	struct keepalive was, program;

	if (before == RECORD_NO_RULE || before == rule)
		return;
	if (get_rule(apply, before, &record)) {
		rule_keepalive(&record, &was);
		program = record_of_program(fd);
		keepalive_take_back(&apply->calls, fd, &was, want, &program);
	}
	record_set_rule(fd, RECORD_NO_RULE);
}

/* Sets what a rule says on fd. query, if not NULL, is for the trace. */
static void
set_rule(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, int rule)
{
	struct image_rule record;
	struct keepalive want = {0};
	bool found = get_rule(apply, rule, &record);
	bool set = found && record.action == ACTION_KEEPALIVE;
	int error = 0;

	if (set)
		rule_keepalive(&record, &want);
	/* To tighten, what a rule left must not pass for the program's own. */
	take_back(apply, fd, rule,
	    set && record.app_settings != APP_TIGHTEN ? &want : &NOTHING);
	if (set) {
		if (record.app_settings == APP_TIGHTEN)
			error = keepalive_tighten(&apply->calls, fd, &want);
		else
			error = keepalive_set(&apply->calls, fd, &want);
		if (error != -ENOPROTOOPT)
			record_set_rule(fd, rule);
	}
	/* A datagram socket has come by: not a decision of ours. */
	if (apply->trace_path[0] != '\0' && error != -ENOPROTOOPT)
		apply_trace(
		    apply, call, fd, query, found ? &record : NULL, error);
}

static int
find_rule(const struct apply *apply, const struct match_query *query)
{
	return match_rule(&apply->view->image, &apply->view->groups, query);
}

void
apply_socket(
    const struct apply *apply, int fd, int domain, int type, int protocol)
{
	record_clear(fd);
	if (apply->view->uniform == MATCH_NONE)
		return;
	if ((domain != AF_INET && domain != AF_INET6) ||
	    (type & SOCK_TYPE_MASK) != SOCK_STREAM ||
	    (protocol != 0 && protocol != IPPROTO_TCP &&
		protocol != IPPROTO_MPTCP))
		return;
	set_rule(apply, "socket", fd, NULL, apply->view->uniform);
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

	return record_rule(fd) != RECORD_NO_RULE &&
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

	if (apply->view->uniform != MATCH_NONE || match_scope_is_empty(scope))
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
	set_rule(apply, "connect", fd, &query, find_rule(apply, &query));
	return false;
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
	set_rule(apply, "connect", fd, &query, find_rule(apply, &query));
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
	set_rule(apply, "made", fd, &query, find_rule(apply, &query));
}

/* The rule that all connections to a listener's port get. */
static int
listener_rule(const struct apply *apply, const struct end *local,
    struct match_query *query)
{
	*query = (struct match_query){
	    .direction = DIRECTION_ACCEPT, .port = local->port};
	return find_rule(apply, query);
}

bool
apply_listen(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct match_query query;
	struct end local = {0};
	socklen_t local_len;
	struct image_rule record;
	int rule;

	if (view->uniform != MATCH_NONE)
		return false;
	if (!view_listener_decides(view) ||
	    match_scope_is_empty(&view->accept)) {
		/* It may have tried to connect before. */
		take_back(apply, fd, MATCH_NONE, &NOTHING);
		return false;
	}
	if (local_end(fd, &local, &local_len) < 0)
		return false;
	if (local.port == 0)
		return true;
	rule = listener_rule(apply, &local, &query);
	/* Called again, for another backlog: the program's call is later. */
	if (rule != MATCH_NONE && rule == record_rule(fd) &&
	    get_rule(apply, rule, &record) &&
	    record.app_settings == APP_RESPECT)
		return false;
	set_rule(apply, "listen", fd, &query, rule);
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

void
apply_called_back(const struct apply *apply, int fd)
{
	struct match_query query;

	record_clear(fd);
	if (accepted_query(apply, fd, &query) < 0)
		return;
	set_rule(apply, "accept", fd, &query, find_rule(apply, &query));
}

void
apply_accepted(const struct apply *apply, int listener, int fd)
{
	const struct view *view = apply->view;

	/* A listener that came from elsewhere has nothing to be inherited. */
	if (match_scope_is_empty(&view->accept) ||
	    (view_listener_decides(view) &&
		record_rule(listener) != RECORD_NO_RULE))
		record_clear(fd);
	else
		apply_called_back(apply, fd);
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
	int connect_rule;
	int accept_rule;
};

static void
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
	sides->connect_rule = find_rule(apply, &sides->connect);
	sides->accept_rule = find_rule(apply, &sides->accept);
}

void
apply_inherited(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct end local = {0}, peer = {0};
	struct sides sides;
	socklen_t local_len;

	record_clear(fd);
	if (local_end(fd, &local, &local_len) < 0)
		return;
	if (view->uniform != MATCH_NONE) {
		set_rule(apply, "inherited", fd, NULL, view->uniform);
	} else if (peer_end(apply, fd, &peer, local_len) == 0) {
		/* Who hands sockets on has as a rule accepted them. */
		find_sides(apply, &local, &peer, &sides);
		if (sides.accept_rule != MATCH_NONE)
			set_rule(apply, "inherited", fd, &sides.accept,
			    sides.accept_rule);
		else
			set_rule(apply, "inherited", fd, &sides.connect,
			    sides.connect_rule);
	} else if (is_listener(apply, fd)) {
		apply_listen(apply, fd);
	}
}

/* Has the socket all that the rule says, or, for tighten, tighter? */
static bool
fits(const struct apply *apply, int fd, int rule)
{
	struct image_rule record;
	struct keepalive want, have;

	if (!get_rule(apply, rule, &record) ||
	    record.action != ACTION_KEEPALIVE)
		return false;
	rule_keepalive(&record, &want);
	return keepalive_get(&apply->calls, fd, &have) == 0 &&
	       keepalive_covers(
		   &have, &want, record.app_settings == APP_TIGHTEN);
}

/*
 * The rule that was set on fd. The kernel does not tell who sent the SYN; if
 * that makes a difference, the options that the socket has tell it.
 */
static int
rule_of_socket(const struct apply *apply, int fd)
{
	const struct view *view = apply->view;
	struct match_query query;
	struct end local = {0}, peer = {0};
	struct sides sides;
	socklen_t local_len;

	if (view->uniform != MATCH_NONE)
		return view->uniform;
	if (local_end(fd, &local, &local_len) < 0)
		return MATCH_NONE;
	if (peer_end(apply, fd, &peer, local_len) < 0) {
		if (!view_listener_decides(view) || !is_listener(apply, fd))
			return MATCH_NONE;
		return listener_rule(apply, &local, &query);
	}
	find_sides(apply, &local, &peer, &sides);
	/* What is on record for fd, if it fits, is the better answer. */
	if (record_rule(fd) == sides.accept_rule &&
	    fits(apply, fd, sides.accept_rule))
		return sides.accept_rule;
	if (sides.connect_rule == sides.accept_rule ||
	    fits(apply, fd, sides.connect_rule))
		return sides.connect_rule;
	if (fits(apply, fd, sides.accept_rule))
		return sides.accept_rule;
	return MATCH_NONE;
}

int
apply_holding(const struct apply *apply, int fd)
{
	struct image_rule record;
	int rule;

	if (!apply->view->holds)
		return MATCH_NONE;
	rule = rule_of_socket(apply, fd);
	if (!get_rule(apply, rule, &record) ||
	    record.action != ACTION_KEEPALIVE ||
	    record.app_settings == APP_RESPECT)
		return MATCH_NONE;
	return rule;
}

void
apply_hold(const struct apply *apply, int fd, int rule,
    enum keepalive_option option, int value)
{
	struct image_rule record;
	struct keepalive want;

	record_program(fd, option, value);
	if (!get_rule(apply, rule, &record))
		return;
	rule_keepalive(&record, &want);
	want.set &= 1u << option;
	if (record.app_settings == APP_TIGHTEN)
		keepalive_tighten(&apply->calls, fd, &want);
	else
		keepalive_set(&apply->calls, fd, &want);
}
