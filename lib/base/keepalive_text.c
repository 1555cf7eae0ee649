/* SPDX-License-Identifier: ISC */
/*
 * keepalive_text: an option's value as people read it. For the command.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/keepalive.h"

void
keepalive_format(enum keepalive_option option, int32_t value, const char *gap,
    char text[KEEPALIVE_TEXT_MAX])
{
	const char *unit = "";

	switch (keepalive_about[option].unit) {
	case KEEPALIVE_ON_OFF:
		snprintf(text, KEEPALIVE_TEXT_MAX, "%s", value ? "on" : "off");
		return;
	case KEEPALIVE_NUMBER:
		gap = "";
		break;
	case KEEPALIVE_SECONDS:
		unit = "s";
		break;
	case KEEPALIVE_MILLISECONDS:
		unit = value % 1000 == 0 ? "s" : "ms";
		value /= value % 1000 == 0 ? 1000 : 1;
		break;
	}
	snprintf(text, KEEPALIVE_TEXT_MAX, "%" PRId32 "%s%s", value, gap, unit);
}
