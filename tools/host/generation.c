/* SPDX-License-Identifier: ISC */
/*
 * generation: which policy another process goes by.
 */
#include "host/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"
#include "host/inside.h"
#include "host/look.h"
#include "host/preload.h"
#include "host/proc.h"
#include "image/shared.h"
#include "shim/status_note.h"

/* Of the library's data; what lies behind it is not from the file. */
#define DATA_MAX 65536

static int
read_memory(pid_t pid, uint64_t at, void *to, size_t size)
{
	ssize_t got = look_memory(pid, at, to, size);

	if (got < 0)
		return (int)got;
	return (size_t)got == size ? 0 : -EFAULT;
}

/* The library, by whatever name it was installed, or replaced since. */
static bool
is_library(const struct proc_mapping *mapping)
{
	const char *slash = strrchr(mapping->path, '/');

	return mapping->rights[1] == 'w' && slash != NULL &&
	       strcmp(slash, "/" PRELOAD_LIBRARY) == 0;
}

static int
find_note(
    pid_t pid, const struct proc_mapping *mapping, struct status_note *found)
{
	static char data[DATA_MAX];
	char magic[STATUS_NOTE_SIZE];
	size_t size = mapping->to - mapping->from;
	int error;

	memcpy(magic, STATUS_NOTE_FIRST, sizeof(STATUS_NOTE_FIRST) - 1);
	memcpy(magic + sizeof(STATUS_NOTE_FIRST) - 1, STATUS_NOTE_SECOND,
	    sizeof(STATUS_NOTE_SECOND));
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
	return -EPROTO;
}

/* What is in force in the file fd, of O_PATH, which was found to be believed.
 */
static uint32_t
newest(int fd)
{
	char name[32];
	struct shared_header header;
	uint32_t number = 0;

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	if (read(fd, &header, sizeof(header)) == (ssize_t)sizeof(header) &&
	    header.magic == SHARED_MAGIC && header.version == SHARED_VERSION)
		number = header.current;
	close(fd);
	return number;
}

/* Has the process this generation by now? */
static bool
has_now(pid_t pid, const struct proc_mapping *mapping, uint32_t generation)
{
	struct shared_header header;

	return read_memory(pid, mapping->from, &header, sizeof(header)) == 0 &&
	       header.current == generation;
}

/*
 * The file that has this name for the process now. Anybody can have put
 * anything there, and to open a device or a FIFO is enough to disturb it. So
 * no link is followed, and nothing is opened but a file that the library would
 * believe. (The kernel wrote the name without links when it was mapped.)
 *
 * It is the mapped file still if both have the same number and the same
 * generation: an overlay file system has copied it if that differs. Unless a
 * reload came in between, which the process then has, too.
 */
static void
check_name(pid_t pid, const struct proc_mapping *mapping, uint32_t mapped,
    struct generation *generation)
{
	struct stat st;
	int root = proc_open(pid, "root", O_PATH | O_DIRECTORY), fd;

	if (root < 0)
		return;
	fd = inside_open_plain(root, generation->path, O_PATH);
	close(root);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		/* The device may differ in maps (btrfs, overlayfs). */
		const bool same =
		    S_ISREG(st.st_mode) && st.st_ino == mapping->inode;
		const bool believed = trust_file(&st) == TRUST_FULL;

		generation->newest = believed ? newest(fd) : same ? mapped : 0;
		generation->follows =
		    same && (generation->newest == mapped ||
				has_now(pid, mapping, generation->newest));
	}
	close(fd);
}

/* Where the published policy is mapped, its file. */
static void
find_file(pid_t pid, FILE *maps, uint64_t at, uint32_t mapped,
    struct generation *generation)
{
	struct proc_mapping mapping;
	size_t len;

	rewind(maps);
	while (proc_next_mapping(maps, &mapping)) {
		if (mapping.from != at)
			continue;
		len = strlen(mapping.path);
		if (len >= sizeof(generation->path))
			return;
		memcpy(generation->path, mapping.path, len + 1);
		check_name(pid, &mapping, mapped, generation);
		return;
	}
}

static int
look_at(pid_t pid, FILE *maps, const struct status_note *note,
    struct generation *generation)
{
	static const enum generation_source SOURCES[] = {
	    [STATUS_NOTE_NOTHING] = GENERATION_NOTHING,
	    [STATUS_NOTE_TEXT] = GENERATION_TEXT,
	    [STATUS_NOTE_COMPILED] = GENERATION_COMPILED,
	    [STATUS_NOTE_PUBLISHED] = GENERATION_PUBLISHED,
	};
	struct shared_header header;
	int error;

	*generation = (struct generation){0};
	if (note->start < sizeof(SOURCES) / sizeof(SOURCES[0]))
		generation->source = SOURCES[note->start];
	if (note->shared == 0)
		return 0;
	error = read_memory(pid, note->shared, &header, sizeof(header));
	if (error < 0)
		return error;
	find_file(pid, maps, note->shared, header.current, generation);
	if (note->passes == 0 || header.current != note->passed) {
		generation->source = GENERATION_PUBLISHED;
		generation->number = header.current;
	}
	return 0;
}

static int
read_generation(pid_t pid, struct generation *generation)
{
	struct status_note note = {0};
	struct proc_mapping mapping;
	char path[PROC_PATH_MAX];
	FILE *maps;
	int error;

	proc_path(pid, "maps", path);
	error = proc_stream_at(AT_FDCWD, path, &maps);
	if (error < 0)
		return error;
	error = -ENOENT;
	while ((error == -ENOENT || error == -EPROTO) &&
	       proc_next_mapping(maps, &mapping)) {
		if (is_library(&mapping))
			error = find_note(pid, &mapping, &note);
	}
	if (ferror(maps))
		error = -errno;
	else if (error == 0)
		error = look_at(pid, maps, &note, generation);
	fclose(maps);
	return error;
}

struct question {
	pid_t thread;
	int error;
	struct generation generation;
};

static void
look_generation(void *data)
{
	struct question *question = data;

	question->error =
	    read_generation(question->thread, &question->generation);
}

int
generation_read(const struct process *process, struct generation *generation)
{
	struct question question = {.thread = process->thread};
	int error;

	_Static_assert(sizeof(question) <= LOOK_MAX, "");
	error = look(process->pid, process->uid, look_generation, &question,
	    sizeof(question));
	if (error == 0)
		error = question.error;
	if (error == 0)
		*generation = question.generation;
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
