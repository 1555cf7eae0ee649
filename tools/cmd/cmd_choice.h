/* SPDX-License-Identifier: ISC */
/*
 * cmd_choice: what status and apply have in common: a choice of processes, and
 * the rules.
 */
#ifndef KASHIM_CMD_CHOICE_H
#define KASHIM_CMD_CHOICE_H

#include <getopt.h>

#include "cmd/choice.h"
#include "config/in_force.h"

/* A subcommand of this kind; data is its own. */
struct cmd_choice {
	const char *letters;          /* CHOICE_LETTERS, its own, and "h" */
	const struct option *options; /* likewise */
	const char *help;
	enum source_for by; /* unless --in-force or --text is given */
	void (*take)(int opt, void *data); /* an option of its own */
	/*
	 * Do the options go together? Returns CMD_DONE; or CMD_WRONG after a
	 * message, and *refer says whether --help is to be referred to.
	 */
	int (*check)(
	    const struct choice *choice, const void *data, bool *refer);
	/*
	 * The exit status. config is the name of the rules' file, and they may
	 * be read anew.
	 */
	int (*run)(struct choice *choice, struct in_force *force,
	    const char *config, const void *data);
};

/* Reads the command line and the rules, and runs it. Returns the status. */
int cmd_choice(
    int argc, char *argv[], const struct cmd_choice *command, void *data);

/*
 * Says on stderr which of the chosen units and programs no process is of.
 * Returns how many these are.
 */
size_t
cmd_choice_absent(const struct live_choice *choice, const struct live *live);

/* Says why the connections could not be read. Returns CMD_WRONG. */
int cmd_choice_failed(int error, const struct live *live);

#endif
