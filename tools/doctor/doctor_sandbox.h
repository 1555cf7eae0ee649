/* SPDX-License-Identifier: ISC */
/*
 * doctor_sandbox: settings of a service that keep the library from its work.
 */
#ifndef KASHIM_DOCTOR_SANDBOX_H
#define KASHIM_DOCTOR_SANDBOX_H

#include <stdbool.h>

#include "doctor/findings.h"
#include "unit/unit.h"

/*
 * The setting that hides path from the service's programs ("ProtectHome=") or
 * keeps them from executing it; NULL if none does.
 */
const char *doctor_hidden_by(const struct unit *unit, const char *path);
const char *doctor_no_exec_by(const struct unit *unit, const char *path);

/*
 * Says what keeps the library from its work. Or a supervisor from its own, if
 * there is one (kashim-run(1)). */
void doctor_sandbox(const struct unit *unit, const char *config,
    const char *library, bool supervised, struct findings *findings);

#endif
