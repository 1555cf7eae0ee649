/* SPDX-License-Identifier: ISC */
/*
 * status_seen: what a look saw of each connection, for the next one. The peer's
 * keepalive probes move neither the clock of data nor that of acknowledgements
 * in struct tcp_info, only the number of segments.
 */
#include <errno.h>
#include <stdlib.h>

#include "status/status.h"

struct status_segments {
	uint64_t cookie;
	uint32_t segments;
	uint32_t sent;
	bool moved;       /* a segment was seen to come in, */
	int64_t moved_ms; /* at this time */
	/* Silence: it surely began at... */
	int64_t quiet_ms;
	/* ...and this side broke it, after so long, without an answer yet. */
	int64_t broken_ms;
	int64_t survived_ms;
};

static int
compare(const void *left, const void *right)
{
	const struct status_segments *a = left, *b = right;

	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

/*
 * What this look says of silence. It lasted until the last look, at the least.
 * What this side sends may be lost on the way; that it was not, its answer
 * tells.
 */
static void
look_for_silence(const struct status_seen *seen,
    const struct status_segments *before, struct status_segments *now,
    int64_t now_ms)
{
	int64_t silent_ms = seen->time_ms - before->quiet_ms;

	now->quiet_ms = before->quiet_ms;
	now->broken_ms = before->broken_ms;
	now->survived_ms = before->survived_ms;
	if (before->segments != now->segments) {
		if (now->broken_ms > 0)
			silent_ms = now->broken_ms;
		if (silent_ms > now->survived_ms)
			now->survived_ms = silent_ms;
		now->quiet_ms = now_ms;
		now->broken_ms = 0;
	} else if (before->sent != now->sent && now->broken_ms == 0) {
		now->broken_ms = silent_ms;
	}
}

/* What is known of one now. It came in after the last look, at the latest. */
static void
compare_looks(
    const struct status_seen *seen, struct status_segments *now, int64_t now_ms)
{
	const struct status_segments *before =
	    seen->count == 0 ? NULL
			     : bsearch(now, seen->all, seen->count,
				   sizeof(*seen->all), compare);

	now->quiet_ms = now_ms;
	if (!before)
		return;
	look_for_silence(seen, before, now, now_ms);
	now->moved = before->moved || before->segments != now->segments;
	now->moved_ms = before->segments != now->segments ? seen->time_ms
	                                                  : before->moved_ms;
}

int
status_see(struct status_seen *seen, struct live *live, int64_t now_ms)
{
	struct status_segments *all = calloc(live->count + 1, sizeof(*all));

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < live->count; i++) {
		struct live_socket *socket = &live->sockets[i];

		all[i].cookie = socket->socket.cookie;
		all[i].segments = socket->socket.segments;
		all[i].sent = socket->socket.segments_sent;
		compare_looks(seen, &all[i], now_ms);
		socket->survived_ms = (uint32_t)all[i].survived_ms;
		socket->moved_known = all[i].moved;
		socket->moved_ms = (uint32_t)(now_ms - all[i].moved_ms);
	}
	qsort(all, live->count, sizeof(*all), compare);
	free(seen->all);
	*seen = (struct status_seen){
	    .all = all, .count = live->count, .time_ms = now_ms};
	return 0;
}

void
status_seen_free(struct status_seen *seen)
{
	free(seen->all);
	*seen = (struct status_seen){0};
}
