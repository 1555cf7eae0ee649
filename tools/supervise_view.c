/* SPDX-License-Identifier: ISC */
/*
 * supervise_view: the rules that concern a program, by its names.
 */
#include "supervise_view.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEWS     16
#define NAMES     2
#define KEY_BYTES (NAMES * (NAME_MAX + 1))

struct named_view {
	bool used;
	char key[KEY_BYTES]; /* the names, with a slash between */
	uint32_t *numbers;
	struct view view;
};

static struct {
	struct image image;
	bool needs_names;
	struct named_view views[VIEWS];
	unsigned int next; /* the one to be forgotten */
} known;

int
supervise_view_start(const struct image *image)
{
	uint32_t groups = image_group_count(image);

	if (known.image.bytes == image->bytes)
		return 0;
	known.image = *image;
	/* Group 0 has the rules that name no program. */
	known.needs_names = groups > 1;
	for (int i = 0; i < VIEWS; i++) {
		known.views[i].numbers = calloc(groups + 1u, sizeof(uint32_t));
		if (!known.views[i].numbers)
			return -ENOMEM;
	}
	return 0;
}

bool
supervise_view_needs_names(void)
{
	return known.needs_names;
}

const struct view *
supervise_view(const char *const *names, unsigned int count)
{
	struct named_view *entry;
	char key[KEY_BYTES];

	if (!known.needs_names)
		count = 0;
	snprintf(key, sizeof(key), "%s/%s", count > 0 ? names[0] : "",
	    count > 1 ? names[1] : "");
	for (int i = 0; i < VIEWS; i++) {
		if (known.views[i].used && strcmp(known.views[i].key, key) == 0)
			return &known.views[i].view;
	}
	entry = &known.views[known.next++ % VIEWS];
	view_make(&entry->view, &known.image, names, count, entry->numbers,
	    image_group_count(&known.image));
	/*
	 * A rule for all sockets is set by socket(2) under the preload. Here
	 * that call is not seen, and the rule is set as any other.
	 */
	entry->view.uniform = MATCH_NONE;
	memcpy(entry->key, key, sizeof(entry->key));
	entry->used = true;
	return &entry->view;
}
