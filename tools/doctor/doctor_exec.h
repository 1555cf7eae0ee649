/* SPDX-License-Identifier: ISC */
/*
 * doctor_exec: the programs that a service starts.
 */
#ifndef KASHIM_DOCTOR_EXEC_H
#define KASHIM_DOCTOR_EXEC_H

#include "unit/unit.h"

/* What systemd has for names without a slash (systemd-path(1)). */
#define DOCTOR_EXEC_PATH \
	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * Is given the file name or path of a program, what stands behind it, and the
 * prefixes in front of it: a '+' gives it full rights. Returns 0 to go on.
 */
typedef int doctor_exec_fn(
    const char *program, const char *rest, const char *prefixes, void *data);

/*
 * Calls each for the programs of a service's ExecStart= lines. Returns 0, what
 * each returned, or -errno.
 */
int doctor_exec(const struct unit *unit, doctor_exec_fn *each, void *data);

#endif
