/* SPDX-License-Identifier: ISC */
/*
 * mend: gives one live socket of another process what its rule says.
 */
#include "live/mend.h"

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

/*
 * Sets what is missing. SO_KEEPALIVE starts its timer anew, but for
 * TCP_KEEPIDLE, on a socket that has it on, the kernel reckons from when
 * something was last received (tcp_sock_set_keepidle_locked() in
 * net/ipv4/tcp.c). So that is set once more.
 */
static int
set(int fd, const struct keepalive *change, const struct keepalive *want,
    struct keepalive *have)
{
	int error = keepalive_set(&CALLS, fd, change);
	int again = keepalive_get(&CALLS, fd, have);
	struct keepalive idle = {
	    .set = want->set & have->set & 1u << KEEPALIVE_IDLE,
	    .value[KEEPALIVE_IDLE] = have->value[KEEPALIVE_IDLE],
	};

	if (again == 0 && (change->set & 1u << KEEPALIVE_SWITCH) != 0)
		again = keepalive_set(&CALLS, fd, &idle);
	return error < 0 ? error : again;
}

enum mend_result
mend_socket(const struct image *image, const struct live_socket *socket,
    int pidfd, bool dry_run, struct mend *mend)
{
	struct live_socket now = *socket;
	struct image_rule rule;
	struct keepalive want, change;
	enum mend_result result = MEND_REFUSED;
	int fd = pidfd < 0
	             ? pidfd
	             : fetch_socket(pidfd, socket->fd, socket->socket.cookie);

	*mend = (struct mend){.error = fd < 0 ? fd : 0};
	if (fd == -ESTALE || fd == -ESRCH)
		return MEND_GONE;
	if (fd < 0)
		return MEND_REFUSED;
	mend->error = keepalive_get(&CALLS, fd, &now.have);
	if (mend->error < 0)
		goto out;
	now.have_known = true;
	mend->before = now.have;
	mend->after = now.have;
	result = MEND_RIGHT;
	if (live_verdict(image, &now) == LIVE_OK ||
	    !live_wants(image, &now, &rule, &want))
		goto out;
	change = missing(&now.have, &want, rule.app_settings == APP_TIGHTEN);
	result = MEND_DONE;
	if (dry_run)
		overlay(&mend->after, &change);
	else
		mend->error = set(fd, &change, &want, &mend->after);
	now.have = mend->after;
	if (mend->error < 0 || live_verdict(image, &now) != LIVE_OK)
		result = MEND_REFUSED;
out:
	close(fd);
	return result;
}
