/* SPDX-License-Identifier: ISC */
/*
 * cmd_apply: what kashim apply does, for what kashim attach finds open.
 */
#ifndef KASHIM_CMD_APPLY_H
#define KASHIM_CMD_APPLY_H

#include <stdbool.h>

#include "image/image.h"
#include "live/live.h"

/*
 * Sets the rules on the sockets that choice means, or, with dry_run, looks what
 * that would change. Prints each change and then the sum, which may be left out
 * if there are no such sockets; on stderr, what could not be done. Returns the
 * exit status of kashim apply. choice->pids loses those that have ended.
 */
int cmd_apply_to(struct live_choice *choice, const struct image *image,
    bool dry_run, bool silent_if_none);

#endif
