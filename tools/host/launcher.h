/* SPDX-License-Identifier: ISC */
/*
 * launcher: programs that start another one, as su(1), sudo(8) and env(1) do:
 * which one, by their command line, and whether LD_PRELOAD gets there. It
 * starts and opens nothing.
 */
#ifndef KASHIM_LAUNCHER_H
#define KASHIM_LAUNCHER_H

#include <stdbool.h>

#define LAUNCHER_WORDS 64
#define LAUNCHER_TEXT  4096

/* What a command line comes to. */
struct launch {
	const char *launcher; /* its name */
	const char *user; /* as whom it starts the program; NULL: the same */
	/* Why LD_PRELOAD does not get there; NULL if it does. */
	const char *lost;
	/* It puts libkashim.so there itself, whatever was lost before. */
	bool sets;
	/* Or supervises what it starts, if LD_PRELOAD has no effect there. */
	bool supervises;
	/* What on its command line would let it through; NULL if nothing. */
	const char *option;
	/*
	 * Somebody else starts the program, so that not even the supervision
	 * of the launcher reaches it.
	 */
	bool elsewhere;
	/*
	 * The program and its arguments, as many as there is room for. words[0]
	 * is NULL if there is none, or if that can't be told: of a shell only
	 * a plain command behind -c is read.
	 */
	const char *words[LAUNCHER_WORDS + 1];
	char text[LAUNCHER_TEXT]; /* that words may point into */
};

/*
 * Reads the command line argv, ended by NULL, whose program is that at path,
 * for its options as the launcher itself does. What *launch has points into
 * argv and *launch. Returns false if it is no launcher that is known.
 */
bool launcher_read(
    const char *path, const char *const argv[], struct launch *launch);

/*
 * What has a program, by its name, pass LD_PRELOAD on to those that it starts:
 * words for "CALLED passes it on with ...". NULL if it is not known to clean
 * the environment, or if nothing does.
 */
const char *launcher_option(const char *program);

/* Is it a shell, by its name? */
bool launcher_is_shell(const char *path);

#endif
