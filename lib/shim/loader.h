/* SPDX-License-Identifier: ISC */
/*
 * loader: dlopen(3) and its companions. Since glibc 2.34 they are in the C
 * library itself, under that version; before, they were in libdl.so.2, which
 * not every program loads. What is built on a newer system and asks for them
 * there ends every program of an older one before main(). So they are looked
 * for when they are needed.
 */
#ifndef KASHIM_LOADER_H
#define KASHIM_LOADER_H

#include <dlfcn.h>

/*
 * loader_dlopen() and so on are the functions of these names; where there are
 * none, they return NULL or 0. For start-up only: they may lock and allocate.
 *
 * X(name, the first version that had it (see loader.c), result type,
 *     parameters, arguments)
 */
/* clang-format off */
#define LOADER(X)                                                             \
	X(dlopen, SECOND, void *, (const char *path, int flags),              \
	    (path, flags))                                                    \
	X(dlsym, FIRST, void *, (void *handle, const char *name),             \
	    (handle, name))                                                   \
	X(dlclose, FIRST, int, (void *handle), (handle))                      \
	X(dlerror, FIRST, char *, (void), ())                                 \
	X(dladdr, FIRST, int, (const void *at, Dl_info *info), (at, info))
/* clang-format on */

#define LOADER_DECLARE(name, version, result, parameters, arguments) \
	result loader_##name parameters;
LOADER(LOADER_DECLARE)
#undef LOADER_DECLARE

#endif
