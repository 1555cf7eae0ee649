/* SPDX-License-Identifier: ISC */
/*
 * proc: the files of a process in /proc, and what their texts mean.
 */
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
proc_path(pid_t pid, const char *name, char path[PROC_PATH_MAX])
{
	snprintf(path, PROC_PATH_MAX, "/proc/%d/%s", (int)pid, name);
}

int
proc_open_at(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

int
proc_open(pid_t pid, const char *name, int flags)
{
	char path[PROC_PATH_MAX];

	proc_path(pid, name, path);
	return proc_open_at(AT_FDCWD, path, flags);
}

ssize_t
proc_read_at(int dir, const char *name, char *text, size_t size)
{
	size_t len = 0;
	ssize_t got = 0;
	int fd = proc_open_at(dir, name, 0);

	if (fd < 0)
		return fd;
	while (
	    len < size - 1 && (got = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)got;
	if (got < 0)
		got = -errno;
	close(fd);
	text[len] = '\0';
	return got < 0 ? got : (ssize_t)len;
}

ssize_t
proc_read(pid_t pid, const char *name, char *text, size_t size)
{
	char path[PROC_PATH_MAX];

	proc_path(pid, name, path);
	return proc_read_at(AT_FDCWD, path, text, size);
}

ssize_t
proc_link_at(int dir, const char *name, char *text, size_t size)
{
	ssize_t len = readlinkat(dir, name, text, size - 1);

	if (len < 0)
		len = -errno;
	text[len < 0 ? 0 : len] = '\0';
	return len;
}

int
proc_stream_at(int dir, const char *name, FILE **stream)
{
	int fd = proc_open_at(dir, name, 0);

	*stream = fd < 0 ? NULL : fdopen(fd, "r");
	if (fd < 0 || *stream != NULL)
		return fd < 0 ? fd : 0;
	close(fd);
	return -ENOMEM;
}

int
proc_list_at(int dir, const char *name, DIR **list)
{
	int fd = proc_open_at(dir, name, O_DIRECTORY);

	*list = fd < 0 ? NULL : fdopendir(fd);
	if (fd < 0 || *list != NULL)
		return fd < 0 ? fd : 0;
	close(fd);
	return -ENOMEM;
}

pid_t
proc_next(DIR *list)
{
	const struct dirent *entry;

	while ((entry = readdir(list)) != NULL) {
		char *end;
		unsigned long pid = strtoul(entry->d_name, &end, 10);

		if (pid != 0 && *end == '\0')
			return (pid_t)pid;
	}
	return 0;
}

uint64_t
proc_socket_at(int dir, const char *name)
{
	static const char SOCKET[] = "socket:[";
	char text[64];

	(void)proc_link_at(dir, name, text, sizeof(text));
	if (strncmp(text, SOCKET, sizeof(SOCKET) - 1) != 0)
		return 0;
	return strtoull(text + sizeof(SOCKET) - 1, NULL, 10);
}

const char *
proc_stat_field(const char *text, int number)
{
	const char *at = strrchr(text, ')');

	for (int field = 2; at != NULL && field < number; field++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at;
}

const char *
proc_status_field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at != NULL ? at + strlen(name) : "";
}

int
proc_status_ids(const char *text, pid_t *process, uid_t *effective)
{
	return sscanf(proc_status_field(text, "\nTgid:"), "%d", process) == 1 &&
	               sscanf(proc_status_field(text, "\nUid:"), "%*u %u",
			   effective) == 1
	           ? 0
	           : -EIO;
}

bool
proc_cut_deleted(char *path)
{
	static const char MARK[] = " (deleted)";
	size_t len = strlen(path), mark = sizeof(MARK) - 1;

	if (len < mark || strcmp(path + len - mark, MARK) != 0)
		return false;
	path[len - mark] = '\0';
	return true;
}

bool
proc_next_mapping(FILE *maps, struct proc_mapping *mapping)
{
	bool whole = true;

	while (fgets(mapping->line, sizeof(mapping->line), maps) != NULL) {
		char *end = strchr(mapping->line, '\n');
		const bool starts = whole;
		int at = 0;

		whole = end != NULL;
		if (!starts || !whole)
			continue;
		*end = '\0';
		if (sscanf(mapping->line,
			"%" SCNx64 "-%" SCNx64 " %4s %*x %*x:%*x %" SCNu64
			" %n",
			&mapping->from, &mapping->to, mapping->rights,
			&mapping->inode, &at) < 4 ||
		    at == 0)
			continue;
		mapping->path = mapping->line + at;
		mapping->deleted = proc_cut_deleted(mapping->path);
		return true;
	}
	return false;
}
