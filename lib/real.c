/* SPDX-License-Identifier: ISC */
/*
 * real: the C library's own entry points. It looks up only names that
 * exist: a dlsym(3) that fails allocates its error text, and an interposed
 * malloc that calls us would recurse.
 */
#include "real.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

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
	void *symbol = dlsym(RTLD_NEXT, name);

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

char *__wrap_getenv(const char *name);

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

real_dlopen_fn *
real_dlopen(void)
{
	/* Since glibc 2.34 in the first, before that in the second. */
	static const char *const LIBRARIES[] = {"libc.so.6", "libdl.so.2"};
	real_dlopen_fn *found = NULL;

	for (int i = 0; i < 2 && found == NULL; i++) {
		void *handle = dlopen(LIBRARIES[i], RTLD_LAZY | RTLD_NOLOAD);

		if (handle == NULL)
			continue;
		found = (real_dlopen_fn *)dlsym(handle, "dlopen");
		if (found == NULL)
			(void)dlerror(); /* not for the host to find */
		dlclose(handle);
	}
	return found;
}
