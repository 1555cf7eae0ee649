/* SPDX-License-Identifier: ISC */
/*
 * cmd_unit: what enable and disable have in common.
 */
#ifndef KASHIM_CMD_UNIT_H
#define KASHIM_CMD_UNIT_H

#include "unit.h"

/*
 * A root directory as given on the command line, for messages and file names:
 * takes slashes at its end away, in place, so that "/" becomes "", this system.
 */
const char *cmd_unit_root(char *root);

/*
 * Reads a unit, which the caller gives back with unit_free() in any case.
 * Returns CMD_DONE, or CMD_WRONG after a message on stderr.
 */
int cmd_unit_read(const char *root, const char *name, struct unit *unit);

/* Says that the file at path stays as it is. Returns CMD_NO. */
int cmd_unit_not_ours(const char *root, const char *path);

/* Says why it can't be written or removed. Returns CMD_WRONG. */
int cmd_unit_failed(
    const char *root, const char *path, const char *what, int error);

/* Says on stdout what has to be done by the administrator. */
void cmd_unit_next(const char *root, const char *id);

#endif
