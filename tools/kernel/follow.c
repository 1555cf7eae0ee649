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

/* The first one gets the policy, and those behind it share that. */
static int
load(const struct image *image, struct follow *follow,
    char text[KERNEL_TEXT_MAX])
{
	int error = 0;

	follow->programs =
	    calloc(follow->count, sizeof(struct kernel_program *));
	if (!follow->programs) {
		snprintf(text, KERNEL_TEXT_MAX, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	for (size_t n = 0; error == 0 && n < follow->count; n++) {
		const struct kernel_attached *attached = &follow->list[n];
		struct kernel_program **program = &follow->programs[n];

		error = n == 0 ? kernel_load(image, attached->cgroup, false,
				     program, text)
		               : kernel_load_like(follow->programs[0],
				     attached->cgroup, program, text);
	}
	return error;
}

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
			error = load(image, follow, text);
	}
	for (size_t n = 0; error == 0 && n < follow->count; n++)
		error =
		    kernel_prepare(follow->programs[n], &follow->list[n], text);
	if (error < 0)
		follow_abandon(follow);
	/* Publishing may take longer than others wait for. */
	kernel_unlock();
	return error;
}

void
follow_abandon(const struct follow *follow)
{
	for (size_t n = 0; follow->programs && n < follow->count; n++)
		if (follow->programs[n])
			kernel_unprepare(follow->programs[n], &follow->list[n]);
}

void
follow_free(struct follow *follow)
{
	for (size_t n = 0; follow->programs && n < follow->count; n++)
		kernel_unload(follow->programs[n]);
	free(follow->programs);
	free(follow->list);
}
