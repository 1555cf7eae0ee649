/* SPDX-License-Identifier: ISC */
/*
 * status: what follows from what live.h has read.
 */
#include "status/status.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/lateness.h"

/* Has it not, or perhaps not, what a rule asks for? */
static bool
is_uncovered(const struct status *status, const struct live_socket *socket)
{
	struct image_rule rule;

	if (socket->verdict != LIVE_UNKNOWN)
		return socket->verdict == LIVE_OFF ||
		       socket->verdict == LIVE_DIFFERS;
	if (!socket->rule_known)
		return true;
	return status_rule(status, socket, &rule) &&
	       rule.action != ACTION_IGNORE;
}

bool
status_is_unready(const struct status *status, const struct live_socket *socket)
{
	return socket->direction == LIVE_LISTENER && socket->have_known &&
	       is_uncovered(status, socket);
}

int
status_sort_out(struct status *status)
{
	const struct live *live = status->live;

	status->connections =
	    calloc(live->count + 1, sizeof(const struct live_socket *));
	if (!status->connections)
		return -ENOMEM;
	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *socket = &live->sockets[i];
		int64_t left_ms;

		if (socket->direction == LIVE_LISTENER) {
			status->unready += status_is_unready(status, socket);
			continue;
		}
		status->connections[status->count++] = socket;
		status->verdicts[socket->verdict]++;
		status->uncovered += is_uncovered(status, socket);
		status->kept += status_is_kept(status, socket);
		status->late += socket->verdict == LIVE_OK &&
		                status_left_ms(status, socket, &left_ms) &&
		                !status_in_time(socket, left_ms);
	}
	return 0;
}

void
status_free(struct status *status)
{
	free(status->connections);
	free(status->policies);
	free(status->attached);
	free(status->by);
	status->connections = NULL;
	status->policies = NULL;
	status->attached = NULL;
	status->by = NULL;
	status->count = 0;
}

static const enum live_verdict WORST[LIVE_VERDICTS] = {
    LIVE_OFF, LIVE_DIFFERS, LIVE_UNKNOWN, LIVE_OK, LIVE_NO_RULE};

void
status_worst_first(struct status *status)
{
	const struct live_socket **sorted =
	    calloc(status->count + 1, sizeof(const struct live_socket *));
	size_t count = 0;

	/* In another order it is right, too. */
	if (!sorted)
		return;
	for (size_t rank = 0; rank < LIVE_VERDICTS; rank++)
		for (size_t i = 0; i < status->count; i++)
			if (status->connections[i]->verdict == WORST[rank])
				sorted[count++] = status->connections[i];
	free(status->connections);
	status->connections = sorted;
}

bool
status_is_covered(const struct status *status)
{
	if (status->uncovered > 0 || status->late > 0 || status->absent > 0 ||
	    status->live->hidden_nets > 0)
		return false;
	/*
	 * If all are meant, connections of processes that may not be looked
	 * into are among them, as unknown ones. If not, nobody knows whose
	 * connections are missing.
	 */
	return !(status->chosen && status->live->closed_count > 0);
}

bool
status_rule(const struct status *status, const struct live_socket *socket,
    struct image_rule *rule)
{
	return status->image && socket->rule != MATCH_NONE &&
	       image_rule(status->image, (uint32_t)socket->rule, rule);
}

uint32_t
status_differences(const struct status *status,
    const struct live_socket *socket, struct keepalive *want)
{
	struct image_rule rule;
	uint32_t differences = 0;

	if (!live_wants(status->image, socket, &rule, want))
		return 0;
	for (unsigned int o = 0; o < KEEPALIVE_OPTIONS; o++) {
		struct keepalive one = *want;

		one.set &= 1u << o;
		if (!keepalive_covers(
			&socket->have, &one, rule.app_settings == APP_TIGHTEN))
			differences |= one.set;
	}
	return differences;
}

int64_t
status_probe_ms(const struct live_socket *socket)
{
	const struct diag_socket *kernel = &socket->socket;
	int64_t due_ms;

	if (kernel->timer != DIAG_TIMER_KEEPALIVE)
		return -1;
	if (!socket->have_known || kernel->heard_ms == DIAG_NOT_TOLD ||
	    !(socket->have.set & (1u << KEEPALIVE_IDLE)))
		return kernel->expires_ms;
	due_ms = (int64_t)socket->have.value[KEEPALIVE_IDLE] * 1000 -
	         kernel->heard_ms;
	return due_ms > kernel->expires_ms ? due_ms : kernel->expires_ms;
}

int64_t
status_next_ms(const struct live_socket *socket)
{
	switch (socket->socket.timer) {
	case DIAG_TIMER_RETRANSMIT:
	case DIAG_TIMER_WINDOW:
		return socket->socket.expires_ms;
	default:
		return status_probe_ms(socket);
	}
}

bool
status_in_time(const struct live_socket *socket, int64_t left_ms)
{
	const enum keepalive_option option =
	    socket->socket.unanswered > 0 ? KEEPALIVE_INTERVAL : KEEPALIVE_IDLE;
	const int64_t next_ms = status_next_ms(socket);
	int64_t armed_ms = next_ms;

	/* What the timer was set to decides how late it may be. */
	if (socket->socket.timer == DIAG_TIMER_KEEPALIVE &&
	    socket->have_known && (socket->have.set & (1u << option)) != 0)
		armed_ms = (int64_t)socket->have.value[option] * 1000;
	return next_ms >= 0 &&
	       next_ms + lateness_ms(lateness_hz(), armed_ms) < left_ms;
}

int64_t
status_silence_ms(const struct live_socket *socket)
{
	uint32_t data_ms = socket->socket.idle_ms;
	uint32_t heard_ms = socket->socket.heard_ms;

	if (socket->moved_known && socket->moved_ms < heard_ms)
		heard_ms = socket->moved_ms;
	if (data_ms == DIAG_NOT_TOLD || heard_ms == DIAG_NOT_TOLD)
		return -1;
	return data_ms < heard_ms ? data_ms : heard_ms;
}

int64_t
status_data_silence_ms(const struct live_socket *socket)
{
	return socket->socket.idle_ms == DIAG_NOT_TOLD
	           ? -1
	           : (int64_t)socket->socket.idle_ms;
}

bool
status_is_kept(const struct status *status, const struct live_socket *socket)
{
	struct image_rule rule;
	int64_t left_ms;

	return status_left_ms(status, socket, &left_ms) && left_ms > 0 &&
	       status_rule(status, socket, &rule) &&
	       status_data_silence_ms(socket) > (int64_t)rule.timeout_s * 1000;
}

bool
status_left_ms(const struct status *status, const struct live_socket *socket,
    int64_t *left_ms)
{
	int64_t silence_ms = status_silence_ms(socket);
	struct image_rule rule;

	if (silence_ms < 0 || !status_rule(status, socket, &rule) ||
	    rule.timeout_s == 0 || rule.action == ACTION_IGNORE)
		return false;
	*left_ms = (int64_t)rule.timeout_s * 1000 - silence_ms;
	return true;
}

const char *
status_unknown(const struct status *status, const struct live_socket *socket)
{
	if (socket->verdict != LIVE_UNKNOWN)
		return NULL;
	if (socket->process && socket->process->silent)
		return "its process does not answer";
	if (socket->process)
		return "not permitted to look into the process";
	if (status->live->closed_count > 0)
		return "not permitted to see which process has it";
	return "no process was found that has it";
}

const char *
status_state_name(uint8_t state)
{
	static const char *const names[] = {
	    [TCP_ESTABLISHED] = "established",
	    [TCP_SYN_SENT] = "syn-sent",
	    [TCP_SYN_RECV] = "syn-recv",
	    [TCP_FIN_WAIT1] = "fin-wait-1",
	    [TCP_FIN_WAIT2] = "fin-wait-2",
	    [TCP_TIME_WAIT] = "time-wait",
	    [TCP_CLOSE] = "close",
	    [TCP_CLOSE_WAIT] = "close-wait",
	    [TCP_LAST_ACK] = "last-ack",
	    [TCP_LISTEN] = "listen",
	    [TCP_CLOSING] = "closing",
	};

	if (state >= sizeof(names) / sizeof(names[0]) || !names[state])
		return "?";
	return names[state];
}

const char *
status_arrow(enum live_direction direction)
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

size_t
status_endpoint(
    const struct addr *addr, uint16_t port, char text[STATUS_ENDPOINT_MAX])
{
	char address[ADDR_TEXT_MAX];
	bool v6 = addr->family == ADDR_V6;

	addr_format(addr, address);
	return (size_t)snprintf(text, STATUS_ENDPOINT_MAX, "%s%s%s:%u",
	    v6 ? "[" : "", address, v6 ? "]" : "", port);
}

bool
status_keepalive(const struct keepalive *have, char *text)
{
	static const enum keepalive_option times[] = {
	    KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_COUNT};
	char value[KEEPALIVE_TEXT_MAX];
	size_t length = 0;

	if ((have->set & 1u << KEEPALIVE_SWITCH) == 0)
		return false;
	if (have->value[KEEPALIVE_SWITCH] == 0) {
		snprintf(text, STATUS_KEEPALIVE_MAX, "off");
		return true;
	}
	for (size_t i = 0; i < 3; i++)
		if ((have->set & 1u << times[i]) == 0)
			return false;
	for (size_t i = 0; i < 3; i++) {
		keepalive_format(times[i], have->value[times[i]], "", value);
		length += (size_t)snprintf(text + length,
		    STATUS_KEEPALIVE_MAX - length, "%s%s", i > 0 ? "/" : "",
		    value);
	}
	return true;
}
