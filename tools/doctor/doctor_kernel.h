/* SPDX-License-Identifier: ISC */
/*
 * doctor_kernel: does the kernel set the rules, by kashim attach?
 */
#ifndef KASHIM_DOCTOR_KERNEL_H
#define KASHIM_DOCTOR_KERNEL_H

#include <stdbool.h>

#include "doctor/findings.h"
#include "host/process.h"
#include "kernel/reach.h"
#include "unit/unit.h"

/*
 * What reaches a process. If nothing does, and it has nothing else (needed),
 * says whether that can't be told, or whether something is gone that may have.
 * The caller frees reach->list.
 */
void doctor_kernel_find(const struct process *process, bool needed,
    struct reach *reach, struct findings *findings);

/*
 * Does something reach what systemd starts in that slice? Then says what, as
 * doctor_kernel().
 */
bool doctor_kernel_slice(const char *slice, struct findings *findings);

/*
 * Is a service attached at each start (dropin.h)? Then says so, and whether the
 * kernel takes the rules as they are now.
 */
bool doctor_kernel_unit(const struct unit *unit, struct findings *findings);

/* Does something reach what the caller starts? Then says what. */
bool doctor_kernel_here(struct findings *findings);

/*
 * What does, and whether that is whole and has the policy that is in force. It
 * is FINDING_KERNEL and FINDING_FINE for each. It reads the files that were
 * attached.
 */
void doctor_kernel(const struct reach *reach, struct findings *findings);

#endif
