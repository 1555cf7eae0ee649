/* SPDX-License-Identifier: ISC */
/*
 * inside: files below a root directory that nobody vouches for (inside.h).
 */
#include "host/inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/kernel_calls.h"

/*
 * A rename elsewhere during ".." makes openat2(2) ask for another try; and a
 * name that is to be new may be there already.
 */
#define TRIES 32

int
inside_root(const char *root)
{
	int fd = open(*root ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Before Linux 5.6 there is no openat2(2). The machine's own root directory
 * needs none: no link leads out of it.
 */
static int
open_without(int root, const char *path, int flags)
{
	struct stat given, own;
	int fd;

	if (fstat(root, &given) != 0 || stat("/", &own) != 0)
		return -errno;
	if (given.st_dev != own.st_dev || given.st_ino != own.st_ino)
		return -ENOSYS;
	fd = openat(root, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
open_inside(int root, const char *path, int flags, uint64_t resolve)
{
	struct kernel_open_how how = {
	    .flags = (uint64_t)(flags | O_CLOEXEC),
	    .resolve = KERNEL_RESOLVE_IN_ROOT | resolve,
	};
	int fd;
	int tries = 0;

	do
		fd = kernel_openat2(root, path, &how);
	while (
	    fd < 0 && (errno == EAGAIN || errno == EINTR) && ++tries < TRIES);
	if (fd < 0 && errno == ENOSYS)
		return open_without(root, path, flags);
	return fd < 0 ? -errno : fd;
}

int
inside_open(int root, const char *path, int flags)
{
	return open_inside(root, path, flags, KERNEL_RESOLVE_NO_MAGICLINKS);
}

int
inside_open_plain(int root, const char *path, int flags)
{
	return open_inside(
	    root, path, flags | O_NOFOLLOW, KERNEL_RESOLVE_NO_SYMLINKS);
}

/* The mode is not to depend on the caller's umask. */
static int
make_directory(int parent, const char *name)
{
	if (mkdirat(parent, name, 0755) != 0)
		return errno == EEXIST ? 0 : -errno;
	return fchmodat(parent, name, 0755, 0) != 0 ? -errno : 0;
}

int
inside_make_directory(int root, const char *path)
{
	char part[PATH_MAX];
	size_t length = 0;
	int parent = inside_open(root, "/", O_RDONLY | O_DIRECTORY);

	if (strlen(path) >= sizeof(part)) {
		if (parent >= 0)
			close(parent);
		return -ENAMETOOLONG;
	}
	while (parent >= 0 && path[length += strspn(path + length, "/")]) {
		size_t start = length;
		int fd;

		length += strcspn(path + length, "/");
		memcpy(part, path, length);
		part[length] = '\0';
		fd = inside_open(root, part, O_RDONLY | O_DIRECTORY);
		if (fd == -ENOENT) {
			fd = make_directory(parent, part + start);
			if (fd == 0)
				fd = inside_open(
				    root, part, O_RDONLY | O_DIRECTORY);
		}
		close(parent);
		parent = fd;
	}
	return parent;
}

/* Takes fd over. */
static int
read_all(int fd, char **text, size_t *size)
{
	struct stat status;
	size_t capacity, length = 0;
	char *bytes = NULL;
	ssize_t got;
	int result;

	if (fstat(fd, &status) != 0) {
		result = -errno;
		goto out;
	}
	result = -EBADF;
	if (!S_ISREG(status.st_mode))
		goto out;
	result = -EFBIG;
	if (status.st_size > INSIDE_FILE_MAX)
		goto out;
	capacity = (size_t)status.st_size + 1;
	result = -ENOMEM;
	bytes = malloc(capacity + 1);
	if (!bytes)
		goto out;
	/* One more than there should be: it may have grown, or be in /proc. */
	while ((got = read(fd, bytes + length, capacity - length)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			result = -errno;
			goto out;
		}
		length += (size_t)got;
		if (length < capacity)
			continue;
		result = -EFBIG;
		if (length > INSIDE_FILE_MAX)
			goto out;
		char *more = realloc(bytes, capacity * 2 + 1);
		result = -ENOMEM;
		if (!more)
			goto out;
		bytes = more;
		capacity *= 2;
	}
	bytes[length] = '\0';
	*text = bytes;
	*size = length;
	bytes = NULL;
	result = 0;
out:
	free(bytes);
	close(fd);
	return result;
}

int
inside_read(int root, const char *path, char **text, size_t *size)
{
	struct stat status;
	int fd, result;

	/* To open a device may set it off: look at what it is before. */
	fd = inside_open(root, path, O_PATH);
	if (fd < 0)
		return fd;
	result = fstat(fd, &status) != 0 ? -errno : 0;
	close(fd);
	if (result != 0)
		return result;
	if (!S_ISREG(status.st_mode))
		return -EBADF;
	fd = inside_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? fd : read_all(fd, text, size);
}

int
inside_read_at(int directory, const char *name, char **text, size_t *size)
{
	struct stat status;
	int fd;

	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EBADF;
	fd = openat(directory, name,
	    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : read_all(fd, text, size);
}

/* A new file with a name that nobody else has. Returns it or -errno. */
static int
open_temporary(int directory, const char *beside, char name[NAME_MAX + 1])
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t number;
		int fd;

		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return -EIO;
		if (snprintf(name, NAME_MAX + 1, ".%s.%08x", beside,
			(unsigned int)number) > NAME_MAX)
			return -ENAMETOOLONG;
		fd = openat(directory, name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (fd >= 0 || errno != EEXIST)
			return fd < 0 ? -errno : fd;
	}
	return -EEXIST;
}

static int
write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t written = write(fd, text, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		left -= (size_t)written;
	}
	/* The mode is not to depend on the caller's umask. */
	if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
		return -errno;
	return 0;
}

int
inside_write_at(int directory, const char *name, const char *text)
{
	char temporary[NAME_MAX + 1];
	int fd = open_temporary(directory, name, temporary), result;

	if (fd < 0)
		return fd;
	result = write_all(fd, text);
	if (close(fd) != 0 && result == 0)
		result = -errno;
	if (result == 0 && renameat(directory, temporary, directory, name) != 0)
		result = -errno;
	if (result != 0)
		unlinkat(directory, temporary, 0);
	else if (fsync(directory) != 0)
		result = -errno;
	return result;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
inside_list(int root, const char *path, struct inside_names *names)
{
	int fd = inside_open(root, path, O_RDONLY | O_DIRECTORY);
	const struct dirent *entry;
	DIR *directory;
	int result = 0;

	*names = (struct inside_names){0};
	if (fd < 0)
		return fd;
	directory = fdopendir(fd);
	if (!directory) {
		result = -errno;
		close(fd);
		return result;
	}
	while (errno = 0, (entry = readdir(directory)) != NULL) {
		char **more;

		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		result = -ENOMEM;
		more =
		    reallocarray(names->names, names->count + 1, sizeof(*more));
		if (!more)
			goto out;
		names->names = more;
		more[names->count] = strdup(entry->d_name);
		if (!more[names->count])
			goto out;
		names->count++;
	}
	result = -errno;
	if (names->count > 0)
		qsort(
		    names->names, names->count, sizeof(*names->names), by_name);
out:
	closedir(directory);
	if (result != 0)
		inside_names_free(names);
	return result;
}

void
inside_names_free(struct inside_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct inside_names){0};
}
