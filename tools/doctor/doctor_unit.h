/* SPDX-License-Identifier: ISC */
/*
 * doctor_unit: a systemd unit, by its files.
 */
#ifndef KASHIM_DOCTOR_UNIT_H
#define KASHIM_DOCTOR_UNIT_H

#include <limits.h>
#include <sys/types.h>

#include "doctor/findings.h"

/*
 * Examines a systemd unit by its files: as started by systemd, with its own
 * environment, user and restrictions, is the library loaded by its ExecStart=
 * programs? Of a .socket unit: what the sockets need that systemd opens, by
 * the rules. config is the configuration to take in place of the unit's own,
 * or NULL. full gets the unit's name with its suffix, and pid the
 * oldest process of a service that runs, or 0. Returns 0, and *doctor; -ENOENT
 * if there is no such unit, -EINVAL if name cannot be one, -ENOMEM, -errno.
 */
int doctor_unit(const char *name, const char *config, const char *library,
    char full[NAME_MAX + 1], pid_t *pid, struct findings *findings);

#endif
