/* SPDX-License-Identifier: ISC */
/*
 * in_force: the policy in force, in memory.
 */
#include "config/in_force.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/cache.h"

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

static void
look_for_published(const char *config, struct stat published[2])
{
	const uid_t users[] = {0, geteuid()};
	char path[PATH_MAX];

	memset(published, 0, 2 * sizeof(*published));
	for (int i = 0; i < 2; i++)
		if (shared_name(config, users[i], path, sizeof(path)) == 0)
			(void)stat(path, &published[i]);
}

static int
read_for(const char *config, enum source_for whom, bool parser,
    struct in_force *force)
{
	struct reading reading = {.force = force, .parser = parser};

	*force = (struct in_force){0};
	look_for_published(config, force->published);
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

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool
in_force_is_current(
    const char *config, enum source_for whom, const struct in_force *force)
{
	const struct source *source = &force->source;
	struct stat published[2];

	look_for_published(config, published);
	if (!is_same(&published[0], &force->published[0]) ||
	    !is_same(&published[1], &force->published[1]) ||
	    (source->shared.header != NULL &&
		shared_current(&source->shared) != source->generation))
		return false;
	/* Programs that run follow that one, whatever became of the text. */
	return (whom == SOURCE_FOR_RUNNING &&
		   (source->kind == SOURCE_PUBLISHED ||
		       source->kind == SOURCE_OLD_PUBLISHED)) ||
	       cache_age(&force->image, config) == CACHE_FRESH;
}

void
in_force_free(struct in_force *force)
{
	free((void *)force->image.bytes);
	if (force->source.shared.header != NULL)
		shared_unmap(&force->source.shared);
	*force = (struct in_force){0};
}
