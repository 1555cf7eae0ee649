/* SPDX-License-Identifier: ISC */
/*
 * cmd: what the subcommands of kashim have in common: exit statuses, the
 * choice of the configuration file, and their entry points.
 */
#ifndef KASHIM_CMD_H
#define KASHIM_CMD_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/in_force.h"
#include "image/image.h"

enum cmd_status {
	CMD_DONE = 0,
	CMD_NO = 1,    /* the answer is no */
	CMD_WRONG = 2, /* wrong use or bad configuration */
	/* probe only, as shells say it of SIGINT */
	CMD_INTERRUPTED = 130,
	/* run only, as env(1) does */
	CMD_CANNOT_RUN = 126,
	CMD_NOT_FOUND = 127,
};

/*
 * A subcommand. argv[0] is "kashim NAME", for messages; the options follow.
 * Returns the exit status.
 */
int cmd_run(int argc, char *argv[]);
int cmd_check(int argc, char *argv[]);
int cmd_compile(int argc, char *argv[]);
int cmd_reload(int argc, char *argv[]);
int cmd_match(int argc, char *argv[]);
int cmd_probe(int argc, char *argv[]);
int cmd_status(int argc, char *argv[]);
int cmd_doctor(int argc, char *argv[]);
int cmd_apply(int argc, char *argv[]);
int cmd_enable(int argc, char *argv[]);
int cmd_disable(int argc, char *argv[]);
int cmd_attach(int argc, char *argv[]);
int cmd_detach(int argc, char *argv[]);

/*
 * Writes to path the absolute name of file, which is what, for messages.
 * Symbolic links stay as they are. Returns CMD_DONE, or CMD_WRONG after a
 * message on stderr.
 */
int cmd_absolute(const char *what, const char *file, char path[PATH_MAX]);

/*
 * Writes to path the absolute name of the configuration file: file, or if
 * that is NULL what KASHIM_CONFIG names, or else CONFIG_FILE. Symbolic links
 * stay as they are. Returns CMD_DONE, or CMD_WRONG after a message on stderr.
 */
int cmd_config_path(const char *file, char path[PATH_MAX]);

/*
 * Reads the command line of a subcommand that takes [FILE] and --help, and
 * writes the absolute name of the configuration file to path. Returns
 * CMD_DONE; CMD_NO after help was printed, and the subcommand is done;
 * CMD_WRONG after a message.
 */
int cmd_file_argument(
    int argc, char *argv[], const char *help, char path[PATH_MAX]);

/*
 * How to begin, on stderr, if error, which is config_load()'s, says that the
 * configuration of this system is not there. Of a file that somebody named
 * there is nothing to say: the name will be wrong.
 */
void cmd_say_missing(const char *path, int error);

/*
 * Reads the configuration file at path into *image; its bytes are from
 * malloc(3), and the caller's to free. Returns CMD_DONE, or CMD_WRONG after a
 * message on stderr.
 */
int cmd_load(const char *path, struct image *image);

/*
 * The same, when the file has been at rest for a moment: it may be half
 * written, and right all the same. Of one that changes all the time, CMD_WRONG.
 */
int cmd_load_at_rest(const char *path, struct image *image);

/*
 * Reads the policy in force (in_force.h) of the configuration file at path, for
 * programs that start or for those that run. Says on stderr what is wrong with
 * the text, and if these two differ. Returns CMD_DONE, or CMD_WRONG if there is
 * none; the caller calls in_force_free() in any case.
 */
int
cmd_in_force(const char *path, enum source_for whom, struct in_force *force);

/*
 * Writes to path where libkashim.so is: beside the command, as in the build
 * tree, so that a build is tried with its own library; or else where it was
 * installed to. Returns whether it can be read there; if not, path is the
 * latter and errno says why.
 */
bool cmd_library(char path[PATH_MAX]);

/* Refers to --help on stderr. Returns CMD_WRONG. */
int cmd_wrong_use(const char *name);

/*
 * Writes out what was printed on stdout so far, for what follows on stderr to
 * come after it. Returns 0, or the -errno of the first time that this failed.
 */
int cmd_flush(void);

/*
 * What asks the command to end, or that nobody reads what it prints, waits from
 * here to cmd_release_signals(): so that what is done is not half done.
 */
void cmd_hold_signals(sigset_t *before);
void cmd_release_signals(const sigset_t *before);

#endif
