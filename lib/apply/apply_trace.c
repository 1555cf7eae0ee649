/* SPDX-License-Identifier: ISC */
/*
 * apply_trace: one line of the trace file for each decision.
 */
#include "apply/apply_trace.h"

#include <unistd.h>

#include "base/addr.h"
#include "base/trace.h"

static void
trace_rule(struct trace_line *line, const struct apply *apply,
    const struct image_rule *record, int error)
{
	static const char UNIT[][4] = {
	    [KEEPALIVE_SECONDS] = " s", [KEEPALIVE_MILLISECONDS] = " ms"};

	trace_text(line, "rule ");
	trace_text(line, image_string(&apply->view->image, record->name));
	if (record->action == ACTION_IGNORE) {
		trace_text(line, ": ignored");
		return;
	}
	trace_text(line, ": keepalive");
	for (int option = 0; option < KEEPALIVE_SWITCH; option++) {
		if ((record->options & 1u << option) == 0)
			continue;
		trace_text(line, " ");
		trace_text(line, keepalive_about[option].key);
		trace_text(line, " ");
		trace_number(line, record->value[option]);
		if (keepalive_about[option].unit != KEEPALIVE_NUMBER)
			trace_text(line, UNIT[keepalive_about[option].unit]);
	}
	if (error < 0) {
		trace_text(line, ", refused with errno ");
		trace_number(line, -error);
	}
}

void
apply_trace(const struct apply *apply, const char *call, int fd,
    const struct match_query *query, const struct image_rule *rule, int error)
{
	struct trace_line line;
	char text[ADDR_TEXT_MAX];

	trace_start(&line, apply->host != NULL ? apply->host->pid : getpid());
	trace_text(&line, call);
	trace_text(&line, " fd ");
	trace_number(&line, apply->host != NULL ? apply->host->fd : fd);
	if (query != NULL && query->source.family != ADDR_NONE) {
		addr_format(&query->source, text);
		trace_text(&line, " from ");
		trace_text(&line, text);
	}
	if (query != NULL) {
		trace_text(&line, " to ");
		if (query->destination.family != ADDR_NONE) {
			addr_format(&query->destination, text);
			trace_text(&line, text);
			trace_text(&line, " ");
		}
		trace_text(&line, "port ");
		trace_number(&line, query->port);
	}
	trace_text(&line, ": ");
	if (rule != NULL)
		trace_rule(&line, apply, rule, error);
	else
		trace_text(&line, "no rule");
	if (apply->host != NULL)
		trace_to_descriptor(&line, apply->host->trace);
	else
		trace_to_file(&line, apply->trace_path);
}
