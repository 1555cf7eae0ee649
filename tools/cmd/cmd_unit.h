/* SPDX-License-Identifier: ISC */
/*
 * cmd_unit: what enable and disable have in common.
 */
#ifndef KASHIM_CMD_UNIT_H
#define KASHIM_CMD_UNIT_H

#include <stdbool.h>

#include "unit/unit.h"

/* A command line of theirs. */
struct cmd_unit {
	const char *name;   /* of the unit; NULL with host */
	const char *root;   /* for messages and file names: "" is this system */
	const char *config; /* --config, NULL if it is not given */
	bool dry_run;
	bool supervise; /* --supervise */
	bool kernel;    /* --kernel */
	bool host;      /* --host: all programs of the system, and no unit */
};

/*
 * Reads the command line; --config, --supervise and --kernel are options only
 * if enables. Slashes are taken away from the end of root in place. Returns
 * CMD_DONE; CMD_NO after help was printed, and the subcommand is done;
 * CMD_WRONG after a message.
 */
int cmd_unit_options(int argc, char *argv[], const char *help, bool enables,
    struct cmd_unit *options);

/*
 * Reads a unit, which the caller gives back with unit_free() in any case.
 * Returns CMD_DONE, or CMD_WRONG after a message on stderr.
 */
int cmd_unit_read(const char *root, const char *name, struct unit *unit);

/* Says that the file at path stays as it is. Returns CMD_NO. */
int cmd_unit_not_ours(const char *root, const char *path);

/* Says why it can't be written or removed. Returns CMD_WRONG. */
int cmd_unit_failed(
    const char *root, const char *path, const char *what, int error);

/*
 * Both with --host: they write the line of /etc/ld.so.preload, or take it away.
 * library is the one of this system; of an image it is where make install puts
 * it. They return the exit status. cmd_host.c
 */
int cmd_host_enable(const struct cmd_unit *options, const char *library);
int cmd_host_disable(const struct cmd_unit *options);

/* Says on stdout what has to be done by the administrator. */
void cmd_unit_next(const char *root, const char *id);

#endif
