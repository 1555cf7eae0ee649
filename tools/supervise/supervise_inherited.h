/* SPDX-License-Identifier: ISC */
/*
 * supervise_inherited: the sockets that a program is started with: descriptor
 * 0 from an inetd, those of socket activation (sd_listen_fds(3)), and the
 * listeners among the rest. A connection among the rest is its parent's
 * business, as it is under the preload.
 */
#ifndef KASHIM_SUPERVISE_INHERITED_H
#define KASHIM_SUPERVISE_INHERITED_H

#include "supervise/supervise_worker.h"

/*
 * Sets on the calling process's own what the rules say for program, which it
 * is about to become. What can't be done is left undone.
 */
void
supervise_inherited(const struct worker_policy *policy, const char *program);

#endif
