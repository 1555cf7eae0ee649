/* SPDX-License-Identifier: ISC */
/*
 * repair_list: the lines that kashim apply prints, on stdout: one for each
 * socket, once, below a title for each process.
 */
#ifndef KASHIM_REPAIR_LIST_H
#define KASHIM_REPAIR_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"
#include "live/live.h"
#include "live/repair.h"

/* Starts as {.image = ...}. */
struct repair_list {
	const struct image *image; /* for the names of the rules */
	uint64_t *cookies; /* of the sockets that have a line; the first */
	size_t sorted;     /* ones, those of earlier passes, sorted */
	size_t count;
	struct process titled; /* whose title was printed last */
};

/* What comes now is another pass over the sockets. */
void repair_list_next(struct repair_list *list);

/* Did the socket with this cookie get a line in an earlier pass? */
bool repair_list_has(const struct repair_list *list, uint64_t cookie);

/* What a socket had and has. Returns 0 or -ENOMEM. */
int repair_list_changed(struct repair_list *list,
    const struct live_socket *socket, const struct repair *repair);

/* Why it was not set; not again if it has a line. Returns 0 or -ENOMEM. */
int repair_list_refused(struct repair_list *list,
    const struct live_socket *socket, const char *reason);

void repair_list_free(struct repair_list *list);

#endif
