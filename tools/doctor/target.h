/* SPDX-License-Identifier: ISC */
/*
 * target: what a program turned out to be.
 */
#ifndef KASHIM_TARGET_H
#define KASHIM_TARGET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "host/elf_file.h"

/* What a program turned out to be, when it was followed to its end. */
struct doctor_target {
	char path[PATH_MAX]; /* the ELF file, in the place's root */
	struct stat st;
	bool known; /* elf was read */
	struct elf_file elf;
	bool script;
	unsigned int envs; /* how often env(1) comes in between */
	bool shell;        /* the interpreter is a shell */
	bool cleared;      /* env(1) takes LD_PRELOAD away */
	/*
	 * The names that rules with the key program look at, as in the shim
	 * (policy.c): that of the executable file, and the one that execve(2)
	 * got.
	 */
	char names[2][NAME_MAX + 1];
};

#endif
