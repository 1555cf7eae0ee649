/* SPDX-License-Identifier: ISC */
/*
 * doctor_unit: a systemd unit, by its files.
 */
#ifndef KASHIM_DOCTOR_UNIT_H
#define KASHIM_DOCTOR_UNIT_H

#include <limits.h>

#include "doctor/findings.h"

/*
 * Examines a systemd unit by its files: as started by systemd, with its own
 * environment, user and restrictions, is the library loaded by its ExecStart=
 * programs? Of a .socket unit: what the sockets need that systemd opens, by
 * the rules. config is the configuration to take in place of the unit's own,
 * or NULL. id gets the unit's name with its suffix, or what that is an
 * alias of: its control group has that name. Returns 0, and *findings; -ENOENT
 * if there is no such unit, -EINVAL if name cannot be one, -ENOMEM, -errno.
 */
int doctor_unit(const char *name, const char *config, const char *library,
    char id[NAME_MAX + 1], struct findings *findings);

#endif
