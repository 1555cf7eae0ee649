/* SPDX-License-Identifier: ISC */
/*
 * dropin: the one file of ours in a systemd unit's drop-in directory. It is
 * known by its name and by its first line; a file of that name without the
 * line is somebody else's, and never touched.
 */
#ifndef KASHIM_DROPIN_H
#define KASHIM_DROPIN_H

#include <stdbool.h>
#include <stddef.h>

#include "unit/unit.h"

/*
 * Drop-ins count in the order of their file names, wherever they lie. Of the
 * lines that set a variable the last one wins, so this has to come behind
 * those of packages (which begin with digits) and behind override.conf, which
 * "systemctl edit" makes.
 */
#define DROPIN_NAME "zz-kashim.conf"

/* What is to stand in it. */
struct dropin {
	const char *id; /* the unit */
	const char *library;
	/*
	 * What LD_PRELOAD held before, as the unit has it, with specifiers; and
	 * where. NULL if nothing.
	 */
	const char *others;
	const char *others_file;
	const char *config; /* for KASHIM_CONFIG, NULL: not set */
	/* In place of LD_PRELOAD: whole lines (exec_start.h); or NULL. */
	const char *lines;
	/* In place of both: the command that attaches the unit; or NULL. */
	const char *attach;
};

/* Its name, without the root, from malloc(3); NULL if there is no memory. */
char *dropin_path(const char *id);

/*
 * The text of it, from malloc(3). Returns 0; -EINVAL if a name has control
 * characters or others that are not harmless (text.h), which cannot stand in
 * the environment of a unit, or would look there like something else; -ENOMEM.
 */
int dropin_text(const struct dropin *dropin, char **text);

/*
 * The configuration file that text names, as in struct dropin, from malloc(3).
 * Returns 1, 0 if it names none, -ENOMEM.
 */
int dropin_config(const char *text, char **config);

/*
 * The line of ours that attaches the unit at each start, if it counts; or NULL.
 */
const struct unit_setting *dropin_attaches(const struct unit *unit);

/*
 * The command and the configuration file that it names, both from malloc(3).
 * Returns 0 or -ENOMEM.
 */
int dropin_attaches_with(
    const struct unit_setting *line, char **command, char **config);

/*
 * Reads that of unit id below root ("" is this system). Returns 0 and its
 * text, from malloc(3); -ENOENT if there is none; -EEXIST if it is not ours;
 * -errno.
 */
int dropin_read(const char *root, const char *id, char **text);

/*
 * Writes it: to a temporary file beside it, which is synced and renamed.
 * Returns 0; -EEXIST if there is one that is not ours; -errno.
 */
int dropin_write(const char *root, const char *id, const char *text);

/*
 * Removes it, and its directory if nothing else is in there. Returns as
 * dropin_read() does.
 */
int dropin_remove(const char *root, const char *id);

#endif
