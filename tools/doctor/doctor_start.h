/* SPDX-License-Identifier: ISC */
/*
 * doctor_start: how a program that has not the library is started with it: by
 * its unit, or by its parent, which may have it.
 */
#ifndef KASHIM_DOCTOR_START_H
#define KASHIM_DOCTOR_START_H

#include <stdbool.h>

#include "doctor/doctor_proc.h"
#include "doctor/findings.h"
#include "unit/unit.h"

/*
 * Gives the last finding its remedy: what the unit needs, whose LD_PRELOAD is
 * preload. Never "kashim enable" where that has been done, or would refuse; and
 * with --kernel, where the findings have a program that no preload reaches.
 */
void doctor_start_unit(const struct unit *unit,
    const struct unit_variable *preload, struct findings *findings);

/*
 * Likewise for a process, by its unit.
 */
void
doctor_start_process(const struct doctor_proc *proc, struct findings *findings);

/*
 * Has one of the process's ancestors the library, so that LD_PRELOAD was lost
 * between the two? Then that is said, with what helps. no_inherit: as the key
 * inherit says. Returns whether there is one.
 */
bool doctor_start_parent(
    const struct doctor_proc *proc, bool no_inherit, struct findings *findings);

#endif
