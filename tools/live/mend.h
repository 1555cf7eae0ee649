/* SPDX-License-Identifier: ISC */
/*
 * mend: gives one live socket of another process what its rule says, from
 * outside, without stopping or tracing the process.
 */
#ifndef KASHIM_MEND_H
#define KASHIM_MEND_H

#include <stdbool.h>

#include "image/image.h"
#include "live/live.h"

enum mend_result {
	MEND_DONE,    /* it did not have it, and now has */
	MEND_RIGHT,   /* it had it already */
	MEND_GONE,    /* process, descriptor or socket are not there any more */
	MEND_REFUSED, /* it could not be looked into, or not all was set */
};

/* What the socket had, and what it has then. */
struct mend {
	struct keepalive before, after;
	int error; /* of MEND_REFUSED: -errno */
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
enum mend_result
mend_socket(const struct image *image, const struct live_socket *socket,
    int pidfd, bool dry_run, struct mend *mend);

#endif
