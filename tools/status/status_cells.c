/* SPDX-License-Identifier: ISC */
/*
 * status_cells: a connection, in cells.
 */
#include "status/status_cells.h"

#include <inttypes.h>
#include <netinet/tcp.h>
#include <string.h>

#include "term/text.h"

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

static void
format_keepalive(const struct live_socket *socket, char text[STATUS_CELL_MAX])
{
	if (socket->have_known)
		(void)status_keepalive(&socket->have, text);
}

static void
format_user_timeout(
    const struct live_socket *socket, char text[STATUS_CELL_MAX])
{
	int32_t ms = socket->have.value[KEEPALIVE_USER_TIMEOUT];
	char value[KEEPALIVE_TEXT_MAX];

	if (!has(socket, KEEPALIVE_USER_TIMEOUT) || ms == 0)
		return;
	keepalive_format(KEEPALIVE_USER_TIMEOUT, ms, "", value);
	snprintf(text, STATUS_CELL_MAX, "%s", value);
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

static void
make_left(const struct status *status, const struct live_socket *socket,
    size_t bar, struct status_cell *cell)
{
	size_t length = 0;
	int64_t left_ms;
	struct image_rule rule;

	if (!status_left_ms(status, socket, &left_ms) ||
	    !status_rule(status, socket, &rule))
		return;
	if (bar > 0) {
		status_bar(left_ms, status_next_ms(socket),
		    (int64_t)rule.timeout_s * 1000, bar, cell->text);
		length = strlen(cell->text);
		cell->text[length++] = ' ';
	}
	/* Unless the peer has sent probes of its own. */
	if (left_ms <= 0)
		snprintf(
		    cell->text + length, STATUS_CELL_MAX - length, "over?");
	else
		format_span(
		    left_ms, cell->text + length, STATUS_CELL_MAX - length);
	cell->columns = strlen(cell->text + length);
	if (bar > 0)
		cell->columns += bar + 1;
	if (!status_in_time(socket, left_ms))
		cell->colour = TERMINAL_BAD;
	else if (socket->socket.unanswered > 0)
		cell->colour = TERMINAL_WARN;
	else if (bar > 0)
		cell->colour = TERMINAL_GOOD;
}

void
status_cells(const struct status *status, const struct live_socket *socket,
    size_t rule_columns, size_t bar, struct status_cell cells[STATUS_COLUMNS])
{
	const struct diag_socket *kernel = &socket->socket;
	char endpoint[STATUS_ENDPOINT_MAX];
	int64_t probe_ms = status_probe_ms(socket);
	struct image_rule rule;

	for (size_t i = 0; i < STATUS_COLUMNS; i++) {
		cells[i].text[0] = '\0';
		cells[i].colour = TERMINAL_PLAIN;
	}
	snprintf(cells[STATUS_VERDICT].text, STATUS_CELL_MAX, "%s",
	    live_verdict_name(socket->verdict));
	cells[STATUS_VERDICT].colour = verdict_colour(socket->verdict);
	status_endpoint(
	    &kernel->local, kernel->local_port, cells[STATUS_LOCAL].text);
	status_endpoint(&kernel->remote, kernel->remote_port, endpoint);
	snprintf(cells[STATUS_REMOTE].text, STATUS_CELL_MAX, "%s %s",
	    status_arrow(socket->direction), endpoint);
	snprintf(cells[STATUS_STATE].text, STATUS_CELL_MAX, "%s",
	    kernel->state == TCP_ESTABLISHED
		? "estab"
		: status_state_name(kernel->state));
	format_keepalive(socket, cells[STATUS_KEEPALIVE].text);
	format_user_timeout(socket, cells[STATUS_USER_TIMEOUT].text);
	if (probe_ms >= 0)
		format_span(
		    probe_ms, cells[STATUS_PROBE].text, STATUS_CELL_MAX);
	if (kernel->timer != DIAG_TIMER_NONE) {
		snprintf(cells[STATUS_UNANSWERED].text, STATUS_CELL_MAX,
		    "%" PRIu32, kernel->unanswered);
		if (kernel->unanswered > 0)
			cells[STATUS_UNANSWERED].colour = TERMINAL_WARN;
	}
	for (size_t i = 0; i < STATUS_COLUMNS; i++)
		cells[i].columns = strlen(cells[i].text);
	make_left(status, socket, bar, &cells[STATUS_LEFT]);
	if (status_rule(status, socket, &rule))
		cells[STATUS_RULE].columns =
		    text_fit(image_string(status->image, rule.name),
			rule_columns, cells[STATUS_RULE].text, STATUS_CELL_MAX);
}
