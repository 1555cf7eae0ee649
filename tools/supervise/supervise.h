/* SPDX-License-Identifier: ISC */
/*
 * supervise: reaches a program that no preload can reach, from outside. The
 * calling process is put under a seccomp filter that reports its connect(2)
 * and the like to a supervisor, and can then become the program: it keeps its
 * process, and is nobody's child but its parent's.
 *
 * The supervisor is two processes (supervise_guard.h) in a session of their
 * own, without a descriptor of the program's, and ends with the last process
 * that the program left.
 */
#ifndef KASHIM_SUPERVISE_H
#define KASHIM_SUPERVISE_H

#include <stdbool.h>

#include "supervise/supervise_worker.h"

/*
 * Starts a supervisor with this policy and puts the calling process, which
 * has one thread, under it.
 *
 * Returns 0, and the process is to call execve(2); or -errno and, at *why,
 * what could not be done, and then nothing has changed; but with -EOWNERDEAD
 * the supervisor was killed at the last moment, nobody will answer for the
 * process, and it must not become the program.
 */
int supervise_start(const struct worker_policy *policy, const char **why);

/*
 * What of a policy supervision cannot do in the place where the calling
 * process is, in words; NULL if nothing.
 */
const char *supervise_lacks(const struct image *image);

/* May the supervisor look into a program that takes another user later? */
bool supervise_sees_others(void);

/*
 * Would a program that is set-user-ID or has file capabilities get its rights
 * under supervision? Only where the kernel lets a filter in without
 * no_new_privs (prctl(2)): with CAP_SYS_ADMIN.
 */
bool supervise_keeps_rights(void);

#endif
