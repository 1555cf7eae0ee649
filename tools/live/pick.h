/* SPDX-License-Identifier: ISC */
/*
 * pick: the processes that a struct live_choice means.
 */
#ifndef KASHIM_PICK_H
#define KASHIM_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "live/live.h"

/* Is nothing named, so that all processes are meant? choice may be NULL. */
bool pick_is_all(const struct live_choice *choice);

/*
 * Reads the chosen processes, oldest first, into *processes, from malloc(3);
 * NULL if there are none. Returns 0; -ESRCH and the pid at *missing if a pid
 * is named that there is not; -errno.
 */
int pick_read(const struct live_choice *choice, struct process **processes,
    size_t *count, pid_t *missing);

enum pick_kind {
	PICK_UNIT,
	PICK_PROGRAM,
};

/*
 * Calls each, if it is not NULL, for every unit and program that choice names
 * and none of the processes that pick_read() found is of. Returns how many
 * these are.
 */
size_t
pick_absent(const struct live_choice *choice, const struct process *processes,
    size_t count, void (*each)(enum pick_kind kind, const char *name));

#endif
