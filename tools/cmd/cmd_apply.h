/* SPDX-License-Identifier: ISC */
/*
 * cmd_apply: what kashim apply does, for what kashim attach finds open.
 */
#ifndef KASHIM_CMD_APPLY_H
#define KASHIM_CMD_APPLY_H

#include <stdbool.h>

#include "image/image.h"
#include "live/live.h"
#include "live/tell.h"

/*
 * Sets the rules on the sockets that choice means, or, with dry_run, looks what
 * that would change. Prints each change and then the sum, which may be left out
 * if there are no such sockets; on stderr, what could not be done. tell, if it
 * is not NULL, has the kernel hold what is set. Returns the exit status of
 * kashim apply. choice->pids loses those that have ended.
 */
int cmd_apply_to(struct live_choice *choice, const struct image *image,
    bool dry_run, bool silent_if_none, struct tell *tell);

/*
 * Says of how many sockets in a control group the kernel could not be told, if
 * of any. Returns CMD_DONE, or CMD_NO after a message.
 */
int cmd_say_untold(const char *where, size_t count, const char *why);

#endif
