/* SPDX-License-Identifier: ISC */
/*
 * unit_group: the control groups of units (unit_group.h).
 */
#include "unit/unit_group.h"

#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX ".slice"

static bool
is_slice(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(SUFFIX) &&
	       strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

bool
unit_slice_group(const char *slice, char group[PATH_MAX])
{
	const char *dash = slice;
	size_t used = 0;

	*group = '\0';
	if (strcmp(slice, "-" SUFFIX) == 0)
		return true;
	if (!is_slice(slice) || *slice == '-' || strpbrk(slice, "/%") ||
	    strstr(slice, "--") || strstr(slice, "-" SUFFIX))
		return false;
	while ((dash = strchr(dash + 1, '-')) != NULL && used < PATH_MAX)
		used += (size_t)snprintf(group + used, PATH_MAX - used,
		    "/%.*s" SUFFIX, (int)(dash - slice), slice);
	if (used < PATH_MAX)
		used += (size_t)snprintf(
		    group + used, PATH_MAX - used, "/%s", slice);
	return used < PATH_MAX;
}

void
unit_default_slice(const char *name, char slice[PATH_MAX])
{
	const char *at = strchr(name, '@');
	size_t used =
	    (size_t)snprintf(slice, PATH_MAX, "system%s", at ? "-" : "");

	for (const char *c = name; at && c < at && used < PATH_MAX - 16; c++)
		used += (size_t)snprintf(slice + used, PATH_MAX - used,
		    *c == '-' || *c == '\\' ? "\\x%02x" : "%c", *c);
	snprintf(slice + used, PATH_MAX - used, SUFFIX);
}

/* systemd puts "_" before a name that could be a file of the kernel's. */
static bool
is_of(const char *entry, const char *name)
{
	return strcmp(entry + (*entry == '_'), name) == 0;
}

/*
 * Looks in path, and in the slices there; not in a service, which may have made
 * control groups of any name. Goes on in path itself, which is as before if it
 * finds nothing.
 */
static bool
find_in(char path[PATH_MAX], const char *name)
{
	const size_t length = strlen(path);
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)) != NULL) {
		const bool of = is_of(entry->d_name, name);

		if ((!of && !is_slice(entry->d_name)) ||
		    entry->d_type != DT_DIR ||
		    snprintf(path + length, PATH_MAX - length, "/%s",
			entry->d_name) >= (int)(PATH_MAX - length)) {
			path[length] = '\0';
			continue;
		}
		found = of || find_in(path, name);
		if (!found)
			path[length] = '\0';
	}
	if (directory)
		closedir(directory);
	return found;
}

int
unit_find_group(const char *root, const char *name, char path[PATH_MAX])
{
	if (snprintf(path, PATH_MAX, "%s", root) >= PATH_MAX)
		return -ENOENT;
	return find_in(path, name) ? 0 : -ENOENT;
}
