/* SPDX-License-Identifier: ISC */
/*
 * cache: the compiled image, beside the configuration file.
 */
#include "image/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "image/shared.h"

static const char *
cache_directory(void)
{
	const char *directory;

	if (getauxval(AT_SECURE) != 0)
		return NULL;
	directory = getenv(CACHE_ENVIRONMENT);
	return directory != NULL && *directory == '/' ? directory : NULL;
}

/* A path in the making; at counts on past size, so that it tells. */
struct name {
	char *path;
	size_t size;
	size_t at;
};

static void
add(struct name *name, const char *text, char slash)
{
	for (; *text != '\0'; text++) {
		if (name->at < name->size)
			name->path[name->at] =
			    (char)(*text == '/' ? slash : *text);
		name->at++;
	}
}

static void
add_number(struct name *name, unsigned int number)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	add(name, digits + at, '/');
}

static int
end_name(struct name *name)
{
	if (name->at >= name->size)
		return -ENAMETOOLONG;
	name->path[name->at] = '\0';
	return 0;
}

/* In a directory of many, a file is called by its whole path. */
static int
end_in_directory(struct name *name, const char *config, const char *suffix)
{
	if (*config != '/')
		return -EINVAL;
	add(name, "/", '/');
	add(name, config + 1, '%');
	add(name, suffix, '/');
	return end_name(name);
}

int
cache_name(const char *config, char *path, size_t size)
{
	const char *directory = cache_directory();
	struct name name = {.path = path, .size = size};

	if (directory != NULL) {
		add(&name, directory, '/');
		return end_in_directory(&name, config, CACHE_SUFFIX);
	}
	add(&name, config, '/');
	add(&name, CACHE_SUFFIX, '/');
	return end_name(&name);
}

int
shared_name(const char *config, uid_t user, char *path, size_t size)
{
	const char *directory = cache_directory();
	struct name name = {.path = path, .size = size};

	if (directory != NULL) {
		add(&name, directory, '/');
	} else if (user == 0) {
		add(&name, CACHE_DIRECTORY, '/');
	} else {
		add(&name, CACHE_USER_PREFIX, '/');
		add_number(&name, user);
		add(&name, CACHE_USER_SUFFIX, '/');
	}
	return end_in_directory(&name, config, SHARED_SUFFIX);
}

static int
believe(const struct stat *st)
{
	if (trust_file(st) != TRUST_FULL)
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

enum cache_age
cache_age(const struct image *image, const char *config)
{
	struct image_source source;
	uint32_t count, seen = 0;
	struct stat now, st;
	bool there = stat(config, &now) == 0;

	/* It may have been moved, with its image, to where it is now. */
	if (there &&
	    (!image_source(image, 0, &source) || !same_file(&now, &source)))
		return CACHE_STALE;
	for (count = 0; image_source(image, count, &source); count++) {
		const char *path = image_string(image, source.path);

		if (there && strcmp(path, config) == 0)
			st = now;
		else if (stat(path, &st) < 0)
			continue;
		if (!same_file(&st, &source))
			return CACHE_STALE;
		seen++;
	}
	if (seen == 0)
		return CACHE_UNSEEN;
	return seen == count ? CACHE_FRESH : CACHE_STALE;
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
cache_file_begin(const char *path, struct cache_file *file)
{
	file->path = path;
	if (snprintf(file->temporary, sizeof(file->temporary), "%s.XXXXXX",
		path) >= (int)sizeof(file->temporary))
		return -ENAMETOOLONG;
	file->fd = mkostemp(file->temporary, O_CLOEXEC);
	return file->fd < 0 ? -errno : 0;
}

int
cache_file_end(struct cache_file *file, int error)
{
	if (error == 0 && (fchmod(file->fd, 0644) < 0 || fsync(file->fd) < 0))
		error = -errno;
	if (close(file->fd) < 0 && error == 0)
		error = -errno;
	if (error == 0 && rename(file->temporary, file->path) < 0)
		error = -errno;
	if (error < 0) {
		unlink(file->temporary);
		return error;
	}
	return sync_directory(file->path);
}

int
cache_write(const char *path, const uint8_t *bytes, uint32_t size)
{
	struct cache_file file;
	int error = cache_file_begin(path, &file);

	if (error < 0)
		return error;
	return cache_file_end(&file, write_all(file.fd, bytes, size));
}
