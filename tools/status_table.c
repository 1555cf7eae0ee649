/* SPDX-License-Identifier: ISC */
/*
 * status_table: the connections for people, on a terminal of any width. The
 * cells of a connection stand in columns that are as wide as they have to be,
 * and flow over as many lines as that takes.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "status.h"
#include "terminal.h"
#include "text.h"

#define CELL_MAX 128
#define GAP      2
#define RULE_MAX 24 /* columns, of a rule's name */
#define BAR      20 /* columns */
#define TITLE_MAX \
	(NAME_MAX * 2 + 128) /* a process with its unit and namespace */

enum {
	VERDICT,
	LOCAL,
	REMOTE,
	STATE,
	KEEPALIVE,
	USER_TIMEOUT,
	PROBE,
	UNANSWERED,
	RULE,
	LEFT,
	COLUMNS,
};

static const char *const HEADING[COLUMNS] = {
    [VERDICT] = "VERDICT",
    [LOCAL] = "LOCAL",
    [REMOTE] = "   REMOTE",
    [STATE] = "STATE",
    [KEEPALIVE] = "KEEPALIVE",
    [USER_TIMEOUT] = "USER-TIMEOUT",
    [PROBE] = "NEXT-PROBE",
    [UNANSWERED] = "UNANSWERED",
    [RULE] = "RULE",
    [LEFT] = "TIME-LEFT",
};

struct cell {
	char text[CELL_MAX];
	size_t columns; /* that text takes */
	enum terminal_colour colour;
};

/* Where each column is. */
struct layout {
	size_t width[COLUMNS];
	bool breaks[COLUMNS]; /* it begins a line */
	size_t indent;        /* of all lines but the first */
	unsigned int lines;
};

struct table {
	FILE *out;
	const struct status *status;
	const struct status_look *look;
	struct layout layout;
	uint64_t net; /* our own network namespace */
};

static const char *
sequence(const struct table *table, enum terminal_colour colour)
{
	return terminal_sequence(table->look->coloured, colour);
}

/* A time as people say it, in two units at most: "7min26s". */
static void
format_span(int64_t ms, char *text, size_t size)
{
	int64_t s = (ms + 999) / 1000;

	if (s >= 86400)
		snprintf(text, size, "%" PRId64 "d%" PRId64 "h", s / 86400,
		    s % 86400 / 3600);
	else if (s >= 3600)
		snprintf(text, size, "%" PRId64 "h%" PRId64 "min", s / 3600,
		    s % 3600 / 60);
	else if (s >= 60)
		snprintf(
		    text, size, "%" PRId64 "min%" PRId64 "s", s / 60, s % 60);
	else
		snprintf(text, size, "%" PRId64 "s", s);
}

static bool
has(const struct live_socket *socket, enum keepalive_option option)
{
	return socket->have_known && (socket->have.set & (1u << option));
}

/* Idle, interval and count, "450s/90s/5"; "off". */
static void
format_keepalive(const struct live_socket *socket, char text[CELL_MAX])
{
	const int32_t *value = socket->have.value;

	if (has(socket, KEEPALIVE_SWITCH) && !value[KEEPALIVE_SWITCH])
		snprintf(text, CELL_MAX, "off");
	else if (has(socket, KEEPALIVE_SWITCH) && has(socket, KEEPALIVE_IDLE) &&
		 has(socket, KEEPALIVE_INTERVAL) &&
		 has(socket, KEEPALIVE_COUNT))
		snprintf(text, CELL_MAX, "%" PRId32 "s/%" PRId32 "s/%" PRId32,
		    value[KEEPALIVE_IDLE], value[KEEPALIVE_INTERVAL],
		    value[KEEPALIVE_COUNT]);
}

static void
format_user_timeout(const struct live_socket *socket, char text[CELL_MAX])
{
	int32_t ms = socket->have.value[KEEPALIVE_USER_TIMEOUT];

	if (!has(socket, KEEPALIVE_USER_TIMEOUT) || ms == 0)
		return;
	if (ms % 1000 == 0)
		snprintf(text, CELL_MAX, "%" PRId32 "s", ms / 1000);
	else
		snprintf(text, CELL_MAX, "%" PRId32 "ms", ms);
}

static const char *
arrow(enum live_direction direction)
{
	switch (direction) {
	case LIVE_OUT:
		return "->";
	case LIVE_IN:
		return "<-";
	default:
		return "--";
	}
}

static enum terminal_colour
verdict_colour(enum live_verdict verdict)
{
	switch (verdict) {
	case LIVE_OK:
		return TERMINAL_GOOD;
	case LIVE_OFF:
		return TERMINAL_BAD;
	case LIVE_DIFFERS:
	case LIVE_UNKNOWN:
		return TERMINAL_WARN;
	default:
		return TERMINAL_PLAIN;
	}
}

/* Will a probe go out before the firewall forgets? */
static bool
is_in_time(const struct live_socket *socket, int64_t left_ms)
{
	int64_t probe_ms = status_probe_ms(socket);

	return probe_ms >= 0 && probe_ms < left_ms;
}

/*
 * A bar for the time left of the rule's firewall-timeout. It shrinks towards
 * the mark, where the next probe goes out.
 */
static void
format_bar(const struct table *table, const struct live_socket *socket,
    int64_t left_ms, char text[CELL_MAX])
{
	int64_t probe_ms = status_probe_ms(socket);
	struct image_rule rule;
	int64_t all_ms, full, mark = -1;
	char span[32];

	status_rule(table->status, socket, &rule);
	all_ms = (int64_t)rule.timeout_s * 1000;
	left_ms = left_ms > 0 ? left_ms : 0;
	full = (left_ms * BAR + all_ms - 1) / all_ms;
	if (is_in_time(socket, left_ms))
		mark = (left_ms - probe_ms) * BAR / all_ms;
	for (int64_t i = 0; i < BAR; i++) {
		char c = i < full ? '=' : ' ';

		text[i] = i == mark ? '|' : c;
	}
	format_span(left_ms, span, sizeof(span));
	snprintf(text + BAR, CELL_MAX - BAR, "] %s", span);
	memmove(text + 1, text, strlen(text) + 1);
	text[0] = '[';
}

static void
make_left(const struct table *table, const struct live_socket *socket,
    struct cell *cell)
{
	int64_t left_ms;

	if (!status_left_ms(table->status, socket, &left_ms))
		return;
	if (table->look->bars)
		format_bar(table, socket, left_ms, cell->text);
	else if (left_ms <= 0)
		snprintf(cell->text, CELL_MAX, "none");
	else
		format_span(left_ms, cell->text, CELL_MAX);
	if (!is_in_time(socket, left_ms))
		cell->colour = TERMINAL_BAD;
	else if (socket->socket.unanswered > 0)
		cell->colour = TERMINAL_WARN;
}

static void
make_cells(const struct table *table, const struct live_socket *socket,
    struct cell cells[COLUMNS])
{
	const struct diag_socket *kernel = &socket->socket;
	char endpoint[STATUS_ENDPOINT_MAX];
	int64_t probe_ms = status_probe_ms(socket);
	struct image_rule rule;

	for (size_t i = 0; i < COLUMNS; i++) {
		snprintf(cells[i].text, CELL_MAX, "-");
		cells[i].colour = TERMINAL_PLAIN;
	}
	snprintf(cells[VERDICT].text, CELL_MAX, "%s",
	    live_verdict_name(socket->verdict));
	cells[VERDICT].colour = verdict_colour(socket->verdict);
	status_endpoint(&kernel->local, kernel->local_port, cells[LOCAL].text);
	status_endpoint(&kernel->remote, kernel->remote_port, endpoint);
	snprintf(cells[REMOTE].text, CELL_MAX, "%s %s",
	    arrow(socket->direction), endpoint);
	snprintf(cells[STATE].text, CELL_MAX, "%s",
	    status_state_name(kernel->state));
	format_keepalive(socket, cells[KEEPALIVE].text);
	format_user_timeout(socket, cells[USER_TIMEOUT].text);
	if (probe_ms >= 0) {
		format_span(probe_ms, cells[PROBE].text, CELL_MAX);
		snprintf(cells[UNANSWERED].text, CELL_MAX, "%" PRIu32,
		    kernel->unanswered);
		if (kernel->unanswered > 0)
			cells[UNANSWERED].colour = TERMINAL_WARN;
	}
	make_left(table, socket, &cells[LEFT]);
	if (status_rule(table->status, socket, &rule))
		text_fit(image_string(table->status->image, rule.name),
		    RULE_MAX, cells[RULE].text, CELL_MAX);
	for (size_t i = 0; i < COLUMNS; i++)
		cells[i].columns = strlen(cells[i].text);
	/* Only an ellipsis has more bytes than columns. */
	if (cells[RULE].columns > RULE_MAX)
		cells[RULE].columns = RULE_MAX;
}

/* A column that nothing stands in is not shown. */
static void
make_layout(struct table *table)
{
	static const bool always[COLUMNS] = {[VERDICT] = true,
	    [LOCAL] = true,
	    [REMOTE] = true,
	    [STATE] = true,
	    [KEEPALIVE] = true,
	    [PROBE] = true,
	    [RULE] = true};
	const struct status *status = table->status;
	struct layout *layout = &table->layout;
	struct cell cells[COLUMNS];
	size_t used = 0;

	for (size_t n = 0; n < status->count; n++) {
		make_cells(table, status->connections[n], cells);
		for (size_t i = 0; i < COLUMNS; i++)
			if (cells[i].columns > layout->width[i] &&
			    (always[i] || strcmp(cells[i].text, "-") != 0))
				layout->width[i] = cells[i].columns;
	}
	layout->lines = 1;
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t heading = strlen(HEADING[i]);

		if (layout->width[i] == 0)
			continue;
		if (layout->width[i] < heading)
			layout->width[i] = heading;
		if (i == VERDICT)
			layout->indent = layout->width[i] + GAP;
		if (used > layout->indent &&
		    used + layout->width[i] > table->look->columns) {
			layout->breaks[i] = true;
			layout->lines++;
			used = layout->indent;
		}
		used += layout->width[i] + GAP;
	}
}

/* Blanks are printed only where something follows. */
static void
print_cells(const struct table *table, const struct cell cells[COLUMNS])
{
	const struct layout *layout = &table->layout;
	size_t owed = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		if (layout->width[i] == 0)
			continue;
		if (layout->breaks[i]) {
			fputc('\n', table->out);
			owed = layout->indent;
		}
		fprintf(table->out, "%*s%s%s%s", (int)owed, "",
		    cells[i].colour == TERMINAL_PLAIN
			? ""
			: sequence(table, cells[i].colour),
		    cells[i].text,
		    cells[i].colour == TERMINAL_PLAIN
			? ""
			: sequence(table, TERMINAL_PLAIN));
		owed = layout->width[i] - cells[i].columns + GAP;
	}
	fputc('\n', table->out);
}

static void
print_heading(const struct table *table)
{
	struct cell cells[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		snprintf(cells[i].text, CELL_MAX, "%s", HEADING[i]);
		cells[i].columns = strlen(HEADING[i]);
		cells[i].colour = TERMINAL_FAINT;
	}
	print_cells(table, cells);
}

/*
 * Splits a note at blanks into lines that fit. Returns how many, and prints
 * them if out is not NULL.
 */
static unsigned int
wrap_note(const struct table *table, const char *note, FILE *out)
{
	size_t indent = table->layout.indent;
	size_t room = table->look->columns > indent + 20
	                  ? table->look->columns - indent
	                  : 20;
	unsigned int lines = 0;

	while (*note) {
		size_t length = strlen(note);

		if (length > room) {
			length = room;
			while (length > 0 && note[length] != ' ')
				length--;
			if (length == 0)
				length = room;
		}
		if (out)
			fprintf(out, "%*s%s%.*s%s\n", (int)indent, "",
			    sequence(table, TERMINAL_FAINT), (int)length, note,
			    sequence(table, TERMINAL_PLAIN));
		lines++;
		note += length;
		note += strspn(note, " ");
	}
	return lines;
}

/* "sm_agent[4711]", and where it is if that is not to be expected. */
static void
print_process(const struct table *table, const struct process *process)
{
	const char *name =
	    process->name_count > 0 ? process->name[0] : process->comm;
	size_t room = table->look->columns;
	char title[TITLE_MAX], text[TITLE_MAX * 4], number[32];
	size_t used;

	snprintf(number, sizeof(number), "[%d]", process->pid);
	used = strlen(number);
	used +=
	    text_fit(name, room > used ? room - used : 1, text, sizeof(text));
	fprintf(table->out, "%s%s%s%s", sequence(table, TERMINAL_BOLD), text,
	    sequence(table, TERMINAL_PLAIN), number);
	if (process->net != 0 && table->net != 0 && process->net != table->net)
		snprintf(title, sizeof(title), "%s%snet:[%" PRIu64 "]",
		    process->unit, *process->unit ? "  " : "", process->net);
	else
		snprintf(title, sizeof(title), "%s", process->unit);
	if (*title && used + GAP < room) {
		text_fit(title, room - used - GAP, text, sizeof(text));
		fprintf(table->out, "  %s%s%s", sequence(table, TERMINAL_FAINT),
		    text, sequence(table, TERMINAL_PLAIN));
	}
	fputc('\n', table->out);
}

static void
print_title(const struct table *table, const struct live_socket *socket)
{
	if (socket->process)
		print_process(table, socket->process);
	else
		fprintf(table->out, "%sprocess not known%s\n",
		    sequence(table, TERMINAL_BOLD),
		    sequence(table, TERMINAL_PLAIN));
}

/* Prints connections as long as there are rows for them. */
static void
print_connections(const struct table *table)
{
	const struct status *status = table->status;
	unsigned int rows = table->look->rows;
	unsigned int used = table->layout.lines;
	char note[STATUS_NOTE_MAX];

	for (size_t n = 0; n < status->count; n++) {
		const struct live_socket *socket = status->connections[n];
		bool first = n == 0 || status->connections[n - 1]->process !=
		                           socket->process;
		struct cell cells[COLUMNS];

		status_note(table->status, socket, note);
		used += table->layout.lines + (first ? 1 : 0) +
		        wrap_note(table, note, NULL);
		/* A row is left for what is left out. */
		if (rows > 0 && used + (n + 1 < status->count ? 1 : 0) > rows) {
			fprintf(table->out, "%s%zu more%s\n",
			    sequence(table, TERMINAL_FAINT), status->count - n,
			    sequence(table, TERMINAL_PLAIN));
			return;
		}
		if (first)
			print_title(table, socket);
		make_cells(table, socket, cells);
		print_cells(table, cells);
		wrap_note(table, note, table->out);
	}
}

void
status_table(
    FILE *out, const struct status *status, const struct status_look *look)
{
	struct table table = {.out = out, .status = status, .look = look};
	struct stat self;

	if (status->count == 0)
		return;
	if (stat("/proc/self/ns/net", &self) == 0)
		table.net = self.st_ino;
	make_layout(&table);
	print_heading(&table);
	print_connections(&table);
}
