/* SPDX-License-Identifier: ISC */
/*
 * real: the C library's own entry points. It looks up only names that
 * exist: a dlsym(3) that fails allocates its error text, and an interposed
 * malloc that calls us would recurse.
 */
#include "shim/real.h"

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "shim/loader.h"

struct real real_table;

/* long, so that it is -1 for the functions that return ssize_t, too. */
static long
real_missing(void)
{
	errno = ENOSYS;
	return -1;
}

void *
real_symbol(const char *name)
{
	void *symbol = loader_dlsym(RTLD_NEXT, name);

	return symbol != NULL ? symbol : (void *)real_missing;
}

void
real_resolve(void)
{
#define REAL_RESOLVE(name, result, parameters) \
	__atomic_store_n(&real_table.name,     \
	    (result(*) parameters)real_symbol(#name), __ATOMIC_RELAXED);
#define LIBC_RESOLVE(name, result, parameters, arguments, kernel) \
	REAL_RESOLVE(name, result, parameters)
	HOOKS_SAFE(REAL_RESOLVE)
	LIBC_RESOLVED(LIBC_RESOLVE)
#undef LIBC_RESOLVE
#undef REAL_RESOLVE
}

/* What the linker's --wrap puts in the place of each name in libc.h. */
#define LIBC_WRAPPER(name, result, parameters, arguments, kernel) \
	result __wrap_##name parameters;                          \
	result __wrap_##name parameters                           \
	{                                                         \
		return real_##name() arguments;                   \
	}
LIBC_LOOKED_UP(LIBC_WRAPPER)
#undef LIBC_WRAPPER

#define CALL_KERNEL(...) ((long (*)(long, ...))real_syscall())(__VA_ARGS__)
#define LIBC_WRAPPER(name, result, parameters, arguments, kernel) \
	result __wrap_##name parameters;                          \
	result __wrap_##name parameters                           \
	{                                                         \
		return (result)CALL_KERNEL kernel;                \
	}
/* NOLINTNEXTLINE(performance-no-int-to-ptr): what mmap(2) gives */
LIBC_CALLED(LIBC_WRAPPER)
#undef LIBC_WRAPPER
#undef CALL_KERNEL

#define LIBC_DECLARE(name, result, parameters, arguments, kernel) \
	result __wrap_##name parameters;
LIBC_OWN(LIBC_DECLARE)
#undef LIBC_DECLARE

char *
__wrap_getenv(const char *name)
{
	size_t len = strlen(name);

	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
			return *entry + len + 1;
	}
	return NULL;
}

#ifdef LIBC_DIRECT
int
__wrap___xstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return __wrap_stat(path, st);
}

int
__wrap___lxstat(int version, const char *path, struct stat *st)
{
	(void)version;
	return __wrap_lstat(path, st);
}

int
__wrap___fxstat(int version, int fd, struct stat *st)
{
	(void)version;
	return __wrap_fstat(fd, st);
}
#endif

#if defined(__USE_TIME_BITS64) && !defined(__LP64__)
/* statx(2) is the one call with such times on every 32-bit machine. */
static int
stat_by_statx(int directory, const char *path, int flags, struct stat *st)
{
	struct statx found;

	if (syscall(SYS_statx, directory, path, flags, STATX_BASIC_STATS,
		&found) < 0)
		return -1;
	*st = (struct stat){
	    .st_dev = makedev(found.stx_dev_major, found.stx_dev_minor),
	    .st_ino = found.stx_ino,
	    .st_mode = found.stx_mode,
	    .st_uid = found.stx_uid,
	    .st_size = (off_t)found.stx_size,
	    .st_mtim = {.tv_sec = found.stx_mtime.tv_sec,
		.tv_nsec = (long)found.stx_mtime.tv_nsec},
	};
	return 0;
}

int
__wrap___stat64_time64(const char *path, struct stat *st)
{
	return stat_by_statx(AT_FDCWD, path, 0, st);
}

int
__wrap___lstat64_time64(const char *path, struct stat *st)
{
	return stat_by_statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, st);
}

int
__wrap___fstat64_time64(int fd, struct stat *st)
{
	return stat_by_statx(fd, "", AT_EMPTY_PATH, st);
}

/* No option that we ask for has a time in it. */
int
__wrap___getsockopt64(int fd, int level, int name, void *value, socklen_t *len)
{
	return real_getsockopt()(fd, level, name, value, len);
}
#endif

real_dlopen_fn *
real_dlopen(void)
{
	/*
	 * Before glibc 2.34 it is in the first. In this order, none is asked
	 * that does not have it: a look-up that fails leaves an error, whose
	 * text a host's free() may get while it looks up the real one.
	 */
	static const char *const LIBRARIES[] = {"libdl.so.2", "libc.so.6"};
	real_dlopen_fn *found = NULL;

	for (int i = 0; i < 2 && found == NULL; i++) {
		void *handle =
		    loader_dlopen(LIBRARIES[i], RTLD_LAZY | RTLD_NOLOAD);

		if (handle == NULL)
			continue;
		found = (real_dlopen_fn *)loader_dlsym(handle, "dlopen");
		if (found == NULL)
			(void)loader_dlerror(); /* not for the host to find */
		loader_dlclose(handle);
	}
	return found;
}
