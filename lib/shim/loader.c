/* SPDX-License-Identifier: ISC */
/*
 * loader: dlopen(3) and its companions, wherever they are (loader.h). All
 * references are weak: what is not there is NULL, and ends no program.
 */
#include "shim/loader.h"

#include <features.h>
#include <stddef.h>

#ifdef __GLIBC__
#if !__GLIBC_PREREQ(2, 34)
/* We are linked with libdl.so.2, which newer systems still have. */
#elif defined(__x86_64__) && defined(__LP64__)
#define FIRST  "GLIBC_2.2.5"
#define SECOND "GLIBC_2.2.5"
#elif defined(__i386__)
#define FIRST  "GLIBC_2.0"
#define SECOND "GLIBC_2.1"
#elif defined(__aarch64__)
#define FIRST  "GLIBC_2.17"
#define SECOND "GLIBC_2.17"
#endif
#endif

#ifdef FIRST
/* As older programs know them, which every C library has. */
#define WEAK(name) weak_##name
#define VERSION(name, version) \
	__asm__(".symver weak_" #name "," #name "@" version);

/*
 * How a C library that has them in libdl.so.2 loads what it needs itself. No
 * version is asked for, since those that we are linked with have none of these.
 */
extern void *
__libc_dlopen_mode(const char *path, int flags) __attribute__((weak));
extern void *__libc_dlsym(void *handle, const char *name) __attribute__((weak));

static void *
from_libdl(const char *name)
{
	static void *libdl;
	void *handle = __atomic_load_n(&libdl, __ATOMIC_RELAXED);

	if (__libc_dlopen_mode == NULL || __libc_dlsym == NULL)
		return NULL;
	if (handle == NULL) {
		handle = __libc_dlopen_mode("libdl.so.2", RTLD_NOW);
		__atomic_store_n(&libdl, handle, __ATOMIC_RELAXED);
	}
	return handle != NULL ? __libc_dlsym(handle, name) : NULL;
}
#else
#define WEAK(name) name
#define VERSION(name, version)
#define from_libdl(name) NULL
#endif

#define LOADER_DEFINE(name, version, result, parameters, arguments) \
	extern __typeof(name) WEAK(name) __attribute__((weak));     \
	VERSION(name, version)                                      \
	result loader_##name parameters                             \
	{                                                           \
		__typeof(name) *call = WEAK(name);                  \
                                                                    \
		if (call == NULL)                                   \
			call = (__typeof(name) *)from_libdl(#name); \
		return call != NULL ? call arguments : 0;           \
	}
LOADER(LOADER_DEFINE)
