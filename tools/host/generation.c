/* SPDX-License-Identifier: ISC */
/*
 * generation: which policy another process goes by.
 */
#include "host/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "image/shared.h"
#include "shim/telltale.h"

#define LIBRARY "/libkashim.so"
#define DELETED " (deleted)"
/* Of the library's data; what lies behind it is not from the file. */
#define DATA_MAX 65536

/* A line of /proc/PID/maps, proc(5). */
struct mapping {
	uint64_t from, to, inode;
	dev_t device;
	char rights[5];
	const char *path;
};

static bool
parse_mapping(char *line, struct mapping *mapping)
{
	unsigned int major_number, minor_number;
	int at = 0;

	line[strcspn(line, "\n")] = '\0';
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n",
		&mapping->from, &mapping->to, mapping->rights, &major_number,
		&minor_number, &mapping->inode, &at) < 6 ||
	    at == 0)
		return false;
	mapping->device = makedev(major_number, minor_number);
	mapping->path = line + at;
	return true;
}

static int
read_memory(pid_t pid, uint64_t at, void *to, size_t size)
{
	struct iovec local = {.iov_base = to, .iov_len = size};
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): in another process */
	struct iovec remote = {.iov_base = (void *)at, .iov_len = size};
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (got < 0)
		return -errno;
	return got == (ssize_t)size ? 0 : -EFAULT;
}

/* The library, by whatever name it was installed, or replaced since. */
static bool
is_library(const struct mapping *mapping)
{
	const char *slash = strrchr(mapping->path, '/');

	return mapping->rights[1] == 'w' && slash != NULL &&
	       strncmp(slash, LIBRARY, sizeof(LIBRARY) - 1) == 0 &&
	       (slash[sizeof(LIBRARY) - 1] == '\0' ||
		   strcmp(slash + sizeof(LIBRARY) - 1, DELETED) == 0);
}

static int
find_telltale(pid_t pid, const struct mapping *mapping, struct telltale *found)
{
	static char data[DATA_MAX];
	char magic[TELLTALE_SIZE];
	size_t size = mapping->to - mapping->from;
	int error;

	memcpy(magic, TELLTALE_FIRST, sizeof(TELLTALE_FIRST) - 1);
	memcpy(magic + sizeof(TELLTALE_FIRST) - 1, TELLTALE_SECOND,
	    sizeof(TELLTALE_SECOND));
	if (size > sizeof(data))
		size = sizeof(data);
	error = read_memory(pid, mapping->from, data, size);
	if (error < 0)
		return error;
	for (size_t at = 0; at + sizeof(*found) <= size; at += 8) {
		if (memcmp(data + at, magic, sizeof(magic)) == 0) {
			memcpy(found, data + at, sizeof(*found));
			return 0;
		}
	}
	return -ENOENT;
}

/* What is in force in the file that has this name for the process now. */
static uint32_t
newest(pid_t pid, const char *path)
{
	char name[64 + PATH_MAX];
	struct shared_header header;
	uint32_t number = 0;
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/root%s", (int)pid, path);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	if (read(fd, &header, sizeof(header)) == (ssize_t)sizeof(header) &&
	    header.magic == SHARED_MAGIC && header.version == SHARED_VERSION)
		number = header.current;
	close(fd);
	return number;
}

/* Where the published policy is mapped, its file. */
static void
find_file(pid_t pid, FILE *maps, uint64_t at, struct generation *generation)
{
	char line[PATH_MAX + 128];
	char name[64 + PATH_MAX];
	struct mapping mapping;
	struct stat st;
	size_t len;

	rewind(maps);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (!parse_mapping(line, &mapping) || mapping.from != at)
			continue;
		len = strlen(mapping.path);
		if (len >= sizeof(DELETED) - 1 &&
		    strcmp(mapping.path + len - (sizeof(DELETED) - 1),
			DELETED) == 0)
			len -= sizeof(DELETED) - 1;
		if (len >= sizeof(generation->path))
			return;
		memcpy(generation->path, mapping.path, len);
		generation->path[len] = '\0';
		snprintf(name, sizeof(name), "/proc/%d/root%s", (int)pid,
		    generation->path);
		/* The device may differ in maps (btrfs, overlayfs). */
		generation->follows =
		    stat(name, &st) == 0 && st.st_ino == mapping.inode;
		generation->newest = newest(pid, generation->path);
		return;
	}
}

static int
judge(pid_t pid, FILE *maps, const struct telltale *telltale,
    struct generation *generation)
{
	static const enum generation_source SOURCES[] = {
	    [TELLTALE_NOTHING] = GENERATION_NOTHING,
	    [TELLTALE_TEXT] = GENERATION_TEXT,
	    [TELLTALE_COMPILED] = GENERATION_COMPILED,
	    [TELLTALE_PUBLISHED] = GENERATION_PUBLISHED,
	};
	struct shared_header header;
	int error;

	*generation = (struct generation){0};
	if (telltale->start < sizeof(SOURCES) / sizeof(SOURCES[0]))
		generation->source = SOURCES[telltale->start];
	if (telltale->shared == 0)
		return 0;
	error = read_memory(pid, telltale->shared, &header, sizeof(header));
	if (error < 0)
		return error;
	find_file(pid, maps, telltale->shared, generation);
	if (telltale->passes == 0 || header.current != telltale->passed) {
		generation->source = GENERATION_PUBLISHED;
		generation->number = header.current;
	}
	return 0;
}

int
generation_read(pid_t pid, struct generation *generation)
{
	char line[PATH_MAX + 128];
	struct telltale telltale = {0};
	struct mapping mapping;
	int error = -ENOENT;
	FILE *maps;

	snprintf(line, sizeof(line), "/proc/%d/maps", (int)pid);
	maps = fopen(line, "re");
	if (maps == NULL)
		return errno == ENOENT ? -ESRCH : -errno;
	while (error == -ENOENT && fgets(line, sizeof(line), maps) != NULL) {
		if (parse_mapping(line, &mapping) && is_library(&mapping))
			error = find_telltale(pid, &mapping, &telltale);
	}
	if (ferror(maps))
		error = -errno;
	else if (error == 0)
		error = judge(pid, maps, &telltale, generation);
	fclose(maps);
	return error;
}

void
generation_format(const struct generation *generation, char *text, size_t size)
{
	static const char *const FIRST[] = {
	    [GENERATION_NOTHING] = "no policy that concerns it",
	    [GENERATION_TEXT] = "the text as it was when it started",
	    [GENERATION_COMPILED] =
		"the compiled policy as it was when it started",
	};
	int at;

	if (generation->source == GENERATION_PUBLISHED)
		at = snprintf(
		    text, size, "policy generation %u", generation->number);
	else
		at = snprintf(text, size, "%s", FIRST[generation->source]);
	if (at < 0 || (size_t)at >= size || generation->follows)
		return;
	if (generation->newest != 0)
		snprintf(text + at, size - (size_t)at,
		    "; generation %u is in force: start it again to follow",
		    generation->newest);
	else
		snprintf(text + at, size - (size_t)at,
		    "; it does not follow kashim reload");
}
