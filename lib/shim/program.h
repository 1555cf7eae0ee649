/* SPDX-License-Identifier: ISC */
/*
 * program: what the program that we are loaded into is called.
 */
#ifndef KASHIM_PROGRAM_H
#define KASHIM_PROGRAM_H

#include <limits.h>

/* By which it was started, and as its file is called; without directories. */
struct program {
	char text[2][NAME_MAX + 1];
	unsigned int count;
};

/*
 * For start-up: the host may change later what this is read from. argv is
 * that of main(), or NULL if it is not known: then it takes longer.
 */
void program_find(struct program *program, char *const *argv);

/* The part of a path behind the last slash. */
const char *program_base_name(const char *path);

#endif
