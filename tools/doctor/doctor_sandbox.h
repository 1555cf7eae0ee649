/* SPDX-License-Identifier: ISC */
/*
 * doctor_sandbox: settings of a service that keep the library from its work.
 */
#ifndef KASHIM_DOCTOR_SANDBOX_H
#define KASHIM_DOCTOR_SANDBOX_H

#include "doctor/findings.h"
#include "unit/unit.h"

/* The settings of a service that keep the library from its work. */
void doctor_sandbox(const struct unit *unit, const char *config,
    const char *library, struct findings *findings);

#endif
