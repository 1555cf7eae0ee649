/* SPDX-License-Identifier: ISC */
/*
 * span: a time as people say it (span.h).
 */
#include "term/span.h"

#include <stddef.h>
#include <stdio.h>

const char *
span_format(uint64_t seconds, char text[SPAN_TEXT_MAX])
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {{"h", 3600}, {"min", 60}, {"s", 1}};
	size_t length = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t n = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (n == 0 && (length > 0 || units[i].seconds > 1))
			continue;
		length += (size_t)snprintf(text + length,
		    SPAN_TEXT_MAX - length, "%s%llu %s", length ? " " : "",
		    (unsigned long long)n, units[i].name);
	}
	return text;
}
