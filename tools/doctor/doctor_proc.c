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
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/auxv.h"
#include "host/inside.h"
#include "host/look.h"
#include "host/preload.h"
#include "host/proc.h"
#include "host/supervisor.h"

/* Above ARG_MAX. */
#define ENVIRONMENT_MAX (64u << 20)

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
	char *status;
	/* It may be in 65536 groups (NGROUPS_MAX). */
	int error = inside_read_at(dir, "status", &status, &size);

	if (error < 0)
		return error == -ENOENT ? -ESRCH : error;
	error = read_groups(proc, proc_status_field(status, "\nGroups:"));
	(void)sscanf(proc_status_field(status, "\nUid:"), "%u %u", &proc->uid,
	    &proc->euid);
	(void)sscanf(proc_status_field(status, "\nGid:"), "%u %u", &proc->gid,
	    &proc->egid);
	(void)sscanf(proc_status_field(status, "\nPPid:"), "%d", &proc->parent);
	(void)proc_read_at(
	    dir, "uid_map", proc->uid_map, sizeof(proc->uid_map));
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

/* The first mapping that is of the library. */
static int
find_mapping(int dir, struct files *files)
{
	struct proc_mapping mapping;
	FILE *maps;
	int error = proc_stream_at(dir, "maps", &maps);

	if (error < 0)
		return error;
	files->kernel = true;
	while (!files->mapping.found && proc_next_mapping(maps, &mapping)) {
		const char *slash = strrchr(mapping.path, '/');

		files->kernel = false;
		if (slash == NULL || strcmp(slash, "/" PRELOAD_LIBRARY) != 0)
			continue;
		files->mapping.found = true;
		files->mapping.deleted = mapping.deleted;
		snprintf(files->mapping.path, PATH_MAX, "%s", mapping.path);
	}
	error = ferror(maps) ? -errno : 0;
	fclose(maps);
	return error;
}

static void
look_files(void *data)
{
	struct files *files = data;
	struct stat own, its, own_ns, its_ns;
	int dir = proc_open(files->thread, "", O_DIRECTORY), fd;

	files->error = dir;
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
	files->error = find_mapping(dir, files);
	fd = proc_open_at(dir, "exe", 0);
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
	int fd = proc_open(part->thread, "environ", 0);

	part->size = fd;
	if (fd < 0)
		return;
	part->size = pread(fd, part->bytes, sizeof(part->bytes), part->from);
	if (part->size < 0)
		part->size = -errno;
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

	while (error == 0 && size < ENVIRONMENT_MAX) {
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
	DIR *list;
	struct dirent *entry;
	char link[64];

	if (proc_list_at(dir, "fd", &list) < 0)
		return;
	while ((entry = readdir(list))) {
		(void)proc_link_at(
		    dirfd(list), entry->d_name, link, sizeof(link));
		proc->io_urings += strcmp(link, "anon_inode:[io_uring]") == 0;
	}
	closedir(list);
}

static void
find_supervisor(struct doctor_proc *proc)
{
	struct supervisors supervisors = {0};

	(void)supervisors_read(&supervisors);
	proc->supervisor = supervisors_find(&supervisors, &proc->process);
	supervisors_free(&supervisors);
}

/* What only the process's own user, or root, is shown. */
static int
read_inside(int dir, struct doctor_proc *proc)
{
	char auxv[AUXV_MAX];
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
	length = proc_link_at(dir, "exe", proc->exe, PATH_MAX);
	proc->readable = proc->readable && length > 0 && proc->environment;
	length = proc_read_at(dir, "auxv", auxv, sizeof(auxv));
	proc->secure =
	    length > 0 && auxv_find(auxv, (size_t)length, AT_SECURE) != 0;
	count_io_urings(dir, proc);
	if (proc->process.seccomp == SECCOMP_MODE_FILTER &&
	    !proc->mapping.found)
		find_supervisor(proc);
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
	proc_path(proc->process.thread, "root", proc->root);
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

bool
doctor_proc_user(const struct doctor_proc *proc, uid_t outside, uid_t *inside)
{
	const char *line = proc->uid_map;
	unsigned int first, first_outside, count;

	while (sscanf(line, "%u %u %u", &first, &first_outside, &count) == 3) {
		if (outside >= first_outside &&
		    outside - first_outside < count) {
			*inside = first + (outside - first_outside);
			return true;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return false;
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
