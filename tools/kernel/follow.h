/* SPDX-License-Identifier: ISC */
/*
 * follow: what is attached follows its configuration file when that is
 * reloaded. First the kernel takes the new policy, then it is published, and
 * then the links are turned to it, so that a policy which the kernel does not
 * take is in force nowhere.
 */
#ifndef KASHIM_FOLLOW_H
#define KASHIM_FOLLOW_H

#include "kernel/kernel.h"

struct follow {
	struct kernel_attached *list;     /* those that have to */
	struct kernel_program **programs; /* one for each: each counts */
	size_t count;
};

/*
 * Loads the checked image for what was attached with the configuration file at
 * config, if anything was. Returns 0; or -errno, and text says why. The caller
 * calls follow_free() in any case.
 */
int follow_prepare(const char *config, const struct image *image,
    struct follow *follow, char text[KERNEL_TEXT_MAX]);

/* The image is not to be in force: all is as it was. */
void follow_abandon(const struct follow *follow);

void follow_free(struct follow *follow);

#endif
