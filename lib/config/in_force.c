/* SPDX-License-Identifier: ISC */
/*
 * in_force: the policy in force, in memory.
 */
#include "config/in_force.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct in_force *force;
	bool parser;
};

static int
take(void *data, enum source_kind kind, const struct image *image)
{
	struct in_force *force = ((struct reading *)data)->force;
	uint8_t *bytes = malloc(image->size);
	int error;

	(void)kind;
	free((void *)force->image.bytes);
	force->image = (struct image){0};
	if (bytes == NULL)
		return -ENOMEM;
	memcpy(bytes, image->bytes, image->size);
	force->image = (struct image){.bytes = bytes, .size = image->size};
	error = image_check(&force->image);
	if (error < 0) {
		free(bytes);
		force->image = (struct image){0};
	}
	return error;
}

static int
read_text(const char *config, source_take_fn *use, void *data)
{
	const struct reading *reading = data;
	struct image image;
	uint8_t *bytes;
	int error = config_load(
	    config, NULL, NULL, &bytes, &image.size, reading->force->message);

	if (error < 0)
		return error;
	image.bytes = bytes;
	error = reading->parser ? use(data, SOURCE_TEXT, &image) : -ELIBACC;
	free(bytes);
	return error;
}

static int
read_for(const char *config, enum source_for whom, bool parser,
    struct in_force *force)
{
	struct reading reading = {.force = force, .parser = parser};

	*force = (struct in_force){0};
	source_find(config, whom, read_text, take, &reading, &force->source);
	if (force->source.kind != SOURCE_NOTHING)
		return 0;
	/* One that was torn, or not sound. */
	free((void *)force->image.bytes);
	force->image = (struct image){0};
	return force->source.error;
}

int
in_force_read(const char *config, bool parser, struct in_force *force)
{
	return read_for(config, SOURCE_FOR_STARTING, parser, force);
}

int
in_force_read_for(
    const char *config, enum source_for whom, struct in_force *force)
{
	int error = read_for(config, whom, true, force);
	struct image image;
	uint8_t *bytes;

	if (error == 0 && whom == SOURCE_FOR_RUNNING &&
	    force->source.kind == SOURCE_OLD_PUBLISHED &&
	    force->source.error == 0) {
		force->source.error = config_load(
		    config, NULL, NULL, &bytes, &image.size, force->message);
		if (force->source.error == 0)
			free(bytes);
	}
	return error;
}

void
in_force_free(struct in_force *force)
{
	free((void *)force->image.bytes);
	if (force->source.shared.header != NULL)
		shared_unmap(&force->source.shared);
	*force = (struct in_force){0};
}
