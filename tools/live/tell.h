/* SPDX-License-Identifier: ISC */
/*
 * tell: has the programs in the kernel know of sockets that were open before
 * these were attached, or before the first policy that holds or names programs,
 * what they remember of others (bpf/policy.h).
 */
#ifndef KASHIM_TELL_H
#define KASHIM_TELL_H

#include <stdbool.h>
#include <stddef.h>

#include "image/image.h"
#include "kernel/kernel.h"
#include "live/live.h"

struct tell {
	const struct kernel_program *program; /* that remembers something */
	const struct image *image;            /* its policy */
	/*
	 * No rule was set there before: what a connection has, other than by
	 * this policy, is what its program has set.
	 */
	bool first;
	/* What became of it, when it was told last. */
	size_t held;   /* connections that are held to a rule since now */
	size_t unseen; /* not permitted, or no process answers for it */
	size_t gone;   /* closed meanwhile, or moved */
	size_t failed;
	int error; /* of the last that failed: -errno */
};

/*
 * Tells of listeners whose they are, and of connections that have a rule that,
 * too. live was read with the image. What is known already stays, so that it
 * may be told again.
 */
void tell_open(struct tell *tell, const struct live *live);

/*
 * Tells of all that is open in the control group at path, and below it. Returns
 * 0, or -errno if that could not be listed.
 */
int tell_below(struct tell *tell, const char *path);

#endif
