/* SPDX-License-Identifier: ISC */
/*
 * libc: the functions of the C library that libkashim.so calls, and whose
 * names a program may use for functions of its own, because ISO C does not
 * reserve them. The linker exports such a function of an executable, and then
 * the loader would give us the program's access() for the C library's.
 *
 * So libkashim.so is linked with --wrap for each of them (the Makefile takes
 * the names from here), and the wrappers are in real.c. Those that are nothing
 * but a system call are made one, by syscall(2), where the C library has the
 * kernel's own structures: to look a name up takes 0.2 us of a program's start,
 * and to come by another page of the C library 1 us. Elsewhere, and syscall(2)
 * itself, it is the next one after us in the loader's order: never the
 * program's.
 *
 * X(name, result type, parameters, arguments, those of syscall(2))
 */
#ifndef KASHIM_LIBC_H
#define KASHIM_LIBC_H

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__))
#define LIBC_DIRECT
#endif

/* clang-format off */

#define LIBC_SYSCALL(X)                                                       \
	X(syscall, long,                                                      \
	    (long number, long a, long b, long c, long d, long e, long f),    \
	    (number, a, b, c, d, e, f), ())

/* What hooks call: if looked up, then at start. */
#define LIBC_HOT(X)                                                           \
	X(fstat, int, (int fd, struct stat *st), (fd, st),                    \
	    (SYS_fstat, fd, st))                                              \
	X(getpid, pid_t, (void), (), (SYS_getpid))

/*
 * What hooks ask of a socket. As setsockopt(2), it goes to what stands behind
 * us: a stack in user space, say, whose sockets the kernel does not know.
 */
#define LIBC_SOCKET(X)                                                        \
	X(getsockname, int, (int fd, struct sockaddr *sa, socklen_t *len),    \
	    (fd, sa, len), ())                                                \
	X(getsockopt, int,                                                    \
	    (int fd, int level, int name, void *value, socklen_t *len),       \
	    (fd, level, name, value, len), ())

/* What start-up alone calls: if looked up, then when it does. */
#define LIBC_START(X)                                                         \
	X(access, int, (const char *path, int mode), (path, mode),            \
	    (SYS_faccessat, AT_FDCWD, path, mode))                            \
	X(open, int, (const char *path, int flags), (path, flags),            \
	    (SYS_openat, AT_FDCWD, path, flags, 0))                           \
	X(close, int, (int fd), (fd), (SYS_close, fd))                        \
	X(read, ssize_t, (int fd, void *to, size_t size), (fd, to, size),     \
	    (SYS_read, fd, to, size))                                         \
	X(stat, int, (const char *path, struct stat *st), (path, st),         \
	    (SYS_newfstatat, AT_FDCWD, path, st, 0))                          \
	X(lstat, int, (const char *path, struct stat *st), (path, st),        \
	    (SYS_newfstatat, AT_FDCWD, path, st, AT_SYMLINK_NOFOLLOW))        \
	X(readlink, ssize_t, (const char *path, char *to, size_t size),       \
	    (path, to, size), (SYS_readlinkat, AT_FDCWD, path, to, size))     \
	X(mmap, void *,                                                       \
	    (void *at, size_t size, int protection, int flags, int fd,        \
		off_t offset),                                                \
	    (at, size, protection, flags, fd, offset),                        \
	    (SYS_mmap, at, size, protection, flags, fd, offset))              \
	X(munmap, int, (void *at, size_t size), (at, size),                   \
	    (SYS_munmap, at, size))                                           \
	X(mprotect, int, (void *at, size_t size, int protection),             \
	    (at, size, protection), (SYS_mprotect, at, size, protection))     \
	X(geteuid, uid_t, (void), (), (SYS_geteuid))

/*
 * What real.c does itself. A shell may have a getenv() that is not ready yet.
 * The others are what the compiler makes of stat(2) and getsockopt(2): in a
 * 32-bit program with times of 64 bits, which glibc has since 2.34, and under
 * an older one they would end the program; and before glibc 2.33 in a 64-bit
 * one, where libfaketime has functions of these names.
 */
#define LIBC_OWN(X)                                                           \
	X(getenv, char *, (const char *name), (name), ())                     \
	X(__stat64_time64, int, (const char *path, struct stat *st),          \
	    (path, st), ())                                                   \
	X(__lstat64_time64, int, (const char *path, struct stat *st),         \
	    (path, st), ())                                                   \
	X(__fstat64_time64, int, (int fd, struct stat *st), (fd, st), ())     \
	X(__xstat, int, (int version, const char *path, struct stat *st),     \
	    (version, path, st), ())                                          \
	X(__lxstat, int, (int version, const char *path, struct stat *st),    \
	    (version, path, st), ())                                          \
	X(__fxstat, int, (int version, int fd, struct stat *st),              \
	    (version, fd, st), ())                                            \
	X(__getsockopt64, int,                                                \
	    (int fd, int level, int name, void *value, socklen_t *len),       \
	    (fd, level, name, value, len), ())

#ifdef LIBC_DIRECT
#define LIBC_RESOLVED(X) \
	LIBC_SYSCALL(X)  \
	LIBC_SOCKET(X)
#define LIBC_LOOKED_UP(X) LIBC_RESOLVED(X)
#define LIBC_CALLED(X) \
	LIBC_HOT(X)    \
	LIBC_START(X)
#else
#define LIBC_RESOLVED(X) \
	LIBC_SYSCALL(X)  \
	LIBC_SOCKET(X)   \
	LIBC_HOT(X)
#define LIBC_LOOKED_UP(X) \
	LIBC_RESOLVED(X)  \
	LIBC_START(X)
#define LIBC_CALLED(X)
#endif
/* clang-format on */

#endif
