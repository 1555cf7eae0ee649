/* SPDX-License-Identifier: ISC */
/*
 * unit_text: the languages of unit files (systemd.syntax(7)) and of the files
 * that EnvironmentFile= names (systemd.exec(5)). It reads from memory only,
 * and knows no setting. unit_word() of unit.h is its own too.
 */
#ifndef KASHIM_UNIT_TEXT_H
#define KASHIM_UNIT_TEXT_H

#include <stdint.h>

/*
 * Calls each for every assignment of a unit file, in order: its section, key
 * and value without blanks around them, and the number of the line it begins
 * at. What is no assignment, or in no section, is left out, as systemd does
 * after a warning. Stops when each returns non-zero. Returns that, 0 or
 * -ENOMEM.
 */
int unit_text_settings(const char *text,
    int (*each)(const char *section, const char *key, const char *value,
	uint32_t line, void *data),
    void *data);

/*
 * Calls each for every variable of an environment file, in order, until it
 * returns non-zero. Returns that, 0 or -ENOMEM.
 */
int unit_text_variables(const char *text,
    int (*each)(const char *name, const char *value, void *data), void *data);

#endif
