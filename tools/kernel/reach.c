/* SPDX-License-Identifier: ISC */
/*
 * reach: which of what is attached reaches a control group (reach.h).
 */
#include "kernel/reach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Appends what is attached to the control group of that number. */
static void
take(const struct kernel_attached *list, size_t count, uint64_t cgroup,
    struct reach *reach)
{
	for (size_t n = 0; n < count; n++)
		if (!list[n].gone && list[n].cgroup == cgroup)
			reach->list[reach->count++] = list[n];
}

/* From path, behind root, upwards. */
static void
climb(const struct kernel_attached *list, size_t count, const char *root,
    char *path, struct reach *reach)
{
	const size_t top = strlen(root);
	struct stat st;

	for (;;) {
		if (stat(path, &st) == 0)
			take(list, count, st.st_ino, reach);
		if (strlen(path) <= top)
			return;
		*strrchr(path, '/') = '\0';
	}
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
		if (error == 0 && (strncmp(group, "/..", 3) == 0 ||
				      snprintf(path, sizeof(path), "%s%s", root,
					  group) >= (int)sizeof(path)))
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
			climb(list, count, root, path, reach);
		} else {
			error = -ENOMEM;
			snprintf(text, KERNEL_TEXT_MAX, "%s", strerror(ENOMEM));
		}
	}
	free(list);
	return error;
}
