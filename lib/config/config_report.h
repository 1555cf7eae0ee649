/* SPDX-License-Identifier: ISC */
/*
 * config_report: what the administrator is told about a configuration file.
 *
 * Only the first mistake is kept, because the ones after it are often its
 * consequences.
 */
#ifndef KASHIM_CONFIG_REPORT_H
#define KASHIM_CONFIG_REPORT_H

#include <stdarg.h>
#include <stdint.h>

#include "config/config.h"

/* A line of a file; line 0 is the file as a whole. */
struct config_place {
	const char *file;
	uint32_t line;
};

struct config_report {
	int error; /* 0, or the first mistake's -errno */
	char *message;
};

/*
 * Writes "FILE:LINE: text" to message, without control characters, and cut
 * where it is too long.
 */
__attribute__((format(printf, 3, 0))) void
config_report_compose(char message[CONFIG_MESSAGE_MAX],
    const struct config_place *at, const char *format, va_list args);

/*
 * Says what is wrong at a place and what would be right; does nothing if a
 * mistake was reported before. error is a negative errno. Returns the error
 * that is kept.
 */
__attribute__((format(printf, 4, 5))) int
config_report_error(struct config_report *report, int error,
    const struct config_place *at, const char *format, ...);

#define CONFIG_QUOTE_MAX 70

/*
 * Writes value in double quotes, cut where it is too long for a message.
 * Returns text.
 */
const char *config_quote(const char *value, char text[CONFIG_QUOTE_MAX]);

#endif
