/* SPDX-License-Identifier: ISC */
/*
 * preload: a value of LD_PRELOAD, and where libkashim.so belongs in it. The
 * loader splits it at spaces and colons, and knows no quoting (ld.so(8)).
 */
#ifndef KASHIM_PRELOAD_H
#define KASHIM_PRELOAD_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define PRELOAD_LIBRARY    "libkashim.so"
#define PRELOAD_SEPARATORS " :"

/* Where another library has to stand. */
enum preload_order {
	PRELOAD_ANYWHERE,
	/*
	 * In front of ours: libasan, which ends a program where it is not the
	 * first; proxychains, which connects a socket of its own by the next
	 * library's connect(), and puts it in the place of the program's.
	 */
	PRELOAD_IN_FRONT,
	/*
	 * Behind ours: torsocks, which connects the program's socket by the C
	 * library's connect(), past every library that is behind it.
	 */
	PRELOAD_BEHIND,
};

/* By the file name of an entry, which may have directories. */
enum preload_order preload_order(const char *entry, size_t length);

/*
 * Finds a libkashim.so in list, or NULL, and copies that entry out. Returns
 * false if there is none.
 */
bool preload_find(const char *list, char entry[PATH_MAX]);

/*
 * A list without what is libkashim.so already, from malloc(3): library itself,
 * or any file of that name. Returns 1 if something is left; 0 if not, and
 * *others is NULL; -ENOMEM. *ours says whether there was such a one.
 */
int preload_others(
    const char *list, const char *library, char **others, bool *ours);

/*
 * How many bytes of others, as preload_others() made it, have to stay in front
 * of libkashim.so, with the colon behind them; 0: none.
 */
size_t preload_front(const char *others);

/* A list of library and others, NULL: none, from malloc(3), or NULL. */
char *preload_join(const char *library, const char *others);

#endif
