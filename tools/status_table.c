/* SPDX-License-Identifier: ISC */
/*
 * status_table: the connections for people, on a terminal of any width. The
 * cells of a connection stand in columns that are as wide as they have to be,
 * and flow over as many lines as that takes.
 */
#include <inttypes.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "status.h"
#include "terminal.h"
#include "text.h"

#define CELL_MAX   (STATUS_BAR_MAX + 32)
#define GAP        2
#define RULE_LEAST 14 /* columns of a rule's name, however narrow */
#define BAR_LEAST  10
#define BAR_MOST   20
#define BAR_TEXT   9 /* behind it: " 23h59min" */
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
    [USER_TIMEOUT] = "USER",
    [PROBE] = "PROBE-IN",
    [UNANSWERED] = "LOST",
    [RULE] = "RULE",
    [LEFT] = "LEFT",
};

struct cell {
	size_t columns; /* that text takes */
	enum terminal_colour colour;
	char text[CELL_MAX];
};

/* Where each column is. */
struct layout {
	size_t width[COLUMNS]; /* 0: it is not shown */
	bool breaks[COLUMNS];  /* it begins a line */
	size_t indent;         /* of all lines but the first */
};

struct table {
	FILE *out;
	const struct status *status;
	const struct status_look *look;
	struct layout layout;
	size_t rule;  /* the most columns of a rule's name */
	size_t bar;   /* columns */
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

static void
make_left(const struct table *table, const struct live_socket *socket,
    struct cell *cell)
{
	size_t length = 0;
	int64_t left_ms;
	struct image_rule rule;

	if (!status_left_ms(table->status, socket, &left_ms) ||
	    !status_rule(table->status, socket, &rule))
		return;
	if (table->look->bars) {
		status_bar(left_ms, status_probe_ms(socket),
		    (int64_t)rule.timeout_s * 1000, table->bar, cell->text);
		length = strlen(cell->text);
		cell->text[length++] = ' ';
	}
	if (left_ms <= 0)
		snprintf(cell->text + length, CELL_MAX - length, "over");
	else
		format_span(left_ms, cell->text + length, CELL_MAX - length);
	cell->columns = strlen(cell->text + length);
	if (table->look->bars)
		cell->columns += table->bar + 1;
	if (!is_in_time(socket, left_ms))
		cell->colour = TERMINAL_BAD;
	else if (socket->socket.unanswered > 0)
		cell->colour = TERMINAL_WARN;
	else if (table->look->bars)
		cell->colour = TERMINAL_GOOD;
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
		cells[i].text[0] = '\0';
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
	    kernel->state == TCP_ESTABLISHED
		? "estab"
		: status_state_name(kernel->state));
	format_keepalive(socket, cells[KEEPALIVE].text);
	format_user_timeout(socket, cells[USER_TIMEOUT].text);
	if (probe_ms >= 0) {
		format_span(probe_ms, cells[PROBE].text, CELL_MAX);
		snprintf(cells[UNANSWERED].text, CELL_MAX, "%" PRIu32,
		    kernel->unanswered);
		if (kernel->unanswered > 0)
			cells[UNANSWERED].colour = TERMINAL_WARN;
	}
	for (size_t i = 0; i < COLUMNS; i++)
		cells[i].columns = strlen(cells[i].text);
	make_left(table, socket, &cells[LEFT]);
	if (status_rule(table->status, socket, &rule))
		cells[RULE].columns =
		    text_fit(image_string(table->status->image, rule.name),
			table->rule, cells[RULE].text, CELL_MAX);
}

/*
 * A rule's name is cut before it begins a line, or what follows it does, if
 * enough of it remains.
 */
static void
shorten_rule(struct table *table, size_t used)
{
	struct layout *layout = &table->layout;
	size_t left = layout->width[LEFT];
	size_t behind;

	if (table->look->bars && left > 0)
		left = BAR_LEAST + BAR_TEXT;
	behind = left > 0 ? used + left + GAP : used;
	if (behind + RULE_LEAST > table->look->columns ||
	    behind + layout->width[RULE] <= table->look->columns)
		return;
	table->rule = table->look->columns - behind;
	layout->width[RULE] = table->rule;
}

/* Finds each column's place. One that nothing stands in is not shown. */
static void
make_layout(struct table *table)
{
	const struct status *status = table->status;
	struct layout *layout = &table->layout;
	size_t columns = table->look->columns;
	struct cell cells[COLUMNS];
	size_t used = 0;

	for (size_t n = 0; n < status->count; n++) {
		make_cells(table, status->connections[n], cells);
		for (size_t i = 0; i < COLUMNS; i++)
			if (cells[i].columns > layout->width[i])
				layout->width[i] = cells[i].columns;
	}
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t heading = strlen(HEADING[i]);

		if (layout->width[i] == 0)
			continue;
		if (layout->width[i] < heading)
			layout->width[i] = heading;
		if (i == LEFT && table->look->bars)
			layout->width[i] = BAR_LEAST + BAR_TEXT;
		if (i == VERDICT)
			layout->indent = layout->width[i] + GAP;
		if (i == RULE)
			shorten_rule(table, used);
		if (used > layout->indent &&
		    used + layout->width[i] > columns) {
			layout->breaks[i] = true;
			used = layout->indent;
		}
		if (i == LEFT && columns > used + BAR_TEXT)
			table->bar = columns - used - BAR_TEXT;
		used += layout->width[i] + GAP;
	}
	if (table->bar > BAR_MOST)
		table->bar = BAR_MOST;
	if (table->bar < BAR_LEAST)
		table->bar = BAR_LEAST;
}

/*
 * Prints blanks only where something follows, and no line without anything.
 * Returns how many lines it takes; out may be NULL, to know only that.
 */
static unsigned int
print_cells(
    const struct table *table, const struct cell cells[COLUMNS], FILE *out)
{
	const struct layout *layout = &table->layout;
	const char *plain = sequence(table, TERMINAL_PLAIN);
	unsigned int lines = 1;
	size_t owed = 0;
	bool begins = false;

	for (size_t i = 0; i < COLUMNS; i++) {
		bool coloured = cells[i].colour != TERMINAL_PLAIN;

		if (layout->breaks[i]) {
			begins = true;
			owed = layout->indent;
		}
		if (cells[i].columns > 0 && begins) {
			begins = false;
			lines++;
			if (out)
				fputc('\n', out);
		}
		if (cells[i].columns > 0 && out)
			fprintf(out, "%*s%s%s%s", (int)owed, "",
			    coloured ? sequence(table, cells[i].colour) : "",
			    cells[i].text, coloured ? plain : "");
		if (cells[i].columns > 0)
			owed = 0;
		if (layout->width[i] > 0)
			owed += layout->width[i] - cells[i].columns + GAP;
	}
	if (out)
		fputc('\n', out);
	return lines;
}

static unsigned int
print_heading(const struct table *table)
{
	struct cell cells[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		cells[i] = (struct cell){.colour = TERMINAL_FAINT};
		if (table->layout.width[i] == 0)
			continue;
		snprintf(cells[i].text, CELL_MAX, "%s", HEADING[i]);
		cells[i].columns = strlen(HEADING[i]);
	}
	return print_cells(table, cells, table->out);
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
	size_t room = table->look->columns;
	char title[TITLE_MAX], text[TITLE_MAX * 4], number[32];
	size_t used;

	snprintf(number, sizeof(number), "[%d]", process->pid);
	used = strlen(number);
	used += text_fit(status_program(process), room > used ? room - used : 1,
	    text, sizeof(text));
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

/* Prints connections as long as there are rows for them; used is taken. */
static void
print_connections(const struct table *table, unsigned int used)
{
	const struct status *status = table->status;
	unsigned int rows = table->look->rows;
	char note[STATUS_NOTE_MAX];
	struct cell cells[COLUMNS];

	for (size_t n = 0; n < status->count; n++) {
		const struct live_socket *socket = status->connections[n];
		bool first = n == 0 || status->connections[n - 1]->process !=
		                           socket->process;

		make_cells(table, socket, cells);
		status_note(status, socket, note);
		used += (first ? 1 : 0) + print_cells(table, cells, NULL) +
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
		print_cells(table, cells, table->out);
		wrap_note(table, note, table->out);
	}
}

void
status_table(
    FILE *out, const struct status *status, const struct status_look *look)
{
	struct table table = {
	    .out = out,
	    .status = status,
	    .look = look,
	    .rule = look->columns / 4,
	    .bar = BAR_LEAST,
	};
	struct stat self;

	if (status->count == 0)
		return;
	if (table.rule < RULE_LEAST)
		table.rule = RULE_LEAST;
	if (stat("/proc/self/ns/net", &self) == 0)
		table.net = self.st_ino;
	make_layout(&table);
	print_connections(&table, print_heading(&table));
}
