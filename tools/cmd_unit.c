/* SPDX-License-Identifier: ISC */
/*
 * cmd_unit: what enable and disable have in common (cmd_unit.h).
 */
#include "cmd_unit.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

const char *
cmd_unit_root(char *root)
{
	size_t length = strlen(root);

	while (length > 0 && root[length - 1] == '/')
		root[--length] = '\0';
	return root;
}

int
cmd_unit_read(const char *root, const char *name, struct unit *unit)
{
	const char *in = *root ? " in " : "";
	int result = unit_read(root, name, unit);

	switch (result) {
	case 0:
		return CMD_DONE;
	case -EINVAL:
		warnx("'%s' cannot be the name of a unit", name);
		break;
	case -ENOENT:
		warnx("there is no unit '%s'%s%s", name, in, root);
		break;
	case -ELOOP:
		warnx("the aliases of '%s'%s%s go in a circle", name, in, root);
		break;
	default:
		warnx("unit '%s'%s%s: %s", name, in, root, strerror(-result));
	}
	return CMD_WRONG;
}

int
cmd_unit_not_ours(const char *root, const char *path)
{
	warnx("%s%s is not ours and stays as it is", root, path);
	return CMD_NO;
}

int
cmd_unit_failed(const char *root, const char *path, const char *what, int error)
{
	warnx("%s%s: cannot %s it: %s%s", root, path, what, strerror(-error),
	    geteuid() != 0 && (error == -EACCES || error == -EPERM)
		? "; try it as root"
		: "");
	return CMD_WRONG;
}

void
cmd_unit_next(const char *root, const char *id)
{
	const char *at = strchr(id, '@');

	if (*root)
		return;
	fputs("It takes effect with: systemctl daemon-reload && systemctl "
	      "restart ",
	    stdout);
	if (unit_is_template(id))
		printf("'%.*s*%s'\n", (int)(at + 1 - id), id, at + 1);
	else
		puts(id);
}
