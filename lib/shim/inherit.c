/* SPDX-License-Identifier: ISC */
/*
 * inherit: ends the inheritance of LD_PRELOAD. It must leave every other
 * entry, and every other variable, as it is.
 */
#include "shim/inherit.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "shim/program.h"

/*
 * Takes our own entries, and only ours, out of a value of LD_PRELOAD, which
 * has its entries apart by spaces or colons (ld.so(8)). In place, because
 * there must be no malloc. Returns the new length.
 */
static size_t
strip_preload(char *value, const char *own)
{
	char *to = value;

	for (char *from = value; *from != '\0';) {
		size_t gap = strspn(from, ": ");
		size_t len = strcspn(from + gap, ": ");
		char *entry = from + gap, *slash = NULL;

		for (size_t i = 0; i < len; i++) {
			if (entry[i] == '/')
				slash = entry + i;
		}
		from = entry + len;
		if (len == 0)
			break;
		if (slash != NULL) {
			len -= (size_t)(slash + 1 - entry);
			slash++;
		}
		if (len == strlen(own) &&
		    strncmp(slash != NULL ? slash : entry, own, len) == 0)
			continue;
		if (to != value)
			*to++ = ':';
		memmove(to, entry, (size_t)(from - entry));
		to += from - entry;
	}
	*to = '\0';
	return (size_t)(to - value);
}

void
inherit_stop(const char *library)
{
	static const char NAME[] = "LD_PRELOAD=";
	const char *own = program_base_name(library);
	char **to = environ;

	if (to == NULL)
		return;
	for (char **from = environ; *from != NULL; from++) {
		char *value = *from + sizeof(NAME) - 1;

		if (strncmp(*from, NAME, sizeof(NAME) - 1) != 0 ||
		    strstr(value, own) == NULL || strip_preload(value, own) > 0)
			*to++ = *from;
	}
	*to = NULL;
}
