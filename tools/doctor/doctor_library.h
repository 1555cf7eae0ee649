/* SPDX-License-Identifier: ISC */
/*
 * doctor_library: whether the loader finds libkashim.so and can take it.
 */
#ifndef KASHIM_DOCTOR_LIBRARY_H
#define KASHIM_DOCTOR_LIBRARY_H

#include "doctor/doctor_policy.h"

/*
 * Is the library where the loader looks, and can it take it? Also what else
 * LD_PRELOAD holds. Says so if all is well.
 */
void
doctor_library(const struct place *place, const struct doctor_target *target,
    const struct doctor_policy *policy, struct findings *findings);

/*
 * Are there libraries in place->preload that work with ours in one order only,
 * and is it this one? If place->library_in_list is false, it will be.
 */
void doctor_order(const struct place *place, struct findings *findings);

/*
 * Does the C library of the system below root ("" for this one) lack a version
 * of its functions that library, a path in there, was linked with? Then the
 * loader ends each program of that system that it is preloaded into. Where
 * that C library is depends on the loader, if it is not NULL. Returns
 * 0; 1, and the C library's path and the version that it lacks; -EBADMSG if
 * the library is cut short, which ends each program as well; or another -errno
 * if it can't be told.
 */
int doctor_lacks(const char *root, const char *loader, const char *library,
    char libc[PATH_MAX], char lacking[NAME_MAX + 1]);

/*
 * For LD_PRELOAD: the loader of each word size puts a directory of its own for
 * $LIB (ld.so(8)), so that each finds the library for it.
 */
#define DOCTOR_BOTH_SIZES "/usr/$LIB/libkashim.so"

/*
 * Does that lead a program of our own word size to library, a path in the
 * system below root ("" for this one)?
 */
bool doctor_both_sizes(const char *root, const char *library);

#endif
