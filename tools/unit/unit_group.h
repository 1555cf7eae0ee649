/* SPDX-License-Identifier: ISC */
/*
 * unit_group: the control groups that systemd gives to units (systemd.slice(5),
 * "Control Group APIs and Delegation" on systemd.io). It asks no running
 * manager.
 */
#ifndef KASHIM_UNIT_GROUP_H
#define KASHIM_UNIT_GROUP_H

#include <limits.h>
#include <stdbool.h>

/*
 * Writes which control group is a slice's, as process_group() has it
 * (host/process.h): "/a.slice/a-b.slice" for "a-b.slice", "" for "-.slice",
 * whether it is there or not. Returns false if that is not a slice's name.
 */
bool unit_slice_group(const char *slice, char group[PATH_MAX]);

/*
 * Writes the slice of a service of the system's that names none:
 * "system.slice", and for "a-b@c.service" "system-a\x2db.slice"
 * (unit_set_default_slice() in systemd's src/core/unit.c).
 */
void unit_default_slice(const char *name, char slice[PATH_MAX]);

/*
 * Finds the control group of a unit of the system's, by its full name, below
 * root, where control groups are mounted. Returns 0 and its path; or -ENOENT:
 * it has none, since nothing of it runs.
 */
int unit_find_group(const char *root, const char *name, char path[PATH_MAX]);

#endif
