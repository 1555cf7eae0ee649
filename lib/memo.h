/* SPDX-License-Identifier: ISC */
/*
 * memo: what was last worked out of a policy for this program, so that it
 * need not be for each connection. One for all threads and signal handlers,
 * without a lock: who finds it being written works it out for itself. If a
 * writer never comes back, as after a longjmp(3) out of a signal handler, or
 * in the child of a fork(2) while it wrote, that goes on, and is only slow.
 */
#ifndef KASHIM_MEMO_H
#define KASHIM_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "view.h"

#define MEMO_GROUPS 16u /* numbers of groups that are remembered */

/*
 * Fills in the view, but for its image and names, and the numbers, which
 * groups.numbers then refers to. Returns false if what is remembered is of
 * another generation. Async-signal-safe.
 */
bool memo_load(
    uint32_t generation, struct view *view, uint32_t numbers[MEMO_GROUPS]);

/* Remembers a view, of view->generation, if nobody else does. */
void memo_store(const struct view *view);

#endif
