/* SPDX-License-Identifier: ISC */
/*
 * example: how to begin, for who has no configuration yet.
 */
#include "advice/example.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef KASHIM_DOCDIR
#define KASHIM_DOCDIR "/usr/local/share/doc/kashim"
#endif

#define EXAMPLE KASHIM_DOCDIR "/examples/kashim.conf"

/* Of a command that was built and not installed: that of the sources. */
static bool
find_source(char path[PATH_MAX])
{
	char self[PATH_MAX], name[PATH_MAX + sizeof("/../conf/kashim.conf")];

	if (!realpath("/proc/self/exe", self))
		return false;
	*strrchr(self, '/') = '\0';
	snprintf(name, sizeof(name), "%s/../conf/kashim.conf", self);
	return realpath(name, path) && access(path, R_OK) == 0;
}

void
example_hint(char text[EXAMPLE_TEXT_MAX])
{
	char path[PATH_MAX] = EXAMPLE;

	/* Packages may be installed without their documents. */
	if (access(path, R_OK) == 0 || find_source(path))
		snprintf(
		    text, EXAMPLE_TEXT_MAX, "start with a copy of %s", path);
	else
		snprintf(text, EXAMPLE_TEXT_MAX, "%s",
		    "man kashim.conf, section EXAMPLES, shows how to begin");
}
