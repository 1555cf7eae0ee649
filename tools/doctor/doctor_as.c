/* SPDX-License-Identifier: ISC */
/*
 * doctor_as: looks at files with another user's rights, below another root
 * directory, so that the kernel itself says what may be read there.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "doctor/place.h"
#include "image/cache.h"

/*
 * A file below a foreign root may be anything, as a FUSE that hangs, and the
 * user whose rights the child has may stop it.
 */
#define LIMIT_MS       10000
#define LIMIT_APART_MS 30000
#define END_MS         1000

static bool
has_group(const gid_t *groups, size_t count, gid_t group)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* The effective group may be among the others, or not: no difference. */
static bool
has_same_groups(const struct place *place)
{
	static gid_t own[NGROUPS_MAX]; /* too much for a small stack */
	int count = getgroups(NGROUPS_MAX, own);

	if (!place->groups)
		return true;
	if (count < 0)
		return false;
	for (size_t i = 0; i < place->group_count; i++)
		if (place->groups[i] != place->egid &&
		    !has_group(own, (size_t)count, place->groups[i]))
			return false;
	for (int i = 0; i < count; i++)
		if (own[i] != place->egid &&
		    !has_group(place->groups, place->group_count, own[i]))
			return false;
	return true;
}

static bool
is_same_user(const struct place *place)
{
	return place->euid == geteuid() && place->egid == getegid() &&
	       has_same_groups(place);
}

static bool
has_same_cache(const struct place *place)
{
	const char *own = getenv(CACHE_ENVIRONMENT);

	if (!own || !place->cache)
		return own == place->cache;
	return strcmp(own, place->cache) == 0;
}

static int
become(const struct place *place)
{
	if (!has_same_cache(place) &&
	    (place->cache ? setenv(CACHE_ENVIRONMENT, place->cache, 1)
			  : unsetenv(CACHE_ENVIRONMENT)) < 0)
		return -errno;
	if (*place->root &&
	    (chdir(place->root) < 0 || chroot(".") < 0 || chdir("/") < 0))
		return -errno;
	if (is_same_user(place))
		return 0;
	if (setgroups(place->group_count, place->groups) < 0 ||
	    setresgid(place->egid, place->egid, place->egid) < 0 ||
	    setresuid(place->euid, place->euid, place->euid) < 0)
		return -errno;
	return 0;
}

/* In the child: first how it went, then what was seen. */
static void
report(const struct place *place, void (*look)(void *data), void *data,
    size_t size, int fd, pid_t parent)
{
	int error = become(place);

	/* Not before, since a change of user takes it back: prctl(2). */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
	if (write(fd, &error, sizeof(error)) != (ssize_t)sizeof(error) ||
	    error < 0)
		_exit(1);
	look(data);
	for (size_t done = 0; done < size;) {
		ssize_t put = write(fd, (char *)data + done, size - done);

		if (put <= 0)
			_exit(1);
		done += (size_t)put;
	}
	_exit(0);
}

/* Waits for more, or for the end. Returns 0, or -ETIME. */
static int
wait_for(int fd, int64_t until_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	for (;;) {
		int64_t left = until_ms - clock_ms();

		if (left <= 0)
			return -ETIME;
		if (poll(&poller, 1, (int)left) > 0)
			return 0;
	}
}

static int
read_whole(int fd, void *bytes, size_t size, int64_t until_ms)
{
	for (size_t done = 0; done < size;) {
		int error = wait_for(fd, until_ms);
		ssize_t got;

		if (error < 0)
			return error;
		got = read(fd, (char *)bytes + done, size - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		done += (size_t)got;
	}
	return 0;
}

/*
 * Ends a child. One that does not even then, because it waits in the kernel
 * for a file system that does not answer, is left behind.
 */
static void
end_child(pid_t child, int fd)
{
	const int64_t until_ms = clock_ms() + END_MS;
	char rest[64];

	(void)kill(child, SIGKILL);
	/* It closes its end of the pipe when it is gone. */
	while (wait_for(fd, until_ms) == 0) {
		if (read(fd, rest, sizeof(rest)) > 0)
			continue;
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
		return;
	}
}

static int
ask_child(const struct place *place, void (*look)(void *data), void *data,
    size_t size, int64_t limit_ms)
{
	const int64_t until_ms = clock_ms() + limit_ms;
	const pid_t self = getpid();
	int pipes[2], error, became;
	char *copy;
	pid_t child;

	/* Nothing half-read may look like an answer. */
	copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	if (pipe2(pipes, O_CLOEXEC) < 0) {
		free(copy);
		return -errno;
	}
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		report(place, look, data, size, pipes[1], self);
	}
	error = child < 0 ? -errno : 0;
	close(pipes[1]);
	if (error == 0)
		error = read_whole(pipes[0], &became, sizeof(became), until_ms);
	if (error == 0)
		error = became;
	if (error == 0)
		error = read_whole(pipes[0], copy, size, until_ms);
	if (error == 0)
		memcpy(data, copy, size);
	if (child > 0)
		end_child(child, pipes[0]);
	close(pipes[0]);
	free(copy);
	return error;
}

int
doctor_as(const struct place *place, void (*look)(void *data), void *data,
    size_t size)
{
	if (*place->root || !is_same_user(place) || !has_same_cache(place))
		return ask_child(place, look, data, size, LIMIT_MS);
	look(data);
	return 0;
}

int
doctor_apart(void (*look)(void *data), void *data, size_t size)
{
	struct place place;

	place_here(&place);
	return ask_child(&place, look, data, size, LIMIT_APART_MS);
}
