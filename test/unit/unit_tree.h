/* SPDX-License-Identifier: ISC */
/*
 * What the tests of units share: a tree of files that is a root directory, new
 * for each case, and what a variable comes to in it.
 */
#ifndef KASHIM_TEST_UNIT_TREE_H
#define KASHIM_TEST_UNIT_TREE_H

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"
#include "unit/unit.h"

#define SYSTEM "/usr/lib/systemd/system"
#define ADMIN  "/etc/systemd/system"

static char root[96];

static inline int
remove_one(
    const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline void
make_root(void)
{
	snprintf(root, sizeof(root), "/tmp/kashim-unit.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
}

static inline void
remove_root(void)
{
	ck_assert_int_eq(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* The name below root, with the directories above it made. */
static inline const char *
below(const char *path)
{
	static char full[4096];

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		ck_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
	return full;
}

static inline void
put(const char *path, const char *text)
{
	FILE *out = fopen(below(path), "w");

	ck_assert_ptr_nonnull(out);
	fputs(text, out);
	ck_assert_int_eq(fclose(out), 0);
}

static inline void
link_to(const char *path, const char *target)
{
	ck_assert_int_eq(symlink(target, below(path)), 0);
}

static inline void
expect_variable(const char *name, const char *unit_name, const char *value,
    const char *file)
{
	struct unit_variable variable;
	struct unit unit;

	ck_assert_int_eq(unit_read(root, unit_name, &unit), 0);
	ck_assert_int_eq(
	    unit_environment(&unit, name, &variable), value != NULL);
	if (value) {
		ck_assert_str_eq(variable.value, value);
		if (file)
			ck_assert_str_eq(variable.file, file);
	} else {
		ck_assert_ptr_null(variable.value);
	}
	unit_variable_free(&variable);
	unit_free(&unit);
}

#endif
