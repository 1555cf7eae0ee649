/* SPDX-License-Identifier: ISC */
/*
 * doctor_processes: all processes of a unit that runs.
 */
#ifndef KASHIM_DOCTOR_PROCESSES_H
#define KASHIM_DOCTOR_PROCESSES_H

#include <limits.h>
#include <stddef.h>
#include <sys/types.h>

#include "doctor/findings.h"

struct doctor_said {
	pid_t pid;
	char name[NAME_MAX + 1];
	struct findings findings;
	size_t more; /* younger ones of that name, of which the same is said */
};

/*
 * Examines the processes in the control group of a unit, each as
 * doctor_process() does, as long as that takes no more than a minute: the
 * others are unknown then. *list, from malloc(3), has the worst first, and of
 * those alike the oldest. The caller gives it back with
 * doctor_processes_free(), also if it is empty: the unit does not run. Returns
 * 0, -ENOMEM or another -errno.
 */
int doctor_processes(const char *unit, const char *library,
    struct doctor_said **list, size_t *count);

void doctor_processes_free(struct doctor_said *list, size_t count);

#endif
