/* SPDX-License-Identifier: ISC */
/*
 * supervisor: those processes of kashim run --supervise that run beside the
 * program, as others see them.
 */
#ifndef KASHIM_SUPERVISOR_H
#define KASHIM_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

#include "host/process.h"

/*
 * Its name, of 15 characters at most. Its command line has the number of the
 * program's process behind that: "kashim-watch: 4711".
 */
#define SUPERVISOR_NAME "kashim-watch"

/* By its name and its program's. Also the reader of look.h is one. */
bool supervisor_is(const struct process *process);

struct supervisor;

/* Supervisors that run; all zero at first. */
struct supervisors {
	struct supervisor *list;
	size_t count;
};

/* Adds a process, if it is one. Returns 0 or -ENOMEM. */
int
supervisors_add(const struct process *process, struct supervisors *supervisors);

/* Adds all that run. Returns 0 or -errno, as process_each(). */
int supervisors_read(struct supervisors *supervisors);

/*
 * The one of a process that has a seccomp filter: one that was started for it
 * or for one of its ancestors; or in its service, for one that is gone. 0:
 * there is none among them.
 */
pid_t supervisors_find(
    const struct supervisors *supervisors, const struct process *process);

void supervisors_free(struct supervisors *supervisors);

#endif
