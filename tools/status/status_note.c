/* SPDX-License-Identifier: ISC */
/*
 * status_note: what an administrator wants to know of a connection that is
 * not as its rule says: what differs, what is missing, why nothing is known.
 */
#include <inttypes.h>

#include "status/status.h"

static const char *const NAME[KEEPALIVE_OPTIONS] = {
    [KEEPALIVE_IDLE] = "idle",
    [KEEPALIVE_INTERVAL] = "interval",
    [KEEPALIVE_COUNT] = "count",
    [KEEPALIVE_USER_TIMEOUT] = "user-timeout",
};

static void
format_option(
    enum keepalive_option option, int32_t value, char *text, size_t size)
{
	if (option == KEEPALIVE_COUNT)
		snprintf(text, size, "%" PRId32, value);
	else if (option != KEEPALIVE_USER_TIMEOUT)
		snprintf(text, size, "%" PRId32 " s", value);
	else if (value == 0)
		snprintf(text, size, "none");
	else if (value % 1000 != 0)
		snprintf(text, size, "%" PRId32 " ms", value);
	else
		snprintf(text, size, "%" PRId32 " s", value / 1000);
}

/* "idle 7200 s, rule: 300 s; count 9, rule: 5" */
static void
note_differences(const struct live_socket *socket, const struct keepalive *want,
    uint32_t differences, char note[STATUS_NOTE_MAX])
{
	char have[32], wanted[32];
	size_t length = 0;

	for (unsigned int o = 0; o < KEEPALIVE_OPTIONS; o++) {
		if (!NAME[o] || !(differences & (1u << o)))
			continue;
		format_option(o, socket->have.value[o], have, sizeof(have));
		format_option(o, want->value[o], wanted, sizeof(wanted));
		length += (size_t)snprintf(note + length,
		    STATUS_NOTE_MAX - length, "%s%s %s, rule: %s",
		    length ? "; " : "", NAME[o], have, wanted);
	}
}

/* "rule: idle 300 s, count 5" */
static void
note_wanted(const struct keepalive *want, char note[STATUS_NOTE_MAX])
{
	const char *before = "rule: ";
	char wanted[32];
	size_t length = 0;

	for (unsigned int o = 0; o < KEEPALIVE_OPTIONS; o++) {
		if (!NAME[o] || !(want->set & (1u << o)))
			continue;
		format_option(o, want->value[o], wanted, sizeof(wanted));
		length +=
		    (size_t)snprintf(note + length, STATUS_NOTE_MAX - length,
			"%s%s %s", before, NAME[o], wanted);
		before = ", ";
	}
}

void
status_note(const struct status *status, const struct live_socket *socket,
    char note[STATUS_NOTE_MAX])
{
	const char *unknown = status_unknown(status, socket);
	struct keepalive want;
	uint32_t differences = status_differences(status, socket, &want);

	note[0] = '\0';
	if (unknown)
		snprintf(note, STATUS_NOTE_MAX, "%s", unknown);
	else if (socket->verdict == LIVE_DIFFERS)
		note_differences(socket, &want, differences, note);
	else if (socket->verdict == LIVE_OFF && differences != 0)
		note_wanted(&want, note);
}
