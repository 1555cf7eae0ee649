/* SPDX-License-Identifier: ISC */
/*
 * trust: whether a file may tell a program what to do.
 */
#include "base/trust.h"

#include <unistd.h>

enum trust
trust_file(const struct stat *st)
{
	enum trust trust = trust_file_as(st, geteuid());

	/* Where the effective user is not known either, both look the same. */
	if (trust != TRUST_NO_FILE && st->st_uid == TRUST_UNMAPPED)
		trust = TRUST_OWNER;
	return trust;
}

enum trust
trust_file_as(const struct stat *st, uid_t user)
{
	if (!S_ISREG(st->st_mode))
		return TRUST_NO_FILE;
	if (st->st_uid != 0 && st->st_uid != user)
		return TRUST_OWNER;
	if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return TRUST_MODE;
	return TRUST_FULL;
}
