/* SPDX-License-Identifier: ISC */
/*
 * shared: the policy as it is published: mapped by programs, written in place
 * by the command.
 */
#include "image/shared.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "image/cache.h"

#define HALF_MIN (UINT32_C(64) << 10)

static_assert(sizeof(struct shared_header) == 32, "shared_header has padding");
static_assert((SHARED_LAST & 1) == 0, "the first generation is in its half");

static uint64_t
file_size(uint32_t half_size)
{
	return 2 * (uint64_t)SHARED_PAGE + 2 * (uint64_t)half_size;
}

/* Maps an open file, if it is to be trusted and one of ours. */
static int
map_file(int fd, int protection, struct shared *shared)
{
	struct stat st;
	struct shared_header *header;
	int error = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (trust_file(&st) != TRUST_FULL)
		return -EPERM;
	if (st.st_size < (off_t)file_size(SHARED_PAGE) ||
	    (uint64_t)st.st_size > SIZE_MAX)
		return -EBADMSG;
	header = mmap(NULL, (size_t)st.st_size, protection, MAP_SHARED, fd, 0);
	if (header == MAP_FAILED)
		return -errno;
	*shared = (struct shared){.header = header,
	    .half_size = header->half_size,
	    .mapped = (size_t)st.st_size};
	if (header->magic == SHARED_MAGIC && header->version != SHARED_VERSION)
		error = -EPROTONOSUPPORT;
	else if (header->magic != SHARED_MAGIC ||
		 shared->half_size % SHARED_PAGE != 0 || header->current == 0 ||
		 header->current > SHARED_LAST ||
		 file_size(shared->half_size) != (uint64_t)st.st_size)
		error = -EBADMSG;
	if (error < 0)
		shared_unmap(shared);
	return error;
}

int
shared_map(const char *path, struct shared *shared)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error;

	if (fd < 0)
		return -errno;
	error = map_file(fd, PROT_READ, shared);
	close(fd);
	return error;
}

void
shared_unmap(struct shared *shared)
{
	munmap(shared->header, shared->mapped);
	*shared = (struct shared){0};
}

static uint8_t *
half(const struct shared *shared, uint32_t generation)
{
	return (uint8_t *)shared->header + SHARED_PAGE +
	       (size_t)(generation & 1) * shared->half_size;
}

struct image
shared_image(const struct shared *shared, uint32_t generation)
{
	uint32_t size = __atomic_load_n(
	    &shared->header->size[generation & 1], __ATOMIC_RELAXED);

	return (struct image){
	    .bytes = half(shared, generation),
	    .size = size <= shared->half_size ? size : 0,
	};
}

static int
write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
	const char *from = bytes;

	while (size > 0) {
		ssize_t put = pwrite(fd, from, size, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		from += put;
		size -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

/*
 * A new file is made whole beside the old one and takes its place. It gets
 * all its blocks, so that to publish in it can't fail for want of space.
 */
static int
make_file(const char *path, const struct image *image, uint32_t generation)
{
	const uint32_t block = HALF_MIN;
	uint64_t room = (uint64_t)image->size + image->size / 2;
	struct shared_header header = {
	    .magic = SHARED_MAGIC,
	    .version = SHARED_VERSION,
	    .current = generation,
	    .begun = generation,
	};
	uint64_t offset;
	struct cache_file file;
	int error;

	room = (room + block - 1) / block * block;
	if (room > UINT32_MAX - block)
		return -EFBIG;
	header.half_size = (uint32_t)room;
	header.size[generation & 1] = image->size;
	offset = SHARED_PAGE + (uint64_t)(generation & 1) * room;
	error = cache_file_begin(path, &file);
	if (error < 0)
		return error;
	error =
	    -posix_fallocate(file.fd, 0, (off_t)file_size(header.half_size));
	if (error == 0)
		error = write_at(file.fd, &header, sizeof(header), 0);
	if (error == 0)
		error = write_at(file.fd, image->bytes, image->size, offset);
	return cache_file_end(&file, error);
}

/*
 * The order is all: programs are told that the half is not to be read before
 * it is written, and that it is in force after that, and so is the disk.
 */
static int
write_half(int fd, const struct shared *shared, const struct image *image,
    uint32_t generation)
{
	struct shared_header *header = shared->header;
	int error;

	__atomic_store_n(&header->begun, generation, __ATOMIC_SEQ_CST);
	SHARED_FENCE(__ATOMIC_SEQ_CST);
	error = write_at(fd, image->bytes, image->size,
	    (uint64_t)(half(shared, generation) - (uint8_t *)header));
	if (error < 0)
		return error;
	__atomic_store_n(
	    &header->size[generation & 1], image->size, __ATOMIC_RELAXED);
	if (fsync(fd) < 0)
		return -errno;
	__atomic_store_n(&header->current, generation, __ATOMIC_SEQ_CST);
	/* It is published; that it lasts is all that can still go wrong. */
	(void)fsync(fd);
	return 0;
}

/*
 * Publishes in the file that is there. -E2BIG if the image does not fit.
 * *left_behind: what programs have mapped is another file now. An overlay file
 * system copies a file of a lower layer, such as a container's image, when it
 * is opened for writing; whoever mapped it before keeps the old one, though it
 * has the same name and inode number.
 */
static int
write_file(const char *path, const struct image *image, uint32_t *generation,
    bool *left_behind)
{
	struct shared shared = {0}, before = {0};
	int fd, error;

	/* As a program has it; whether it is one says the descriptor below. */
	(void)shared_map(path, &before);
	fd =
	    open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	error = fd < 0 ? -errno : map_file(fd, PROT_READ | PROT_WRITE, &shared);
	if (error == 0) {
		*generation = shared_next(shared_current(&shared));
		if (image->size <= shared.half_size)
			error = write_half(fd, &shared, image, *generation);
		else
			error = -E2BIG;
		shared_unmap(&shared);
	}
	*left_behind = error == 0 && before.header != NULL &&
	               shared_current(&before) != *generation;
	if (before.header != NULL)
		shared_unmap(&before);
	if (fd >= 0)
		close(fd);
	return error;
}

/* One that publishes at a time. Others can't lock a file of mode 0600. */
static int
lock(const char *path, int *fd)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s.lock", path) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return -errno;
	while (flock(*fd, LOCK_EX) < 0) {
		int error = -errno;

		if (error == -EINTR)
			continue;
		close(*fd);
		return error;
	}
	return 0;
}

/* The directory that the file is in, if that alone is missing. */
static void
make_directory(const char *path)
{
	char name[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL || (size_t)(slash - path) >= sizeof(name))
		return;
	memcpy(name, path, (size_t)(slash - path));
	name[slash - path] = '\0';
	if (mkdir(name, 0755) == 0)
		(void)chmod(name, 0755); /* whatever the umask is */
}

int
shared_publish(
    const char *path, const struct image *image, struct shared_result *result)
{
	uint32_t generation = 0;
	bool left_behind = false;
	int fd, error;

	make_directory(path);
	error = lock(path, &fd);
	if (error < 0)
		return error;
	error = write_file(path, image, &generation, &left_behind);
	*result = (struct shared_result){
	    .generation = generation, .new_file = left_behind};
	/* What is not one of ours, or too small, is replaced. */
	if (error == -ENOENT || error == -EBADMSG || error == -E2BIG ||
	    error == -EPROTONOSUPPORT) {
		if (generation == 0)
			result->generation = 1;
		result->new_file = true;
		error = make_file(path, image, result->generation);
	}
	close(fd);
	return error;
}
