/* SPDX-License-Identifier: ISC */
/*
 * apply_accept: the side that accepts: listeners, what their connections
 * inherit, and connections whose rule depends on the peer.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "apply/apply_common.h"
#include "apply/record.h"

/* Of a listener whose queue can't be told: the kernel's own limit. */
#define QUEUE_MAX 4096u
/* Connections that are just being made may not be in the queue yet. */
#define QUEUE_SPARE 64u

static const struct keepalive NOTHING;

/*
 * How many connections wait in a listener's queue (tcp_get_info()). Not
 * inlined: its stack is not to be added to that of the trace.
 */
__attribute__((noinline)) static uint32_t
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
	const bool no_rules = match_scope_is_empty(&apply->view->accept);
	uint32_t number = queue_changes(apply, fd);

	/* It may have tried to connect before. */
	apply_take_back(apply, fd, MATCH_NONE, &NOTHING);
	if (apply->view->changed || no_rules)
		record_decide(
		    fd, apply->view->generation, MATCH_NONE, &NOTHING);
	if (!apply->view->changed && no_rules)
		record_set_accepts(fd);
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

	if (apply_was_set_at_once(apply, fd))
		return false;
	if ((view->accept.matchers & MATCHER_SOURCE) != 0 ||
	    match_scope_is_empty(&view->accept)) {
		leave_to_accept(apply, fd);
		return false;
	}
	if (apply_local_end(fd, &local, &local_len) < 0) {
		/* So that accept() knows: nothing is to be done here. */
		if (view_listener_decides(view)) {
			record_decide(
			    fd, view->generation, MATCH_NONE, &NOTHING);
			record_set_accepts(fd);
		}
		return false;
	}
	if (!apply_listener_decides(apply, &local)) {
		leave_to_accept(apply, fd);
		return false;
	}
	if (local.port == 0)
		return true;
	found = apply_listener_rule(apply, &local, &query);
	if (found.rule == RULE_OVERTAKEN)
		return apply_listen(apply, fd);
	/* Called again, for another backlog: the program's call is later. */
	if (found.rule != MATCH_NONE &&
	    found.rule == record_rule(fd, view->generation) &&
	    found.app_settings == APP_RESPECT)
		return false;
	number = queue_changes(apply, fd);
	apply_set(apply, "listen", fd, &query, &found);
	/* Also if there was nothing to set. */
	if (!record_decided(fd, view->generation))
		record_decide(fd, view->generation, found.rule, &NOTHING);
	record_set_accepts(fd);
	queue_changed(apply, fd, number);
	return false;
}

/* What is known of a connection that our side accepted. */
static int
accepted_query(const struct apply *apply, int fd, struct match_query *query)
{
	struct end local = {0}, peer = {0};
	socklen_t local_len;
	int error = apply_local_end(fd, &local, &local_len);

	if (error < 0)
		return error;
	if ((apply->view->accept.matchers & MATCHER_SOURCE) != 0)
		error = apply_peer_end(apply, fd, &peer, local_len);
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
	found = apply_find(apply, &query);
	if (found.rule == RULE_OVERTAKEN)
		set_accepted(apply, fd);
	else
		apply_set(apply, "accept", fd, &query, &found);
}

void
apply_called_back(const struct apply *apply, int fd)
{
	record_clear(fd);
	set_accepted(apply, fd);
}

/*
 * After a reload the listener may still have what an earlier policy said, and
 * so may what it accepts. Brings it up to date, and returns whether what was
 * just accepted has to be set by itself.
 */
static bool
has_earlier(const struct apply *apply, int listener, uint32_t before)
{
	const uint32_t now = record_decided_in(listener);

	if (!record_has_room(listener))
		return true;
	if (!record_decided(listener, apply->view->generation)) {
		(void)apply_listen(apply, listener);
		return true;
	}
	record_take_queued(listener);
	return before != now;
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

void
apply_accepted(const struct apply *apply, int listener, uint32_t before, int fd)
{
	const struct view *view = apply->view;

	record_clear(fd);
	if (view->changed && has_earlier(apply, listener, before))
		inherit_anew(apply, listener, fd);
	else if (match_scope_is_empty(&view->accept))
		return;
	set_accepted(apply, fd);
}
