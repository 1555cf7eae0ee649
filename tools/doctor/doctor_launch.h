/* SPDX-License-Identifier: ISC */
/*
 * doctor_launch: follows a command line through programs that start another
 * one, and says where LD_PRELOAD is lost on the way.
 */
#ifndef KASHIM_DOCTOR_LAUNCH_H
#define KASHIM_DOCTOR_LAUNCH_H

#include "doctor/findings.h"
#include "doctor/place.h"

/*
 * Examines the program that the command line argv, ended by NULL, comes to, as
 * doctor_examine() does; of launchers in front of it (launcher.h), what they
 * make of LD_PRELOAD. *sets says whether one of them puts libkashim.so there
 * itself, *supervised whether kashim-run(1) does, which supervises
 * the program if that has no effect. Returns 0; -ENOENT if there is no argv[0],
 * -EACCES if it can't be executed, -ENOMEM, or another -errno of execve(2).
 */
int doctor_command(const struct place *place, const char *const argv[],
    bool *sets, bool *supervised, struct findings *findings);

#endif
