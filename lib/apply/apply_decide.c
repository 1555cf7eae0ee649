/* SPDX-License-Identifier: ISC */
/*
 * apply_decide: which rule is to be set on a socket, and how.
 */
#include "apply/apply_decide.h"

#include <netinet/in.h>
#include <sys/socket.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf /* linux/net.h */
#endif

/* Not inlined: a look-up, which comes first, is to have that stack, too. */
__attribute__((noinline)) static void
get_rule(const struct view *view, int rule, struct apply_found *found)
{
	struct image_rule record;

	found->rule = MATCH_NONE;
	if (rule == MATCH_NONE ||
	    !image_rule(&view->image, (uint32_t)rule, &record))
		return;
	found->rule = rule;
	found->action = record.action;
	found->app_settings = record.app_settings;
	found->want.set = record.options;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		found->want.value[option] = record.value[option];
}

static int
find_rule(const struct view *view, const struct match_query *query)
{
	return match_rule(&view->image, &view->groups, query);
}

/* The rule was looked up for the decision's query. */
static void
set_rule(const struct view *view, int rule, struct apply_decision *decision)
{
	decision->what = APPLY_SET;
	decision->to_one = true;
	get_rule(view, rule, &decision->found);
}

static void
set(const struct view *view, struct apply_decision *decision)
{
	set_rule(view, find_rule(view, &decision->query), decision);
}

static void
set_uniform(const struct view *view, struct apply_decision *decision)
{
	decision->what = APPLY_SET;
	decision->accepts = true;
	get_rule(view, view->uniform, &decision->found);
}

static void
decide_socket(const struct view *view, const struct apply_event *event,
    struct apply_decision *decision)
{
	if (view->uniform == MATCH_NONE)
		return;
	if (event->domain != AF_INET && event->domain != AF_INET6) {
		/* So that accept() knows. */
		if (!view->changed)
			decision->what = APPLY_NOTE_NOTHING;
	} else if ((event->type & SOCK_TYPE_MASK) == SOCK_STREAM &&
		   (event->protocol == 0 || event->protocol == IPPROTO_TCP ||
		       event->protocol == IPPROTO_MPTCP)) {
		set_uniform(view, decision);
	}
}

/*
 * The kernel takes an unspecified destination for loopback, or, with IPv4, for
 * the address that the socket is bound to (ip_route_output_key_hash_rcu() in
 * net/ipv4/route.c, tcp_v6_connect() in net/ipv6/tcp_ipv6.c).
 */
static struct addr
specified(const struct addr *destination, const struct apply_facts *facts)
{
	static const struct addr LOOPBACK_V4 = {
	    .family = ADDR_V4, .bytes = {127, 0, 0, 1}};
	static const struct addr LOOPBACK_V6 = {
	    .family = ADDR_V6, .bytes = {[15] = 1}};
	const struct addr *local = &facts->local.addr;

	if (!addr_is_unspecified(destination) || !facts->is_ip)
		return *destination;
	if (destination->family == ADDR_V4 && !addr_is_unspecified(local))
		return *local;
	if (destination->family == ADDR_V4 || local->family == ADDR_V4)
		return LOOPBACK_V4;
	return LOOPBACK_V6;
}

/*
 * The rule for a query whose source may be missing, if a policy with this scope
 * looks at sources; MATCH_DEPENDS if it makes a difference.
 */
static int
find_surely(const struct view *view, const struct match_scope *scope,
    const struct match_query *query)
{
	if ((scope->matchers & MATCHER_SOURCE) == 0)
		return find_rule(view, query);
	return match_surely(&view->image, &view->groups, query);
}

static void
ask_of_destination(const struct apply_event *event,
    const struct apply_facts *facts, struct match_query *query)
{
	query->direction = DIRECTION_CONNECT;
	query->destination = specified(&event->to.addr, facts);
	query->port = event->to.port;
}

bool
apply_connect_matters(const struct view *view, const struct apply_facts *facts)
{
	/* An earlier policy may have left something on it. */
	return !facts->set_at_once && (!match_scope_is_empty(&view->connect) ||
					  (view->changed && facts->has_ours));
}

static void
decide_connect(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts, struct apply_decision *decision)
{
	int rule;

	/* Who has a peer keeps it, however this connect(2) ends. */
	if (!apply_connect_matters(view, facts) || facts->has_peer)
		return;
	ask_of_destination(event, facts, &decision->query);
	rule = find_surely(view, &view->connect, &decision->query);
	if (rule == MATCH_DEPENDS) {
		if (!facts->asked_local)
			decision->what = APPLY_ASK_LOCAL;
		else if (facts->is_ip &&
			 addr_is_unspecified(&facts->local.addr))
			decision->what = APPLY_AFTER;
		else if (facts->is_ip) {
			decision->query.source = facts->local.addr;
			set(view, decision);
		}
		return;
	}
	set_rule(view, rule, decision);
	/* To tighten, each socket is asked. */
	decision->lasting = !addr_is_unspecified(&event->to.addr) &&
	                    view->uniform == MATCH_NONE &&
	                    !(apply_sets(&decision->found) &&
				decision->found.app_settings == APP_TIGHTEN);
}

static void
decide_connected(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts, struct apply_decision *decision)
{
	if (!facts->is_ip)
		return;
	decision->query.source = facts->local.addr;
	ask_of_destination(event, facts, &decision->query);
	set(view, decision);
}

static void
ask_of_listener(const struct apply_facts *facts, struct match_query *query)
{
	query->direction = DIRECTION_ACCEPT;
	query->port = facts->local.port;
	if (!addr_is_unspecified(&facts->local.addr))
		query->destination = facts->local.addr;
}

/* Has the socket all that the rule says, or, for tighten, tighter? */
static bool
fits(const struct apply_facts *facts, const struct apply_found *found)
{
	return apply_sets(found) && facts->has_options &&
	       keepalive_covers(&facts->options, &found->want,
		   found->app_settings == APP_TIGHTEN);
}

/*
 * Some of what the listener accepts gets a rule that names addresses. It has
 * the first rule for the others then, if these can be corrected. If another
 * program made it, then only if it has that already, as a copy of a descriptor
 * has: for the next program it would be the listener's own.
 */
static void
decide_depending(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	struct apply_found *found = &decision->found;

	decision->what = APPLY_LEAVE_LISTENER;
	if (!facts->is_seen)
		return;
	get_rule(view, find_rule(view, &decision->query), found);
	if (apply_sets(found) && !facts->is_made && !facts->has_options)
		decision->what = APPLY_ASK_OPTIONS;
	else if (!apply_sets(found) || facts->is_made || fits(facts, found))
		decision->what = APPLY_SET_LISTENER;
}

static void
decide_listen(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	const struct apply_found *found = &decision->found;
	int rule;

	if (facts->set_at_once)
		return;
	if (match_scope_is_empty(&view->accept) || !facts->is_ip) {
		/* So that accept() knows: nothing is to be done here. */
		decision->what = !match_scope_is_empty(&view->accept) &&
		                         view_listener_decides(view)
		                     ? APPLY_NOTE_NOTHING
		                     : APPLY_LEAVE_LISTENER;
		return;
	}
	if (facts->local.port == 0) {
		decision->what = APPLY_AFTER;
		return;
	}
	ask_of_listener(facts, &decision->query);
	decision->to_one = true;
	rule = match_surely(&view->image, &view->groups, &decision->query);
	if (rule == MATCH_DEPENDS) {
		decide_depending(view, facts, decision);
	} else {
		get_rule(view, rule, &decision->found);
		decision->what = APPLY_SET_LISTENER;
		decision->accepts = true;
	}
	/* Called again, for another backlog: the program's call is later. */
	if (decision->what == APPLY_SET_LISTENER && found->rule != MATCH_NONE &&
	    found->rule == facts->rule && found->app_settings == APP_RESPECT)
		decision->what = APPLY_NOTHING;
}

/* Of a connected socket, by who sent the SYN. */
static void
ask_of_accepted(const struct apply_facts *facts, struct match_query *query)
{
	query->direction = DIRECTION_ACCEPT;
	query->source = facts->peer.addr;
	query->destination = facts->local.addr;
	query->port = facts->local.port;
}

static void
ask_of_connected(const struct apply_facts *facts, struct match_query *query)
{
	query->direction = DIRECTION_CONNECT;
	query->source = facts->local.addr;
	query->destination = facts->peer.addr;
	query->port = facts->peer.port;
}

/* Where the source makes a difference, the peer has to be known, too. */
static void
set_accepted(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	int rule;

	if (!facts->is_ip)
		return;
	ask_of_accepted(facts, &decision->query);
	decision->query.source.family = ADDR_NONE;
	rule = find_surely(view, &view->accept, &decision->query);
	if (rule == MATCH_DEPENDS && !facts->has_peer) {
		if (!facts->asked_peer)
			decision->what = APPLY_ASK_PEER;
		return;
	}
	if (rule == MATCH_DEPENDS) {
		decision->query.source = facts->peer.addr;
		rule = find_rule(view, &decision->query);
	}
	if (rule == facts->gives) {
		decision->what = APPLY_INHERIT;
		decision->lasting = true;
		decision->to_one = true;
		decision->found.rule = rule;
	} else {
		set_rule(view, rule, decision);
	}
}

/*
 * The listener was made elsewhere. Or it still has what a policy from before a
 * reload said; so may what it accepts.
 */
static bool
is_late(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts)
{
	return facts->late && event->updated != view->generation + 1;
}

static bool
is_anew(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts)
{
	return view->changed && (event->updated != 0 || facts->changed);
}

bool
apply_accept_matters(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts)
{
	return !is_late(view, event, facts) &&
	       (is_anew(view, event, facts) ||
		   !match_scope_is_empty(&view->accept));
}

static void
decide_accept(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts, struct apply_decision *decision)
{
	if (is_late(view, event, facts)) {
		decision->what = APPLY_LISTENER_FIRST;
		return;
	}
	decision->anew = is_anew(view, event, facts);
	decision->queued = facts->queued;
	if (!apply_accept_matters(view, event, facts))
		return;
	set_accepted(view, facts, decision);
}

static void
decide_made(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	if (!facts->is_ip || !facts->has_peer)
		return;
	ask_of_connected(facts, &decision->query);
	set(view, decision);
}

static void
decide_inherited(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	if (!facts->is_ip)
		return;
	if (view->uniform != MATCH_NONE) {
		/* Also what it accepts, if it is a listener. */
		set_uniform(view, decision);
	} else if (facts->has_peer) {
		/* Who hands sockets on has as a rule accepted them. */
		ask_of_accepted(facts, &decision->query);
		set(view, decision);
		if (decision->found.rule == MATCH_NONE)
			decide_made(view, facts, decision);
	} else if (facts->is_listener) {
		decide_listen(view, facts, decision);
	}
}

/*
 * The rule that was set on a connected socket. The kernel does not tell who
 * sent the SYN; if that makes a difference, the options that the socket has
 * tell it.
 */
static void
decide_side(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	struct apply_found *found = &decision->found;
	int connected, accepted;
	bool asks;

	ask_of_connected(facts, &decision->query);
	connected = find_rule(view, &decision->query);
	ask_of_accepted(facts, &decision->query);
	accepted = find_rule(view, &decision->query);
	get_rule(view, connected, found);
	if (connected == accepted)
		return;
	asks = apply_sets(found);
	/* What is on record for fd, if it fits, is the better answer. */
	if (fits(facts, found) && facts->rule != accepted)
		return;
	get_rule(view, accepted, found);
	if (!facts->has_options && (asks || apply_sets(found)))
		decision->what = APPLY_ASK_OPTIONS;
	if (fits(facts, found))
		return;
	get_rule(view, connected, found);
	if (!fits(facts, found))
		found->rule = MATCH_NONE;
}

/* The rule that holds against the program's own call. */
static void
decide_setsockopt(const struct view *view, const struct apply_facts *facts,
    struct apply_decision *decision)
{
	int rule;

	if (!view->holds)
		return;
	if (view->uniform != MATCH_NONE) {
		get_rule(view, view->uniform, &decision->found);
	} else if (facts->has_peer) {
		decide_side(view, facts, decision);
	} else if (facts->is_listener) {
		ask_of_listener(facts, &decision->query);
		rule =
		    match_surely(&view->image, &view->groups, &decision->query);
		if (rule == MATCH_DEPENDS)
			rule = facts->gives;
		if (rule != MATCH_DEPENDS)
			get_rule(view, rule, &decision->found);
	}
	if (!apply_sets(&decision->found) ||
	    decision->found.app_settings == APP_RESPECT)
		decision->found.rule = MATCH_NONE;
}

void
apply_decide(const struct view *view, const struct apply_event *event,
    const struct apply_facts *facts, struct apply_decision *decision)
{
	*decision = (struct apply_decision){.found.rule = MATCH_NONE};
	switch (event->call) {
	case APPLY_SOCKET:
		decide_socket(view, event, decision);
		break;
	case APPLY_CONNECT:
		decide_connect(view, event, facts, decision);
		break;
	case APPLY_CONNECTED:
		decide_connected(view, event, facts, decision);
		break;
	case APPLY_LISTEN:
	case APPLY_LISTENING:
		decide_listen(view, facts, decision);
		break;
	case APPLY_ACCEPT:
		decide_accept(view, event, facts, decision);
		break;
	case APPLY_MADE:
		decide_made(view, facts, decision);
		break;
	case APPLY_CALLED:
		set_accepted(view, facts, decision);
		break;
	case APPLY_INHERITED:
		decide_inherited(view, facts, decision);
		break;
	case APPLY_SETSOCKOPT:
		decide_setsockopt(view, facts, decision);
		break;
	}
}
