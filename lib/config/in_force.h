/* SPDX-License-Identifier: ISC */
/*
 * in_force: the policy in force (source.h), in memory of the command's. It runs
 * with the rights of the calling process and in its root directory.
 */
#ifndef KASHIM_IN_FORCE_H
#define KASHIM_IN_FORCE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "config/config.h"
#include "image/source.h"

struct in_force {
	struct source source;
	struct image image; /* checked; bytes is NULL if there is none */
	/* What is wrong with the text, one line; "" if it was not read. */
	char message[CONFIG_MESSAGE_MAX];
	/* What root and the user publish, before it was read; 0: nothing. */
	struct stat published[2];
};

/*
 * Reads the policy of the configuration file at config, an absolute path, that
 * programs have which start now. parser says whether programs can read a text:
 * without their parser object they can't, and a text that is right is the error
 * -ELIBACC. Returns 0, or source.error if there is no policy; the caller calls
 * in_force_free() in any case.
 */
int in_force_read(const char *config, bool parser, struct in_force *force);

/*
 * The same for such programs, which can read a text, or for those that run. If
 * what these go by is older than the text, that was read, too, for message.
 */
int in_force_read_for(
    const char *config, enum source_for whom, struct in_force *force);

/*
 * Would that read the same policy once more? Where that can't be told it says
 * no. It asks for the files' times, and opens none.
 */
bool in_force_is_current(
    const char *config, enum source_for whom, const struct in_force *force);

void in_force_free(struct in_force *force);

#endif
