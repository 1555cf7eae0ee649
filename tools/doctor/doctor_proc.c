/* SPDX-License-Identifier: ISC */
/*
 * doctor_proc: what proc(5) shows of a process. All of it is read through one
 * open /proc/PID, so that it is of one process.
 */
#include "doctor/doctor_proc.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/auxv.h"
#include "host/look.h"

#define LIBRARY "libkashim.so"
#define DELETED " (deleted)"
/* Above ARG_MAX; a process can have tens of thousands of mappings. */
#define FILE_MAX (64u << 20)

/* Reads a whole file, with a NUL behind it. Returns it or NULL and errno. */
static char *
slurp(int dir, const char *name, size_t *size)
{
	size_t room = 16384;
	char *bytes = NULL;
	ssize_t got = 1;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	int error = 0;

	*size = 0;
	if (fd < 0)
		return NULL;
	while (got > 0 && *size < FILE_MAX) {
		char *more = realloc(bytes, room + 1);

		if (!more) {
			error = ENOMEM;
			break;
		}
		bytes = more;
		got = read(fd, bytes + *size, room - *size);
		if (got < 0 && errno == EINTR) {
			got = 1;
			continue;
		}
		if (got < 0)
			error = errno;
		if (got > 0)
			*size += (size_t)got;
		if (*size == room)
			room *= 2;
	}
	close(fd);
	if (error != 0) {
		free(bytes);
		errno = error;
		return NULL;
	}
	bytes[*size] = '\0';
	return bytes;
}

/* The text behind "\nNAME:" in /proc/PID/status. */
static const char *
field(const char *status, const char *name)
{
	const char *at = strstr(status, name);

	return at ? at + strlen(name) : "";
}

static int
read_groups(struct doctor_proc *proc, const char *text)
{
	size_t room = strcspn(text, "\n") / 2 + 1;

	proc->groups = calloc(room, sizeof(*proc->groups));
	if (!proc->groups)
		return -ENOMEM;
	while (proc->group_count < room) {
		char *end;
		unsigned long group;

		text += strspn(text, " \t");
		group = strtoul(text, &end, 10);
		if (end == text)
			break;
		proc->groups[proc->group_count++] = (gid_t)group;
		text = end;
	}
	return 0;
}

static int
read_status(int dir, struct doctor_proc *proc)
{
	size_t size;
	char *status = slurp(dir, "status", &size);
	unsigned int real, effective;
	int error;

	if (!status)
		return errno == ENOENT ? -ESRCH : -errno;
	error = read_groups(proc, field(status, "\nGroups:"));
	if (sscanf(field(status, "\nUid:"), "%u %u", &real, &effective) == 2) {
		proc->uid = real;
		proc->euid = effective;
	}
	if (sscanf(field(status, "\nGid:"), "%u %u", &real, &effective) == 2) {
		proc->gid = real;
		proc->egid = effective;
	}
	proc->seccomp =
	    (unsigned)strtoul(field(status, "\nSeccomp:"), NULL, 10);
	free(status);
	return error;
}

/* Its start is in ticks since boot; the clock may have been set since. */
static void
read_start(struct doctor_proc *proc)
{
	struct timespec now, boot;
	long ticks = sysconf(_SC_CLK_TCK);
	int64_t age_ns;

	if (ticks <= 0 || clock_gettime(CLOCK_REALTIME, &now) < 0 ||
	    clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return;
	age_ns =
	    (int64_t)boot.tv_sec * 1000000000 + boot.tv_nsec -
	    (int64_t)(proc->process.start * (1000000000u / (uint64_t)ticks));
	age_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec - age_ns;
	proc->began = (struct timespec){
	    .tv_sec = age_ns / 1000000000, .tv_nsec = age_ns % 1000000000};
}

static bool
ends_with(const char *text, size_t length, const char *end)
{
	size_t size = strlen(end);

	return length >= size && memcmp(text + length - size, end, size) == 0;
}

/* The first line of /proc/PID/maps that is of the library. */
static void
find_mapping(const char *maps, struct doctor_mapping *mapping)
{
	while (*maps && !mapping->found) {
		size_t length = strcspn(maps, "\n");
		const char *path = memchr(maps, '/', length);

		if (path) {
			size_t size = length - (size_t)(path - maps);

			mapping->deleted = ends_with(path, size, DELETED);
			if (mapping->deleted)
				size -= strlen(DELETED);
			if (ends_with(path, size, "/" LIBRARY)) {
				mapping->found = true;
				snprintf(mapping->path, PATH_MAX, "%.*s",
				    (int)size, path);
			}
		}
		maps += length;
		maps += *maps == '\n';
	}
}

/*
 * Its program, its root directory, which may be on a file system of its own,
 * and its mappings: a reader of its memory that waits may keep all others from
 * them. (The reader of look.h has the caller's root directory.)
 */
struct files {
	pid_t thread;
	bool opened; /* the program */
	bool elf_known;
	bool root_known;
	bool other_root;
	bool kernel;
	int error; /* that maps can't be read with, or 0 */
	struct doctor_mapping mapping;
	struct elf_file elf;
};

static void
look_files(void *data)
{
	struct files *files = data;
	struct stat own, its, own_ns, its_ns;
	char path[32], *maps;
	size_t size;
	int dir, fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)files->thread);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	files->error = dir < 0 ? -errno : 0;
	if (dir < 0)
		return;
	files->root_known = fstatat(dir, "root", &its, 0) == 0 &&
	                    fstatat(dir, "ns/mnt", &its_ns, 0) == 0 &&
	                    stat("/", &own) == 0 &&
	                    stat("/proc/self/ns/mnt", &own_ns) == 0;
	files->other_root =
	    files->root_known &&
	    (own.st_dev != its.st_dev || own.st_ino != its.st_ino ||
		own_ns.st_ino != its_ns.st_ino);
	maps = slurp(dir, "maps", &size);
	if (maps) {
		find_mapping(maps, &files->mapping);
		files->kernel = size == 0;
		free(maps);
	} else {
		files->error = -errno;
	}
	fd = openat(dir, "exe", O_RDONLY | O_CLOEXEC);
	close(dir);
	if (fd < 0)
		return;
	files->opened = true;
	files->elf_known = elf_file_read(fd, &files->elf) == 0;
	close(fd);
}

/* Returns -EACCES without the permission to look. */
static int
read_files(struct doctor_proc *proc)
{
	struct files files = {.thread = proc->process.thread};
	int error;

	_Static_assert(sizeof(files) <= LOOK_MAX, "one look");
	error = look(proc->process.pid, proc->process.uid, look_files, &files,
	    sizeof(files));
	if (error < 0)
		return error;
	proc->root_known = files.root_known;
	proc->other_root = files.other_root;
	if (files.error < 0)
		return files.error == -EPERM ? -EACCES : files.error;
	proc->kernel = files.kernel;
	proc->mapping = files.mapping;
	proc->readable = files.opened;
	proc->elf_known = files.elf_known;
	proc->elf = files.elf;
	return 0;
}

/* A part of its environment. */
struct part {
	pid_t thread;
	off_t from;
	ssize_t size; /* or -errno */
	char bytes[4096];
};

static void
look_part(void *data)
{
	struct part *part = data;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)part->thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	part->size =
	    fd < 0 ? -1
		   : pread(fd, part->bytes, sizeof(part->bytes), part->from);
	if (part->size < 0)
		part->size = -errno;
	if (fd >= 0)
		close(fd);
}

/* Where it can't be read there is none. */
static int
read_environment(struct doctor_proc *proc)
{
	struct part part = {.thread = proc->process.thread};
	size_t size = 0;
	char *bytes = calloc(1, 1);
	int error = bytes ? 0 : -ENOMEM;

	while (error == 0 && size < FILE_MAX) {
		char *more;

		part.from = (off_t)size;
		error = look(proc->process.pid, proc->process.uid, look_part,
		    &part, sizeof(part));
		if (error == 0 && part.size < 0)
			error = (int)part.size;
		if (error < 0 || part.size == 0)
			break;
		more = realloc(bytes, size + (size_t)part.size + 1);
		if (!more) {
			error = -ENOMEM;
			break;
		}
		bytes = more;
		memcpy(bytes + size, part.bytes, (size_t)part.size);
		size += (size_t)part.size;
		bytes[size] = '\0';
	}
	if (error == 0) {
		proc->environment = bytes;
		proc->environment_size = size;
		return 0;
	}
	free(bytes);
	return error == -ENOMEM || error == -ETIMEDOUT ? error : 0;
}

static void
count_io_urings(int dir, struct doctor_proc *proc)
{
	int fd = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	char link[64];

	if (!list) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(list))) {
		ssize_t got =
		    readlinkat(fd, entry->d_name, link, sizeof(link) - 1);

		link[got < 0 ? 0 : got] = '\0';
		proc->io_urings += strcmp(link, "anon_inode:[io_uring]") == 0;
	}
	closedir(list);
}

/* What only the process's own user, or root, is shown. */
static int
read_inside(int dir, struct doctor_proc *proc)
{
	size_t size;
	char *auxv;
	ssize_t length;
	int error = read_files(proc);

	if (error == 0)
		error = read_environment(proc);
	if (error == -ETIMEDOUT) {
		proc->process.silent = true;
		proc->readable = false;
	}
	if (error < 0)
		return error == -EACCES || error == -ETIMEDOUT ? 0
		       : error == -ENOENT                      ? -ESRCH
		                                               : error;
	length = readlinkat(dir, "exe", proc->exe, PATH_MAX - 1);
	proc->exe[length < 0 ? 0 : length] = '\0';
	proc->readable = proc->readable && length > 0 && proc->environment;
	auxv = slurp(dir, "auxv", &size);
	proc->secure = auxv && auxv_find(auxv, size, AT_SECURE) != 0;
	free(auxv);
	count_io_urings(dir, proc);
	return 0;
}

int
doctor_proc_read(pid_t pid, struct doctor_proc *proc)
{
	int dir, error;

	*proc = (struct doctor_proc){0};
	error = process_read(pid, &proc->process);
	if (error < 0)
		return error;
	dir = process_dir(&proc->process);
	if (dir < 0)
		return dir;
	snprintf(proc->root, sizeof(proc->root), "/proc/%d/root",
	    (int)proc->process.thread);
	error = read_status(dir, proc);
	if (error == 0) {
		read_start(proc);
		error = read_inside(dir, proc);
	}
	close(dir);
	if (error < 0)
		doctor_proc_free(proc);
	return error;
}

void
doctor_proc_free(struct doctor_proc *proc)
{
	free(proc->groups);
	free(proc->environment);
	proc->groups = NULL;
	proc->environment = NULL;
}

const char *
doctor_proc_variable(const struct doctor_proc *proc, const char *name)
{
	const char *at = proc->environment;
	const char *end = at + proc->environment_size;
	size_t size = strlen(name);

	while (at && at < end) {
		if (strncmp(at, name, size) == 0 && at[size] == '=')
			return at + size + 1;
		at += strlen(at) + 1;
	}
	return NULL;
}
