/* SPDX-License-Identifier: ISC */
/*
 * verdict: which rule should apply to a live socket, and what comes of
 * comparing it with what the socket has.
 */
#include "live/verdict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/view.h"

/* A program may take so long until it sets its options: they are in seconds. */
#define LATE_MS 1000

struct program_view {
	struct program_view *next;
	const struct process *process; /* names the program */
	struct view view;
	uint32_t groups[]; /* view's */
};

/* None of them, for all whose names are not known. */
static const struct process nobody;

static bool
same_names(const struct process *a, const struct process *b)
{
	if (a->name_count != b->name_count)
		return false;
	for (unsigned int i = 0; i < a->name_count; i++) {
		if (strcmp(a->name[i], b->name[i]) != 0)
			return false;
	}
	return true;
}

static struct program_view *
make_view(const struct image *image, const struct process *process)
{
	const char *names[] = {process->name[0], process->name[1]};
	struct program_view *made = calloc(1,
	    sizeof(*made) + image_group_count(image) * sizeof(made->groups[0]));

	if (made == NULL)
		return NULL;
	made->process = process;
	view_make(&made->view, image, names, process->name_count, made->groups,
	    image_group_count(image));
	return made;
}

/* NULL if memory is out. */
static struct program_view *
find_view(struct verdict *verdict, const struct process *process)
{
	struct program_view *view;

	if (process == NULL)
		process = &nobody;
	if (verdict->process == process)
		return verdict->view;
	for (view = verdict->views; view != NULL; view = view->next) {
		if (same_names(view->process, process))
			break;
	}
	if (view == NULL) {
		view = make_view(verdict->image, process);
		if (view == NULL)
			return NULL;
		view->next = verdict->views;
		verdict->views = view;
	}
	verdict->process = process;
	verdict->view = view;
	return view;
}

/*
 * The rule for one query. Where the names are not known, a rule for some
 * program that would also match makes it uncertain.
 */
static int
find_rule(const struct view *view, const struct match_query *query,
    struct live_socket *socket)
{
	bool named = socket->process != NULL && socket->process->name_count > 0;
	int rule = match_rule(&view->image, &view->groups, query);

	if (!named && match_rule(&view->image, NULL, query) != rule) {
		socket->rule_known = false;
		return MATCH_NONE;
	}
	return rule;
}

/* By the options alone: who has the values of a rule has that rule. */
static enum live_verdict
options_verdict(const struct image *image, const struct live_socket *socket);

static void
set_rule(const struct view *view, struct live_socket *socket)
{
	struct match_query query[2];
	unsigned int count = live_queries(socket, query);
	int accepting, connecting;

	accepting = find_rule(view, &query[0], socket);
	socket->rule = accepting;
	socket->accepting = socket->direction != LIVE_OUT;
	/*
	 * What it accepts may get another rule, each by itself, and then the
	 * library has set this one. A program without it is another matter.
	 */
	if (socket->direction == LIVE_LISTENER &&
	    match_surely(&view->image, &view->groups, &query[0]) ==
		MATCH_DEPENDS &&
	    options_verdict(&view->image, socket) != LIVE_OK)
		socket->rule = MATCH_NONE;
	if (count < 2 || (accepting != MATCH_NONE &&
			     options_verdict(&view->image, socket) == LIVE_OK))
		return;
	connecting = find_rule(view, &query[1], socket);
	socket->rule = connecting;
	socket->accepting =
	    accepting != MATCH_NONE &&
	    (connecting == MATCH_NONE ||
		options_verdict(&view->image, socket) != LIVE_OK);
	if (socket->accepting)
		socket->rule = accepting;
}

int
verdict_find(struct verdict *verdict, struct live_socket *socket)
{
	socket->rule = MATCH_NONE;
	socket->rule_known = true;
	if (verdict->image != NULL) {
		const struct program_view *view =
		    find_view(verdict, socket->process);

		if (view == NULL)
			return -ENOMEM;
		set_rule(&view->view, socket);
	}
	socket->verdict = live_verdict(verdict->image, socket);
	return 0;
}

void
verdict_close(struct verdict *verdict)
{
	while (verdict->views != NULL) {
		struct program_view *next = verdict->views->next;

		free(verdict->views);
		verdict->views = next;
	}
	verdict->process = NULL;
}

unsigned int
live_queries(const struct live_socket *socket, struct match_query query[2])
{
	const struct diag_socket *ends = &socket->socket;
	const struct match_query out = {
	    .direction = DIRECTION_CONNECT,
	    .source = ends->local,
	    .destination = ends->remote,
	    .port = ends->remote_port,
	};
	const struct match_query in = {
	    .direction = DIRECTION_ACCEPT,
	    .source = ends->remote,
	    .destination = ends->local,
	    .port = ends->local_port,
	};

	switch (socket->direction) {
	case LIVE_OUT:
		query[0] = out;
		return 1;
	case LIVE_IN:
		query[0] = in;
		return 1;
	case LIVE_LISTENER:
		/* Whatever it accepts. */
		query[0] = in;
		query[0].source.family = ADDR_NONE;
		if (addr_is_unspecified(&ends->local))
			query[0].destination.family = ADDR_NONE;
		return 1;
	default:
		query[0] = in;
		query[1] = out;
		return 2;
	}
}

bool
live_wants(const struct image *image, const struct live_socket *socket,
    struct image_rule *rule, struct keepalive *want)
{
	if (image == NULL || socket->rule == MATCH_NONE ||
	    !socket->have_known ||
	    !image_rule(image, (uint32_t)socket->rule, rule) ||
	    rule->action != ACTION_KEEPALIVE)
		return false;
	want->set = rule->options & socket->have.set;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		want->value[option] = rule->value[option];
	return true;
}

bool
live_timer_is_late(const struct image *image, const struct live_socket *socket,
    int64_t *due_ms)
{
	const uint32_t told = 1u << KEEPALIVE_SWITCH | 1u << KEEPALIVE_IDLE |
	                      1u << KEEPALIVE_INTERVAL;
	const struct diag_socket *kernel = &socket->socket;
	struct image_rule rule;
	struct keepalive want;
	int32_t idle_s, interval_s;

	if (kernel->timer != DIAG_TIMER_KEEPALIVE ||
	    kernel->heard_ms == DIAG_NOT_TOLD ||
	    !live_wants(image, socket, &rule, &want) ||
	    rule.app_settings == APP_RESPECT ||
	    (socket->have.set & told) != told ||
	    socket->have.value[KEEPALIVE_SWITCH] == 0)
		return false;
	idle_s = (want.set & 1u << KEEPALIVE_IDLE) != 0
	             ? want.value[KEEPALIVE_IDLE]
	             : socket->have.value[KEEPALIVE_IDLE];
	interval_s = socket->have.value[KEEPALIVE_INTERVAL];
	/* It runs for an interval also after a probe that is answered. */
	if (kernel->unanswered > 0 || interval_s > idle_s)
		idle_s = interval_s;
	*due_ms = (int64_t)idle_s * 1000;
	if (kernel->unanswered == 0)
		*due_ms -= kernel->heard_ms;
	if (*due_ms < 0)
		*due_ms = 0;
	return kernel->expires_ms > *due_ms + LATE_MS;
}

static enum live_verdict
options_verdict(const struct image *image, const struct live_socket *socket)
{
	const uint32_t on = 1u << KEEPALIVE_SWITCH;
	struct image_rule rule;
	struct keepalive want;

	if (!socket->have_known || (image != NULL && !socket->rule_known))
		return LIVE_UNKNOWN;
	if (image == NULL || socket->rule == MATCH_NONE)
		return LIVE_NO_RULE;
	if (!live_wants(image, socket, &rule, &want) ||
	    keepalive_covers(
		&socket->have, &want, rule.app_settings == APP_TIGHTEN))
		return LIVE_OK;
	if ((want.set & on) != 0 && socket->have.value[KEEPALIVE_SWITCH] == 0)
		return LIVE_OFF;
	/* The program has switched it on: what it asks for is to be respected.
	 */
	return rule.app_settings == APP_RESPECT ? LIVE_OK : LIVE_DIFFERS;
}

enum live_verdict
live_verdict(const struct image *image, const struct live_socket *socket)
{
	enum live_verdict verdict = options_verdict(image, socket);
	int64_t due_ms;

	if (verdict == LIVE_OK && live_timer_is_late(image, socket, &due_ms))
		return LIVE_DIFFERS;
	return verdict;
}

const char *
live_verdict_name(enum live_verdict verdict)
{
	static const char *const NAME[LIVE_VERDICTS] = {
	    [LIVE_OK] = "ok",
	    [LIVE_DIFFERS] = "differs",
	    [LIVE_OFF] = "off",
	    [LIVE_NO_RULE] = "no rule",
	    [LIVE_UNKNOWN] = "unknown",
	};

	return verdict < LIVE_VERDICTS ? NAME[verdict] : "unknown";
}
