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

#include "base/addr.h"
#include "base/keepalive.h"
#include "image/view.h"

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

/*
 * Is it remembered that there is no uniform rule (view.h) in the policy of
 * this generation? Async-signal-safe.
 */
extern uint32_t memo_without_uniform; /* generation + 1, or 0 */

static inline bool
memo_has_no_uniform(uint32_t generation)
{
	return __atomic_load_n(&memo_without_uniform, __ATOMIC_RELAXED) ==
	       generation + 1;
}

/* What connect(2) to one destination comes to, for a socket of which nothing
 * is known yet. */
struct memo_answer {
	int rule;
	struct keepalive want; /* nothing is to be set if want.set is 0 */
};

/*
 * The answer for a destination, in the policy of this generation. Returns
 * false if it is not remembered: only a few are. Async-signal-safe.
 */
bool memo_find(uint32_t generation, const struct addr *destination,
    uint16_t port, struct memo_answer *answer);

/* Remembers one, if nobody else does. Async-signal-safe. */
void memo_keep(uint32_t generation, const struct addr *destination,
    uint16_t port, const struct memo_answer *answer);

/*
 * The rule for what is accepted at this address and port of ours, in the policy
 * of this generation, from a peer that has this address; of no family if that
 * makes no difference. Returns false if it is not remembered.
 * Async-signal-safe.
 */
bool memo_find_accepted(uint32_t generation, const struct addr *local,
    uint16_t port, const struct addr *peer, int *rule);
void memo_keep_accepted(uint32_t generation, const struct addr *local,
    uint16_t port, const struct addr *peer, int rule);

/*
 * What the kernel gives a new socket, as it was when that was last seen.
 * Returns false if it never was. Async-signal-safe.
 */
bool memo_find_defaults(struct keepalive *defaults);
void memo_keep_defaults(const struct keepalive *defaults);

#endif
