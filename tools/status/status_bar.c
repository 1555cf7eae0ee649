/* SPDX-License-Identifier: ISC */
/*
 * status_bar: a bar for the time that is left of a firewall-timeout. It
 * shrinks as time goes by, towards the mark where the next packet goes out.
 */
#include <langinfo.h>
#include <string.h>

#include "status/status.h"

void
status_bar(int64_t left_ms, int64_t next_ms, int64_t all_ms, size_t columns,
    char text[STATUS_BAR_MAX])
{
	static const char *const ascii[] = {"#", ".", "|"};
	/* FULL BLOCK, LIGHT SHADE, BOX DRAWINGS HEAVY VERTICAL */
	static const char *const utf8[] = {
	    "\xe2\x96\x88", "\xe2\x96\x91", "\xe2\x94\x83"};
	bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	const char *const *glyph = is_utf8 ? utf8 : ascii;
	int64_t width = (int64_t)columns;
	int64_t full, mark = -1;

	if (width > STATUS_BAR_COLUMNS)
		width = STATUS_BAR_COLUMNS;
	if (left_ms < 0)
		left_ms = 0;
	/* As long as there is time, something is to be seen. */
	full = (left_ms * width + all_ms - 1) / all_ms;
	if (next_ms >= 0 && next_ms < left_ms)
		mark = (left_ms - next_ms) * width / all_ms;
	text[0] = '\0';
	for (int64_t i = 0; i < width; i++)
		text = stpcpy(text, glyph[i == mark ? 2 : i >= full]);
}
