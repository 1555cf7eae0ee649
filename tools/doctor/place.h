/* SPDX-License-Identifier: ISC */
/*
 * place: as whom, and in what surroundings, a program is looked at.
 */
#ifndef KASHIM_PLACE_H
#define KASHIM_PLACE_H

#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct place {
	uid_t uid, euid;
	gid_t gid, egid;
	const gid_t *groups; /* supplementary; NULL: those of the caller */
	size_t group_count;
	bool no_new_privs;    /* prctl(2) */
	uint64_t inheritable; /* capabilities(7) */
	const char *root;     /* its root directory, "" for the caller's */
	const char *preload;  /* LD_PRELOAD as it is there already, or NULL */
	const char *path;     /* where programs are looked for, as PATH */
	const char *config;   /* the configuration file */
	const char *cache;    /* KASHIM_CACHE, or NULL */
	const char *library;  /* libkashim.so as LD_PRELOAD has it */
	bool library_in_list; /* preload holds it, and nothing adds it */
	bool host; /* /etc/ld.so.preload does, so that every program has it */
	bool shell_fallback; /* a text without #! goes to /bin/sh */
};

/* The surroundings of the calling process. */
void place_here(struct place *place);

/* In place of the caller's own: user, with its groups. */
#define PLACE_GROUPS 256
void place_become(
    struct place *place, const struct passwd *user, gid_t groups[PLACE_GROUPS]);

/*
 * Looks for a libkashim.so in /etc/ld.so.preload below the place's root. If it
 * is there, sets library to entry, its name there, and library_in_list and
 * host; else leaves them.
 */
void place_by_host(struct place *place, char entry[PATH_MAX]);

/*
 * Opens path below the place's root for reading, as open(2), or only to look
 * at (O_PATH). Links lead to where they would lead inside. Returns a
 * close-on-exec descriptor or -errno.
 */
int place_open(const struct place *place, const char *path, int flags);

/* stat(2) likewise. Returns 0 or -errno. */
int place_stat(const struct place *place, const char *path, struct stat *st);

/*
 * Looks for a program as execvp(3) does, in place->path if its name has no
 * slash. Returns 0 and its path, or -ENOENT, -EACCES, -errno.
 */
int
place_look_up(const struct place *place, const char *name, char path[PATH_MAX]);

/*
 * Calls look(data) with the root directory, user and groups of place, in a
 * child where they, or KASHIM_CACHE, are not the caller's. What it leaves in
 * the size bytes at data comes back. Returns 0; -EPERM if that is not
 * permitted; -ETIME if it took more than ten seconds, or the user has
 * stopped the child; -errno.
 */
int doctor_as(const struct place *place, void (*look)(void *data), void *data,
    size_t size);

/*
 * The same in a child in any case, with the caller's rights and in its
 * surroundings. look may call doctor_as(), so it has thirty seconds; the caller
 * stops its reader before (look.h).
 */
int doctor_apart(void (*look)(void *data), void *data, size_t size);

#endif
