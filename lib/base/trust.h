/* SPDX-License-Identifier: ISC */
/*
 * trust: whether a file may tell a program what to do: the one rule for
 * configuration files, compiled images and shared policies; and for trace
 * files, which an environment names that may be somebody else's.
 */
#ifndef KASHIM_TRUST_H
#define KASHIM_TRUST_H

#include <sys/stat.h>

enum trust {
	TRUST_FULL,
	TRUST_NO_FILE, /* not a regular file */
	TRUST_OWNER,   /* neither root's nor the effective user's */
	TRUST_MODE,    /* others than its owner can write it */
};

/*
 * What a user namespace shows for all owners that it does not know
 * (user_namespaces(7), "Unmapped user and group IDs"): root may be one of them,
 * and so may be anybody. It is the user nobody, too.
 */
#define TRUST_UNMAPPED 65534

/*
 * Goes by what fstat(2) said of the open file. What belongs to TRUST_UNMAPPED
 * is not believed, not even by such a user. Async-signal-safe.
 */
enum trust trust_file(const struct stat *st);

/* For who knows the effective user, whichever that is. */
enum trust trust_file_as(const struct stat *st, uid_t user);

#endif
