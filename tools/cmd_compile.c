/* SPDX-License-Identifier: ISC */
/*
 * kashim compile: turns a configuration file into the image beside it, which
 * programs read at their start in place of the text.
 */
#include "cmd.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"
#include "config.h"

static const char help[] =
    "Usage: kashim compile [FILE]\n"
    "Reads a configuration file and writes what it says, ready for use, to\n"
    "FILE" CACHE_SUFFIX ". Programs start faster with it, and those that\n"
    "cannot read FILE itself (32-bit, musl) need it. As soon as FILE, or what\n"
    "it includes, is changed, it is not used any more: compile again.\n"
    "FILE is by default what KASHIM_CONFIG names, or " CONFIG_FILE ".\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit status: 0 if it was written, 2 if the file is wrong or it could "
    "not be.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim compile\n"
    "  kashim compile ./new.conf\n";

int
cmd_compile(int argc, char *argv[])
{
	char path[PATH_MAX], image[PATH_MAX];
	struct image policy;
	int status, error;

	status = cmd_file_argument(argc, argv, help, path);
	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	status = cmd_load(path, &policy);
	if (status != CMD_DONE)
		return status;
	error = cache_name(path, image, sizeof(image));
	if (error == 0)
		error = cache_write(image, policy.bytes, policy.size);
	free((void *)policy.bytes);
	if (error < 0) {
		warnx("%s" CACHE_SUFFIX " cannot be written: %s", path,
		    strerror(-error));
		return CMD_WRONG;
	}
	printf("%s: written, %u bytes\n", image, policy.size);
	return CMD_DONE;
}
