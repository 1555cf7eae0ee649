/* SPDX-License-Identifier: ISC */
/*
 * apply: sockets that are there: those that came from elsewhere, and what the
 * program itself sets on one. What connects is in apply_connect, what accepts
 * in apply_accept.
 */
#include "apply/apply.h"

#include <sys/socket.h>

#include "apply/apply_common.h"
#include "apply/record.h"

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
	sides->connected = apply_find(apply, &sides->connect);
	sides->accepted = apply_find(apply, &sides->accept);
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
	if (apply_local_end(fd, &local, &local_len) < 0)
		return;
	if (view->uniform != MATCH_NONE) {
		found = apply_get(apply, view->uniform);
		if (found.rule == RULE_OVERTAKEN)
			apply_inherited(apply, fd);
		else
			apply_set(apply, "inherited", fd, NULL, &found);
		/* Also what it accepts, if it is a listener. */
		record_set_accepts(fd);
	} else if (apply_peer_end(apply, fd, &peer, local_len) == 0) {
		/* Who hands sockets on has as a rule accepted them. */
		if (!find_sides(apply, &local, &peer, &sides))
			apply_inherited(apply, fd);
		else if (sides.accepted.rule != MATCH_NONE)
			apply_set(apply, "inherited", fd, &sides.accept,
			    &sides.accepted);
		else
			apply_set(apply, "inherited", fd, &sides.connect,
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

	if (!found_sets(found))
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
		return apply_get(apply, view->uniform);
	if (apply_local_end(fd, &local, &local_len) < 0)
		return NO_RULE;
	if (apply_peer_end(apply, fd, &peer, local_len) < 0) {
		if (!apply_listener_decides(apply, &local) ||
		    !is_listener(apply, fd))
			return NO_RULE;
		return apply_listener_rule(apply, &local, &query);
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
	if (!found_sets(&found) || found.app_settings == APP_RESPECT)
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
	found = apply_get(apply, rule);
	if (found.rule == RULE_OVERTAKEN)
		found = apply_get(apply, apply_holding(apply, fd));
	if (found.rule < 0)
		return;
	found.want.set &= 1u << option;
	if (found.app_settings == APP_TIGHTEN)
		keepalive_tighten(&apply->calls, fd, &found.want);
	else
		keepalive_set(&apply->calls, fd, &found.want);
}
