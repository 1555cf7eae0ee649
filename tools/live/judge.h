/* SPDX-License-Identifier: ISC */
/*
 * judge: which rule should apply to a live socket, and what comes of comparing
 * it with what the socket has.
 */
#ifndef KASHIM_JUDGE_H
#define KASHIM_JUDGE_H

#include <stddef.h>

#include "image/image.h"
#include "live/live.h"

struct judge_view;

/* The rules as the programs see them; one view for each pair of names. */
struct judge {
	const struct image *image; /* may be NULL: no rules */
	struct judge_view *views;
	const struct process *process; /* who was last asked for, */
	struct judge_view *view;       /* and its view */
};

/*
 * Sets rule and verdict of a socket whose direction, process and have are
 * known. The judge starts as {.image = ...}; it is quicker if sockets come by
 * process. Returns 0 or -ENOMEM.
 */
int judge_socket(struct judge *judge, struct live_socket *socket);

void judge_close(struct judge *judge);

#endif
