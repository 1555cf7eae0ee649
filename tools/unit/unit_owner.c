/* SPDX-License-Identifier: ISC */
/*
 * unit_owner: who may write the files of variables of a service
 * (unit_others_write() of unit.h).
 */
#include "unit/unit.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/inside.h"

#define LINKS_MAX 40

struct look {
	const char *root;
	uid_t owner; /* of an image */
	int links;
};

static bool may_write(struct look *look, const char *path);

/* The link at path, of which rest comes behind its name. */
static bool
may_write_link(
    struct look *look, const char *name, const char *path, const char *rest)
{
	char to[PATH_MAX], target[PATH_MAX];
	const ssize_t length = readlink(name, to, sizeof(to) - 1);
	size_t front = 0;

	if (length <= 0 || ++look->links > LINKS_MAX)
		return true;
	to[length] = '\0';
	if (*to != '/')
		front = (size_t)((const char *)memrchr(
				     path, '/', (size_t)(rest - path)) +
				 1 - path);
	if (snprintf(target, sizeof(target), "%.*s%s%s", (int)front, path, to,
		rest) >= (int)sizeof(target))
		return true;
	return may_write(look, target);
}

/*
 * May others write the file at path, or put another one there? Who can write a
 * directory can do that with all in it. Elsewhere than in /etc and /usr, what
 * is not there now may be somebody's later.
 */
static bool
may_write(struct look *look, const char *path)
{
	const char *end = path;

	if ((strncmp(path, "/etc/", 5) != 0 &&
		strncmp(path, "/usr/", 5) != 0) ||
	    strstr(path, "/../"))
		return true;
	while (*end) {
		char name[PATH_MAX];
		struct stat st;

		end += strspn(end, "/");
		end += strcspn(end, "/");
		if (snprintf(name, sizeof(name), "%s%.*s", look->root,
			(int)(end - path), path) >= (int)sizeof(name))
			return true;
		if (lstat(name, &st) < 0)
			return errno != ENOENT;
		if (S_ISLNK(st.st_mode))
			return may_write_link(look, name, path, end);
		if ((st.st_uid != 0 && st.st_uid != look->owner) ||
		    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
			return true;
	}
	return false;
}

/*
 * The same of all that the last part of a name may mean: it may be a pattern,
 * and in a template have an instance in it. No other specifier is known here.
 */
static bool
may_write_any(struct look *look, char *pattern)
{
	struct inside_names names;
	char *last, *instance, file[PATH_MAX];
	bool may;
	int root;

	while ((instance = strstr(pattern, "%i")) != NULL)
		memcpy(instance, "**", 2);
	last = strrchr(pattern, '/');
	if (!last || strchr(pattern, '%') ||
	    pattern + strcspn(pattern, "*?[") < last)
		return true;
	if (!last[strcspn(last, "*?[")])
		return may_write(look, pattern);
	*last++ = '\0';
	may = may_write(look, pattern);
	root = inside_root(look->root);
	if (may || root < 0 || inside_list(root, pattern, &names) < 0)
		names = (struct inside_names){0};
	for (size_t i = 0; i < names.count && !may; i++)
		if (fnmatch(last, names.names[i], FNM_PERIOD) == 0)
			may = snprintf(file, sizeof(file), "%s/%s", pattern,
				  names.names[i]) >= (int)sizeof(file) ||
			      may_write(look, file);
	inside_names_free(&names);
	if (root >= 0)
		close(root);
	return may;
}

bool
unit_others_write(const struct unit *unit)
{
	struct look look = {.root = unit->root};
	const struct unit_setting *setting = NULL;
	struct stat st;
	bool may = false;

	if (*unit->root && stat(unit->root, &st) == 0)
		look.owner = st.st_uid;
	while (!may && (setting = unit_next(unit, "Service", "EnvironmentFile",
			    setting)) != NULL) {
		char *file = unit_expand(unit, setting->value);

		look.links = 0;
		may = !file || may_write_any(&look, file + (*file == '-'));
		free(file);
	}
	return may;
}
