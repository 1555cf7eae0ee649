/* SPDX-License-Identifier: ISC */
/*
 * process: another process, as proc(5) shows it. All of one process is read
 * through one open /proc/PID, which never becomes that of a later process with
 * the same number.
 */
#include "host/process.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loader_name.h"
#include "host/auxv.h"
#include "host/kernel_calls.h"
#include "host/look.h"
#include "host/proc.h"

#define MEMFD "/memfd:"

bool
process_is_lack(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

/*
 * "PID (COMM) STATE ...": COMM may hold anything, also blanks and brackets.
 * Returns -ESRCH if it has ended, and fills in the rest all the same.
 */
static int
parse_stat(const char *text, struct process *process)
{
	const char *first = strchr(text, '('), *last = strrchr(text, ')');
	const char *state = proc_stat_field(text, 3);
	const char *start = proc_stat_field(text, 22);
	size_t len;

	if (first == NULL || last < first || start == NULL)
		return -EIO;
	len = (size_t)(last - first - 1);
	if (len >= sizeof(process->comm))
		len = sizeof(process->comm) - 1;
	memcpy(process->comm, first + 1, len);
	process->comm[len] = '\0';
	process->start = strtoull(start, NULL, 10);
	/* X: dead, and not even a zombie any more. */
	return *state == 'Z' || *state == 'X' ? -ESRCH : 0;
}

static int
read_stat(int dir, struct process *process)
{
	char text[1024];
	ssize_t len = proc_read_at(dir, "stat", text, sizeof(text));

	return len < 0 ? (int)len : parse_stat(text, process);
}

/* A thread has a directory in /proc, too, but is no process. */
static int
read_status(int dir, struct process *process)
{
	char text[4096];
	pid_t pid;
	ssize_t len = proc_read_at(dir, "status", text, sizeof(text));
	int error =
	    len < 0 ? (int)len : proc_status_ids(text, &pid, &process->uid);

	if (error == 0)
		process->seccomp = (unsigned int)strtoul(
		    proc_status_field(text, "\nSeccomp:"), NULL, 10);
	return error == 0 && pid != process->pid ? -ESRCH : error;
}

/* Appends the last component of path to the names, unless it is there. */
static void
add_name(struct process *process, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t size = strlen(name) + 1;

	if (size == 1 || size > sizeof(process->name[0]) ||
	    (process->name_count > 0 && strcmp(process->name[0], name) == 0))
		return;
	memcpy(process->name[process->name_count++], name, size);
}

/*
 * The kernel marks a file that has lost its name since. The shim looked when
 * the program began, that is, before an update replaced it. A file that never
 * had a name (memfd_create(2)) is marked from its beginning.
 */
static int
read_exe(int dir, struct process *process)
{
	char path[PATH_MAX + 16];
	ssize_t len = proc_link_at(dir, "exe", path, sizeof(path));

	if (len < 0)
		return (int)len;
	if (strncmp(path, MEMFD, sizeof(MEMFD) - 1) != 0)
		(void)proc_cut_deleted(path);
	add_name(process, path);
	return 0;
}

/* A look at what the program was started by. */
struct started {
	pid_t thread;
	uint64_t at;
	int lack;                /* process_is_lack(), or 0 */
	char name[NAME_MAX + 1]; /* "" if that can't be told */
};

static void
look_started(void *data)
{
	struct started *started = data;
	char path[PATH_MAX + 1];
	ssize_t len =
	    look_memory(started->thread, started->at, path, sizeof(path) - 1);
	const char *name;

	started->lack = process_is_lack((int)len) ? (int)len : 0;
	if (len <= 0 || memchr(path, '\0', (size_t)len) == NULL)
		return;
	name = strrchr(path, '/');
	name = name != NULL ? name + 1 : path;
	if (strlen(name) < sizeof(started->name))
		memcpy(started->name, name, strlen(name) + 1);
}

/*
 * The name that the program was started by is in its own memory, so it takes
 * more permission than the rest (PTRACE_MODE_ATTACH, ptrace(2)), and the
 * process has to answer. Returns 0, also if it can't be told, or -errno.
 */
static int
read_execfn(int dir, struct process *process)
{
	char auxv[AUXV_MAX];
	ssize_t len = proc_read_at(dir, "auxv", auxv, sizeof(auxv));
	struct started started = {.thread = process->thread};
	int error;

	if (process_is_lack((int)len))
		return (int)len;
	if (len > 0)
		started.at = auxv_find(auxv, (size_t)len, AT_EXECFN);
	if (started.at == 0)
		return 0;
	error = look(process->pid, process->uid, look_started, &started,
	    sizeof(started));
	if (error == -ETIMEDOUT) {
		/* One name alone is not what rules go by. */
		process->silent = true;
		process->name_count = 0;
		return 0;
	}
	if (error < 0)
		return error;
	add_name(process, started.name);
	return started.lack;
}

/*
 * The program that glibc's loader was told to start, when it was started itself
 * (ld.so(8)), as bundles do that bring their own: behind its options.
 */
static const char *
loaded_program(const char *cmdline, size_t len)
{
	static const char *const with_value[] = {"--library-path",
	    "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask", "--inhibit-rpath",
	    "--audit", "--preload", "--argv0"};
	const char *end = cmdline + len;
	const char *word = cmdline + strlen(cmdline) + 1;

	while (word < end && strncmp(word, "--", 2) == 0) {
		const char *option = word;

		word += strlen(word) + 1;
		for (size_t i = 0;
		     i < sizeof(with_value) / sizeof(with_value[0]); i++) {
			if (word < end && strcmp(option, with_value[i]) == 0) {
				word += strlen(word) + 1;
				break;
			}
		}
	}
	return word < end ? word : NULL;
}

struct command_line {
	pid_t thread;
	ssize_t len; /* or -errno */
	char text[8192];
};

static void
look_command_line(void *data)
{
	struct command_line *line = data;

	line->len =
	    proc_read(line->thread, "cmdline", line->text, sizeof(line->text));
}

/*
 * Then the program has that one's name alone: the loader tells it to the
 * library in place of its own (AT_EXECFN, glibc: elf/rtld.c).
 */
static int
read_loaded(struct process *process)
{
	struct command_line line = {.thread = process->thread};
	const char *program;
	int error;

	if (process->name_count == 0 || !loader_name_is_glibc(process->name[0]))
		return 0;
	error = look(
	    process->pid, process->uid, look_command_line, &line, sizeof(line));
	if (error == -ETIMEDOUT) {
		process->silent = true;
		process->name_count = 0;
		return 0;
	}
	if (error < 0 || line.len <= 0)
		return error < 0                        ? error
		       : process_is_lack((int)line.len) ? (int)line.len
		                                        : 0;
	program = loaded_program(line.text, (size_t)line.len);
	if (program != NULL) {
		process->name_count = 0;
		add_name(process, program);
	}
	return 0;
}

static bool
is_unit(const char *name, size_t len)
{
	static const char *const SUFFIX[] = {
	    ".service", ".scope", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < sizeof(SUFFIX) / sizeof(SUFFIX[0]); i++) {
		size_t suffix = strlen(SUFFIX[i]);

		if (len > suffix &&
		    strncmp(name + len - suffix, SUFFIX[i], suffix) == 0)
			return true;
	}
	return false;
}

/*
 * The first component of a control group's path that is a unit, but no slice,
 * is the system's unit, whatever is made below it. systemd puts "_" before
 * names that the kernel might take for files of its own.
 */
static void
parse_cgroup_path(const char *path, size_t len, struct process *process)
{
	const char *end = path + len;

	while (path < end) {
		size_t part;

		path += *path == '/';
		part = (size_t)(end - path);
		if (memchr(path, '/', part) != NULL)
			part = (size_t)((const char *)memchr(path, '/', part) -
					path);
		if (part <= NAME_MAX && is_unit(path, part)) {
			if (*path == '_') {
				path++;
				part--;
			}
			memcpy(process->unit, path, part);
			process->unit[part] = '\0';
			return;
		}
		path += part;
	}
}

/*
 * Lines "NUMBER:CONTROLLERS:PATH", cgroups(7): systemd's own, or version 2.
 * Returns as read_execfn() does.
 */
static int
read_unit(int dir, struct process *process)
{
	char text[8192];
	ssize_t len = proc_read_at(dir, "cgroup", text, sizeof(text));

	for (char *line = text; len > 0 && *line != '\0';) {
		size_t width = strcspn(line, "\n");
		const char *controllers = memchr(line, ':', width);
		const char *path = NULL;

		if (controllers != NULL) {
			controllers++;
			path = memchr(controllers, ':',
			    width - (size_t)(controllers - line));
		}
		if (path != NULL && process->unit[0] == '\0' &&
		    (path == controllers ||
			strncmp(controllers, "name=systemd:", 13) == 0)) {
			path++;
			parse_cgroup_path(
			    path, width - (size_t)(path - line), process);
		}
		line += width + (line[width] == '\n');
	}
	return process_is_lack((int)len) ? (int)len : 0;
}

/* The directory of a thread in that of its process, dir. */
static int
open_thread(int dir, pid_t thread)
{
	char path[32];

	snprintf(path, sizeof(path), "task/%d", (int)thread);
	return proc_open_at(dir, path, O_DIRECTORY);
}

/*
 * The first thread has ended (pthread_exit(3) in main()). Finds one that has
 * not, and opens its directory. Returns that, -ESRCH if there is none, -errno.
 */
static int
find_thread(int dir, struct process *process)
{
	DIR *tasks;
	struct process thread;
	int found = proc_list_at(dir, "task", &tasks);

	if (found < 0)
		return found;
	found = -ESRCH;
	while (found == -ESRCH && (thread.pid = proc_next(tasks)) != 0) {
		int error;

		if (thread.pid == process->pid)
			continue;
		found = open_thread(dir, thread.pid);
		if (found < 0)
			continue;
		error = read_stat(found, &thread);
		if (error < 0) {
			close(found);
			found = error;
			continue;
		}
		process->thread = thread.pid;
	}
	closedir(tasks);
	return found;
}

int
process_read(pid_t pid, struct process *process)
{
	struct stat net;
	int dir = proc_open(pid, "", O_DIRECTORY), error;

	if (dir < 0)
		return dir;
	*process = (struct process){.pid = pid, .thread = pid};
	error = read_stat(dir, process);
	if (error == -ESRCH) {
		int thread = find_thread(dir, process);

		close(dir);
		if (thread < 0)
			return thread;
		dir = thread;
		error = 0;
	}
	if (error == 0)
		error = read_status(dir, process);
	if (error < 0)
		goto out;
	if (read_exe(dir, process) == 0)
		error = read_execfn(dir, process);
	if (error == 0)
		error = read_loaded(process);
	if (error == 0)
		error = read_unit(dir, process);
	if (fstatat(dir, "ns/net", &net, 0) == 0)
		process->net = net.st_ino;
	else if (fstatat(dir, "stat", &net, 0) < 0)
		/* The memory was another's that has the number now. */
		error = -errno;
out:
	close(dir);
	/* It ended while we looked. */
	if (error == -ENOENT)
		error = -ESRCH;
	return error == -EPERM ? -EACCES : error;
}

const char *
process_program(const struct process *process)
{
	if (process->name_count == 0)
		return process->comm;
	/* "redis-server", and not what that is a link to. */
	return process->name[process->name_count - 1];
}

int
process_dir(const struct process *process)
{
	struct process now = {0};
	int dir = proc_open(process->pid, "", O_DIRECTORY), error;

	if (dir < 0)
		return dir;
	error = read_stat(dir, &now);
	if (error == 0 && now.start != process->start)
		error = -ESRCH;
	if (process->thread != process->pid && now.start == process->start)
		error = open_thread(dir, process->thread);
	else if (error == 0)
		return dir;
	close(dir);
	return error;
}

/* Closes dir. */
static int
read_group(int dir, char path[PATH_MAX])
{
	char *line = NULL;
	size_t room = 0;
	FILE *lines;
	int error;

	if (dir < 0)
		return dir;
	error = proc_stream_at(dir, "cgroup", &lines);
	close(dir);
	if (error < 0)
		return error;
	error = -ENOENT;
	while (error == -ENOENT && getline(&line, &room, lines) > 0) {
		if (strncmp(line, "0::", 3) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		error = snprintf(path, PATH_MAX, "%s", line + 3) < PATH_MAX
		            ? 0
		            : -ENAMETOOLONG;
	}
	free(line);
	(void)fclose(lines);
	return error;
}

int
process_group(const struct process *process, char path[PATH_MAX])
{
	return read_group(process_dir(process), path);
}

int
process_own_group(char path[PATH_MAX])
{
	return read_group(proc_open(getpid(), "", O_DIRECTORY), path);
}

bool
process_is_same(const struct process *process)
{
	int dir = process_dir(process);

	if (dir < 0)
		return false;
	close(dir);
	return true;
}

int
process_open(const struct process *process)
{
	int fd = kernel_pidfd_open(process->thread,
	    process->thread == process->pid ? 0 : KERNEL_PIDFD_THREAD);
	int dir;

	if (fd < 0)
		return -errno;
	/* Whoever had the number then has it still, or is gone. */
	dir = process_dir(process);
	if (dir < 0) {
		close(fd);
		return dir;
	}
	close(dir);
	return fd;
}

int
process_each(int (*each)(const struct process *process, void *data), void *data)
{
	DIR *proc = opendir("/proc");
	struct process process;
	int result = 0;
	pid_t pid;

	if (proc == NULL)
		return -errno;
	while (result == 0 && (pid = proc_next(proc)) != 0) {
		result = process_read(pid, &process);
		if (result == 0)
			result = each(&process, data);
		else if (!process_is_lack(result))
			result = 0;
	}
	closedir(proc);
	return result;
}
