/* SPDX-License-Identifier: ISC */
/*
 * cache: the compiled image, beside the configuration file.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int
cache_name(const char *config, char *path, size_t size)
{
	size_t len = strlen(config);

	if (len + sizeof(CACHE_SUFFIX) > size)
		return -ENAMETOOLONG;
	memcpy(path, config, len);
	memcpy(path + len, CACHE_SUFFIX, sizeof(CACHE_SUFFIX));
	return 0;
}

static int
believe(const struct stat *st)
{
	if (!S_ISREG(st->st_mode) ||
	    (st->st_uid != 0 && st->st_uid != geteuid()) ||
	    (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return -EPERM;
	if (st->st_size < (off_t)sizeof(struct image_header) ||
	    st->st_size > (off_t)UINT32_MAX)
		return -EBADMSG;
	return 0;
}

static int
read_all(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t got = read(fd, bytes, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return -EBADMSG;
		bytes += got;
		size -= (size_t)got;
	}
	return 0;
}

int
cache_read(const char *path, struct image *image)
{
	struct stat st;
	void *bytes;
	int fd, error;

	/* Opening a FIFO for reading waits for a writer without O_NONBLOCK. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		error = -errno;
		goto out;
	}
	error = believe(&st);
	if (error < 0)
		goto out;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bytes == MAP_FAILED) {
		error = -errno;
		goto out;
	}
	*image = (struct image){.bytes = bytes, .size = (uint32_t)st.st_size};
	error = read_all(fd, bytes, image->size);
	if (error == 0)
		error = image_check(image);
	if (error < 0)
		cache_release(image);
out:
	close(fd);
	return error;
}

void
cache_release(struct image *image)
{
	munmap((void *)image->bytes, image->size);
	*image = (struct image){0};
}

static bool
same_file(const struct stat *st, const struct image_source *source)
{
	return st->st_dev == source->device && st->st_ino == source->inode &&
	       (uint64_t)st->st_size == source->size &&
	       st->st_mtim.tv_sec == source->mtime_s &&
	       (uint32_t)st->st_mtim.tv_nsec == source->mtime_ns;
}

bool
cache_is_fresh(const struct image *image, const char *config)
{
	struct image_source source;
	uint32_t count, seen = 0;
	struct stat st;

	/* It may have been moved, with its image, to where it is now. */
	if (stat(config, &st) == 0 &&
	    (!image_source(image, 0, &source) || !same_file(&st, &source)))
		return false;
	for (count = 0; image_source(image, count, &source); count++) {
		if (stat(image_string(image, source.path), &st) < 0)
			continue;
		if (!same_file(&st, &source))
			return false;
		seen++;
	}
	return seen == count || seen == 0;
}

static int
write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		ssize_t put = write(fd, bytes, size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		bytes += put;
		size -= (size_t)put;
	}
	return 0;
}

/* A rename lasts over a power failure only when its directory is synced. */
static int
sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) + 1 : 0;
	int fd, error = 0;

	if (len == 0) {
		directory[len++] = '.';
	} else {
		if (len >= sizeof(directory))
			return -ENAMETOOLONG;
		memcpy(directory, path, len);
	}
	directory[len] = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd) < 0)
		error = -errno;
	close(fd);
	return error;
}

int
cache_write(const char *path, const uint8_t *bytes, uint32_t size)
{
	char temporary[PATH_MAX];
	int fd, error;

	if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = write_all(fd, bytes, size);
	if (error == 0 && (fchmod(fd, 0644) < 0 || fsync(fd) < 0))
		error = -errno;
	if (close(fd) < 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(temporary, path) < 0)
		error = -errno;
	if (error < 0) {
		unlink(temporary);
		return error;
	}
	return sync_directory(path);
}
