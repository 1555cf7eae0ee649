/* SPDX-License-Identifier: ISC */
/*
 * cmd: what the subcommands of kashim have in common (cmd.h).
 */
#include "cmd/cmd.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "advice/compiled.h"
#include "advice/example.h"
#include "config/config.h"
#include "host/preload.h"

#ifndef KASHIM_LIBDIR
#define KASHIM_LIBDIR "/usr/local/lib"
#endif

/* For who changes a file all the time. */
#define TRIES_MAX 5

int
cmd_absolute(const char *what, const char *file, char path[PATH_MAX])
{
	char directory[PATH_MAX];
	int length;

	if (!*file) {
		warnx("the name of the %s is empty", what);
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
		warnx("the name of the %s is too long", what);
		return CMD_WRONG;
	}
	return CMD_DONE;
}

int
cmd_config_path(const char *file, char path[PATH_MAX])
{
	if (!file) {
		file = getenv("KASHIM_CONFIG");
		if (!file || !*file)
			file = CONFIG_FILE;
	}
	return cmd_absolute("configuration file", file, path);
}

int
cmd_file_argument(int argc, char *argv[], const char *help, char path[PATH_MAX])
{
	static const struct option options[] = {
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (opt != 'h')
			return cmd_wrong_use(argv[0]);
		fputs(help, stdout);
		return CMD_NO;
	}
	if (argc - optind > 1) {
		warnx("%s takes one file, not %d", argv[0] + strlen("kashim "),
		    argc - optind);
		return cmd_wrong_use(argv[0]);
	}
	return cmd_config_path(optind < argc ? argv[optind] : NULL, path);
}

void
cmd_say_missing(const char *path, int error)
{
	char hint[EXAMPLE_TEXT_MAX];

	if (error != -ENOENT || strcmp(path, CONFIG_FILE) != 0)
		return;
	example_hint(hint);
	warnx("%s", hint);
}

int
cmd_load(const char *path, struct image *image)
{
	char message[CONFIG_MESSAGE_MAX];
	uint8_t *bytes;
	int error =
	    config_load(path, NULL, NULL, &bytes, &image->size, message);

	if (error < 0) {
		warnx("%s", message);
		cmd_say_missing(path, error);
		return CMD_WRONG;
	}
	image->bytes = bytes;
	return CMD_DONE;
}

int
cmd_load_at_rest(const char *path, struct image *image)
{
	for (int i = 0; i <= TRIES_MAX; i++) {
		struct timespec begun, ended;
		int status;

		clock_gettime(CLOCK_REALTIME, &begun);
		status = cmd_load(path, image);
		clock_gettime(CLOCK_REALTIME, &ended);
		if (status != CMD_DONE ||
		    !compiled_too_young(image, begun, ended))
			return status;
		free((void *)image->bytes);
	}
	warnx(
	    "%s: it changes all the time; try again when it is written", path);
	return CMD_WRONG;
}

/* Is it what is published, by another way? */
static bool
is_published(const struct in_force *force)
{
	const struct source *source = &force->source;
	const struct image published =
	    shared_image(&source->shared, source->generation);

	return published.size == force->image.size &&
	       memcmp(published.bytes, force->image.bytes, published.size) == 0;
}

/* What is published is not made of the text as it is now. */
static void
say_differs(
    const char *path, enum source_for whom, const struct in_force *force)
{
	const struct source *source = &force->source;

	if (source->kind == SOURCE_OLD_PUBLISHED)
		warnx("warning: programs that run, and this answer, go by "
		      "policy generation %u; %s was changed since, and 'kashim "
		      "reload' puts that in force",
		    source->generation, path);
	else if (whom == SOURCE_FOR_STARTING && !is_published(force))
		warnx("warning: this answer goes by %s, and programs that run "
		      "by policy generation %u, which is older, until 'kashim "
		      "reload'",
		    path, source->generation);
}

int
cmd_in_force(const char *path, enum source_for whom, struct in_force *force)
{
	const struct source *source = &force->source;
	int error = in_force_read_for(path, whom, force);

	if (*force->message)
		warnx("%s", force->message);
	if (error < 0) {
		cmd_say_missing(path, error);
		return CMD_WRONG;
	}
	if (source->error < 0)
		warnx("warning: programs go by the last good policy, and so "
		      "does this answer");
	else if (source->shared.header && source->kind != SOURCE_PUBLISHED)
		say_differs(path, whom, force);
	return CMD_DONE;
}

bool
cmd_library(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length > 0) {
		char *slash;
		int written;

		self[length] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			written = snprintf(
			    path, PATH_MAX, "%s/" PRELOAD_LIBRARY, self);
			if (written < PATH_MAX && access(path, R_OK) == 0)
				return true;
		}
	}
	snprintf(path, PATH_MAX, "%s", KASHIM_LIBDIR "/" PRELOAD_LIBRARY);
	return access(path, R_OK) == 0;
}

int
cmd_wrong_use(const char *name)
{
	fprintf(stderr, "Try '%s --help'.\n", name);
	return CMD_WRONG;
}

int
cmd_flush(void)
{
	static int error;

	/* What could not be written is thrown away, and why is lost. */
	if (fflush(stdout) != 0 && !error)
		error = -errno;
	else if (ferror(stdout) && !error)
		error = -EIO;
	return error;
}

void
cmd_hold_signals(sigset_t *before)
{
	static const int ask[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM};
	sigset_t held;

	sigemptyset(&held);
	for (size_t i = 0; i < sizeof(ask) / sizeof(ask[0]); i++)
		sigaddset(&held, ask[i]);
	sigprocmask(SIG_BLOCK, &held, before);
}

void
cmd_release_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}
