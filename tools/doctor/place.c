/* SPDX-License-Identifier: ISC */
/*
 * place: the caller's own surroundings, and files as they are found in others.
 */
#include "doctor/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "host/inside.h"
#include "host/kernel_calls.h"
#include "host/ld_so_preload.h"
#include "host/preload.h"
#include "image/cache.h"

void
place_here(struct place *place)
{
	const char *path = getenv("PATH");
	struct kernel_capabilities sets;

	(void)kernel_capget(&sets);
	*place = (struct place){
	    .uid = getuid(),
	    .euid = geteuid(),
	    .gid = getgid(),
	    .egid = getegid(),
	    .no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1,
	    /* What a program with such file capabilities gets from us. */
	    .inheritable = sets.inheritable,
	    .root = "",
	    .preload = getenv("LD_PRELOAD"),
	    .cache = getenv(CACHE_ENVIRONMENT),
	    /* Without PATH, execvp(3) takes confstr(_CS_PATH). */
	    .path = path ? path : "/bin:/usr/bin",
	    .shell_fallback = true,
	};
}

void
place_become(
    struct place *place, const struct passwd *user, gid_t groups[PLACE_GROUPS])
{
	int count = PLACE_GROUPS;

	place->uid = place->euid = user->pw_uid;
	place->gid = place->egid = user->pw_gid;
	if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
		count = 1;
	groups[0] = user->pw_gid;
	place->groups = groups;
	place->group_count = (size_t)count;
}

void
place_by_host(struct place *place, char entry[PATH_MAX])
{
	char *text, *list;

	if (ld_so_preload_read(place->root, &text) < 0)
		return;
	list = ld_so_preload_list(text);
	if (preload_find(list, entry)) {
		place->library = entry;
		place->library_in_list = true;
		place->host = true;
	}
	free(list);
	free(text);
}

int
place_open(const struct place *place, const char *path, int flags)
{
	int root, fd;

	/* Opening a FIFO waits for its other end without O_NONBLOCK. */
	if ((flags & O_PATH) == 0)
		flags |= O_NONBLOCK | O_NOCTTY;
	if (!*place->root) {
		fd = open(path, flags | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	root = inside_root(place->root);
	if (root < 0)
		return root;
	fd = inside_open(root, path, flags);
	close(root);
	return fd;
}

int
place_stat(const struct place *place, const char *path, struct stat *st)
{
	int fd = place_open(place, path, O_PATH);
	int error;

	if (fd < 0)
		return fd;
	error = fstat(fd, st) < 0 ? -errno : 0;
	close(fd);
	return error;
}

/* Can path be executed? Root, too, needs one of the three bits. */
static int
executable(const struct place *place, const char *path)
{
	struct stat st;
	int error = place_stat(place, path, &st);

	if (error < 0)
		return error;
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return -EACCES;
	if (!*place->root && place->euid == geteuid() &&
	    faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -errno;
	return 0;
}

int
place_look_up(const struct place *place, const char *name, char path[PATH_MAX])
{
	const char *from = place->path;
	int result = -ENOENT;

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return -ENAMETOOLONG;
		return executable(place, path);
	}
	for (;;) {
		size_t length = strcspn(from, ":");
		int error;

		/* An empty entry is the current directory. */
		if (snprintf(path, PATH_MAX, "%.*s%s%s", (int)length, from,
			length > 0 ? "/" : "./", name) < PATH_MAX) {
			error = executable(place, path);
			if (error == 0)
				return 0;
			/* Found, but not ours to execute: remembered. */
			if (error == -EACCES)
				result = error;
			else if (error != -ENOENT && error != -ENOTDIR)
				return error;
		}
		if (from[length] == '\0')
			return result;
		from += length + 1;
	}
}
