/* SPDX-License-Identifier: ISC */
/*
 * doctor_script: which program is started in the end: follows #! lines as
 * the kernel does.
 */
#ifndef KASHIM_DOCTOR_SCRIPT_H
#define KASHIM_DOCTOR_SCRIPT_H

#include "doctor/findings.h"
#include "doctor/place.h"
#include "doctor/target.h"

/*
 * Follows path, which is there, through its #! lines to an ELF file, and
 * says what was found on the way. Returns 0; 1 if it can't be told what the
 * program is or it can't be started, which was said; -errno.
 */
int doctor_follow(const struct place *place, const char *path,
    struct doctor_target *target, struct findings *findings);

#endif
