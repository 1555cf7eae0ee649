/* SPDX-License-Identifier: ISC */
/*
 * libc: the functions of the C library that libkashim.so calls, and whose
 * names a program may use for functions of its own, because ISO C does not
 * reserve them. The linker exports such a function of an executable, and then
 * the loader would give us the program's access() for the C library's.
 *
 * So libkashim.so is linked with --wrap for each of them (the Makefile takes
 * the names from here), and the wrappers in real.c go to the next one after
 * us in the loader's order: never the program's.
 *
 * X(name, result type, parameters, arguments)
 */
#ifndef KASHIM_LIBC_H
#define KASHIM_LIBC_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

/* clang-format off */

/* What hooks call: looked up at start. */
#define LIBC_HOT(X)                                                           \
	X(fstat, int, (int fd, struct stat *st), (fd, st))                    \
	X(getpid, pid_t, (void), ())                                          \
	X(getsockname, int, (int fd, struct sockaddr *sa, socklen_t *len),    \
	    (fd, sa, len))                                                    \
	X(getsockopt, int,                                                    \
	    (int fd, int level, int name, void *value, socklen_t *len),       \
	    (fd, level, name, value, len))                                    \
	X(syscall, long,                                                      \
	    (long number, long a, long b, long c, long d, long e, long f),    \
	    (number, a, b, c, d, e, f))

/* What start-up alone calls: looked up when it does. */
#define LIBC_START(X)                                                         \
	X(access, int, (const char *path, int mode), (path, mode))            \
	X(open, int, (const char *path, int flags), (path, flags))            \
	X(close, int, (int fd), (fd))                                         \
	X(read, ssize_t, (int fd, void *to, size_t size), (fd, to, size))     \
	X(stat, int, (const char *path, struct stat *st), (path, st))         \
	X(lstat, int, (const char *path, struct stat *st), (path, st))        \
	X(readlink, ssize_t, (const char *path, char *to, size_t size),       \
	    (path, to, size))                                                 \
	X(mmap, void *,                                                       \
	    (void *at, size_t size, int protection, int flags, int fd,        \
		off_t offset),                                                \
	    (at, size, protection, flags, fd, offset))                        \
	X(munmap, int, (void *at, size_t size), (at, size))                   \
	X(mprotect, int, (void *at, size_t size, int protection),             \
	    (at, size, protection))                                           \
	X(geteuid, uid_t, (void), ())

#define LIBC(X)     \
	LIBC_HOT(X) \
	LIBC_START(X)
/* clang-format on */

#endif
