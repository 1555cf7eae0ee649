/* SPDX-License-Identifier: ISC */
/*
 * real: the C library's own entry points, or whatever stands behind our
 * hooks in the order of the loader's search.
 */
#ifndef KASHIM_REAL_H
#define KASHIM_REAL_H

#include <stddef.h>

#include "base/libc.h"
#include "shim/hooks.h"

/*
 * A pointer for each function that is hooked or that we call in spite of a
 * host with the same name (libc.h); NULL until real_resolve() ran.
 */
#define REAL_POINTER(name, result, parameters) result(*name) parameters;
#define LIBC_POINTER(name, result, parameters, arguments, kernel) \
	REAL_POINTER(name, result, parameters)
struct real {
	HOOKS(REAL_POINTER)
	LIBC_LOOKED_UP(LIBC_POINTER)
};
#undef LIBC_POINTER
#undef REAL_POINTER

extern struct real real_table;

/*
 * Fills the table with what has to be async-signal-safe from then on. To be
 * called by one thread, once, at start-up: dlsym(3) may lock and allocate.
 */
void real_resolve(void);

/*
 * dlsym(RTLD_NEXT, name), or, where there is no such function, one that
 * returns -1 with ENOSYS. Never NULL.
 */
void *real_symbol(const char *name);

/*
 * real_connect() and so on return the real function, never NULL. Once the
 * table is filled they are async-signal-safe. Before that, which is when
 * another library's constructor comes before ours, they look it up each time;
 * and always those for start-up, and rcmd(3) and rexec(3), which few call and
 * which are not async-signal-safe in the C library, either.
 */
#define REAL_GETTER(name, result, parameters)                            \
	static inline result(*real_##name(void)) parameters              \
	{                                                                \
		result(*pointer) parameters =                            \
		    __atomic_load_n(&real_table.name, __ATOMIC_RELAXED); \
                                                                         \
		return __builtin_expect(pointer != NULL, 1)              \
		           ? pointer                                     \
		           : (result(*) parameters)real_symbol(#name);   \
	}
#define LIBC_GETTER(name, result, parameters, arguments, kernel) \
	REAL_GETTER(name, result, parameters)
HOOKS(REAL_GETTER)
LIBC_LOOKED_UP(LIBC_GETTER)
#undef LIBC_GETTER
#undef REAL_GETTER

typedef void *real_dlopen_fn(const char *path, int flags);

/*
 * The C library's own dlopen(3), past what a sanitizer or another preload
 * library put before it; NULL if there is none. For start-up only.
 */
real_dlopen_fn *real_dlopen(void);

#endif
