/* SPDX-License-Identifier: ISC */
/*
 * inside: files below a root directory that nobody vouches for, an image of a
 * system. All symbolic links are resolved as if that directory were "/"
 * (openat2(2), RESOLVE_IN_ROOT), so that none leads out of it. On a kernel
 * without that, only the machine's own "/" will do, and with any other it is
 * -ENOSYS. Nothing but regular files and directories is ever opened for
 * reading.
 */
#ifndef KASHIM_INSIDE_H
#define KASHIM_INSIDE_H

#include <stddef.h>

/*
 * Opens root, "" for "/", for use with the functions below. Returns a
 * descriptor, close-on-exec, or -errno (-ENOTDIR if it is none).
 */
int inside_root(const char *root);

/*
 * Opens path below root with these flags of open(2); O_CLOEXEC is added, and
 * O_CREAT is not for here. Returns a descriptor or -errno.
 */
int inside_open(int root, const char *path, int flags);

/* The same, but a symbolic link anywhere in path is an error (-ELOOP). */
int inside_open_plain(int root, const char *path, int flags);

/* Opens the directory path, with all parents made if need be (0755). */
int inside_make_directory(int root, const char *path);

/*
 * Reads the file path: *text, from malloc(3), ends with a NUL that *size does
 * not count. Returns 0; -EBADF if it is no regular file (a device, a fifo);
 * -EFBIG above INSIDE_FILE_MAX bytes; -errno.
 */
#define INSIDE_FILE_MAX (1024 * 1024)
int inside_read(int root, const char *path, char **text, size_t *size);

/* The same for a file in a directory; a symbolic link is no regular file. */
int inside_read_at(int directory, const char *name, char **text, size_t *size);

/*
 * Writes text to a file in a directory, mode 0644, in the place of what has
 * that name: to a temporary file beside it, which is synced and renamed.
 * Returns 0 or -errno.
 */
int inside_write_at(int directory, const char *name, const char *text);

/*
 * The names in directory path, sorted, from malloc(3), to be given back with
 * inside_names_free(). Returns 0 or -errno.
 */
struct inside_names {
	char **names;
	size_t count;
};
int inside_list(int root, const char *path, struct inside_names *names);
void inside_names_free(struct inside_names *names);

#endif
