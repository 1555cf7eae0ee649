/* SPDX-License-Identifier: ISC */
/*
 * doctor_resolve: where the loader looks for an entry of LD_PRELOAD.
 */
#ifndef KASHIM_DOCTOR_RESOLVE_H
#define KASHIM_DOCTOR_RESOLVE_H

#include "doctor/findings.h"
#include "doctor/place.h"
#include "doctor/target.h"

/*
 * What the loader of target makes of an entry of LD_PRELOAD: $LIB, $PLATFORM
 * and $ORIGIN expanded, and looked for if it has no slash. Returns 0 and the
 * path in the place's root; -ENOENT if it is found nowhere, and the place
 * where it was looked for; -ENAMETOOLONG.
 */
int doctor_resolve(const struct place *place,
    const struct doctor_target *target, const char *entry, char path[PATH_MAX]);

/* The same of a program like this one: of its word size, and its loader. */
int doctor_resolve_own(
    const struct place *place, const char *entry, char path[PATH_MAX]);

/* What $LIB stands for with this loader; "lib" if it is not told. */
void doctor_lib_token(const struct place *place, const struct elf_file *elf,
    char *token, size_t size);

#endif
