/* SPDX-License-Identifier: ISC */
/*
 * doctor_setid: will the loader run in secure-execution mode?
 */
#ifndef KASHIM_DOCTOR_SETID_H
#define KASHIM_DOCTOR_SETID_H

#include "doctor/findings.h"
#include "doctor/place.h"
#include "doctor/target.h"

/* Will the loader run in secure-execution mode? */
void doctor_setid(const struct place *place, const struct doctor_target *target,
    struct findings *findings);

#endif
