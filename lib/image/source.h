/* SPDX-License-Identifier: ISC */
/*
 * source: which policy is in force. For a program that starts, in this order:
 * what is published, if it is fresh; the compiled image, if it is fresh; the
 * text. If the text has a mistake, or can't be read, but is there, the last
 * good one: the compiled image, or else what is published, however old.
 *
 * The library and the command ask here, so that they agree. For start-up, not
 * for hooks: it opens files.
 */
#ifndef KASHIM_SOURCE_H
#define KASHIM_SOURCE_H

#include <stdint.h>

#include "image/image.h"
#include "image/shared.h"

enum source_kind {
	SOURCE_NOTHING,
	SOURCE_PUBLISHED,
	SOURCE_COMPILED,
	SOURCE_TEXT,
	/* The last good one, or what running programs follow: */
	SOURCE_OLD_COMPILED,
	SOURCE_OLD_PUBLISHED,
};

/*
 * Gets an image, which is gone when it returns. Returns 0 to go by it, else
 * -errno, and the next kind is tried.
 *
 * The header of a published image has been checked, that of any other and all
 * of its bytes. But a published one may change while it is looked at: then
 * this is called once more, and what it did before is void.
 */
typedef int
source_take_fn(void *data, enum source_kind kind, const struct image *image);

/*
 * Reads the text of the configuration file at config, and calls take with data
 * and SOURCE_TEXT. Returns what that returned; -ENOENT if there is no such
 * file; another -errno if it is no policy. Its message is data's concern.
 */
typedef int
source_text_fn(const char *config, source_take_fn *take, void *data);

struct source {
	enum source_kind kind;
	int error; /* of the text: 0, also if it was not read, or -errno */
	/*
	 * What is published, in force or not, stays mapped until
	 * shared_unmap(); header is NULL if nothing is.
	 */
	struct shared shared;
	uint32_t generation; /* the one that was looked at, if it is mapped */
};

enum source_for {
	SOURCE_FOR_STARTING,
	/*
	 * A program that runs follows what is published, whatever became of the
	 * text since. If nothing is, as for one that starts.
	 */
	SOURCE_FOR_RUNNING,
};

/*
 * Looks for the policy of the configuration file at config, an absolute path,
 * and hands it to take. *source is complete when it returns; while take is
 * called, shared and generation are.
 */
void source_find(const char *config, enum source_for whom, source_text_fn *text,
    source_take_fn *take, void *data, struct source *source);

#endif
