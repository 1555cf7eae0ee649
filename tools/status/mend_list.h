/* SPDX-License-Identifier: ISC */
/*
 * mend_list: the lines that kashim apply prints, on stdout: one for each
 * socket, once, below a title for each process.
 */
#ifndef KASHIM_MEND_LIST_H
#define KASHIM_MEND_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"
#include "live/live.h"
#include "live/mend.h"

/* Starts as {.image = ...}. */
struct mend_list {
	const struct image *image; /* for the names of the rules */
	uint64_t *cookies; /* of the sockets that have a line; the first */
	size_t sorted;     /* ones, those of earlier passes, sorted */
	size_t count;
	struct process titled; /* whose title was printed last */
};

/* What comes now is another pass over the sockets. */
void mend_list_next(struct mend_list *list);

/* Did the socket with this cookie get a line in an earlier pass? */
bool mend_list_has(const struct mend_list *list, uint64_t cookie);

/* What a socket had and has. Returns 0 or -ENOMEM. */
int mend_list_changed(struct mend_list *list, const struct live_socket *socket,
    const struct mend *mend);

/* Why it was not set; not again if it has a line. Returns 0 or -ENOMEM. */
int mend_list_refused(struct mend_list *list, const struct live_socket *socket,
    const char *reason);

void mend_list_free(struct mend_list *list);

#endif
