/* SPDX-License-Identifier: ISC */
/*
 * follow: what is attached follows its configuration file (follow.h).
 */
#include "kernel/follow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/refused.h"

int
follow_prepare(const char *config, const struct image *image,
    struct follow *follow, char text[KERNEL_TEXT_MAX])
{
	size_t count = 0, kept = 0;
	int error;

	*follow = (struct follow){0};
	/* Others attach nothing, and can't look. */
	if (geteuid() != 0)
		return 0;
	error = kernel_lock(false, text);
	/* Nothing was ever attached. */
	if (error == -ENOENT)
		return 0;
	if (error < 0)
		return error;
	error = kernel_list(&follow->list, &count, text);
	for (size_t n = 0; error == 0 && n < count; n++) {
		const struct kernel_attached *attached = &follow->list[n];

		if (!attached->gone && strcmp(attached->config, config) == 0)
			follow->list[kept++] = *attached;
	}
	follow->count = kept;
	if (error == 0 && kept > 0) {
		if (refused(image, text))
			error = -EOPNOTSUPP;
		else
			error =
			    kernel_load(image, false, &follow->program, text);
	}
	for (size_t n = 0; error == 0 && n < follow->count; n++)
		error = kernel_prepare(follow->program, &follow->list[n], text);
	/* Publishing may take longer than others wait for. */
	kernel_unlock();
	return error;
}

void
follow_free(struct follow *follow)
{
	kernel_unload(follow->program);
	free(follow->list);
}
