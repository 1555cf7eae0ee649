/* SPDX-License-Identifier: ISC */
/*
 * verdict: which rule should apply to a live socket, and what comes of
 * comparing it with what the socket has.
 */
#ifndef KASHIM_VERDICT_H
#define KASHIM_VERDICT_H

#include <stddef.h>

#include "image/image.h"
#include "live/live.h"

struct program_view;

/* The rules as the programs see them; one view for each pair of names. */
struct verdict {
	const struct image *image; /* may be NULL: no rules */
	struct program_view *views;
	const struct process *process; /* who was last asked for, */
	struct program_view *view;     /* and its view */
};

/*
 * Sets rule and verdict of a socket whose direction, process and have are
 * known. The verdict starts as {.image = ...}; it is quicker if sockets come by
 * process. Returns 0 or -ENOMEM.
 */
int verdict_find(struct verdict *verdict, struct live_socket *socket);

void verdict_close(struct verdict *verdict);

#endif
