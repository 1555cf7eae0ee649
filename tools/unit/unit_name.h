/* SPDX-License-Identifier: ISC */
/*
 * unit_name: the names of systemd units and what follows from them
 * (systemd.unit(5)). unit_full_name() and its neighbours in unit.h are its own
 * too. All names here have their suffix.
 */
#ifndef KASHIM_UNIT_NAME_H
#define KASHIM_UNIT_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "unit/unit.h"

/* The suffix, "service" without the dot. */
const char *unit_name_type(const char *name);

/* "x@.service" for "x@y.service". Returns false if name is no instance. */
bool unit_name_template(const char *name, char template[UNIT_NAME_SIZE]);

/*
 * "x@y.service" for "x@.service" and "z@y.service". Returns false if template
 * is none, if instance is none, or the name is too long.
 */
bool unit_name_instantiate(
    const char *template, const char *instance, char name[UNIT_NAME_SIZE]);

/*
 * The next shorter name whose drop-ins hold for name too: "a-b-.service" for
 * "a-b-c.service", then "a-.service"; "a-@i.service" for "a-b@i.service", but
 * "a-.service" for "a-b@.service". Returns false at the end.
 */
bool unit_name_shorter(const char *name, char shorter[UNIT_NAME_SIZE]);

/* May a link of this name stand for the unit target? */
bool unit_name_may_alias(const char *name, const char *target);

#endif
