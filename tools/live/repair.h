/* SPDX-License-Identifier: ISC */
/*
 * repair: gives one live socket of another process what its rule says, from
 * outside, without stopping or tracing the process.
 */
#ifndef KASHIM_REPAIR_H
#define KASHIM_REPAIR_H

#include <stdbool.h>

#include "image/image.h"
#include "live/live.h"

enum repair_result {
	REPAIR_DONE,  /* it did not have it, and now has */
	REPAIR_RIGHT, /* it had it already */
	REPAIR_GONE,  /* process, descriptor or socket are not there any more */
	REPAIR_REFUSED, /* it could not be looked into, or not all was set */
};

/* What the socket had, and what it has then. */
struct repair {
	struct keepalive before, after;
	bool late; /* it had it all, but for the timer (live.h) */
	int error; /* of REPAIR_REFUSED: -errno */
};

/*
 * Sets on a socket of live_read() what its rule says and it has not: with
 * app-settings = tighten only what is not tighter already; with respect, only
 * if keepalive is off. With dry_run nothing is set, and result and after are
 * what would come of it. pidfd refers to its process (process_open()),
 * or is the -errno of that.
 *
 * It is looked at anew, and set only if it is still the same socket. The time
 * for which a connection was silent before counts: the first probe goes out
 * when it would have, had keepalive been on all the time; at once, if that
 * was earlier.
 */
enum repair_result
repair_socket(const struct image *image, const struct live_socket *socket,
    int pidfd, bool dry_run, struct repair *repair);

#endif
