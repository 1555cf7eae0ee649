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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image.h"

#define CACHE_SUFFIX ".policy"

/*
 * Writes the name of the image file of a configuration file to path, which
 * has room for size bytes. Returns 0 or -ENAMETOOLONG.
 */
int cache_name(const char *config, char *path, size_t size);

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

/*
 * Was the image made from the file at config, and what that includes, as they
 * are now? If none of them can be seen, as after chroot(2), it counts as
 * fresh.
 */
bool cache_is_fresh(const struct image *image, const char *config);

/*
 * Writes size bytes to the file at path: to a new file beside it first, which
 * is synced and then takes its place, so that a reader has the old or the new
 * one and never a part. The mode is 0644. Returns 0 or -errno.
 */
int cache_write(const char *path, const uint8_t *bytes, uint32_t size);

#endif
