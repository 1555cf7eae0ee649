/* SPDX-License-Identifier: ISC */
/*
 * apply_connect: the side that connects: socket(2), connect(2), and calls that
 * hide these.
 */
#include <netinet/in.h>
#include <sys/socket.h>

#include "apply/apply_common.h"
#include "apply/record.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf /* linux/net.h */
#endif

void
apply_socket_noted(uint32_t generation, int fd, int domain, int type)
{
	if (!record_is_clear(fd))
		record_clear(fd);
	if ((domain == AF_INET || domain == AF_INET6) &&
	    (type & SOCK_TYPE_MASK) != SOCK_STREAM)
		record_set_other(fd, generation);
}

void
apply_socket(
    const struct apply *apply, int fd, int domain, int type, int protocol)
{
	struct found found;

	apply_socket_noted(apply->view->generation, fd, domain, type);
	/* So that accept() on it knows: nothing is to be done there. */
	if (apply->view->uniform != MATCH_NONE && !apply->view->changed &&
	    domain != AF_INET && domain != AF_INET6) {
		record_decide(fd, apply->view->generation, MATCH_NONE,
		    &(struct keepalive){0});
		record_set_accepts(fd);
	}
	if (apply->view->uniform == MATCH_NONE ||
	    (domain != AF_INET && domain != AF_INET6) ||
	    (type & SOCK_TYPE_MASK) != SOCK_STREAM ||
	    (protocol != 0 && protocol != IPPROTO_TCP &&
		protocol != IPPROTO_MPTCP))
		return;
	found = apply_get(apply, apply->view->uniform);
	if (found.rule == RULE_OVERTAKEN) {
		apply_socket(apply, fd, domain, type, protocol);
		return;
	}
	apply_set(apply, "socket", fd, NULL, &found);
	record_set_accepts(fd);
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
	    apply_local_end(fd, &local, &local_len) < 0)
		return;
	if (destination->family == ADDR_V4 && !addr_is_unspecified(&local.addr))
		*destination = local.addr;
	else if (destination->family == ADDR_V4 || local.addr.family == ADDR_V4)
		*destination = LOOPBACK_V4;
	else
		*destination = LOOPBACK_V6;
}

/* What was found is the answer for the next new socket, too. */
static void
keep_answer(const struct apply *apply, const struct found *found)
{
	/* To tighten, the socket is asked; and each line of a trace is one. */
	if (apply->lasting == NULL || apply->trace_path[0] != '\0' ||
	    apply->view->uniform != MATCH_NONE ||
	    (found_sets(found) && found->app_settings == APP_TIGHTEN))
		return;
	*apply->lasting = (struct memo_answer){.rule = found->rule};
	if (found_sets(found))
		apply->lasting->want = found->want;
}

bool
apply_connect(const struct apply *apply, int fd, const void *sa, size_t len)
{
	const struct match_scope *scope = &apply->view->connect;
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct found found;
	bool lasts;

	/* An earlier policy may have left something on it. */
	if (apply_was_set_at_once(apply, fd) ||
	    (match_scope_is_empty(scope) &&
		(!apply->view->changed || record_of_rule(fd).set == 0)))
		return false;
	if (addr_from_sockaddr(sa, len, &query.destination, &query.port) < 0 ||
	    keeps_its_peer(apply, fd))
		return false;
	lasts = !addr_is_unspecified(&query.destination);
	specify(fd, &query.destination);

	if ((scope->matchers & MATCHER_SOURCE) != 0) {
		struct end local = {0};
		socklen_t local_len;

		if (apply_local_end(fd, &local, &local_len) < 0)
			return false;
		if (addr_is_unspecified(&local.addr))
			return true;
		query.source = local.addr;
		lasts = false;
	}
	found = apply_find(apply, &query);
	if (found.rule == RULE_OVERTAKEN)
		return apply_connect(apply, fd, sa, len);
	apply_set(apply, "connect", fd, &query, &found);
	if (lasts)
		keep_answer(apply, &found);
	return false;
}

void
apply_connect_known(const struct keepalive_calls *calls, uint32_t generation,
    int fd, const struct memo_answer *answer)
{
	if (answer->want.set != 0)
		apply_set_new(
		    calls, generation, fd, answer->rule, &answer->want);
}

void
apply_connected(const struct apply *apply, int fd, const void *sa, size_t len)
{
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct end local = {0};
	socklen_t local_len;

	if (addr_from_sockaddr(sa, len, &query.destination, &query.port) < 0 ||
	    apply_local_end(fd, &local, &local_len) < 0)
		return;
	specify(fd, &query.destination);
	query.source = local.addr;
	apply_find_and_set(apply, "connect", fd, &query);
}

void
apply_made(const struct apply *apply, int fd)
{
	struct match_query query = {.direction = DIRECTION_CONNECT};
	struct end local = {0}, peer = {0};
	socklen_t local_len;

	record_clear(fd);
	if (apply_local_end(fd, &local, &local_len) < 0 ||
	    apply_peer_end(apply, fd, &peer, local_len) < 0)
		return;
	query.source = local.addr;
	query.destination = peer.addr;
	query.port = peer.port;
	apply_find_and_set(apply, "made", fd, &query);
}
