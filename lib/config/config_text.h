/* SPDX-License-Identifier: ISC */
/*
 * config_text: the text of a configuration file, made ready for libconfuse.
 *
 * libconfuse 3.3 counts two or three lines for some comments, refuses comments
 * inside lists, drops bytes that it has no use for, takes the end of the file
 * for a closing brace, scans long words again and again, and keeps strings
 * that have no end. So comments and blanks are taken out here, and what would
 * be misunderstood is refused with a message. The lines stay where they are.
 */
#ifndef KASHIM_CONFIG_TEXT_H
#define KASHIM_CONFIG_TEXT_H

#include <stddef.h>

#include "config/config_report.h"

/* The longest word or quoted string, in bytes. */
#define CONFIG_TEXT_WORD_MAX 1024

/*
 * Checks the *size bytes of the file and tidies them up where they are. bytes
 * has room for one more; *size is at least 1 afterwards. *open_line is the
 * line of a { that is never closed, or 0: for the caller to refuse, if the
 * parser finds no mistake behind it.
 *
 * Of libconfuse's syntax these are refused: ${NAME}, because a compiled policy
 * would keep the environment of whoever compiled it, and backslash escapes of
 * letters and digits, because no value needs them.
 *
 * Returns 0 or -EINVAL.
 */
int config_text_tidy(struct config_report *report, const char *file,
    char *bytes, size_t *size, uint32_t *open_line);

#endif
