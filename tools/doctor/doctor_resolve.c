/* SPDX-License-Identifier: ISC */
/*
 * doctor_resolve: where the loader looks for an entry of LD_PRELOAD (ld.so(8)):
 * its dynamic string tokens, and its directories for a name without a slash.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "doctor/doctor_resolve.h"

#define CACHE       "/etc/ld.so.cache"
#define CACHE_BYTES (16u << 20)
/* Loaders have some hundred kilobytes. */
#define LOADER_BYTES (2u << 20)

/* Reads a file's beginning; *size bytes and a NUL. NULL if it can't be. */
static char *
read_file(const struct place *place, const char *path, size_t max, size_t *size)
{
	int fd = place_open(place, path, O_RDONLY);
	struct stat st;
	char *bytes = NULL;
	ssize_t got;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
		goto out;
	if ((size_t)st.st_size < max)
		max = (size_t)st.st_size;
	bytes = calloc(1, max + 1);
	if (!bytes)
		goto out;
	got = pread(fd, bytes, max, 0);
	*size = got < 0 ? 0 : (size_t)got;
out:
	close(fd);
	return bytes;
}

/*
 * glibc has the directory as it was built: "lib/x86_64-linux-gnu", "lib64",
 * "lib". It is a string of its own in the loader, and nowhere else.
 */
void
doctor_lib_token(const struct place *place, const struct elf_file *elf,
    char *token, size_t size)
{
	static const char *const plain[] = {"lib64", "lib32", "libx32"};
	size_t length = 0;
	char *bytes = read_file(place, elf->interpreter, LOADER_BYTES, &length);
	const char *at = bytes, *found = NULL;

	snprintf(token, size, "lib");
	/* As "\0lib/TRIPLET\0", which paths in it are not. */
	while (bytes && !found &&
	       (at = memmem(at, length - (size_t)(at - bytes), "\0lib/", 5))) {
		at++;
		if (strlen(at) < size && !strchr(at + 4, '/') &&
		    !strchr(at, ' '))
			found = at;
	}
	for (size_t i = 0; bytes && !found && i < 3; i++) {
		at = memmem(bytes, length, plain[i], strlen(plain[i]) + 1);
		if (at)
			found = at;
	}
	if (found)
		snprintf(token, size, "%s", found);
	free(bytes);
}

/* AT_PLATFORM, as the kernel gives it to programs of this kind. */
static const char *
platform(const struct elf_file *elf)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): as getauxval(3) says */
	const char *own = (const char *)getauxval(AT_PLATFORM);

	if (elf->bits == 32 && sizeof(void *) == 8)
		return "i686";
	return own ? own : "";
}

static int
append(char path[PATH_MAX], size_t *length, const char *text, size_t size)
{
	if (size >= PATH_MAX - *length)
		return -ENAMETOOLONG;
	memcpy(path + *length, text, size);
	*length += size;
	path[*length] = '\0';
	return 0;
}

/* Expands the tokens, plain or in braces. */
static int
expand(const struct place *place, const struct doctor_target *target,
    const char *entry, char path[PATH_MAX])
{
	static const char *const names[] = {"LIB", "PLATFORM", "ORIGIN"};
	size_t length = 0;
	int error = 0;

	*path = '\0';
	while (*entry && error == 0) {
		char value[PATH_MAX];
		size_t token = 0;

		for (int i = 0; *entry == '$' && i < 3; i++) {
			size_t size = strlen(names[i]);

			if (strncmp(entry + 1, names[i], size) == 0)
				token = size + 1;
			else if (entry[1] == '{' &&
				 strncmp(entry + 2, names[i], size) == 0 &&
				 entry[2 + size] == '}')
				token = size + 3;
			else
				continue;
			if (i == 0)
				doctor_lib_token(
				    place, &target->elf, value, sizeof(value));
			else if (i == 1)
				snprintf(value, sizeof(value), "%s",
				    platform(&target->elf));
			else
				snprintf(value, sizeof(value), "%.*s",
				    (int)(strrchr(target->path, '/') -
					  target->path),
				    target->path);
			break;
		}
		if (token > 0)
			error = append(path, &length, value, strlen(value));
		else
			error = append(path, &length, entry, 1);
		entry += token > 0 ? token : 1;
	}
	return error;
}

/* Is this a library that the loader would take, passing over others? */
static bool
suits(
    const struct place *place, const struct elf_file *program, const char *path)
{
	struct elf_file elf;
	int fd = place_open(place, path, O_RDONLY);
	int error;

	if (fd < 0)
		return false;
	error = elf_file_read(fd, &elf);
	close(fd);
	return error == 0 && elf.bits == program->bits &&
	       elf.machine == program->machine;
}

/* The cache holds paths, each a string. */
static int
search_cache(const struct place *place, const struct elf_file *elf,
    const char *name, char path[PATH_MAX])
{
	char wanted[NAME_MAX + 2];
	size_t size = 0;
	char *bytes = read_file(place, CACHE, CACHE_BYTES, &size);
	const char *at = bytes;
	int error = -ENOENT;

	snprintf(wanted, sizeof(wanted), "/%s", name);
	while (bytes && error < 0 &&
	       (at = memmem(at, size - (size_t)(at - bytes), wanted,
		    strlen(wanted) + 1))) {
		const char *start = at;

		while (start > bytes && start[-1] != '\0')
			start--;
		snprintf(path, PATH_MAX, "%s", start);
		if (*path == '/' && suits(place, elf, path))
			error = 0;
		at++;
	}
	free(bytes);
	return error;
}

static int
search(const struct place *place, const struct doctor_target *target,
    const char *name, char path[PATH_MAX])
{
	static const char *const glibc[] = {
	    "/$LIB/", "/usr/$LIB/", "/lib/", "/usr/lib/"};
	/* musl's own, if /etc/ld-musl-*.path says nothing else */
	static const char *const musl[] = {
	    "/lib/", "/usr/local/lib/", "/usr/lib/"};
	bool is_musl = target->elf.libc == ELF_FILE_MUSL;
	const char *const *directories = is_musl ? musl : glibc;
	size_t count = is_musl ? 3 : 4;
	char entry[PATH_MAX];

	if (!is_musl && search_cache(place, &target->elf, name, path) == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (snprintf(entry, sizeof(entry), "%s%s", directories[i],
			name) >= PATH_MAX ||
		    expand(place, target, entry, path) < 0)
			return -ENAMETOOLONG;
		if (suits(place, &target->elf, path))
			return 0;
	}
	return -ENOENT;
}

int
doctor_resolve(const struct place *place, const struct doctor_target *target,
    const char *entry, char path[PATH_MAX])
{
	struct stat st;
	int error = expand(place, target, entry, path);

	if (error < 0)
		return error;
	if (!strchr(path, '/')) {
		if (strlen(path) > NAME_MAX)
			return -ENAMETOOLONG;
		return search(place, target, entry, path);
	}
	return place_stat(place, path, &st);
}

int
doctor_resolve_own(
    const struct place *place, const char *entry, char path[PATH_MAX])
{
	struct doctor_target target = {.path = "/proc/self/exe"};
	int fd = open(target.path, O_RDONLY | O_CLOEXEC), error;

	if (fd < 0)
		return -errno;
	error = elf_file_read(fd, &target.elf);
	close(fd);
	return error < 0 ? error : doctor_resolve(place, &target, entry, path);
}
