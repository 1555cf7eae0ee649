/* SPDX-License-Identifier: ISC */
/*
 * ld_so_preload: the file /etc/ld.so.preload. The loader of the GNU C library
 * reads it whenever any program starts, also a setuid one: names of libraries,
 * between blanks, line feeds or colons; "#" begins a comment (ld.so(8);
 * elf/rtld.c of glibc). Of a library that it can't load, each program says so
 * on its stderr.
 */
#ifndef KASHIM_LD_SO_PRELOAD_H
#define KASHIM_LD_SO_PRELOAD_H

#define LD_SO_PRELOAD "/etc/ld.so.preload"

/*
 * Its text, of the system below root ("" for this one), from malloc(3). Returns
 * 0; -ENOENT; as inside_read().
 */
int ld_so_preload_read(const char *root, char **text);

/*
 * What is in that text, as a value of LD_PRELOAD (preload.h), from malloc(3),
 * or NULL.
 */
char *ld_so_preload_list(const char *text);

/*
 * The text with entry in a line of its own at its end, from malloc(3), or NULL.
 * Nothing is put in front, since glibc 2.36 takes a comment for names if what
 * follows it is shorter than what comes before.
 */
char *ld_so_preload_with(const char *text, const char *entry);

/*
 * The text without what is libkashim.so in it, and without a line that held
 * nothing else, from malloc(3), or NULL.
 */
char *ld_so_preload_without(const char *text);

/*
 * Writes text in the place of the file, or removes the file if text is empty:
 * at each moment every program finds either the old one or the new one.
 * Returns 0; -ELOOP if there is something else than a regular file; -errno.
 */
int ld_so_preload_write(const char *root, const char *text);

#endif
