/* SPDX-License-Identifier: ISC */
/*
 * apply_common: what the sides of apply have in common.
 *
 * A table by descriptor would be wrong after the first dup(2) or close(2). So
 * what has to be known of a socket is asked of the kernel, and only where a
 * rule needs it; what record remembers is a hint.
 */
#include "apply/apply_common.h"

#include <errno.h>
#include <sys/socket.h>

#include "apply/apply_trace.h"
#include "apply/record.h"

#define TRIES_MAX 100

static const struct keepalive NOTHING;

int
apply_local_end(int fd, struct end *end, socklen_t *len)
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
int
apply_peer_end(
    const struct apply *apply, int fd, struct end *end, socklen_t local_len)
{
	struct sockaddr_storage sa;
	socklen_t len = local_len;

	if (apply->calls.get(fd, SOL_SOCKET, SO_PEERNAME, &sa, &len) < 0)
		return -errno;
	return addr_from_sockaddr(&sa, len, &end->addr, &end->port);
}

static bool
is_overtaken(const struct apply *apply)
{
	return apply->overtaken != NULL && apply->overtaken(apply->data);
}

struct found
apply_get(const struct apply *apply, int rule)
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

struct found
apply_find(const struct apply *apply, const struct match_query *query)
{
	return apply_get(apply,
	    match_rule(&apply->view->image, &apply->view->groups, query));
}

void
apply_take_back(
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

/* -ENOPROTOOPT: a datagram socket has come by, not a decision of ours. */
static void
note(uint32_t generation, int fd, int rule, const struct keepalive *want,
    int error)
{
	if (error != -ENOPROTOOPT)
		record_decide(fd, generation, rule, want);
	else
		record_set_other(fd, generation);
}

int
apply_set_new(const struct keepalive_calls *calls, uint32_t generation, int fd,
    int rule, const struct keepalive *want)
{
	int error = keepalive_set(calls, fd, want);

	note(generation, fd, rule, want, error);
	return error;
}

void
apply_set(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct found *found)
{
	bool set = found_sets(found);
	bool tighten = set && found->app_settings == APP_TIGHTEN;
	int error = 0;

	/* To tighten, what a rule left must not pass for the program's own. */
	apply_take_back(
	    apply, fd, found->rule, set && !tighten ? &found->want : &NOTHING);
	if (tighten)
		error = keepalive_tighten(&apply->calls, fd, &found->want);
	else if (set)
		error = keepalive_set(&apply->calls, fd, &found->want);
	if (set)
		note(apply->view->generation, fd, found->rule, &found->want,
		    error);
	if (apply->trace_path[0] != '\0' && error != -ENOPROTOOPT)
		trace_rule(apply, call, fd, query, found, error);
}

bool
apply_was_set_at_once(const struct apply *apply, int fd)
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
apply_find_and_set(const struct apply *apply, const char *call, int fd,
    const struct match_query *query)
{
	struct found found = apply_find(apply, query);

	for (int i = 0; found.rule == RULE_OVERTAKEN; i++) {
		if (i == TRIES_MAX)
			return;
		found = apply_find(apply, query);
	}
	apply_set(apply, call, fd, query, &found);
}

bool
apply_listener_decides(const struct apply *apply, const struct end *local)
{
	const uint32_t matchers = apply->view->accept.matchers;

	return (matchers & MATCHER_SOURCE) == 0 &&
	       ((matchers & MATCHER_DESTINATION) == 0 ||
		   !addr_is_unspecified(&local->addr));
}

struct found
apply_listener_rule(const struct apply *apply, const struct end *local,
    struct match_query *query)
{
	*query = (struct match_query){
	    .direction = DIRECTION_ACCEPT, .port = local->port};
	if (!addr_is_unspecified(&local->addr))
		query->destination = local->addr;
	return apply_find(apply, query);
}
