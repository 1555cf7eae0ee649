/* SPDX-License-Identifier: ISC */
/*
 * reach: which of what is attached reaches which control group (reach.h).
 */
#include "kernel/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/diag.h"

/*
 * What is attached to the control group at path, or to the next one above it,
 * up to root; path becomes the one above that, and "" behind root. NULL:
 * nothing more.
 */
static const struct kernel_attached *
climb(const struct kernel_attached *list, size_t count, const char *root,
    char *path)
{
	struct stat st;

	while (*path) {
		const bool there = stat(path, &st) == 0;

		*(strcmp(path, root) == 0 ? path : strrchr(path, '/')) = '\0';
		for (size_t n = 0; there && n < count; n++)
			if (!list[n].gone && list[n].cgroup == st.st_ino)
				return &list[n];
	}
	return NULL;
}

/*
 * Is that mount the root of our control groups, as the names in
 * /proc/PID/cgroup have it? In a container it may be that of the host all the
 * same, and the names that of the container (cgroup_namespaces(7), proc(5):
 * mountinfo).
 */
static bool
is_own(const char *root)
{
	struct file_handle handle = {0};
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	bool own = false;
	int wanted = -1, id, at = 0;

	/* There is no room for the handle: the mount is told all the same. */
	(void)name_to_handle_at(AT_FDCWD, root, &handle, &wanted, 0);
	while (mounts && !own && getline(&line, &room, mounts) > 0)
		own = sscanf(line, "%d %*d %*s %n", &id, &at) == 1 &&
		      id == wanted && strncmp(line + at, "/ ", 2) == 0;
	free(line);
	if (mounts)
		fclose(mounts);
	return own;
}

int
reach_find(const char *group, struct reach *reach, char text[KERNEL_TEXT_MAX])
{
	struct kernel_attached *list;
	char root[PATH_MAX], path[PATH_MAX];
	size_t count;
	int error = kernel_list(&list, &count, text);

	*reach = (struct reach){0};
	for (size_t n = 0; error == 0 && n < count; n++)
		reach->gone += list[n].gone;
	if (error == 0 && count > 0) {
		error = kernel_root(root);
		if (error == 0 &&
		    (strncmp(group, "/..", 3) == 0 || !is_own(root) ||
			snprintf(path, sizeof(path), "%s%s", root,
			    strcmp(group, "/") ? group : "") >=
			    (int)sizeof(path)))
			error = -ENOENT;
		if (error < 0)
			snprintf(text, KERNEL_TEXT_MAX,
			    "the control group %.900s is not to be seen from "
			    "here",
			    group);
	}
	if (error == 0 && count > 0) {
		reach->list = calloc(count, sizeof(*list));
		if (reach->list) {
			const struct kernel_attached *next;

			while ((next = climb(list, count, root, path)) != NULL)
				reach->list[reach->count++] = *next;
		} else {
			error = -ENOMEM;
			snprintf(text, KERNEL_TEXT_MAX, "%s", strerror(ENOMEM));
		}
	}
	free(list);
	return error;
}

int
reach_number(const struct kernel_attached *list, size_t count, uint64_t cgroup,
    size_t *last)
{
	char root[PATH_MAX], path[PATH_MAX];
	const struct kernel_attached *next;
	int error = -ENOENT;

	if (cgroup == 0 || kernel_root(root) < 0 ||
	    kernel_path(cgroup, path) < 0 ||
	    strncmp(path, root, strlen(root)) != 0)
		return -ESTALE;
	while ((next = climb(list, count, root, path)) != NULL) {
		*last = (size_t)(next - list);
		error = 0;
	}
	return error;
}

int
reach_has(const struct kernel_attached *attached, const struct image *image)
{
	struct image has;
	int error = kernel_policy(attached, &has);

	if (error == 0)
		error = has.size == image->size &&
		        memcmp(has.bytes, image->bytes, has.size) == 0;
	free((void *)has.bytes);
	return error;
}

/* Appends one, if there is room, or room can be made. */
static int
append(uint64_t cgroup, uint64_t **cgroups, size_t *count)
{
	uint64_t *more = *cgroups;

	/* Each power of two. */
	if ((*count & (*count - 1)) == 0)
		more = reallocarray(
		    *cgroups, *count ? *count * 2 : 1, sizeof(**cgroups));
	if (!more)
		return -ENOMEM;
	more[(*count)++] = cgroup;
	*cgroups = more;
	return 0;
}

int
reach_below(const char *path, uint64_t **cgroups, size_t *count)
{
	char *const paths[] = {(char *)path, NULL};
	FTS *tree =
	    fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	int error = tree ? 0 : -errno;
	FTSENT *entry;

	*cgroups = NULL;
	*count = 0;
	while (error == 0 && (entry = fts_read(tree)) != NULL)
		if (entry->fts_info == FTS_D)
			error =
			    append(entry->fts_statp->st_ino, cgroups, count);
	if (tree)
		fts_close(tree);
	/* It is gone. */
	if (error == 0 && *count == 0)
		error = -ENOENT;
	if (error == 0)
		qsort(
		    *cgroups, *count, sizeof(**cgroups), diag_compare_cgroups);
	if (error < 0) {
		free(*cgroups);
		*cgroups = NULL;
	}
	return error;
}
