/* SPDX-License-Identifier: ISC */
/*
 * exec_start: a service's ExecStart= lines, as they have to be for another
 * program to start what they start.
 */
#ifndef KASHIM_EXEC_START_H
#define KASHIM_EXEC_START_H

#include <stdbool.h>

#include "unit/unit.h"

/* What stands in front of a program (systemd.service(5)). */
#define EXEC_START_PREFIXES "@-:+!|"

/*
 * The next word of a command line (systemd.service(5), "Command lines"), as
 * unit_word(). A lone ";" ends the command, and another one follows:
 * EXEC_START_NEXT, and no word. Escaped by a backslash it is a word.
 */
#define EXEC_START_NEXT 2
int exec_start_word(const char **text, char **word);

/*
 * The settings of a drop-in, after which the unit starts the same under
 * "COMMAND run --supervise": its ExecStart= lines, with all their quotes and
 * specifiers, and the system calls that a supervisor needs, if the unit filters
 * them. command is a path. Returns 0 and *lines, from malloc(3); -ENOTSUP if
 * the unit can't be started so, and *why says it, as does *where of one setting
 * (else it is NULL); -EINVAL as dropin_text(); -ENOMEM.
 */
int exec_start_supervised(const struct unit *unit, const char *command,
    char **lines, const struct unit_setting **where, const char **why);

/*
 * Does the text of a drop-in hold lines of exec_start_supervised(), and has the
 * unit, read without that drop-in, changed since?
 */
bool exec_start_is_old(const struct unit *unit, const char *text);

#endif
