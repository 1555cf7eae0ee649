/* SPDX-License-Identifier: ISC */
/*
 * status_list: a line of words for each connection. What is not known or not
 * there is "-"; times are seconds.
 */
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "status/status.h"
#include "term/text.h"

#define WORD_MAX (4 * (NAME_MAX + 1) + 1)

enum {
	PROCESS,
	PID,
	DIRECTION,
	LOCAL,
	REMOTE,
	STATE,
	SWITCH,
	IDLE,
	INTERVAL,
	COUNT,
	USER_TIMEOUT,
	PROBE,
	UNANSWERED,
	LEFT,
	VERDICT,
	RULE,
	BY,
	COLUMNS,
};

static const char *const HEADING[COLUMNS] = {
    "#PROCESS",
    "PID",
    "DIRECTION",
    "LOCAL",
    "REMOTE",
    "STATE",
    "KEEPALIVE",
    "IDLE",
    "INTERVAL",
    "COUNT",
    "USER-TIMEOUT",
    "NEXT-PROBE",
    "UNANSWERED",
    "TIME-LEFT",
    "VERDICT",
    "RULE",
    "BY",
};

static void
put(char *word, const char *text)
{
	snprintf(word, WORD_MAX, "%s", text);
}

/* Milliseconds as seconds, without zeros that say nothing. */
static void
format_ms(int64_t ms, char *word)
{
	char *end;

	snprintf(word, WORD_MAX, "%s%" PRId64 ".%03" PRId64, ms < 0 ? "-" : "",
	    (ms < 0 ? -ms : ms) / 1000, (ms < 0 ? -ms : ms) % 1000);
	end = word + strlen(word);
	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		end[-1] = '\0';
}

static void
format_option(
    const struct live_socket *socket, enum keepalive_option option, char *word)
{
	if (!socket->have_known || !(socket->have.set & (1u << option)))
		return;
	if (option == KEEPALIVE_SWITCH)
		put(word, socket->have.value[option] ? "on" : "off");
	else if (option == KEEPALIVE_USER_TIMEOUT)
		format_ms(socket->have.value[option], word);
	else
		snprintf(
		    word, WORD_MAX, "%" PRId32, socket->have.value[option]);
}

static const char *
direction_name(enum live_direction direction)
{
	switch (direction) {
	case LIVE_OUT:
		return "connect";
	case LIVE_IN:
		return "accept";
	default:
		return "-";
	}
}

static void
make_words(const struct status *status, const struct live_socket *socket,
    char word[COLUMNS][WORD_MAX])
{
	const struct diag_socket *kernel = &socket->socket;
	struct image_rule rule;
	int64_t ms;

	for (size_t i = 0; i < COLUMNS; i++)
		put(word[i], "-");
	if (socket->process) {
		text_word(
		    process_program(socket->process), word[PROCESS], WORD_MAX);
		snprintf(word[PID], WORD_MAX, "%d", socket->process->pid);
	}
	put(word[DIRECTION], direction_name(socket->direction));
	status_endpoint(&kernel->local, kernel->local_port, word[LOCAL]);
	status_endpoint(&kernel->remote, kernel->remote_port, word[REMOTE]);
	put(word[STATE], status_state_name(kernel->state));
	format_option(socket, KEEPALIVE_SWITCH, word[SWITCH]);
	format_option(socket, KEEPALIVE_IDLE, word[IDLE]);
	format_option(socket, KEEPALIVE_INTERVAL, word[INTERVAL]);
	format_option(socket, KEEPALIVE_COUNT, word[COUNT]);
	format_option(socket, KEEPALIVE_USER_TIMEOUT, word[USER_TIMEOUT]);
	ms = status_probe_ms(socket);
	if (ms >= 0) {
		format_ms(ms, word[PROBE]);
		snprintf(
		    word[UNANSWERED], WORD_MAX, "%" PRIu32, kernel->unanswered);
	}
	if (status_left_ms(status, socket, &ms))
		format_ms(ms, word[LEFT]);
	text_word(live_verdict_name(socket->verdict), word[VERDICT], WORD_MAX);
	if (socket->verdict == LIVE_NO_RULE)
		put(word[VERDICT], "no-rule");
	if (status_rule(status, socket, &rule))
		text_word(image_string(status->image, rule.name), word[RULE],
		    WORD_MAX);
	status_by_format(status_by(status, socket), word[BY]);
}

static void
print_words(
    FILE *out, const size_t width[COLUMNS], const char word[COLUMNS][WORD_MAX])
{
	for (size_t i = 0; i < COLUMNS - 1; i++)
		fprintf(out, "%-*s ", (int)width[i], word[i]);
	fprintf(out, "%s\n", word[COLUMNS - 1]);
}

/* Twice over all connections: for the widths, and to print. */
void
status_list(FILE *out, const struct status *status)
{
	char word[COLUMNS][WORD_MAX];
	size_t width[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++)
		width[i] = strlen(HEADING[i]);
	for (size_t n = 0; n < status->count; n++) {
		make_words(status, status->connections[n], word);
		for (size_t i = 0; i < COLUMNS; i++) {
			size_t length = strlen(word[i]);

			width[i] = length > width[i] ? length : width[i];
		}
	}
	for (size_t i = 0; i < COLUMNS; i++)
		put(word[i], HEADING[i]);
	print_words(out, width, word);
	for (size_t n = 0; n < status->count; n++) {
		make_words(status, status->connections[n], word);
		print_words(out, width, word);
	}
}
