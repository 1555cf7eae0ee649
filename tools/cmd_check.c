/* SPDX-License-Identifier: ISC */
/*
 * kashim check: is a configuration file right? Errors and warnings go to
 * stderr as FILE:LINE: text, the answer to stdout.
 */
#include "cmd.h"

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "image.h"

static const char help[] =
    "Usage: kashim check [FILE]\n"
    "Reads a configuration file with all that it includes, and says whether "
    "it is\n"
    "right. FILE is by default what KASHIM_CONFIG names, or " CONFIG_FILE ".\n"
    "\n"
    "  -h, --help    show this text\n"
    "\n"
    "Exit status: 0 if the file is right, with or without warnings, else 2.\n"
    "\n"
    "Examples:\n"
    "  kashim check\n"
    "  kashim check ./new.conf && sudo cp new.conf " CONFIG_FILE "\n";

static void
print_warning(void *data, const char *message)
{
	(void)data;
	warnx("warning: %s", message);
}

int
cmd_check(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	char path[PATH_MAX], message[CONFIG_MESSAGE_MAX];
	uint8_t *bytes;
	struct image image;
	uint32_t rules;
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return cmd_wrong_use(argv[0]);
		fputs(help, stdout);
		return CMD_DONE;
	}
	if (argc - optind > 1) {
		warnx("check takes one file, not %d", argc - optind);
		return cmd_wrong_use(argv[0]);
	}
	status = cmd_config_path(optind < argc ? argv[optind] : NULL, path);
	if (status != CMD_DONE)
		return status;
	if (config_load(
		path, print_warning, NULL, &bytes, &image.size, message) != 0) {
		warnx("%s", message);
		return CMD_WRONG;
	}
	image.bytes = bytes;
	rules = image_rule_count(&image);
	printf("%s: ok, %u rule%s\n", path, rules, rules == 1 ? "" : "s");
	free(bytes);
	return CMD_DONE;
}
