/* SPDX-License-Identifier: ISC */
/*
 * config_file: opens, checks and reads a configuration file. It must never
 * block its host, nor believe a file that others than root and the user
 * themselves could have written.
 */
#include "config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trust.h"

struct request {
	struct config_report *report;
	const struct config_place *from;
	const char *path;
};

__attribute__((format(printf, 3, 4))) static int
refuse(const struct request *request, int error, const char *format, ...)
{
	struct config_place whole = {request->path, 0};
	char why[CONFIG_MESSAGE_MAX / 2];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	if (!request->from)
		return config_report_error(
		    request->report, error, &whole, "%s", why);
	/* The caller must not take a missing include for a missing file. */
	return config_report_error(request->report,
	    error == -ENOMEM ? error : -EINVAL, request->from,
	    "cannot include %.150s: %s", request->path, why);
}

static int
refuse_open(const struct request *request, int error)
{
	switch (error) {
	case ENOENT:
		return refuse(request, -ENOENT,
		    "there is no such file; write it, or name another one");
	case EACCES:
		return refuse(request, -EACCES,
		    "user %u may not read it; make it and the directories "
		    "above it readable",
		    (unsigned)geteuid());
	case ENXIO: /* a socket */
		return refuse(request, -EPERM,
		    "not a regular file; write the rules into one");
	default:
		return refuse(request, -error,
		    "cannot be read (%s); name a file that can",
		    strerror(error));
	}
}

static int
check(const struct request *request, const struct stat *st, size_t room)
{
	if (S_ISDIR(st->st_mode))
		return refuse(
		    request, -EISDIR, "a directory; name a file in it");
	switch (trust_file(st)) {
	case TRUST_FULL:
		break;
	case TRUST_NO_FILE:
		return refuse(request, -EPERM,
		    "not a regular file; write the rules into one");
	case TRUST_OWNER:
		if (st->st_uid == TRUST_UNMAPPED)
			return refuse(request, -EPERM,
			    "not believed, because it belongs to user 65534, "
			    "as all files do whose owner this user namespace "
			    "does not know, root's too; copy it to a file of "
			    "user %u, and name that by KASHIM_CONFIG",
			    (unsigned)geteuid());
		return refuse(request, -EPERM,
		    "not believed, because it belongs to user %u; let root or "
		    "user %u own it",
		    (unsigned)st->st_uid, (unsigned)geteuid());
	case TRUST_MODE:
		return refuse(request, -EPERM,
		    "not believed, because others can write it (mode %04o); "
		    "chmod go-w would be right",
		    (unsigned)st->st_mode & 07777);
	}
	if (st->st_size < 0 || (uintmax_t)st->st_size > room)
		return refuse(request, -EFBIG,
		    "too large; all files together may have %u MiB",
		    (unsigned)(CONFIG_FILE_MAX >> 20));
	return 0;
}

/* Reads at most size bytes. Returns how many, or -errno. */
static ssize_t
read_all(int fd, char *bytes, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t got = read(fd, bytes + have, size - have);

		if (got == 0)
			break;
		if (got > 0)
			have += (size_t)got;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)have;
}

static bool
is_unchanged(int fd, const struct stat *st)
{
	struct stat now;

	return fstat(fd, &now) == 0 &&
	       now.st_mtim.tv_sec == st->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

int
config_file_read(struct config_report *report, const struct config_place *from,
    const char *path, size_t room, char **bytes, struct stat *st)
{
	const struct request request = {report, from, path};
	char *read_bytes = NULL;
	ssize_t got;
	int fd, error;

	/* Opening a FIFO for reading waits for a writer without O_NONBLOCK. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse_open(&request, errno);
	if (fstat(fd, st)) {
		error = refuse_open(&request, errno);
		goto out;
	}
	error = check(&request, st, room);
	if (error)
		goto out;
	/* One byte more, to see whether it grew since fstat(). */
	read_bytes = malloc((size_t)st->st_size + 1);
	if (!read_bytes) {
		error = refuse(&request, -ENOMEM, "out of memory");
		goto out;
	}
	got = read_all(fd, read_bytes, (size_t)st->st_size + 1);
	if (got < 0) {
		error = refuse_open(&request, (int)-got);
		goto out;
	}
	if (got != (ssize_t)st->st_size || !is_unchanged(fd, st)) {
		error = refuse(&request, -EINVAL,
		    "it changed while it was read; try again");
		goto out;
	}
	*bytes = read_bytes;
	read_bytes = NULL;
out:
	free(read_bytes);
	close(fd);
	return error;
}

bool
config_file_is_set(const char *path)
{
	char digit = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &digit, 1) != 1)
		digit = '0';
	close(fd);
	return digit != '0';
}
