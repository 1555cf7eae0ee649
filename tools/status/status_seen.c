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
	bool moved;       /* a segment was seen to come in, */
	int64_t moved_ms; /* at this time */
};

static int
compare(const void *left, const void *right)
{
	const struct status_segments *a = left, *b = right;

	return (a->cookie > b->cookie) - (a->cookie < b->cookie);
}

/* What is known of one now. It came in after the last look, at the latest. */
static void
compare_looks(const struct status_seen *seen, struct status_segments *now)
{
	const struct status_segments *before =
	    seen->count == 0 ? NULL
			     : bsearch(now, seen->all, seen->count,
				   sizeof(*seen->all), compare);

	if (!before)
		return;
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
		compare_looks(seen, &all[i]);
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
