/* SPDX-License-Identifier: ISC */
/*
 * doctor: whether libkashim.so will take effect in a program, and if not,
 * why and what to do. It looks and changes nothing.
 */
#ifndef KASHIM_DOCTOR_H
#define KASHIM_DOCTOR_H

#include <stdbool.h>

#include "doctor/findings.h"
#include "doctor/place.h"
#include "doctor/target.h"

/*
 * Examines a program, as it would be started by the calling process with
 * execvp(3): argv[0] is looked up in PATH if it has no slash, and the user,
 * LD_PRELOAD and no_new_privs are the caller's. If it is a launcher
 * (doctor_launch.h), what its arguments name counts. config is the
 * configuration file's absolute name; library that of libkashim.so as
 * LD_PRELOAD would have it, so $LIB and the like are expanded (ld.so(8)).
 *
 * It costs less than a millisecond, and the time to read the configuration
 * unless that is compiled.
 *
 * Returns 0, and the caller gives *doctor back with findings_free(); -ENOENT if
 * there is no such program, -EACCES if it can't be executed, -ENOMEM, or
 * another -errno of execve(2).
 */
int doctor_program(const char *const argv[], const char *config,
    const char *library, struct findings *findings);

/* The whole of what is said of a program: all that follows. */
int doctor_examine(
    const struct place *place, const char *path, struct findings *findings);

/* Is it a static program? Then that is said, and there is no more to ask. */
bool
doctor_static(const struct doctor_target *target, struct findings *findings);

/* Does it go past the C library? */
void doctor_go(const struct doctor_target *target, struct findings *findings);

#endif
