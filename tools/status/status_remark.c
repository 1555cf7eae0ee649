/* SPDX-License-Identifier: ISC */
/*
 * status_remark: what an administrator wants to know of a connection that is
 * not as its rule says: what differs, what is missing, why nothing is known.
 */
#include "status/status.h"

#include <inttypes.h>

/* The switch has a verdict of its own. */
#define NOTED KEEPALIVE_SWITCH

static void
format_option(
    enum keepalive_option option, int32_t value, char text[KEEPALIVE_TEXT_MAX])
{
	if (option == KEEPALIVE_USER_TIMEOUT && value == 0)
		snprintf(text, KEEPALIVE_TEXT_MAX, "none");
	else
		keepalive_format(option, value, " ", text);
}

/* "idle 7200 s, rule: 300 s; count 9, rule: 5" */
static void
note_differences(const struct live_socket *socket, const struct keepalive *want,
    uint32_t differences, char note[STATUS_NOTE_MAX])
{
	char have[KEEPALIVE_TEXT_MAX], wanted[KEEPALIVE_TEXT_MAX];
	size_t length = 0;

	for (unsigned int o = 0; o < NOTED; o++) {
		if (!(differences & (1u << o)))
			continue;
		format_option(o, socket->have.value[o], have);
		format_option(o, want->value[o], wanted);
		length += (size_t)snprintf(note + length,
		    STATUS_NOTE_MAX - length, "%s%s %s, rule: %s",
		    length ? "; " : "", keepalive_about[o].key, have, wanted);
	}
}

/* "rule: idle 300 s, count 5" */
static void
note_wanted(const struct keepalive *want, char note[STATUS_NOTE_MAX])
{
	const char *before = "rule: ";
	char wanted[KEEPALIVE_TEXT_MAX];
	size_t length = 0;

	for (unsigned int o = 0; o < NOTED; o++) {
		if (!(want->set & (1u << o)))
			continue;
		format_option(o, want->value[o], wanted);
		length +=
		    (size_t)snprintf(note + length, STATUS_NOTE_MAX - length,
			"%s%s %s", before, keepalive_about[o].key, wanted);
		before = ", ";
	}
}

/* "next probe in 7198 s, by idle in 448 s: ..." */
static void
note_late(const struct status *status, const struct live_socket *socket,
    char note[STATUS_NOTE_MAX])
{
	int64_t due_ms;

	if (!live_timer_is_late(status->image, socket, &due_ms))
		return;
	snprintf(note, STATUS_NOTE_MAX,
	    "next probe in %" PRIu32 " s, by %s in %" PRId64
	    " s: its timer is an older one, kashim apply sets it",
	    socket->socket.expires_ms / 1000,
	    socket->socket.unanswered > 0 ? "interval" : "idle", due_ms / 1000);
}

void
status_remark(const struct status *status, const struct live_socket *socket,
    char note[STATUS_NOTE_MAX])
{
	const char *unknown = status_unknown(status, socket);
	struct keepalive want;
	uint32_t differences = status_differences(status, socket, &want);

	note[0] = '\0';
	if (unknown)
		snprintf(note, STATUS_NOTE_MAX, "%s", unknown);
	else if (socket->verdict == LIVE_DIFFERS && differences == 0)
		note_late(status, socket, note);
	else if (socket->verdict == LIVE_DIFFERS)
		note_differences(socket, &want, differences, note);
	else if (socket->verdict == LIVE_OFF && differences != 0)
		note_wanted(&want, note);
}
