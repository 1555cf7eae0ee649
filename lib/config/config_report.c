/* SPDX-License-Identifier: ISC */
/*
 * config_report: composes the messages about a configuration file. It must
 * not allocate, because running out of memory is one of its messages.
 */
#include "config/config_report.h"

#include <stdio.h>
#include <string.h>

/* A longer path is cut at its front, so that the text after it has room. */
#define PATH_SHOWN 200

void
config_report_compose(char message[CONFIG_MESSAGE_MAX],
    const struct config_place *at, const char *format, va_list args)
{
	size_t length = strlen(at->file);
	const char *cut = length > PATH_SHOWN ? "..." : "";
	const char *file = at->file + (*cut ? length - PATH_SHOWN : 0);
	int used;

	if (at->line)
		used = snprintf(message, CONFIG_MESSAGE_MAX, "%s%s:%u: ", cut,
		    file, (unsigned)at->line);
	else
		used =
		    snprintf(message, CONFIG_MESSAGE_MAX, "%s%s: ", cut, file);
	vsnprintf(message + used, CONFIG_MESSAGE_MAX - used, format, args);
	/* The message goes to logs and terminals, the file is any bytes. */
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
}

int
config_report_error(struct config_report *report, int error,
    const struct config_place *at, const char *format, ...)
{
	va_list args;

	if (report->error)
		return report->error;
	report->error = error;
	va_start(args, format);
	config_report_compose(report->message, at, format, args);
	va_end(args);
	return error;
}

const char *
config_quote(const char *value, char text[CONFIG_QUOTE_MAX])
{
	int room = CONFIG_QUOTE_MAX - (int)sizeof("\"...\"");

	if (strlen(value) <= (size_t)room) {
		snprintf(text, CONFIG_QUOTE_MAX, "\"%s\"", value);
		return text;
	}
	/* Not in the middle of a UTF-8 sequence. */
	while (room && (value[room] & 0xc0) == 0x80)
		room--;
	snprintf(text, CONFIG_QUOTE_MAX, "\"%.*s...\"", room, value);
	return text;
}
