/* SPDX-License-Identifier: ISC */
/*
 * doctor_socket_unit: what the sockets need that systemd opens.
 */
#ifndef KASHIM_DOCTOR_SOCKET_UNIT_H
#define KASHIM_DOCTOR_SOCKET_UNIT_H

#include "doctor/findings.h"
#include "unit/unit.h"

/* Of a .socket unit: the KeepAlive*= lines that the rules in config ask for. */
void doctor_socket_unit(
    const struct unit *unit, const char *config, struct findings *findings);

#endif
