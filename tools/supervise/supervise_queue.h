/* SPDX-License-Identifier: ISC */
/*
 * supervise_queue: listeners that a program did not make itself, and the
 * connections that waited in their queue before they had its rule.
 *
 * No call tells of a listener that was handed on, nor, where a listener alone
 * decides what its connections get, of accept(2). So the worker looks for both
 * for a while: a few milliseconds after a process may have got a listener, and
 * again and again, each time later, up to every second; for four seconds, and
 * longer only while connections wait in such a queue.
 */
#ifndef KASHIM_SUPERVISE_QUEUE_H
#define KASHIM_SUPERVISE_QUEUE_H

#include <stdint.h>
#include <sys/types.h>

#include "supervise/supervise_target.h"

/*
 * The process that pidfd is for, whose number is process, may have got a
 * listener from elsewhere, or may get one now. pidfd stays the caller's.
 */
void queue_watch(int pidfd, pid_t process);

/* So may that of target, unless no rule for accepted connections concerns it.
 */
void queue_watch_target(struct target *target);

/* When something is due, by the clock of supervise_clock.h. */
int64_t queue_due_ms(void);

/* Does what is due. */
void queue_run(void);

/* Forgets all processes, and lets go of all descriptors. */
void queue_stop(void);

#endif
