/* SPDX-License-Identifier: ISC */
/*
 * kashim disable: removes the drop-in that kashim enable has written, and
 * nothing else. It also works for a unit that is no longer there.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_unit.h"
#include "host/preload.h"
#include "term/text.h"
#include "unit/dropin.h"
#include "unit/unit.h"

static const char help[] =
    "Usage: kashim disable [-n] [-H] [-r DIR] [UNIT]\n"
    "Removes what 'kashim enable' has written for the systemd service UNIT:\n"
    "/etc/systemd/system/UNIT.d/" DROPIN_NAME ", and its directory if that\n"
    "is then empty; or for every program of the host: the entry in\n"
    "/etc/ld.so.preload.\n"
    "\n"
    "  -H, --host          that of every program\n"
    "  -n, --dry-run       show what would be removed, and remove nothing\n"
    "  -r, --root=DIR      the system is an image below DIR\n"
    "  -h, --help          show this text\n"
    "\n"
    "The exit status is 0 if it is removed or was not there; 1 if there is a "
    "file of\n"
    "that name that is not ours; 2 for wrong use, or if it can't be removed.\n"
    "\n"
    "Examples:\n"
    "  kashim disable backup-agent\n"
    "  kashim disable -r /srv/image gateway@.service\n";

/* Says so if the library is preloaded all the same. */
static void
look_again(const char *root, const char *id)
{
	struct unit_variable variable;
	struct unit unit;
	char *others = NULL;
	bool ours = false;

	if (unit_read(root, id, &unit) != 0)
		return;
	if (unit.masked ||
	    unit_environment(&unit, "LD_PRELOAD", &variable) < 0) {
		unit_free(&unit);
		return;
	}
	if (variable.value &&
	    preload_others(variable.value, "", &others, &ours) >= 0 && ours)
		text_warnx(
		    "%s still preloads it, by %s%s", id, root, variable.file);
	free(others);
	unit_variable_free(&variable);
	unit_free(&unit);
}

static int
disable(const char *root, const char *id, bool dry_run)
{
	char *path = dropin_path(id), *text = NULL;
	int result, status;

	if (!path) {
		text_warnx("%s", strerror(ENOMEM));
		return CMD_WRONG;
	}
	result =
	    dry_run ? dropin_read(root, id, &text) : dropin_remove(root, id);
	status = CMD_DONE;
	if (result == -EEXIST) {
		status = cmd_unit_not_ours(root, path);
	} else if (result == -ENOENT) {
		printf("%s is not enabled\n", id);
	} else if (result != 0) {
		status = cmd_unit_failed(
		    root, path, dry_run ? "read" : "remove", result);
	} else if (dry_run) {
		printf("%s%s: would be removed\n", root, path);
	} else {
		printf("%s%s: removed\n", root, path);
		cmd_unit_next(root, id);
	}
	if (status == CMD_DONE && !dry_run)
		look_again(root, id);
	free(path);
	free(text);
	return status;
}

int
cmd_disable(int argc, char *argv[])
{
	char full[UNIT_NAME_SIZE];
	struct cmd_unit options;
	struct unit unit;
	int result = cmd_unit_options(argc, argv, help, false, &options);

	if (result != CMD_DONE)
		return result == CMD_NO ? CMD_DONE : result;
	if (options.host)
		return cmd_host_disable(&options);
	/* A unit that is gone can't be an alias, but may have a drop-in. */
	result = unit_read(options.root, options.name, &unit);
	if (result == -ENOENT && unit_full_name(options.name, full) == 0)
		return disable(options.root, full, options.dry_run);
	if (result != 0)
		return cmd_unit_read(options.root, options.name, &unit);
	result = disable(options.root, unit.id, options.dry_run);
	unit_free(&unit);
	return result;
}
