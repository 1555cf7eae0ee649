/* SPDX-License-Identifier: ISC */
/*
 * doctor_process: a process that runs.
 */
#ifndef KASHIM_DOCTOR_PROCESS_H
#define KASHIM_DOCTOR_PROCESS_H

#include <limits.h>
#include <sys/types.h>

#include "doctor/findings.h"

/*
 * Examines a running process: is the library in it, and if not, why not; the
 * policy that it has, and how its connections stand. library is the one that
 * would be preloaded now. Returns 0, and *doctor and the process's name; or
 * -ESRCH if there is no such process, -ENOMEM, another -errno.
 */
int doctor_process(pid_t pid, const char *library, char name[NAME_MAX + 1],
    struct findings *findings);

#endif
