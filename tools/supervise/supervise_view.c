/* SPDX-License-Identifier: ISC */
/*
 * supervise_view: the rules that concern a program, by its names.
 */
#include "supervise/supervise_view.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/shared.h"
#include "supervise/supervise_filter.h"

#define VIEWS 16
#define NAMES 2

struct named_view {
	bool used;
	char name[NAMES][NAME_MAX + 1];
	const char *names[NAMES];
	unsigned int count;
	uint32_t *numbers;
	struct view view;
};

static struct {
	struct image image;
	uint8_t *copy; /* image's bytes, if it came by a reload; else NULL */
	uint32_t generation; /* of image; 0: the one that we began with */
	struct shared shared;
	uint32_t seen; /* generation that was last looked at */
	bool needs_names;
	struct supervise_needs notified; /* what the filter was made for */
	bool outgrown, outgrown_said;
	struct named_view views[VIEWS];
	unsigned int next; /* the one to be forgotten */
} known;

/* Makes image the one in force. Returns 0 or -ENOMEM, and then it is not. */
static int
use_image(const struct image *image)
{
	const uint32_t groups = image_group_count(image);
	uint32_t *numbers[VIEWS];

	for (int i = 0; i < VIEWS; i++) {
		numbers[i] = calloc(groups + 1u, sizeof(uint32_t));
		if (numbers[i] == NULL) {
			while (i-- > 0)
				free(numbers[i]);
			return -ENOMEM;
		}
	}
	for (int i = 0; i < VIEWS; i++) {
		free(known.views[i].numbers);
		known.views[i].numbers = numbers[i];
		known.views[i].used = false;
	}
	known.image = *image;
	/* Group 0 has the rules that name no program. */
	known.needs_names = groups > 1;
	return 0;
}

int
supervise_view_start(const struct in_force *force)
{
	if (known.image.bytes != NULL)
		return 0;
	known.shared = force->source.shared;
	known.seen = force->source.generation;
	known.notified = supervise_needs(&force->image);
	return use_image(&force->image);
}

bool
supervise_view_outgrew_filter(void)
{
	const bool news = known.outgrown && !known.outgrown_said;

	known.outgrown_said |= news;
	return news;
}

static void
compare_needs(void)
{
	const struct supervise_needs needs = supervise_needs(&known.image);

	known.outgrown = (needs.accepts && !known.notified.accepts) ||
	                 (needs.options && !known.notified.options);
}

/* Follows "kashim reload". What is not sound is not followed. */
static void
follow(void)
{
	const uint32_t current = shared_current(&known.shared);
	const struct image published = shared_image(&known.shared, current);
	struct image image = {.size = published.size};
	uint8_t *copy = malloc(published.size);

	if (copy == NULL)
		return;
	memcpy(copy, published.bytes, published.size);
	if (!shared_intact(&known.shared, current)) {
		free(copy); /* overtaken: once more at the next call */
		return;
	}
	known.seen = current;
	image.bytes = copy;
	if (image_check(&image) < 0 || use_image(&image) < 0) {
		free(copy);
		return;
	}
	free(known.copy);
	known.copy = copy;
	known.generation = current;
	compare_needs();
}

bool
supervise_view_needs_names(void)
{
	if (known.shared.header != NULL &&
	    shared_current(&known.shared) != known.seen)
		follow();
	return known.needs_names;
}

static bool
has_names(const struct named_view *entry, const char *const *names,
    unsigned int count)
{
	if (!entry->used || entry->count != count)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		if (strcmp(entry->name[i], names[i]) != 0)
			return false;
	}
	return true;
}

const struct view *
supervise_view(const char *const *names, unsigned int count)
{
	struct named_view *entry;

	if (!supervise_view_needs_names())
		count = 0;
	for (int i = 0; i < VIEWS; i++) {
		if (has_names(&known.views[i], names, count))
			return &known.views[i].view;
	}
	entry = &known.views[known.next++ % VIEWS];
	for (unsigned int i = 0; i < count; i++) {
		snprintf(
		    entry->name[i], sizeof(entry->name[i]), "%s", names[i]);
		entry->names[i] = entry->name[i];
	}
	entry->count = count;
	entry->used = true;
	view_make(&entry->view, &known.image, entry->names, count,
	    entry->numbers, image_group_count(&known.image));
	/*
	 * A rule for all sockets is set by socket(2) under the preload. Here
	 * that call is not seen, and the rule is set as any other.
	 */
	entry->view.uniform = MATCH_NONE;
	entry->view.generation = known.generation;
	entry->view.changed = known.generation != 0;
	return &entry->view;
}
