/* SPDX-License-Identifier: ISC */
/*
 * unit_path: which files make a unit up (unit_path.h).
 */
#include "unit/unit_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/unit_name.h"

/* systemd-analyze unit-paths shows these; the first that has a name wins. */
static const char *const DIRECTORIES[] = {
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
};
#define DIRECTORY_COUNT (sizeof(DIRECTORIES) / sizeof(DIRECTORIES[0]))
#define ALIASES_MAX     8 /* as many as systemd follows */
/* Nobody has so many aliases of a unit, or drop-ins; each is looked for. */
#define NAMES_MAX 1000

/* What a name is in the search path. */
struct entry {
	char *name;
	const char *directory;
	char *target; /* the unit that it is an alias of, NULL: it is a file */
};

/*
 * Those of whole directories are sorted by name, for an image may have any
 * number; behind them come those of the one that is being read, which has each
 * name once.
 */
struct map {
	struct entry *entries;
	size_t count;
	size_t sorted;
};

static void
map_free(struct map *map)
{
	for (size_t i = 0; i < map->count; i++) {
		free(map->entries[i].name);
		free(map->entries[i].target);
	}
	free(map->entries);
}

static int
by_entry_name(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void
map_sort(struct map *map)
{
	if (map->count > 0)
		qsort(map->entries, map->count, sizeof(*map->entries),
		    by_entry_name);
	map->sorted = map->count;
}

/* Not among those of the directory that is being read. */
static const struct entry *
map_find(const struct map *map, const char *name)
{
	const struct entry wanted = {.name = (char *)name};

	return map->sorted == 0 ? NULL
	                        : bsearch(&wanted, map->entries, map->sorted,
				      sizeof(*map->entries), by_entry_name);
}

/* Takes "." and ".." out of an absolute path, in place. */
static void
simplify(char *path)
{
	char *out = path, *at = path;

	while (*at) {
		size_t length;

		at += strspn(at, "/");
		length = strcspn(at, "/");
		if (length == 2 && strncmp(at, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (length > 0 && (length != 1 || *at != '.')) {
			*out++ = '/';
			memmove(out, at, length);
			out += length;
		}
		at += length;
	}
	*out = '\0';
}

/*
 * What the link name in directory says: *target is the name of the unit that
 * it is an alias of, NULL if it is a link to a file that is no unit of the
 * search path: a unit file kept elsewhere, or /dev/null. Returns 1; 0 if the
 * link is no alias that systemd takes; -errno.
 */
static int
read_link(int fd, const char *directory, const char *name, char **target)
{
	char link[PATH_MAX], path[2 * PATH_MAX], *slash;
	ssize_t length = readlinkat(fd, name, link, sizeof(link));

	*target = NULL;
	if (length < 0)
		return -errno;
	if (length == sizeof(link))
		return 0;
	link[length] = '\0';
	snprintf(
	    path, sizeof(path), "%s/%s", *link == '/' ? "" : directory, link);
	simplify(path);
	slash = strrchr(path, '/');
	if (!slash)
		return 1;
	*slash = '\0';
	for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
		char full[UNIT_NAME_SIZE];

		if (strcmp(path, DIRECTORIES[i]) != 0)
			continue;
		if (unit_full_name(slash + 1, full) != 0 ||
		    strcmp(full, slash + 1) != 0 ||
		    !unit_name_may_alias(name, full) || strcmp(name, full) == 0)
			return 0;
		*target = strdup(full);
		return *target ? 1 : -ENOMEM;
	}
	return 1;
}

static int
map_add(struct map *map, int fd, const char *directory, const char *name)
{
	char full[UNIT_NAME_SIZE];
	struct entry entry = {.directory = directory}, *more;
	struct stat status;
	int result;

	if (unit_full_name(name, full) != 0 || strcmp(full, name) != 0 ||
	    map_find(map, name))
		return 0;
	if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISLNK(status.st_mode)) {
		result = read_link(fd, directory, name, &entry.target);
		if (result <= 0)
			return result;
	} else if (!S_ISREG(status.st_mode)) {
		return 0;
	}
	entry.name = strdup(name);
	more = reallocarray(map->entries, map->count + 1, sizeof(*more));
	if (more)
		map->entries = more;
	if (!more || !entry.name) {
		free(entry.name);
		free(entry.target);
		return -ENOMEM;
	}
	more[map->count++] = entry;
	return 0;
}

/* A directory that is missing, or none, has no units. */
static bool
is_absent(int error)
{
	return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

static int
map_build(int root, struct map *map)
{
	for (size_t i = 0; i < DIRECTORY_COUNT; i++) {
		struct inside_names names;
		int fd, result = inside_list(root, DIRECTORIES[i], &names);

		if (is_absent(result))
			continue;
		if (result != 0)
			return result;
		fd = inside_open(root, DIRECTORIES[i], O_PATH | O_DIRECTORY);
		result = fd < 0 ? fd : 0;
		for (size_t j = 0; j < names.count && result == 0; j++)
			result =
			    map_add(map, fd, DIRECTORIES[i], names.names[j]);
		inside_names_free(&names);
		if (fd >= 0)
			close(fd);
		if (result != 0)
			return result;
		map_sort(map);
	}
	return 0;
}

/*
 * Follows name through aliases and to its template: id becomes the name at the
 * end, an instance if name is one. Returns 0, -ENOENT or -ELOOP.
 */
static int
resolve(const struct map *map, const char *name, char id[UNIT_NAME_SIZE],
    const struct entry **end)
{
	char key[UNIT_NAME_SIZE], template[UNIT_NAME_SIZE];

	snprintf(key, sizeof(key), "%s", name);
	for (int i = 0; i <= ALIASES_MAX; i++) {
		const struct entry *entry = map_find(map, key);

		if (!entry && unit_name_template(key, template))
			entry = map_find(map, template);
		if (!entry)
			return -ENOENT;
		*end = entry;
		if (entry->target) {
			snprintf(key, sizeof(key), "%s", entry->target);
			continue;
		}
		if (!unit_name_instantiate(entry->name, name, id))
			snprintf(id, UNIT_NAME_SIZE, "%s", entry->name);
		return 0;
	}
	return -ELOOP;
}

static int
names_add(struct inside_names *names, const char *name)
{
	char **more;

	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], name) == 0)
			return 0;
	if (names->count == NAMES_MAX)
		return -E2BIG;
	more = reallocarray(names->names, names->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	names->names = more;
	more[names->count] = strdup(name);
	if (!more[names->count])
		return -ENOMEM;
	names->count++;
	return 0;
}

/* Adds all other names that stand for the unit id, with this main file. */
static int
add_aliases(const struct map *map, const char *id, const struct entry *end,
    struct inside_names *names)
{
	for (size_t i = 0; i < map->count; i++) {
		char name[UNIT_NAME_SIZE], other[UNIT_NAME_SIZE];
		const struct entry *entry = &map->entries[i], *found;
		int result;

		if (!entry->target)
			continue;
		if (!unit_name_instantiate(entry->name, id, name))
			snprintf(name, sizeof(name), "%s", entry->name);
		if (resolve(map, name, other, &found) != 0 || found != end ||
		    strcmp(other, id) != 0)
			continue;
		result = names_add(names, name);
		if (result != 0)
			return result;
	}
	return 0;
}

/*
 * Adds the drop-ins of one directory. One of the same file name that is there
 * already has a better place.
 */
static int
add_dropins(int root, const char *directory, const char *name,
    struct inside_names *dropins)
{
	static const char suffix[] = ".conf";
	char path[PATH_MAX];
	struct inside_names files;
	int result;

	snprintf(path, sizeof(path), "%s/%s.d", directory, name);
	result = inside_list(root, path, &files);
	if (is_absent(result))
		return 0;
	for (size_t i = 0; i < files.count && result == 0; i++) {
		const char *file = files.names[i];
		size_t length = strlen(file);
		bool hidden = false;
		char full[2 * PATH_MAX];

		if (*file == '.' || length < sizeof(suffix) ||
		    strcmp(file + length - strlen(suffix), suffix) != 0)
			continue;
		for (size_t j = 0; j < dropins->count && !hidden; j++)
			hidden = strcmp(strrchr(dropins->names[j], '/') + 1,
				     file) == 0;
		snprintf(full, sizeof(full), "%s/%s", path, file);
		if (!hidden)
			result = names_add(dropins, full);
	}
	inside_names_free(&files);
	return result;
}

/* A name, then its template, then what is shorter, and so on. */
static int
add_name(int root, const char *directory, const char *name,
    struct inside_names *dropins)
{
	char other[UNIT_NAME_SIZE];
	int result = add_dropins(root, directory, name, dropins);

	if (result == 0 && unit_name_template(name, other))
		result = add_name(root, directory, other, dropins);
	if (result == 0 && unit_name_shorter(name, other))
		result = add_name(root, directory, other, dropins);
	return result;
}

static int
by_file_name(const void *a, const void *b)
{
	return strcmp(
	    strrchr(*(char *const *)a, '/'), strrchr(*(char *const *)b, '/'));
}

static int
find_dropins(
    int root, const struct inside_names *names, struct inside_names *dropins)
{
	int result = 0;

	for (size_t i = 0; i < names->count; i++)
		for (size_t j = 0; j < DIRECTORY_COUNT && result == 0; j++)
			result = add_name(
			    root, DIRECTORIES[j], names->names[i], dropins);
	/* "service.d" holds for all services. */
	for (size_t j = 0; j < DIRECTORY_COUNT && result == 0; j++)
		result = add_dropins(root, DIRECTORIES[j],
		    unit_name_type(names->names[0]), dropins);
	if (result == 0 && dropins->count > 0)
		qsort(dropins->names, dropins->count, sizeof(*dropins->names),
		    by_file_name);
	return result;
}

/* Is it empty, or /dev/null, or is there nothing behind the link? */
static int
look_at(int root, const char *file, bool *masked)
{
	struct stat status;
	int fd = inside_open(root, file, O_PATH), result;

	if (fd < 0)
		return fd;
	result = fstat(fd, &status) != 0 ? -errno : 0;
	close(fd);
	if (result != 0)
		return result;
	*masked = S_ISCHR(status.st_mode) ||
	          (S_ISREG(status.st_mode) && status.st_size == 0);
	return *masked || S_ISREG(status.st_mode) ? 0 : -ENOENT;
}

int
unit_path_find(int root, const char *name, struct unit_path *path)
{
	char id[UNIT_NAME_SIZE];
	struct map map = {0};
	struct inside_names names = {0};
	const struct entry *end = NULL;
	int result = map_build(root, &map);

	if (result == 0)
		result = resolve(&map, name, id, &end);
	if (result != 0)
		goto out;
	result = -ENOMEM;
	path->id = strdup(id);
	if (asprintf(&path->file, "%s/%s", end->directory, end->name) < 0)
		path->file = NULL;
	if (!path->id || !path->file)
		goto out;
	result = look_at(root, path->file, &path->masked);
	if (result == 0)
		result = names_add(&names, id);
	if (result == 0)
		result = names_add(&names, name);
	if (result == 0)
		result = add_aliases(&map, id, end, &names);
	if (result == 0)
		result = find_dropins(root, &names, &path->dropins);
out:
	inside_names_free(&names);
	map_free(&map);
	return result;
}

void
unit_path_free(struct unit_path *path)
{
	free(path->id);
	free(path->file);
	inside_names_free(&path->dropins);
	*path = (struct unit_path){0};
}
