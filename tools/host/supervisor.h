/* SPDX-License-Identifier: ISC */
/*
 * supervisor: those processes of kashim run --supervise that run beside the
 * program, as others see them.
 */
#ifndef KASHIM_SUPERVISOR_H
#define KASHIM_SUPERVISOR_H

#include <stdbool.h>

#include "host/process.h"

/*
 * Its name, of 15 characters at most. Its command line has the number of the
 * program's process behind that: "kashim-watch: 4711".
 */
#define SUPERVISOR_NAME "kashim-watch"

/* By its name and its program's. Also the reader of look.h is one. */
bool supervisor_is(const struct process *process);

/*
 * The supervisor of a process that has a seccomp filter: one that was started
 * for it or for one of its ancestors; or in its service, for one that is gone.
 * 0: there is none.
 */
pid_t supervisor_find(const struct process *process);

#endif
