/* SPDX-License-Identifier: ISC */
/*
 * apply: looks at a socket, and does to it what was decided.
 */
#include "apply/apply.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "apply/apply_facts.h"
#include "apply/apply_trace.h"
#include "apply/record.h"

#ifndef SOCK_TYPE_MASK
#define SOCK_TYPE_MASK 0xf /* linux/net.h */
#endif

/* Of a queue in which somebody waits all the time, not all may be in yet. */
#define QUEUE_SPARE 64u

static const struct keepalive NOTHING;

/* Not inlined: what is known of the socket is not needed to act. */
__attribute__((noinline)) void
apply_look(const struct apply *apply, const struct apply_event *event,
    struct apply_decision *decision)
{
	struct apply_facts facts;

	apply_facts(apply, event, &facts);
	do {
		apply_decide(apply->view, event, &facts, decision);
	} while (apply_facts_more(apply, event->fd, decision->what, &facts));
}

static void
add_options(
    const struct keepalive *from, uint32_t options, struct keepalive *to)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((options & 1u << option) == 0)
			continue;
		to->set |= 1u << option;
		to->value[option] = from->value[option];
	}
}

/*
 * Adds to instead what the kernel gives a new socket of these options. Only
 * where the program connects is one opened to ask that: a filter of system
 * calls may kill a program that accepts for it. Not inlined, for the stack.
 */
__attribute__((noinline)) static void
add_defaults(const struct apply *apply, const struct apply_event *event,
    uint32_t options, struct keepalive *instead)
{
	struct keepalive fresh;

	options &= ~instead->set;
	if (options == 0)
		return;
	if (event->call == APPLY_CONNECT || event->call == APPLY_CONNECTED ||
	    apply->host != NULL)
		keepalive_defaults(&apply->calls, &fresh);
	else if (!memo_find_defaults(&fresh))
		keepalive_defaults_of(&apply->calls, -1, &fresh);
	add_options(&fresh, options & fresh.set, instead);
}

/*
 * Takes back what an earlier rule left on fd and want, of which rule is the
 * number, does not name.
 */
static void
take_back(const struct apply *apply, const struct apply_event *event, int rule,
    const struct keepalive *want)
{
	const uint32_t generation = apply->view->generation;
	const int fd = event->fd;
	int noted = fd;
	struct keepalive was, program;

	/* What was accepted has what was noted of the listener. */
	if (event->call == APPLY_ACCEPT &&
	    record_gives(event->listener, generation) != MATCH_DEPENDS)
		noted = event->listener;
	was = record_of_rule(noted);
	if (was.set == 0 ||
	    (rule != MATCH_NONE && record_rule(noted, generation) == rule))
		return;
	program = record_of_program(noted);
	was.set &= ~want->set;
	add_defaults(apply, event, was.set, &program);
	keepalive_take_back(&apply->calls, fd, &was, &program);
	record_decide(fd, generation, MATCH_NONE, &NOTHING);
}

/*
 * Not inlined, for the stack that it takes: only when there is a trace. If
 * the policy was overtaken just now, the name may be missing or another.
 */
__attribute__((noinline)) static void
trace_rule(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision, int error)
{
	static const char CALLS[][10] = {
	    [APPLY_SOCKET] = "socket",
	    [APPLY_CONNECT] = "connect",
	    [APPLY_CONNECTED] = "connect",
	    [APPLY_LISTEN] = "listen",
	    [APPLY_LISTENING] = "listen",
	    [APPLY_ACCEPT] = "accept",
	    [APPLY_MADE] = "made",
	    [APPLY_CALLED] = "accept",
	    [APPLY_INHERITED] = "inherited",
	};
	const int rule = decision->found.rule;
	struct image_rule record;
	bool named;

	if (apply->trace_path[0] == '\0' || error == -ENOPROTOOPT)
		return;
	named = rule != MATCH_NONE &&
	        image_rule(&apply->view->image, (uint32_t)rule, &record);
	apply_trace(apply,
	    CALLS[decision->what == APPLY_SET_LISTENER ? APPLY_LISTEN
						       : event->call],
	    event->fd, decision->to_one ? &decision->query : NULL,
	    named ? &record : NULL, error);
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

/* Sets on fd what the rule says, and keeps a record of it. */
static void
set(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision)
{
	const struct apply_found *found = &decision->found;
	const bool sets = apply_sets(found);
	const bool tighten = sets && found->app_settings == APP_TIGHTEN;
	const int fd = event->fd;
	int error = 0;

	/* To tighten, what a rule left must not pass for the program's own. */
	take_back(apply, event, found->rule,
	    sets && !tighten ? &found->want : &NOTHING);
	if (tighten)
		error = keepalive_tighten(&apply->calls, fd, &found->want);
	else if (sets)
		error = keepalive_set(&apply->calls, fd, &found->want);
	/* It has perhaps been silent for long, if it is no listener. */
	if (sets && error != -ENOPROTOOPT && event->call == APPLY_INHERITED &&
	    (tighten || !keepalive_reckons(&found->want)) &&
	    decision->what != APPLY_SET_LISTENER &&
	    (!decision->accepts || !apply_facts_listens(&apply->calls, fd)))
		(void)keepalive_reckon(&apply->calls, fd);
	if (sets)
		note(apply->view->generation, fd, found->rule, &found->want,
		    error);
	trace_rule(apply, event, decision, error);
}

/*
 * Can connections wait already, which have got something else that the listener
 * had before? Not where the program made the socket, and makes a listener of it
 * now, nor where it stays as it was; unless it was set by a policy from before
 * a reload.
 */
static bool
may_have_queue(const struct apply *apply, const struct apply_event *event,
    const struct apply_found *found)
{
	if (apply->view->changed)
		return true;
	return (event->call != APPLY_LISTEN || !record_is_made(event->fd)) &&
	       (apply_sets(found) || record_of_rule(event->fd).set != 0);
}

/*
 * One of those was accepted. As soon as nobody waits any more, there are none:
 * who comes then gets what the listener has now.
 */
static void
take_queued(const struct apply *apply, int listener)
{
	const struct record_queue queue = record_queue(listener);
	const uint32_t left = apply_facts_waiting(&apply->calls, listener);

	record_take_queued(
	    listener, &queue, left == 0 ? 0 : left + QUEUE_SPARE);
}

/* What a listener accepts has to be looked at one by one. */
static void
leave_to_accept(const struct apply *apply, const struct apply_event *event)
{
	const int fd = event->fd;
	const bool changed = apply->view->changed;
	const uint8_t number = changed ? record_begin_change(fd) : 0;

	/* It may have tried to connect before. */
	take_back(apply, event, MATCH_NONE, &NOTHING);
	record_decide(fd, apply->view->generation, MATCH_NONE, &NOTHING);
	if (changed)
		record_end_change(fd, number);
	else if (match_scope_is_empty(&apply->view->accept))
		record_set_accepts(fd);
}

static bool
shares_port(const struct apply *apply, int fd)
{
	int shares = 0;
	socklen_t len = sizeof(shares);

	return apply->calls.get(fd, SOL_SOCKET, SO_REUSEPORT, &shares, &len) ==
	           0 &&
	       shares != 0;
}

/* The options that both have, with the same value. */
static uint32_t
same_options(const struct keepalive *have, const struct keepalive *other)
{
	uint32_t same = 0;

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((have->set & other->set & 1u << option) != 0 &&
		    have->value[option] == other->value[option])
			same |= 1u << option;
	}
	return same;
}

/*
 * Notes what the listener has, since some of what it accepts is not to have
 * what a rule sets on it, or, if another program made it, since nobody has seen
 * what that set: a reload may take the rule back. If it has all that the rule
 * says, an earlier program has set that for it, by the same policy; so it is
 * for a copy of the descriptor.
 */
static void
note_program(const struct apply *apply, int fd, const struct apply_found *found)
{
	const struct keepalive ours = record_of_rule(fd);
	const uint32_t noted = record_of_program(fd).set;
	struct keepalive have;

	if (!record_has_room(fd) ||
	    keepalive_get(&apply->calls, fd, &have) < 0 ||
	    keepalive_covers(
		&have, &found->want, found->app_settings == APP_TIGHTEN))
		return;
	have.set &= ~(noted | same_options(&have, &ours));
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((have.set & 1u << option) != 0)
			record_program(fd, (enum keepalive_option)option,
			    have.value[option]);
	}
}

static void
set_listener(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision)
{
	const uint32_t generation = apply->view->generation;
	const bool queue = may_have_queue(apply, event, &decision->found);
	const uint8_t number = queue ? record_begin_change(event->fd) : 0;
	const bool sets = apply_sets(&decision->found);

	/* Of a new one, learn_defaults() knows it. */
	if (sets && (!decision->accepts || event->call == APPLY_LISTENING ||
			record_decided_in(event->fd) != 0 ||
			!record_is_made(event->fd)))
		note_program(apply, event->fd, &decision->found);
	set(apply, event, decision);
	/* Also if there was nothing to set. */
	if (!record_decided(event->fd, generation))
		record_decide(
		    event->fd, generation, decision->found.rule, &NOTHING);
	if (decision->accepts)
		record_set_accepts(event->fd);
	else
		record_set_gives(event->fd);
	if (queue)
		record_end_change(event->fd, number);
	/* Those of another listener may come, when that is closed. */
	if (apply->view->migrates && shares_port(apply, event->fd))
		record_set_endless(event->fd);
}

/*
 * Gives what was just accepted what it would have from the listener as it is
 * now: nothing of an earlier policy stays, and the program has set nothing. Not
 * inlined, for the stack.
 */
__attribute__((noinline)) static void
inherit_anew(const struct apply *apply, int listener, int fd)
{
	struct keepalive want, have;

	if (keepalive_get(&apply->calls, listener, &want) < 0 ||
	    keepalive_get(&apply->calls, fd, &have) < 0)
		return;
	want.set &= ~same_options(&want, &have);
	if (want.set != 0)
		keepalive_set(&apply->calls, fd, &want);
}

/*
 * What the kernel gave fd, which is about to listen, but for what the program
 * has set. The number may be that of a copy of a listener by now, which has
 * what the rule says.
 */
static bool
own_defaults(const struct apply *apply, int fd, const struct apply_found *found,
    struct keepalive *defaults)
{
	const struct keepalive program = record_of_program(fd);
	struct keepalive want = found->want;

	if (!record_is_made(fd) || record_decided_in(fd) != 0)
		return false;
	keepalive_defaults_of(&apply->calls, fd, defaults);
	want.set &= KEEPALIVE_TIMERS;
	if (keepalive_covers(defaults, &want, false) &&
	    apply_facts_listens(&apply->calls, fd))
		return false;
	defaults->set &= KEEPALIVE_SAME | ~same_options(defaults, &program);
	return true;
}

/*
 * Remembers what the kernel gives a new socket, for what is accepted later,
 * when the program can perhaps open none any more: anew if some of that is to
 * have it by this policy, else once, since another policy may come. Of a socket
 * that got one rule for everything at once, nobody knows it. A supervisor's
 * programs may be in several network namespaces. Not inlined, for the stack.
 */
__attribute__((noinline)) static void
learn_defaults(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision)
{
	struct keepalive known, fresh;

	if (apply->host != NULL || decision->what != APPLY_SET_LISTENER ||
	    !apply_sets(&decision->found))
		return;
	if (!memo_find_defaults(&known))
		known.set = 0;
	if (((KEEPALIVE_TIMERS & ~known.set) == 0 && decision->accepts) ||
	    !own_defaults(apply, event->fd, &decision->found, &fresh))
		return;
	add_options(&known, known.set & ~fresh.set, &fresh);
	memo_keep_defaults(&fresh);
}

/* What is on record is of another socket that had the number. */
static void
begin(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision)
{
	if (decision->what == APPLY_INHERIT)
		return;
	switch (event->call) {
	case APPLY_SOCKET:
		apply_socket_noted(apply->view->generation, event->fd,
		    event->domain, event->type);
		break;
	case APPLY_LISTEN:
		learn_defaults(apply, event, decision);
		break;
	case APPLY_ACCEPT:
	case APPLY_MADE:
	case APPLY_CALLED:
	case APPLY_INHERITED:
		record_clear(event->fd);
		record_set_made(event->fd, false);
		break;
	default:
		break;
	}
}

void
apply_act(const struct apply *apply, const struct apply_event *event,
    const struct apply_decision *decision)
{
	begin(apply, event, decision);
	if (decision->queued)
		take_queued(apply, event->listener);
	if (decision->anew)
		inherit_anew(apply, event->listener, event->fd);
	switch (decision->what) {
	case APPLY_SET:
		/* What came from elsewhere may listen. */
		if (decision->accepts && event->call == APPLY_INHERITED) {
			if (apply_facts_listens(&apply->calls, event->fd))
				note_program(
				    apply, event->fd, &decision->found);
			record_set_queue(event->fd);
		}
		set(apply, event, decision);
		if (decision->accepts)
			record_set_accepts(event->fd);
		break;
	case APPLY_INHERIT:
		record_inherit(event->fd, event->listener);
		trace_rule(apply, event, decision, 0);
		break;
	case APPLY_SET_LISTENER:
		set_listener(apply, event, decision);
		break;
	case APPLY_LEAVE_LISTENER:
		leave_to_accept(apply, event);
		break;
	case APPLY_NOTE_NOTHING:
		record_decide(
		    event->fd, apply->view->generation, MATCH_NONE, &NOTHING);
		record_set_accepts(event->fd);
		break;
	default:
		break;
	}
}

bool
apply_now(const struct apply *apply, const struct apply_event *event)
{
	struct apply_decision decision;

	apply_look(apply, event, &decision);
	apply_act(apply, event, &decision);
	return decision.what == APPLY_AFTER;
}

void
apply_hold(const struct apply *apply, int fd,
    const struct apply_decision *decision, enum keepalive_option option,
    int value)
{
	struct keepalive want = decision->found.want;

	record_program(fd, option, value);
	if (decision->found.rule == MATCH_NONE)
		return;
	want.set &= 1u << option;
	/* It may be on record for an earlier policy only. */
	if (want.set != 0)
		record_add_of_rule(fd, option, want.value[option]);
	if (decision->found.app_settings == APP_TIGHTEN)
		keepalive_tighten(&apply->calls, fd, &want);
	else
		keepalive_set(&apply->calls, fd, &want);
}

void
apply_socket_noted(uint32_t generation, int fd, int domain, int type)
{
	record_new(fd,
	    (domain == AF_INET || domain == AF_INET6) &&
		(type & SOCK_TYPE_MASK) != SOCK_STREAM,
	    generation);
}

void
apply_remember(const struct apply *apply, const struct apply_decision *decision)
{
	const uint32_t generation = apply->view->generation;
	const struct match_query *query = &decision->query;
	struct memo_answer answer = {.rule = decision->found.rule};

	/* Each line of a trace is one. */
	if (!decision->lasting || apply->trace_path[0] != '\0')
		return;
	if (query->direction == DIRECTION_ACCEPT) {
		memo_keep_accepted(generation, &query->destination, query->port,
		    &query->source, decision->found.rule);
		return;
	}
	if (apply_sets(&decision->found))
		answer.want = decision->found.want;
	memo_keep(generation, &query->destination, query->port, &answer);
}

void
apply_connect_known(const struct keepalive_calls *calls, uint32_t generation,
    int fd, const struct memo_answer *answer)
{
	int error;

	if (answer->want.set == 0)
		return;
	error = keepalive_set(calls, fd, &answer->want);
	note(generation, fd, answer->rule, &answer->want, error);
}

/* The same for all peers, or for this one. */
static bool
is_remembered(uint32_t generation, const struct apply_event *event, int *rule)
{
	static const struct addr ANY = {.family = ADDR_NONE};

	return memo_find_accepted(
		   generation, &event->at.addr, event->at.port, &ANY, rule) ||
	       (event->from.addr.family != ADDR_NONE &&
		   memo_find_accepted(generation, &event->at.addr,
		       event->at.port, &event->from.addr, rule));
}

bool
apply_accept_known(uint32_t generation, struct apply_event *event)
{
	const int listener = event->listener;
	int rule;

	if (event->before != generation + 1 ||
	    !apply_corrects(generation, listener) ||
	    !apply_facts_local(event->fd, &event->at, &event->at_len) ||
	    !is_remembered(generation, event, &rule) ||
	    rule != record_gives(listener, generation))
		return false;
	record_inherit(event->fd, listener);
	return true;
}
