/* SPDX-License-Identifier: ISC */
/* What is decided for a socket, by the policy and by what is known of it. */
#include "apply/apply_decide.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "policies.h"

#define NONE MATCH_NONE

/* Each case has one rule or two; a rule is told by its idle. */
struct about_rule {
	const char *source, *destination;
	uint16_t port;
	enum direction direction; /* 0: both */
	enum app_settings app_settings;
	enum action action;
};

struct about {
	const char *name;
	struct about_rule rules[2];
	struct apply_event event;
	const char *to, *local, *peer;    /* of the event, and of the facts */
	const char *source, *destination; /* asked for; "": unknown */
	struct apply_facts facts;
	/* Of the facts: the socket has the options of that rule, 1 or 2. */
	int has;
	int gives; /* and the rule that the listener gives, plus 1 */
	/* What is to be decided. */
	enum apply_what what;
	int rule;
	uint16_t to_port, local_port,
	    peer_port; /* of the event and the facts */
	bool changed;  /* the policy, since the program was started */
	bool accepts, anew, queued, lasting; /* to be decided */
};

#define BY_PORT        .rules = {{.port = 80}}
#define BY_SOURCE      .rules = {{.source = "10.0.0.0/8"}}
#define BY_DESTINATION .rules = {{.destination = "10.0.0.0/8"}}
#define UNIFORM        .rules = {{0}, {.port = 1}}
/* A rule that names addresses, and one for all others. */
#define LOCAL_APART(...)                         \
	.rules = {{.destination = "127.0.0.0/8", \
		      .action = ACTION_IGNORE,   \
		      __VA_ARGS__},              \
	    {.direction = DIRECTION_BOTH}}
#define SOURCE_APART(...)                                \
	.rules = {{.source = "10.0.0.0/8", __VA_ARGS__}, \
	    {.direction = DIRECTION_BOTH}}
#define BY_SIDE                                                 \
	.rules = {{.port = 80, .direction = DIRECTION_CONNECT}, \
	    {.port = 3300, .direction = DIRECTION_ACCEPT}}
#define RULE_OF(...) .rules = {{__VA_ARGS__}}

#define SOCKET(d, t, p) \
	.event = {      \
	    .call = APPLY_SOCKET, .domain = (d), .type = (t), .protocol = (p)}
#define CALL(c)    .event = {.call = (c)}
#define TO(a, p)   .to = (a), .to_port = (p)
#define AT(a, p)   .local = (a), .local_port = (p), .facts.is_ip = true
#define FROM(a, p) .peer = (a), .peer_port = (p), .facts.has_peer = true

static const struct about ABOUT[] = {
    {"socket: TCP", UNIFORM, SOCKET(AF_INET, SOCK_STREAM, 0), .what = APPLY_SET,
	.rule = 0, .accepts = true},
    {"socket: TCP, with flags", UNIFORM,
	SOCKET(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP),
	.what = APPLY_SET, .rule = 0, .accepts = true},
    {"socket: UDP", UNIFORM, SOCKET(AF_INET, SOCK_DGRAM, 0), .rule = NONE},
    {"socket: SCTP", UNIFORM, SOCKET(AF_INET, SOCK_STREAM, 132), .rule = NONE},
    {"socket: unix", UNIFORM, SOCKET(AF_UNIX, SOCK_STREAM, 0),
	.what = APPLY_NOTE_NOTHING, .rule = NONE},
    {"socket: unix, after a reload", UNIFORM, SOCKET(AF_UNIX, SOCK_STREAM, 0),
	.changed = true, .rule = NONE},
    {"socket: nothing uniform", BY_PORT, SOCKET(AF_INET, SOCK_STREAM, 0),
	.rule = NONE},

    {"connect: rule", BY_PORT, CALL(APPLY_CONNECT), TO("10.1.1.1", 80),
	.what = APPLY_SET, .rule = 0, .lasting = true, .source = "",
	.destination = "10.1.1.1"},
    {"connect: no rule", BY_PORT, CALL(APPLY_CONNECT), TO("10.1.1.1", 81),
	.what = APPLY_SET, .rule = NONE, .lasting = true},
    {"connect: tightens, for this socket",
	RULE_OF(.port = 80, .app_settings = APP_TIGHTEN), CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .what = APPLY_SET, .rule = 0},
    {"connect: set in socket()", UNIFORM, CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .facts.set_at_once = true, .rule = NONE},
    {"connect: uniform, not set, after a reload", UNIFORM, .changed = true,
	CALL(APPLY_CONNECT), TO("10.1.1.1", 80), .what = APPLY_SET, .rule = 0},
    {"connect: it has a peer", BY_PORT, CALL(APPLY_CONNECT), TO("10.1.1.1", 80),
	.facts.has_peer = true, .rule = NONE},
    {"connect: by source", BY_SOURCE, CALL(APPLY_CONNECT), TO("10.1.1.1", 80),
	.what = APPLY_ASK_LOCAL, .rule = NONE},
    {"connect: by source, not bound", BY_SOURCE, CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), AT("0.0.0.0", 0), .facts.asked_local = true,
	.what = APPLY_AFTER, .rule = NONE},
    {"connect: by source, bound", BY_SOURCE, CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), AT("10.2.2.2", 0), .facts.asked_local = true,
	.what = APPLY_SET, .rule = 0, .source = "10.2.2.2"},
    {"connect: by source, no IP socket", BY_SOURCE, CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .facts.asked_local = true, .rule = NONE},
    {"connect: by source, for another port", SOURCE_APART(.port = 81),
	CALL(APPLY_CONNECT), TO("10.1.1.1", 80), .what = APPLY_SET, .rule = 1,
	.lasting = true, .source = ""},
    {"connect: by source, for this port", SOURCE_APART(.port = 80),
	CALL(APPLY_CONNECT), TO("10.1.1.1", 80), .what = APPLY_ASK_LOCAL,
	.rule = NONE},
    {"connect: by source, for another destination",
	SOURCE_APART(.destination = "10.3.0.0/16"), CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .what = APPLY_SET, .rule = 1, .lasting = true},
    {"connect: by source, for accepting",
	SOURCE_APART(.direction = DIRECTION_ACCEPT), CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .what = APPLY_SET, .rule = 1, .lasting = true},
    {"connect: to nowhere is to loopback", RULE_OF(.destination = "127.0.0.1"),
	CALL(APPLY_CONNECT), TO("0.0.0.0", 80), AT("0.0.0.0", 0),
	.what = APPLY_SET, .rule = 0, .destination = "127.0.0.1"},
    {"connect: to nowhere is to where it is bound", BY_DESTINATION,
	CALL(APPLY_CONNECT), TO("0.0.0.0", 80), AT("10.2.2.2", 0),
	.what = APPLY_SET, .rule = 0, .source = "", .destination = "10.2.2.2"},
    {"connect: to nowhere with IPv6", RULE_OF(.destination = "::1/128"),
	CALL(APPLY_CONNECT), TO("::", 80), AT("::", 0), .what = APPLY_SET,
	.rule = 0, .destination = "::1"},
    {"connect: no rules", RULE_OF(.direction = DIRECTION_ACCEPT),
	CALL(APPLY_CONNECT), TO("10.1.1.1", 80), .rule = NONE},
    {"connect: no rules since a reload", RULE_OF(.direction = DIRECTION_ACCEPT),
	.changed = true, .facts.has_ours = true, CALL(APPLY_CONNECT),
	TO("10.1.1.1", 80), .what = APPLY_SET, .rule = NONE, .lasting = true},

    {"connected: by source", BY_SOURCE, CALL(APPLY_CONNECTED),
	TO("10.1.1.1", 80), AT("10.2.2.2", 999), .what = APPLY_SET, .rule = 0,
	.source = "10.2.2.2", .destination = "10.1.1.1"},
    {"connected: no IP socket", BY_SOURCE, CALL(APPLY_CONNECTED),
	TO("10.1.1.1", 80), .rule = NONE},

    {"listen: by port", BY_PORT, CALL(APPLY_LISTEN), AT("0.0.0.0", 80),
	.what = APPLY_SET_LISTENER, .rule = 0, .accepts = true,
	.destination = ""},
    {"listen: no port yet", BY_PORT, CALL(APPLY_LISTEN), AT("0.0.0.0", 0),
	.what = APPLY_AFTER, .rule = NONE},
    {"listen: by destination, bound", BY_DESTINATION, CALL(APPLY_LISTEN),
	AT("10.2.2.2", 80), .what = APPLY_SET_LISTENER, .rule = 0,
	.accepts = true, .destination = "10.2.2.2"},
    {"listen: by destination, bound to another", BY_DESTINATION,
	CALL(APPLY_LISTEN), AT("11.2.2.2", 80), .what = APPLY_SET_LISTENER,
	.rule = NONE, .accepts = true},
    {"listen: by destination, not bound", BY_DESTINATION, CALL(APPLY_LISTEN),
	AT("0.0.0.0", 80), .facts.is_seen = true, .facts.is_made = true,
	.what = APPLY_SET_LISTENER, .rule = NONE},
    {"listen: by source", BY_SOURCE, CALL(APPLY_LISTEN), AT("10.2.2.2", 80),
	.facts.is_seen = true, .facts.is_made = true,
	.what = APPLY_SET_LISTENER, .rule = NONE},
    {"listen: one destination apart", LOCAL_APART(.port = 0),
	CALL(APPLY_LISTEN), AT("0.0.0.0", 80), .facts.is_seen = true,
	.facts.is_made = true, .what = APPLY_SET_LISTENER, .rule = 1},
    {"listen: one destination apart, seen by nobody", LOCAL_APART(.port = 0),
	CALL(APPLY_LISTEN), AT("0.0.0.0", 80), .what = APPLY_LEAVE_LISTENER,
	.rule = NONE},
    {"listen: one destination apart, for another port", LOCAL_APART(.port = 81),
	CALL(APPLY_LISTEN), AT("0.0.0.0", 80), .what = APPLY_SET_LISTENER,
	.rule = 1, .accepts = true},
    {"listen: one destination apart, bound to it", LOCAL_APART(.port = 0),
	CALL(APPLY_LISTEN), AT("127.0.0.1", 80), .what = APPLY_SET_LISTENER,
	.rule = 0, .accepts = true},
    {"listen: one source apart, for another port", SOURCE_APART(.port = 81),
	CALL(APPLY_LISTEN), AT("0.0.0.0", 80), .what = APPLY_SET_LISTENER,
	.rule = 1, .accepts = true},
    {"listen: one source apart, for another destination",
	SOURCE_APART(.destination = "10.3.0.0/16"), CALL(APPLY_LISTEN),
	AT("10.2.2.2", 80), .what = APPLY_SET_LISTENER, .rule = 1,
	.accepts = true},
    {"listen: one source apart, bound", SOURCE_APART(.port = 0),
	CALL(APPLY_LISTEN), AT("10.2.2.2", 80), .facts.is_seen = true,
	.facts.is_made = true, .what = APPLY_SET_LISTENER, .rule = 1},
    {"listen: unix, by source", BY_SOURCE, CALL(APPLY_LISTEN),
	.what = APPLY_LEAVE_LISTENER, .rule = NONE},
    {"listen: no rules", RULE_OF(.direction = DIRECTION_CONNECT),
	CALL(APPLY_LISTEN), .what = APPLY_LEAVE_LISTENER, .rule = NONE},
    {"listen: unix, by port", BY_PORT, CALL(APPLY_LISTEN),
	.what = APPLY_NOTE_NOTHING, .rule = NONE},
    {"listen: unix, by destination", BY_DESTINATION, CALL(APPLY_LISTEN),
	.what = APPLY_LEAVE_LISTENER, .rule = NONE},
    {"listening: by port", BY_PORT, CALL(APPLY_LISTENING), AT("0.0.0.0", 80),
	.what = APPLY_SET_LISTENER, .rule = 0, .accepts = true},
    {"listen: respects, first",
	RULE_OF(.port = 80, .app_settings = APP_RESPECT), CALL(APPLY_LISTEN),
	AT("0.0.0.0", 80), .facts.rule = NONE, .what = APPLY_SET_LISTENER,
	.rule = 0, .accepts = true},
    {"listen: respects, again",
	RULE_OF(.port = 80, .app_settings = APP_RESPECT), CALL(APPLY_LISTEN),
	AT("0.0.0.0", 80), .facts.rule = 0, .rule = 0, .accepts = true},

    {"accept: by source", BY_SOURCE, CALL(APPLY_ACCEPT), AT("10.2.2.2", 80),
	FROM("10.1.1.1", 999), .what = APPLY_SET, .rule = 0,
	.source = "10.1.1.1", .destination = "10.2.2.2"},
    {"accept: by source, peer not known", BY_SOURCE, CALL(APPLY_ACCEPT),
	AT("10.2.2.2", 80), .what = APPLY_ASK_PEER, .rule = NONE},
    {"accept: by source, gone", BY_SOURCE, CALL(APPLY_ACCEPT),
	AT("10.2.2.2", 80), .facts.asked_peer = true, .rule = NONE},
    {"accept: one source apart, for another destination",
	SOURCE_APART(.destination = "10.3.0.0/16"), CALL(APPLY_ACCEPT),
	AT("10.2.2.2", 80), .what = APPLY_SET, .rule = 1},
    {"accept: one source apart, and it is another", SOURCE_APART(.port = 0),
	CALL(APPLY_ACCEPT), AT("10.2.2.2", 80), FROM("11.1.1.1", 999),
	.gives = 1 + 1, .what = APPLY_INHERIT, .rule = 1, .lasting = true},
    {"accept: one source apart, and it is that", SOURCE_APART(.port = 0),
	CALL(APPLY_ACCEPT), AT("10.2.2.2", 80), FROM("10.1.1.1", 999),
	.gives = 1 + 1, .what = APPLY_SET, .rule = 0},
    {"accept: one destination apart, and it is another", LOCAL_APART(.port = 0),
	CALL(APPLY_ACCEPT), AT("10.2.2.2", 80), .gives = 1 + 1,
	.what = APPLY_INHERIT, .rule = 1, .lasting = true},
    {"accept: one destination apart, from the queue", LOCAL_APART(.port = 0),
	CALL(APPLY_ACCEPT), AT("10.2.2.2", 80), .facts.queued = true,
	.what = APPLY_SET, .rule = 1, .queued = true},
    {"accept: one destination apart, and it is that", LOCAL_APART(.port = 0),
	CALL(APPLY_ACCEPT), AT("127.0.0.1", 80), .gives = 1 + 1,
	.what = APPLY_SET, .rule = 0},
    {"accept: no rules", RULE_OF(.direction = DIRECTION_CONNECT),
	CALL(APPLY_ACCEPT), AT("10.2.2.2", 80), .rule = NONE},
    {"accept: the listener is late", BY_PORT, .changed = true,
	CALL(APPLY_ACCEPT), .facts.late = true, .what = APPLY_LISTENER_FIRST,
	.rule = NONE},
    {"accept: the listener was late", BY_PORT, .changed = true,
	.event = {.call = APPLY_ACCEPT, .updated = 5 + 1}, AT("10.2.2.2", 80),
	.what = APPLY_SET, .rule = 0, .anew = true},
    {"accept: it can't be seen to", BY_PORT, .changed = true,
	.event = {.call = APPLY_ACCEPT, .updated = 5 + 1}, .facts.late = true,
	AT("10.2.2.2", 80), .what = APPLY_SET, .rule = 0, .anew = true},
    {"accept: it is late once more", BY_PORT, .changed = true,
	.event = {.call = APPLY_ACCEPT, .updated = 4 + 1}, .facts.late = true,
	.what = APPLY_LISTENER_FIRST, .rule = NONE},
    {"accept: from the queue", BY_PORT, .changed = true, CALL(APPLY_ACCEPT),
	.facts.changed = true, .facts.queued = true, AT("10.2.2.2", 80),
	.what = APPLY_SET, .rule = 0, .anew = true, .queued = true},
    {"accept: no rules since a reload", RULE_OF(.direction = DIRECTION_CONNECT),
	.changed = true, CALL(APPLY_ACCEPT), .facts.changed = true,
	.facts.queued = true, AT("10.2.2.2", 80), .what = APPLY_SET,
	.rule = NONE, .anew = true, .queued = true},
    {"accept: the listener was made elsewhere", BY_PORT, CALL(APPLY_ACCEPT),
	.facts.late = true, .what = APPLY_LISTENER_FIRST, .rule = NONE},
    {"accept: it was, and is seen to", BY_PORT,
	.event = {.call = APPLY_ACCEPT, .updated = 5 + 1}, .facts.queued = true,
	AT("10.2.2.2", 80), .what = APPLY_SET, .rule = 0, .queued = true},
    {"accept: from its queue", BY_PORT, CALL(APPLY_ACCEPT),
	.facts.queued = true, AT("10.2.2.2", 80), .what = APPLY_SET, .rule = 0,
	.queued = true},

    {"made", BY_PORT, CALL(APPLY_MADE), AT("10.2.2.2", 999),
	FROM("10.1.1.1", 80), .what = APPLY_SET, .rule = 0,
	.source = "10.2.2.2", .destination = "10.1.1.1"},
    {"made: uniform", UNIFORM, CALL(APPLY_MADE), AT("10.2.2.2", 999),
	FROM("10.1.1.1", 80), .what = APPLY_SET, .rule = 0},
    {"made: gone", BY_PORT, CALL(APPLY_MADE), AT("10.2.2.2", 999),
	.rule = NONE},
    {"called", BY_PORT, CALL(APPLY_CALLED), AT("10.2.2.2", 80),
	.what = APPLY_SET, .rule = 0},

    {"inherited: accepted", BY_SIDE, CALL(APPLY_INHERITED),
	AT("10.2.2.2", 3300), FROM("10.1.1.1", 80), .what = APPLY_SET,
	.rule = 1, .source = "10.1.1.1"},
    {"inherited: connected", BY_SIDE, CALL(APPLY_INHERITED),
	AT("10.2.2.2", 3301), FROM("10.1.1.1", 80), .what = APPLY_SET,
	.rule = 0, .source = "10.2.2.2"},
    {"inherited: listener", BY_PORT, CALL(APPLY_INHERITED), AT("0.0.0.0", 80),
	.facts.is_listener = true, .what = APPLY_SET_LISTENER, .rule = 0,
	.accepts = true},
    {"inherited: new", BY_PORT, CALL(APPLY_INHERITED), AT("0.0.0.0", 80),
	.rule = NONE},
    {"inherited: uniform", UNIFORM, CALL(APPLY_INHERITED), AT("0.0.0.0", 80),
	.what = APPLY_SET, .rule = 0, .accepts = true},
    {"inherited: no socket", UNIFORM, CALL(APPLY_INHERITED), .rule = NONE},

    {"setsockopt: one rule", BY_PORT, CALL(APPLY_SETSOCKOPT),
	AT("10.2.2.2", 80), FROM("10.1.1.1", 80), .rule = 0},
    {"setsockopt: uniform", UNIFORM, CALL(APPLY_SETSOCKOPT), .rule = 0},
    {"setsockopt: either", BY_SIDE, CALL(APPLY_SETSOCKOPT),
	AT("10.2.2.2", 3300), FROM("10.1.1.1", 80), .facts.rule = NONE,
	.what = APPLY_ASK_OPTIONS, .rule = NONE},
    {"setsockopt: that of connect()", BY_SIDE, CALL(APPLY_SETSOCKOPT),
	AT("10.2.2.2", 3300), FROM("10.1.1.1", 80), .facts.rule = NONE,
	.has = 1, .rule = 0},
    {"setsockopt: that of accept()", BY_SIDE, CALL(APPLY_SETSOCKOPT),
	AT("10.2.2.2", 3300), FROM("10.1.1.1", 80), .facts.rule = NONE,
	.has = 2, .rule = 1},
    {"setsockopt: neither's", BY_SIDE, CALL(APPLY_SETSOCKOPT),
	AT("10.2.2.2", 3300), FROM("10.1.1.1", 80), .facts.rule = 1,
	.facts.has_options = true, .rule = NONE},
    {"setsockopt: ignored", RULE_OF(.port = 80, .action = ACTION_IGNORE),
	CALL(APPLY_SETSOCKOPT), AT("10.2.2.2", 80), FROM("10.1.1.1", 80),
	.rule = NONE},
    {"setsockopt: respected", RULE_OF(.port = 80, .app_settings = APP_RESPECT),
	CALL(APPLY_SETSOCKOPT), AT("10.2.2.2", 80), FROM("10.1.1.1", 80),
	.rule = NONE},
    {"setsockopt: listener", BY_PORT, CALL(APPLY_SETSOCKOPT), AT("0.0.0.0", 80),
	.facts.is_listener = true, .rule = 0},
    {"setsockopt: listener with one source apart", SOURCE_APART(.port = 0),
	CALL(APPLY_SETSOCKOPT), AT("0.0.0.0", 80), .facts.is_listener = true,
	.gives = 1 + 1, .rule = 1},
    {"setsockopt: the same, seen by nobody", SOURCE_APART(.port = 0),
	CALL(APPLY_SETSOCKOPT), AT("0.0.0.0", 80), .facts.is_listener = true,
	.rule = NONE},
    {"setsockopt: new", BY_PORT, CALL(APPLY_SETSOCKOPT), AT("0.0.0.0", 80),
	.rule = NONE},
};

static struct addr
addr_of(const char *text)
{
	struct addr addr = {0};

	if (text != NULL && *text != '\0')
		ck_assert_int_eq(addr_parse(text, &addr), 0);
	return addr;
}

static struct keepalive
options_of(int rule)
{
	return (struct keepalive){
	    .set = 1u << KEEPALIVE_IDLE | 1u << KEEPALIVE_SWITCH,
	    .value[KEEPALIVE_IDLE] = 100 + rule,
	    .value[KEEPALIVE_SWITCH] = 1,
	};
}

/* The policy of a case; the second rule is there if it says anything. */
/* Is nothing said of it? Then there is no such rule. */
static bool
is_no_rule(const struct about_rule *rule)
{
	return rule->source == NULL && rule->destination == NULL &&
	       rule->port == 0 && rule->direction == 0 &&
	       rule->app_settings == 0 && rule->action == 0;
}

static uint8_t *
make_policy(const struct about *about, struct image *image)
{
	struct rule rules[2] = {{0}};
	struct prefix sources[2], destinations[2];
	struct port_range ports[2];
	size_t count = 1;
	uint8_t *bytes;

	for (size_t i = 0; i < 2; i++) {
		const struct about_rule *from = &about->rules[i];
		struct rule *rule = &rules[i];

		if (i == 1 && is_no_rule(from))
			break;
		count = i + 1;
		rule->name = i == 0 ? "first" : "second";
		rule->file = "/etc/kashim.conf";
		rule->line = 1;
		rule->direction =
		    from->direction == 0 ? DIRECTION_BOTH : from->direction;
		rule->action = from->action;
		rule->app_settings = from->app_settings;
		if (from->action == ACTION_KEEPALIVE)
			rule->keepalive = options_of((int)i);
		if (from->source != NULL) {
			ck_assert_int_eq(
			    prefix_parse(from->source, &sources[i]), 0);
			rule->sources = &sources[i];
			rule->source_count = 1;
		}
		if (from->destination != NULL) {
			ck_assert_int_eq(
			    prefix_parse(from->destination, &destinations[i]),
			    0);
			rule->destinations = &destinations[i];
			rule->destination_count = 1;
		}
		if (from->port != 0) {
			ports[i] = (struct port_range){from->port, from->port};
			rule->ports = &ports[i];
			rule->port_count = 1;
		}
	}
	ck_assert_int_eq(test_build(rules, count, &bytes, &image->size), 0);
	image->bytes = bytes;
	return bytes;
}

static bool
is_address(const char *text, const struct addr *have)
{
	struct addr want = addr_of(text);

	return text == NULL || memcmp(&want, have, sizeof(want)) == 0;
}

/* Whether it is as the case says; says so if not. */
static bool
is_right(const struct about *about, const struct apply_decision *decision)
{
	if (decision->what == about->what &&
	    decision->found.rule == about->rule &&
	    (about->rule == NONE || decision->found.action == ACTION_IGNORE ||
		decision->what == APPLY_INHERIT ||
		decision->found.want.value[KEEPALIVE_IDLE] ==
		    100 + about->rule) &&
	    decision->accepts == about->accepts &&
	    decision->anew == about->anew &&
	    decision->queued == about->queued &&
	    decision->lasting == about->lasting &&
	    is_address(about->source, &decision->query.source) &&
	    is_address(about->destination, &decision->query.destination))
		return true;
	printf("%s: what %d rule %d%s%s%s%s\n", about->name, decision->what,
	    decision->found.rule, decision->accepts ? " accepts" : "",
	    decision->anew ? " anew" : "", decision->queued ? " queued" : "",
	    decision->lasting ? " lasting" : "");
	return false;
}

START_TEST(decisions)
{
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(ABOUT); i++) {
		const struct about *about = &ABOUT[i];
		struct apply_event event = about->event;
		struct apply_facts facts = about->facts;
		struct apply_decision decision;
		uint32_t numbers[1];
		struct image image;
		struct view view;
		uint8_t *bytes = make_policy(about, &image);

		view_make(&view, &image, NULL, 0, numbers, 1);
		view.changed = about->changed;
		view.generation = 5;
		event.to.addr = addr_of(about->to);
		event.to.port = about->to_port;
		facts.local.addr = addr_of(about->local);
		facts.local.port = about->local_port;
		facts.gives =
		    about->gives != 0 ? about->gives - 1 : MATCH_DEPENDS;
		facts.peer.addr = addr_of(about->peer);
		facts.peer.port = about->peer_port;
		if (about->has != 0) {
			facts.has_options = true;
			facts.options = options_of(about->has - 1);
		}
		/* Whatever was there before. */
		memset(&decision, 0x5a, sizeof(decision));
		apply_decide(&view, &event, &facts, &decision);
		wrong += !is_right(about, &decision);
		free(bytes);
	}
	ck_assert_int_eq(wrong, 0);
}
END_TEST

/* If both would fit, what is on record tells which it is. */
START_TEST(both_fit)
{
	static const struct about SIDES = {BY_SIDE};
	const struct apply_event event = {.call = APPLY_SETSOCKOPT};
	struct apply_facts facts = {
	    .is_ip = true,
	    .has_peer = true,
	    .has_options = true,
	    .local = {addr_of("10.2.2.2"), 3300},
	    .peer = {addr_of("10.1.1.1"), 80},
	};
	struct about tighten = SIDES;
	struct apply_decision decision;
	uint32_t numbers[1];
	struct image image;
	struct view view;
	uint8_t *bytes;

	tighten.rules[0].app_settings = APP_TIGHTEN;
	tighten.rules[1].app_settings = APP_TIGHTEN;
	bytes = make_policy(&tighten, &image);
	view_make(&view, &image, NULL, 0, numbers, 1);
	facts.options = options_of(0);
	for (int rule = NONE; rule < 2; rule++) {
		facts.rule = rule;
		apply_decide(&view, &event, &facts, &decision);
		ck_assert_int_eq(decision.what, APPLY_NOTHING);
		ck_assert_int_eq(decision.found.rule, rule == 1);
	}
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("apply_decide");
	TCase *tc = tcase_create("decide");

	tcase_add_test(tc, decisions);
	tcase_add_test(tc, both_fit);
	suite_add_tcase(suite, tc);
	return test_main(suite);
}
