/* SPDX-License-Identifier: ISC */
/*
 * doctor_exec: the programs that a service starts.
 */
#ifndef KASHIM_DOCTOR_EXEC_H
#define KASHIM_DOCTOR_EXEC_H

#include <stdbool.h>

#include "unit/unit.h"

/*
 * The programs of a service's ExecStart= lines: calls each with the file name
 * or path, as it stands behind its prefixes, and whether a '+' gives it full
 * rights. Returns 0, what each returned, or -errno.
 */
int doctor_exec(const struct unit *unit,
    int (*each)(const char *program, const char *rest, bool full, void *data),
    void *data);

#endif
