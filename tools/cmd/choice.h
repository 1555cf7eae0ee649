/* SPDX-License-Identifier: ISC */
/*
 * choice: the options by which kashim status and kashim apply are told whose
 * connections they are for, and by which rules: --config, --in-force, --text,
 * --pid, --unit and --program.
 */
#ifndef KASHIM_CHOICE_H
#define KASHIM_CHOICE_H

#include "image/source.h"
#include "live/live.h"

/* For getopt_long(3): the letters, and the entries of the table. */
#define CHOICE_LETTERS "c:ftp:u:P:"
/* clang-format off */
#define CHOICE_OPTIONS \
	{"config", required_argument, NULL, 'c'}, \
	{"in-force", no_argument, NULL, 'f'}, \
	{"text", no_argument, NULL, 't'}, \
	{"pid", required_argument, NULL, 'p'}, \
	{"unit", required_argument, NULL, 'u'}, \
	{"program", required_argument, NULL, 'P'}
/* clang-format on */

/* Their part of --help. It needs config.h. */
#define CHOICE_HELP                                                            \
	"  -c, --config=FILE      use FILE instead of KASHIM_CONFIG or\n"      \
	"                         " CONFIG_FILE "\n"                           \
	"  -f, --in-force         by the policy that running programs have "   \
	"(default of\n"                                                        \
	"                         status)\n"                                   \
	"  -t, --text             by FILE as it is now (default of apply); "   \
	"if it has a\n"                                                        \
	"                         mistake, by the last good policy\n"          \
	"  -p, --pid=PID          only this process\n"                         \
	"  -u, --unit=UNIT        only processes of this systemd unit\n"       \
	"  -P, --program=PATTERN  only programs with such a name: a shell "    \
	"pattern\n"                                                            \
	"                         Each may be repeated; a process needs only " \
	"one of them.\n"

/* All zero at first. */
struct choice {
	const char *config;      /* --config, NULL if not given */
	enum source_for by;      /* --in-force or --text */
	struct live_choice live; /* the rest; its arrays are ours */
};

/*
 * Takes the option opt of CHOICE_LETTERS with its argument text, which has to
 * outlast *choice. Returns 0; -EINVAL after a message on stderr if the
 * argument is wrong; -ENOMEM after a message.
 */
int choice_take(struct choice *choice, int opt, const char *text);

/* Frees the arrays. */
void choice_free(struct choice *choice);

#endif
