/* SPDX-License-Identifier: ISC */
/*
 * unit: a systemd unit as its files say it (systemd.unit(5)), with all its
 * drop-ins, below a root directory. It asks no running manager, so that it
 * works for images and in containers.
 */
#ifndef KASHIM_UNIT_H
#define KASHIM_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_setting {
	char *section; /* "Service" */
	char *key;     /* "Environment" */
	char *value;   /* continuation lines joined, not unquoted */
	char *file;    /* where it stands, without the root */
	uint32_t line;
};

struct unit {
	char *name; /* with its suffix */
	char *file; /* the main file, without the root; NULL if none */
	struct unit_setting *settings; /* in the order in which they count */
	size_t count;
};

/*
 * Reads unit name ("x", for x.service, or "x.socket", "x@y.service") below
 * root, "" for this system. Returns 0; -ENOENT if there is no such unit;
 * -EINVAL if the name cannot be one; -errno.
 */
int unit_read(const char *root, const char *name, struct unit *unit);

void unit_free(struct unit *unit);

/*
 * The value of a setting that holds one value: the last one given; NULL if
 * it is not set, or was reset by an empty value.
 */
const struct unit_setting *
unit_last(const struct unit *unit, const char *section, const char *key);

/*
 * The value of an environment variable that the unit's own Environment=
 * lines give (systemd.exec(5): several in one line, quoted, later ones win,
 * an empty value resets; UnsetEnvironment= takes away). Returns 1 and a string
 * from malloc(3) at *value; 0 if it is not set; -ENOMEM.
 */
int unit_environment(const struct unit *unit, const char *name, char **value);

#endif
