/* SPDX-License-Identifier: ISC */
/*
 * cache: the compiled image, beside the configuration file: reads it and
 * writes it. It decides whether an image file is to be believed and whether
 * it is fresh, and nothing else of it.
 *
 * The file is copied into memory and not mapped: were it cut short by
 * somebody while it is mapped, each read behind its end would kill the host
 * (SIGBUS, mmap(2)). For start-up, not for hooks: it opens files.
 */
#ifndef KASHIM_CACHE_H
#define KASHIM_CACHE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"

#define CACHE_SUFFIX ".policy"

/* Where files go, in place of the usual; not if AT_SECURE (getauxval(3)). */
#define CACHE_ENVIRONMENT "KASHIM_CACHE"
/* The usual for what is published, of root and of other users. */
#ifndef KASHIM_LOCALSTATEDIR
#define KASHIM_LOCALSTATEDIR "/var"
#endif
#define CACHE_DIRECTORY   KASHIM_LOCALSTATEDIR "/cache/kashim"
#define CACHE_USER_PREFIX "/run/user/" /* and then the number of the user */
#define CACHE_USER_SUFFIX "/kashim"

/*
 * Writes the name of the image file of a configuration file to path, which
 * has room for size bytes: in the directory that KASHIM_CACHE names, or
 * beside the file. Returns 0 or -ENAMETOOLONG, or, only with KASHIM_CACHE,
 * -EINVAL if the name of config is not absolute.
 */
int cache_name(const char *config, char *path, size_t size);

/*
 * The same for what root (user 0), or another user, publishes of it: in the
 * directory that KASHIM_CACHE names, or else in one of the user's. -EINVAL if
 * the name of config is not absolute.
 */
int shared_name(const char *config, uid_t user, char *path, size_t size);

/*
 * Reads the image file at path into memory from mmap(2), which the caller
 * gives back with cache_release(), and checks it.
 *
 * Believed is only a regular file, owned by root or by the effective user,
 * that nobody else can write.
 *
 * Returns 0; -ENOENT and what else open(2), read(2) and mmap(2) say; -EPERM
 * if it is not to be believed; -EBADMSG if it is no sound image.
 */
int cache_read(const char *path, struct image *image);

void cache_release(struct image *image);

enum cache_age {
	CACHE_FRESH,
	CACHE_STALE,
	CACHE_UNSEEN, /* none of the files can be seen, as after chroot(2) */
};

/*
 * Was the image made from the file at config, and what that includes, as they
 * are now?
 */
enum cache_age cache_age(const struct image *image, const char *config);

/* What cannot be seen counts as fresh. */
static inline bool
cache_is_fresh(const struct image *image, const char *config)
{
	return cache_age(image, config) != CACHE_STALE;
}

/*
 * A file in the making: a new one beside it, which is synced and then takes
 * its place, so that a reader has the old or the new one and never a part.
 */
struct cache_file {
	int fd; /* to be written to */
	const char *path;
	char temporary[PATH_MAX];
};

/* Makes it. path has to last. Returns 0, or -errno and there is nothing. */
int cache_file_begin(const char *path, struct cache_file *file);

/*
 * Puts it in its place, mode 0644, and closes it; or removes it if error, of
 * what was done in between, is not 0. Returns error, or -errno.
 */
int cache_file_end(struct cache_file *file, int error);

/* Writes size bytes to the file at path in this way. Returns 0 or -errno. */
int cache_write(const char *path, const uint8_t *bytes, uint32_t size);

#endif
