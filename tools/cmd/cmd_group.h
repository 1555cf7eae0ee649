/* SPDX-License-Identifier: ISC */
/*
 * cmd_group: which control group attach and detach are told: by its directory,
 * by a unit or a slice of systemd's, or the root of all.
 */
#ifndef KASHIM_CMD_GROUP_H
#define KASHIM_CMD_GROUP_H

#include <limits.h>
#include <stdbool.h>

#include "unit/unit.h"

struct cmd_group {
	const char *cgroup;
	const char *unit;
	const char *slice;
	bool all;
	bool wanted; /* to be attached, so that it has to be there */
};

/*
 * Writes the directory of the one that is named to path; "" if none is. With
 * a unit, its full name is in id; else that is "". Returns CMD_DONE; CMD_WRONG
 * after a message on stderr; and so CMD_NO if it is not wanted, and a unit or
 * slice that has no control group now, so that nothing is attached to it.
 */
int cmd_group_find(const struct cmd_group *group, const char *command,
    char path[PATH_MAX], char id[UNIT_NAME_SIZE]);

/* The slice that is named, as a unit; NULL if it is no slice. */
const char *
cmd_group_slice(const struct cmd_group *group, char id[UNIT_NAME_SIZE]);

/*
 * Has it attached again after each boot, by a unit of systemd's. Returns only
 * if that can't be asked: CMD_WRONG after a message.
 */
int cmd_group_enable(const char *slice);

/*
 * Says on stderr if the unit of the control group at path is attached at each
 * start.
 */
void cmd_group_say_start(const char *path);

/*
 * Says on stderr which of the units for a boot are enabled still for the
 * control group at path, or at all if that is "".
 */
void cmd_group_say_enabled(const char *path);

#endif
