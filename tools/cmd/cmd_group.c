/* SPDX-License-Identifier: ISC */
/*
 * cmd_group: which control group attach and detach are told (cmd_group.h).
 */
#include "cmd/cmd_group.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cmd_unit.h"
#include "kernel/kernel.h"
#include "term/text.h"
#include "unit/dropin.h"
#include "unit/unit_group.h"

/* The template of the units that attach after a boot. */
#define TEMPLATE "kashim-attach@"
#define SUFFIX   ".service"
#define ENABLED  "/etc/systemd/system/sysinit.target.wants/" TEMPLATE

static int
find_root(char path[PATH_MAX])
{
	if (kernel_root(path) == 0)
		return CMD_DONE;
	text_warnx("there are no control groups of version 2");
	return CMD_WRONG;
}

/* What was attached to it went with its control group. */
static int
has_none(const char *name)
{
	text_warnx(
	    "nothing is attached to %s, which has no control group now", name);
	return CMD_NO;
}

/* A unit that runs, by its name or an alias. */
static int
find_unit(
    const char *name, bool wanted, char path[PATH_MAX], char id[UNIT_NAME_SIZE])
{
	char root[PATH_MAX];
	struct unit unit;
	int status = find_root(root);

	if (status != CMD_DONE)
		return status;
	if (unit_full_name(name, id) == 0 &&
	    unit_find_group(root, id, path) == 0)
		return CMD_DONE;
	status = cmd_unit_read("", name, &unit);
	if (status != CMD_DONE)
		return status;
	snprintf(id, UNIT_NAME_SIZE, "%s", unit.id);
	unit_free(&unit);
	if (unit_find_group(root, id, path) == 0)
		return CMD_DONE;
	if (!wanted)
		return has_none(id);
	text_warnx("%s does not run, and has no control group now: 'kashim "
		   "enable --kernel %s' attaches it at each start",
	    id, id);
	return CMD_WRONG;
}

const char *
cmd_group_slice(const struct cmd_group *group, char id[UNIT_NAME_SIZE])
{
	const char *dot = group->slice ? strrchr(group->slice, '.') : NULL;

	if (!group->slice && !group->all)
		return NULL;
	snprintf(id, UNIT_NAME_SIZE, "%s%s",
	    group->all ? "-.slice" : group->slice,
	    group->all || (dot && strcmp(dot, ".slice") == 0) ? "" : ".slice");
	return id;
}

static int
find_slice(const char *slice, bool wanted, char path[PATH_MAX])
{
	char name[PATH_MAX];
	size_t length;

	if (!unit_slice_group(slice, name)) {
		text_warnx("'%s' cannot be the name of a slice", slice);
		return CMD_WRONG;
	}
	if (find_root(path) != CMD_DONE)
		return CMD_WRONG;
	length = strlen(path);
	snprintf(path + length, PATH_MAX - length, "%s", name);
	if (access(path, F_OK) == 0)
		return CMD_DONE;
	if (!wanted)
		return has_none(slice);
	text_warnx("%s has no control group now, since nothing runs in it: "
		   "'systemctl start %s' makes one",
	    slice, slice);
	return CMD_WRONG;
}

int
cmd_group_find(const struct cmd_group *group, const char *command,
    char path[PATH_MAX], char id[UNIT_NAME_SIZE])
{
	char slice[UNIT_NAME_SIZE];

	*path = *id = '\0';
	if (group->all + !!group->cgroup + !!group->unit + !!group->slice > 1) {
		text_warnx("one of --unit, --slice, --cgroup and --all");
		return cmd_wrong_use(command);
	}
	if (group->unit)
		return find_unit(group->unit, group->wanted, path, id);
	if (cmd_group_slice(group, slice))
		return find_slice(slice, group->wanted, path);
	if (group->cgroup)
		snprintf(path, PATH_MAX, "%s", group->cgroup);
	return CMD_DONE;
}

int
cmd_group_enable(const char *slice)
{
	char name[2 * UNIT_NAME_SIZE];

	snprintf(name, sizeof(name), TEMPLATE "%s" SUFFIX, slice);
	if (cmd_flush() == 0)
		execlp("systemctl", "systemctl", "enable", name, NULL);
	text_warnx("systemctl: %s", strerror(errno));
	return CMD_WRONG;
}

void
cmd_group_say_start(const char *path)
{
	const char *name = strrchr(path, '/');
	struct unit unit;

	if (!name || unit_read("", name + 1, &unit) != 0)
		return;
	if (dropin_attaches(&unit))
		text_warnx("at its next start it is attached again, until "
			   "'kashim disable %s'",
		    unit.id);
	unit_free(&unit);
}

/* Does the link of an enabled unit concern the control group at path? */
static bool
concerns(const char *link, const char *path)
{
	char root[PATH_MAX], group[PATH_MAX], slice[UNIT_NAME_SIZE];
	struct stat one, other;
	size_t length = strlen(link) - strlen(ENABLED SUFFIX);

	if (!*path)
		return true;
	if (kernel_root(root) < 0 ||
	    snprintf(slice, sizeof(slice), "%.*s", (int)length,
		link + strlen(ENABLED)) >= (int)sizeof(slice) ||
	    !unit_slice_group(slice, group))
		return false;
	length = strlen(root);
	snprintf(root + length, PATH_MAX - length, "%s", group);
	return stat(root, &one) == 0 && stat(path, &other) == 0 &&
	       one.st_ino == other.st_ino;
}

void
cmd_group_say_enabled(const char *path)
{
	glob_t found;

	if (glob(ENABLED "*" SUFFIX, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;

		if (concerns(found.gl_pathv[i], path))
			text_warnx("after a boot it is attached again, until "
				   "'systemctl disable %s'",
			    name);
	}
	globfree(&found);
}
