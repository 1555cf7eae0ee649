/* SPDX-License-Identifier: ISC */
/*
 * doctor_loaders: whether every program of a system could load a library: each
 * word size, each loader that is installed.
 */
#ifndef KASHIM_DOCTOR_LOADERS_H
#define KASHIM_DOCTOR_LOADERS_H

#include "doctor/findings.h"

/*
 * Looks at each loader of the GNU C library in the system below root ("" for
 * this one), and adds a FINDING_FATAL for each that cannot load entry, as it
 * stands in LD_PRELOAD or /etc/ld.so.preload, or not without danger: where it
 * leads to nothing, to a library of another kind, to one that is cut short or
 * needs a newer C library; or to one that others than root could replace, which
 * would be in setuid programs then. Adds one, too, if there is no such loader.
 */
void
doctor_loaders(const char *root, const char *entry, struct findings *findings);

#endif
