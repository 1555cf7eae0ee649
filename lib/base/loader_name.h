/* SPDX-License-Identifier: ISC */
/*
 * loader_name: is a file glibc's loader, by its name? It can be started itself,
 * with a program to load (ld.so(8)).
 */
#ifndef KASHIM_LOADER_NAME_H
#define KASHIM_LOADER_NAME_H

#include <stdbool.h>
#include <string.h>

/* name has no directory. Before glibc 2.34 the file was ld-2.33.so, say. */
static inline bool
loader_name_is_glibc(const char *name)
{
	return strncmp(name, "ld-linux", 8) == 0 ||
	       strncmp(name, "ld64.so", 7) == 0 ||
	       strncmp(name, "ld.so", 5) == 0 || strncmp(name, "ld-2.", 5) == 0;
}

#endif
