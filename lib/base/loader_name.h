/* SPDX-License-Identifier: ISC */
/*
 * loader_name: is a file glibc's loader, by its name? It can be started itself,
 * with a program to load (ld.so(8)).
 */
#ifndef KASHIM_LOADER_NAME_H
#define KASHIM_LOADER_NAME_H

#include <stdbool.h>
#include <string.h>

/* How they begin. Before glibc 2.34 the file was ld-2.33.so, say. */
#define LOADER_NAMES(X) X("ld-linux") X("ld64.so") X("ld.so") X("ld-2.")

/* name has no directory. */
static inline bool
loader_name_is_glibc(const char *name)
{
#define BEGINS(begin) strncmp(name, begin, sizeof(begin) - 1) == 0 ||
	return LOADER_NAMES(BEGINS) false;
#undef BEGINS
}

#endif
