/* SPDX-License-Identifier: ISC */
/*
 * cmd: what the subcommands of kashim have in common (cmd.h).
 */
#include "cmd.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

int
cmd_config_path(const char *file, char path[PATH_MAX])
{
	char directory[PATH_MAX];
	int length;

	if (!file) {
		file = getenv("KASHIM_CONFIG");
		if (!file || !*file)
			file = CONFIG_FILE;
	}
	if (!*file) {
		warnx("the name of the configuration file is empty");
		return CMD_WRONG;
	}
	if (*file == '/') {
		length = snprintf(path, PATH_MAX, "%s", file);
	} else {
		if (!getcwd(directory, sizeof(directory))) {
			warn("%s: cannot tell the current directory", file);
			return CMD_WRONG;
		}
		while (strncmp(file, "./", 2) == 0)
			file += 2;
		length = snprintf(path, PATH_MAX, "%s/%s",
		    strcmp(directory, "/") == 0 ? "" : directory, file);
	}
	if (length < 0 || length >= PATH_MAX) {
		warnx("the name of the configuration file is too long");
		return CMD_WRONG;
	}
	return CMD_DONE;
}

int
cmd_wrong_use(const char *name)
{
	fprintf(stderr, "Try '%s --help'.\n", name);
	return CMD_WRONG;
}
