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

#include "host/netns.h"
#include "status/status.h"
#include "status/status_cells.h"
#include "term/terminal.h"
#include "term/text.h"

#define GAP        2
#define RULE_LEAST 14 /* columns of a rule's name, however narrow */
#define ENDS_LEAST 46 /* of the two ends: two of IPv4, and the arrow */
#define BAR_LEAST  10
#define BAR_MOST   20
#define POLICY_MAX 256
#define BY_MAX     64
/* A unit's name, a namespace, and those. */
#define TITLE_MAX (NAME_MAX + POLICY_MAX + BY_MAX + 64)

static const char *const HEADING[STATUS_COLUMNS] = {
    [STATUS_VERDICT] = "VERDICT",
    [STATUS_LOCAL] = "LOCAL",
    [STATUS_REMOTE] = "   REMOTE",
    [STATUS_STATE] = "STATE",
    [STATUS_KEEPALIVE] = "KEEPALIVE",
    [STATUS_USER_TIMEOUT] = "USER",
    [STATUS_PROBE] = "PROBE-IN",
    [STATUS_UNANSWERED] = "LOST",
    [STATUS_RULE] = "RULE",
    [STATUS_LEFT] = "LEFT",
};

/* Where each column is. */
struct layout {
	size_t width[STATUS_COLUMNS]; /* 0: it is not shown */
	size_t at[STATUS_COLUMNS];    /* where it begins */
	bool breaks[STATUS_COLUMNS];  /* in another line than the one before */
	size_t indent;                /* of all lines but the first */
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

static void
make_cells(const struct table *table, const struct live_socket *socket,
    struct status_cell cells[STATUS_COLUMNS])
{
	status_cells(table->status, socket, table->rule,
	    table->look->bars ? table->bar : 0, cells);
}

/*
 * Where one row's ends do not fit into the first line, the columns for them
 * are made narrower, and only such rows take a line more.
 */
static void
share_ends(struct table *table)
{
	size_t *width = table->layout.width;
	size_t beside = table->layout.indent + GAP + width[STATUS_STATE] + GAP;
	size_t room, half;

	if (table->look->columns < beside + ENDS_LEAST)
		return;
	room = table->look->columns - beside;
	half = room / 2;
	if (width[STATUS_LOCAL] + width[STATUS_REMOTE] <= room)
		return;
	if (width[STATUS_LOCAL] > half)
		width[STATUS_LOCAL] = width[STATUS_REMOTE] > room - half
		                          ? half
		                          : room - width[STATUS_REMOTE];
	if (width[STATUS_REMOTE] > room - width[STATUS_LOCAL])
		width[STATUS_REMOTE] = room - width[STATUS_LOCAL];
}

/*
 * A rule's name is cut before it begins a line, or what follows it does, if
 * enough of it remains. used is where it would stand.
 */
static void
shorten_rule(struct table *table, size_t used)
{
	size_t *width = table->layout.width;
	size_t columns = table->look->columns;

	if (width[STATUS_LEFT] > 0)
		used += width[STATUS_LEFT] + GAP;
	if (used + RULE_LEAST > columns || used + width[STATUS_RULE] <= columns)
		return;
	table->rule = columns - used;
	width[STATUS_RULE] = table->rule;
}

static void
measure(struct table *table)
{
	const struct status *status = table->status;
	size_t *width = table->layout.width;
	struct status_cell cells[STATUS_COLUMNS];

	for (size_t n = 0; n < status->count; n++) {
		make_cells(table, status->connections[n], cells);
		for (size_t i = 0; i < STATUS_COLUMNS; i++)
			if (cells[i].columns > width[i])
				width[i] = cells[i].columns;
	}
	for (size_t i = 0; i < STATUS_COLUMNS; i++)
		if (width[i] > 0 && width[i] < strlen(HEADING[i]))
			width[i] = strlen(HEADING[i]);
	if (table->look->bars && width[STATUS_LEFT] > 0)
		width[STATUS_LEFT] = BAR_LEAST + STATUS_BAR_TEXT;
	table->layout.indent = width[STATUS_VERDICT] + GAP;
}

/* Finds each column's place. One that nothing stands in has none. */
static void
make_layout(struct table *table)
{
	struct layout *layout = &table->layout;
	size_t columns = table->look->columns;
	size_t used = 0;

	measure(table);
	share_ends(table);
	for (size_t i = 0; i < STATUS_COLUMNS; i++) {
		if (layout->width[i] == 0)
			continue;
		if (i == STATUS_RULE)
			shorten_rule(table, used);
		if (used > layout->indent &&
		    used + layout->width[i] > columns) {
			layout->breaks[i] = true;
			used = layout->indent;
		}
		layout->at[i] = used;
		used += layout->width[i] + GAP;
	}
	table->bar = columns > layout->at[STATUS_LEFT] + STATUS_BAR_TEXT
	                 ? columns - layout->at[STATUS_LEFT] - STATUS_BAR_TEXT
	                 : 0;
	if (table->bar > BAR_MOST)
		table->bar = BAR_MOST;
	if (table->bar < BAR_LEAST)
		table->bar = BAR_LEAST;
}

/* Where a row is being printed; out may be NULL, to know only its lines. */
struct row {
	FILE *out;
	size_t at;
	unsigned int lines;
};

static void
print_cell(const struct table *table, struct row *row,
    const struct status_cell *cell, size_t at, bool breaks)
{
	bool coloured = cell->colour != TERMINAL_PLAIN;

	/* Also if it, or what stands before it, is too wide for its column. */
	if (breaks || (row->at > 0 && row->at + GAP > at) ||
	    (row->at > 0 && at + cell->columns > table->look->columns)) {
		row->lines++;
		row->at = 0;
		if (at + cell->columns > table->look->columns)
			at = table->layout.indent;
		if (row->out)
			fputc('\n', row->out);
	}
	if (row->out)
		fprintf(row->out, "%*s%s%s%s", (int)(at - row->at), "",
		    coloured ? sequence(table, cell->colour) : "", cell->text,
		    coloured ? sequence(table, TERMINAL_PLAIN) : "");
	row->at = at + cell->columns;
}

/* Prints what there is, and no line without anything. Returns the lines. */
static unsigned int
print_cells(const struct table *table,
    const struct status_cell cells[STATUS_COLUMNS], FILE *out)
{
	const struct layout *layout = &table->layout;
	struct row row = {.out = out, .lines = 1};
	bool breaks = false;

	for (size_t i = 0; i < STATUS_COLUMNS; i++) {
		breaks |= layout->breaks[i];
		if (cells[i].columns == 0)
			continue;
		print_cell(table, &row, &cells[i], layout->at[i], breaks);
		breaks = false;
	}
	if (out)
		fputc('\n', out);
	return row.lines;
}

static unsigned int
print_heading(const struct table *table)
{
	struct status_cell cells[STATUS_COLUMNS];

	for (size_t i = 0; i < STATUS_COLUMNS; i++) {
		cells[i] = (struct status_cell){.colour = TERMINAL_FAINT};
		if (table->layout.width[i] == 0)
			continue;
		snprintf(cells[i].text, STATUS_CELL_MAX, "%s", HEADING[i]);
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

/*
 * Who looks after the connections of a process, but for the library: that is
 * seen from its policy. Nobody, only if some rule asks for something.
 */
static void
format_by(const struct status *status, const struct live_socket *socket,
    char words[BY_MAX])
{
	const struct live *live = status->live;
	const struct process *process = socket->process;
	size_t count = 0, kernel = 0;
	unsigned int any = 0;
	bool wanted = false;
	struct image_rule rule;

	/* There they come by process. */
	while (socket > live->sockets && socket[-1].process == process)
		socket--;
	for (;
	     socket < live->sockets + live->count && socket->process == process;
	     socket++) {
		const unsigned int by = status_by(status, socket);

		if (socket->direction == LIVE_LISTENER)
			continue;
		count++;
		kernel += (by & STATUS_KERNEL) != 0;
		any |= by;
		wanted |= status_rule(status, socket, &rule) &&
		          rule.action != ACTION_IGNORE;
	}
	if (any == 0 && wanted)
		snprintf(words, BY_MAX, "nobody looks after it");
	else if (any & STATUS_SUPERVISOR)
		snprintf(words, BY_MAX, "supervised");
	else if (kernel > 0 && kernel == count)
		snprintf(words, BY_MAX, "looked after by the kernel");
	else if (kernel > 0)
		snprintf(words, BY_MAX, "the kernel looks after %zu of %zu",
		    kernel, count);
}

/*
 * What is to be said of a process besides: its unit, its network if that is
 * not ours, the policy that the library in it goes by, and who else looks after
 * it.
 */
static void
format_title(const struct table *table, const struct live_socket *socket,
    char title[TITLE_MAX])
{
	const struct process *process = socket->process;
	const struct generation *policy = status_policy(table->status, process);
	char net[32] = "", words[POLICY_MAX] = "", by[BY_MAX] = "";
	const bool silent = status_policy_silent(table->status, process);
	const char *const parts[] = {process->unit, net, words,
	    silent ? "does not answer: its policy is unknown" : "", by};
	size_t length = 0;

	if (process->net != 0 && table->net != 0 && process->net != table->net)
		snprintf(net, sizeof(net), "net:[%" PRIu64 "]", process->net);
	if (policy)
		generation_format(policy, words, sizeof(words));
	format_by(table->status, socket, by);
	title[0] = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (*parts[i])
			length += (size_t)snprintf(title + length,
			    TITLE_MAX - length, "%s%s%s", length ? "  " : "",
			    parts[i] == words ? "goes by " : "", parts[i]);
}

/* "sm_agent[4711]", and what is to be said of it. */
static void
print_process(const struct table *table, const struct live_socket *socket)
{
	const struct process *process = socket->process;
	size_t room = table->look->columns;
	char title[TITLE_MAX], text[TITLE_MAX * 4], number[32];
	size_t used;

	snprintf(number, sizeof(number), "[%d]", process->pid);
	used = strlen(number);
	used += text_fit(process_program(process),
	    room > used ? room - used : 1, text, sizeof(text));
	fprintf(table->out, "%s%s%s%s", sequence(table, TERMINAL_BOLD), text,
	    sequence(table, TERMINAL_PLAIN), number);
	format_title(table, socket, title);
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
		print_process(table, socket);
	else
		fprintf(table->out, "%s%s%s\n", sequence(table, TERMINAL_BOLD),
		    status_unknown(table->status, socket),
		    sequence(table, TERMINAL_PLAIN));
}

/* Prints connections as long as there are rows for them; used is taken. */
static void
print_connections(const struct table *table, unsigned int used)
{
	const struct status *status = table->status;
	unsigned int rows = table->look->rows;
	char note[STATUS_NOTE_MAX];
	struct status_cell cells[STATUS_COLUMNS];

	for (size_t n = 0; n < status->count; n++) {
		const struct live_socket *socket = status->connections[n];
		bool first = n == 0 || status->connections[n - 1]->process !=
		                           socket->process;

		make_cells(table, socket, cells);
		status_remark(status, socket, note);
		/* Without a process it is in the title. */
		if (!socket->process)
			note[0] = '\0';
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
	    .net = netns_own(),
	};

	if (status->count == 0)
		return;
	if (table.rule < RULE_LEAST)
		table.rule = RULE_LEAST;
	make_layout(&table);
	print_connections(&table, print_heading(&table));
}
