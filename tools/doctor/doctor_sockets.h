/* SPDX-License-Identifier: ISC */
/*
 * doctor_sockets: how the live connections of a process stand.
 */
#ifndef KASHIM_DOCTOR_SOCKETS_H
#define KASHIM_DOCTOR_SOCKETS_H

#include <sys/types.h>

#include "doctor/findings.h"
#include "doctor/place.h"

/*
 * How the live connections of a process stand, by the configuration of its
 * place as it is now.
 */
void
doctor_sockets(pid_t pid, const struct place *place, struct findings *findings);

#endif
