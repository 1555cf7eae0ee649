/* SPDX-License-Identifier: ISC */
/*
 * doctor_sockets: how the live connections of a process stand.
 */
#ifndef KASHIM_DOCTOR_SOCKETS_H
#define KASHIM_DOCTOR_SOCKETS_H

#include <sys/types.h>

#include "doctor/findings.h"

/*
 * How the live connections of a process stand, by the configuration as it is
 * now.
 */
void doctor_sockets(
    pid_t pid, const char *root, const char *config, struct findings *findings);

#endif
