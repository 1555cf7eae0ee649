/* SPDX-License-Identifier: ISC */
/*
 * kashim run: starts a program with libkashim.so in front of its LD_PRELOAD,
 * or, where that has no effect, under supervision (supervise.h). Either way it
 * becomes the program (exec), so that the exit status, signals, standard
 * streams and the process id are the program's own. A bad configuration is
 * reported and never keeps the program from running, unless --strict asks for
 * that.
 */
#include "cmd.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "config.h"
#include "supervise.h"

#define LIBRARY "libkashim.so"

static const char help[] =
    "Usage: kashim run [-c FILE] [--] PROGRAM [ARGUMENT...]\n"
    "Runs PROGRAM with " LIBRARY " in front of its LD_PRELOAD.\n"
    "\n"
    "  -c, --config=FILE   use FILE instead of KASHIM_CONFIG or\n"
    "                      " CONFIG_FILE "\n"
    "      --supervise     from outside\n"
    "  -h, --help          show this text\n"
    "\n"
    "The exit status is PROGRAM's own; 127 if it cannot be found, 126 if it "
    "cannot be\n"
    "executed, 2 for wrong use. With a bad or missing FILE, PROGRAM runs "
    "without a\n"
    "policy, and a message on stderr says why.\n"
    "\n"
    "Examples:\n"
    "  kashim run ftp ftp.example.com\n"
    "  kashim run -c ./test.conf -- ssh -N gateway\n";

/*
 * Puts the library in front of what LD_PRELOAD already holds. The loader
 * splits that list at spaces and colons (ld.so(8)) and knows no quoting.
 */
static int
preload(const char *program)
{
	char library[PATH_MAX];
	const char *others = getenv("LD_PRELOAD");
	char *list;
	int result;

	if (!cmd_library(library)) {
		warnx("%s: %s", library, strerror(errno));
		warnx("%s runs without the shim", program);
		return CMD_DONE;
	}
	if (strpbrk(library, " :")) {
		warnx("%s: the loader cannot preload a file with a space or a "
		      "colon in its path",
		    library);
		return CMD_WRONG;
	}
	if (!others || !*others)
		result = asprintf(&list, "%s", library);
	else
		result = asprintf(&list, "%s:%s", library, others);
	if (result < 0 || setenv("LD_PRELOAD", list, 1) != 0) {
		warn("LD_PRELOAD");
		return CMD_WRONG;
	}
	free(list);
	return CMD_DONE;
}

/*
 * Reads the policy. The shim reads the file by itself; here only a person can
 * see what is wrong with it, and a supervisor needs it. Returns whether there
 * is one.
 */
static bool
read_policy(const char *path, const char *program, struct image *image)
{
	char message[CONFIG_MESSAGE_MAX];
	char compiled[PATH_MAX];
	uint8_t *bytes;

	if (cache_name(path, compiled, sizeof(compiled)) == 0 &&
	    cache_read(compiled, image) == 0) {
		if (cache_is_fresh(image, path))
			return true;
		cache_release(image);
	}
	if (config_load(path, NULL, NULL, &bytes, &image->size, message) == 0) {
		image->bytes = bytes;
		return true;
	}
	warnx("%s", message);
	warnx("%s runs without a policy", program);
	return false;
}

int
cmd_run(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"supervise", no_argument, NULL, 'S'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *file = NULL, *program;
	char path[PATH_MAX];
	int opt, status;
	bool outside = false;
	struct worker_policy policy = {.trace_path = ""};

	/* "+": the options behind PROGRAM are its own. */
	while ((opt = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			file = optarg;
			break;
		case 'S':
			outside = true;
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_DONE;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (optind == argc) {
		warnx("run needs a program");
		return cmd_wrong_use(argv[0]);
	}
	program = argv[optind];

	status = cmd_config_path(file, path);
	if (status != CMD_DONE)
		return status;
	if (file && setenv("KASHIM_CONFIG", path, 1) != 0) {
		warn("KASHIM_CONFIG");
		return CMD_WRONG;
	}
	if (read_policy(path, program, &policy.image) && outside) {
		const char *why;
		int error = supervise_start(&policy, NULL, 0, &why);

		if (error < 0)
			warnx("%s: %s", why, strerror(-error));
	} else {
		status = preload(program);
		if (status != CMD_DONE)
			return status;
	}

	execvp(program, argv + optind);
	status = errno == ENOENT ? CMD_NOT_FOUND : CMD_CANNOT_RUN;
	warn("%s", program);
	return status;
}
