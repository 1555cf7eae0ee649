/* SPDX-License-Identifier: ISC */
/*
 * example: how to begin, for who has no configuration yet.
 */
#include "example.h"

#include <stdio.h>
#include <unistd.h>

#ifndef KASHIM_DOCDIR
#define KASHIM_DOCDIR "/usr/local/share/doc/kashim"
#endif

#define EXAMPLE KASHIM_DOCDIR "/examples/kashim.conf"

void
example_hint(char text[EXAMPLE_TEXT_MAX])
{
	/* Packages may be installed without their documents. */
	if (access(EXAMPLE, R_OK) == 0)
		snprintf(
		    text, EXAMPLE_TEXT_MAX, "start with a copy of %s", EXAMPLE);
	else
		snprintf(text, EXAMPLE_TEXT_MAX, "%s",
		    "man kashim.conf, section EXAMPLES, shows how to begin");
}
