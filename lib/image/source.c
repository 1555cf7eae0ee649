/* SPDX-License-Identifier: ISC */
/*
 * source: which policy is in force.
 */
#include "image/source.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#include "image/cache.h"

/* Reloads that come again and again while it reads. */
#define TRIES_MAX 100

struct search {
	const char *config;
	source_take_fn *take;
	void *data;
	struct source *source;
};

static bool
try_published(const struct search *search, enum source_kind kind)
{
	struct source *source = search->source;
	struct image image;
	bool taken = false;

	if (source->shared.header == NULL)
		return false;
	for (int i = 0; i < TRIES_MAX; i++) {
		source->generation = shared_current(&source->shared);
		image = shared_image(&source->shared, source->generation);
		taken = image_check_header(&image) == 0 &&
		        (kind == SOURCE_OLD_PUBLISHED ||
			    cache_age(&image, search->config) == CACHE_FRESH) &&
		        search->take(search->data, kind, &image) == 0;
		if (shared_intact(&source->shared, source->generation))
			break;
		taken = false;
	}
	if (taken)
		source->kind = kind;
	return taken;
}

static bool
try_compiled(const struct search *search, enum source_kind kind)
{
	char path[PATH_MAX];
	struct image image;
	bool taken;

	if (cache_name(search->config, path, sizeof(path)) < 0 ||
	    cache_read(path, &image) < 0)
		return false;
	taken = (kind == SOURCE_OLD_COMPILED ||
		    cache_is_fresh(&image, search->config)) &&
	        search->take(search->data, kind, &image) == 0;
	cache_release(&image);
	if (taken)
		search->source->kind = kind;
	return taken;
}

static bool
map(const char *config, uid_t user, struct shared *shared)
{
	char path[PATH_MAX];

	return shared_name(config, user, path, sizeof(path)) == 0 &&
	       shared_map(path, shared) == 0;
}

void
source_find(const char *config, enum source_for whom, source_text_fn *text,
    source_take_fn *take, void *data, struct source *source)
{
	const struct search search = {
	    .config = config, .take = take, .data = data, .source = source};
	const uid_t user = geteuid();

	*source = (struct source){0};
	/* A program that is not root's may follow its user's own files. */
	if (!map(config, 0, &source->shared) &&
	    (user == 0 || !map(config, user, &source->shared)))
		source->shared.header = NULL;
	if (try_published(&search, SOURCE_PUBLISHED) ||
	    (whom == SOURCE_FOR_RUNNING &&
		try_published(&search, SOURCE_OLD_PUBLISHED)) ||
	    try_compiled(&search, SOURCE_COMPILED))
		return;
	source->error = text(config, take, data);
	if (source->error == 0)
		source->kind = SOURCE_TEXT;
	/* The compiled one is the newer one, if they differ. */
	else if (source->error != -ENOENT &&
		 !try_compiled(&search, SOURCE_OLD_COMPILED))
		(void)try_published(&search, SOURCE_OLD_PUBLISHED);
}
