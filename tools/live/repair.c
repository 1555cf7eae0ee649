/* SPDX-License-Identifier: ISC */
/*
 * repair: gives one live socket of another process what its rule says.
 */
#include "live/repair.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/fetch.h"

static const struct keepalive_calls CALLS = {setsockopt, getsockopt};

/* The options of want that have does not cover. */
static struct keepalive
missing(
    const struct keepalive *have, const struct keepalive *want, bool tighter)
{
	struct keepalive missing = {0};

	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		struct keepalive one = *want;

		one.set &= 1u << option;
		if (keepalive_covers(have, &one, tighter))
			continue;
		missing.set |= one.set;
		missing.value[option] = want->value[option];
	}
	return missing;
}

static void
overlay(struct keepalive *have, const struct keepalive *change)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		if ((change->set & 1u << option) != 0)
			have->value[option] = change->value[option];
	}
}

/* Sets what is missing, and its timer if that is to be right. */
static int
set(int fd, const struct keepalive *change, bool timer, struct keepalive *have)
{
	int error = keepalive_set(&CALLS, fd, change);
	int again = timer ? keepalive_reckon(&CALLS, fd) : 0;

	/* An old MPTCP has none. */
	if (again == 0 || again == -EOPNOTSUPP)
		again = keepalive_get(&CALLS, fd, have);
	return error < 0 ? error : again;
}

enum repair_result
repair_socket(const struct image *image, const struct live_socket *socket,
    int pidfd, bool dry_run, struct repair *repair)
{
	struct live_socket now = *socket;
	struct image_rule rule;
	struct keepalive want, change;
	bool late;
	int64_t due_ms;
	enum repair_result result = REPAIR_REFUSED;
	int fd = pidfd < 0
	             ? pidfd
	             : fetch_socket(pidfd, socket->fd, socket->socket.cookie);

	*repair = (struct repair){.error = fd < 0 ? fd : 0};
	if (fd == -ESTALE || fd == -ESRCH)
		return REPAIR_GONE;
	if (fd < 0)
		return REPAIR_REFUSED;
	repair->error = keepalive_get(&CALLS, fd, &now.have);
	if (repair->error < 0)
		goto out;
	now.have_known = true;
	repair->before = now.have;
	repair->after = now.have;
	result = REPAIR_RIGHT;
	if (live_verdict(image, &now) == LIVE_OK ||
	    !live_wants(image, &now, &rule, &want))
		goto out;
	change = missing(&now.have, &want, rule.app_settings == APP_TIGHTEN);
	late = live_timer_is_late(image, &now, &due_ms);
	repair->late = late && change.set == 0;
	result = REPAIR_DONE;
	if (dry_run)
		overlay(&repair->after, &change);
	else
		repair->error = set(fd, &change,
		    late || (socket->direction != LIVE_LISTENER &&
				(change.set & 1u << KEEPALIVE_SWITCH) != 0),
		    &repair->after);
	now.have = repair->after;
	/* What is known of it is past. */
	now.socket.timer = DIAG_TIMER_NONE;
	if (repair->error < 0 || live_verdict(image, &now) != LIVE_OK)
		result = REPAIR_REFUSED;
out:
	close(fd);
	return result;
}
