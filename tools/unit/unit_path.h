/* SPDX-License-Identifier: ISC */
/*
 * unit_path: which files make a unit up: the search path of the system
 * manager, aliases, templates and drop-in directories (systemd.unit(5)).
 */
#ifndef KASHIM_UNIT_PATH_H
#define KASHIM_UNIT_PATH_H

#include <stdbool.h>

#include "host/inside.h"

struct unit_path {
	char *id;   /* the unit's own name */
	char *file; /* its main file, without the root */
	bool masked;
	struct inside_names dropins; /* without the root, as they count */
};

/*
 * Finds the files of a unit, by its full name, below root, which is from
 * inside_root(). Returns 0, -ENOENT, -ELOOP, -E2BIG if it
 * has more than a thousand aliases or drop-ins, or another -errno; *path is to
 * be given back with unit_path_free() in any case.
 */
int unit_path_find(int root, const char *name, struct unit_path *path);

void unit_path_free(struct unit_path *path);

#endif
