/* SPDX-License-Identifier: ISC */
/*
 * config_object: what makes the parser harmless inside a host.
 *
 * The object is loaded with RTLD_DEEPBIND: it and libconfuse find their
 * functions in this object first, then in libconfuse, then in the C library,
 * and in the host last. So a host that has functions named cfg_parse keeps
 * them and we get libconfuse's, and what libconfuse may not do in a host is
 * defined here instead: to end it.
 */
#include "config/config_object.h"

#include <errno.h>
#include <libintl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/libc.h"
#include "config/arena.h"
#include "config/config.h"

#define EXPORT __attribute__((visibility("default")))

static jmp_buf give_up;
static uint8_t *given; /* what kashim_config_load() returned */

/* The scanner of libconfuse ends its program when it has no memory. */
EXPORT void
exit(int status)
{
	(void)status;
	longjmp(give_up, 1);
}

EXPORT void
abort(void)
{
	longjmp(give_up, 1);
}

/* Declared by assert.h only while assertions are on. */
void __assert_fail(const char *assertion, const char *file, unsigned int line,
    const char *function) __attribute__((noreturn));

EXPORT void
__assert_fail(const char *assertion, const char *file, unsigned int line,
    const char *function)
{
	(void)assertion;
	(void)file;
	(void)line;
	(void)function;
	longjmp(give_up, 1);
}

/*
 * libconfuse has its messages translated, if the host called setlocale(3).
 * config_explain knows them as they are in the source, and the C library
 * would keep memory for each catalogue.
 */
EXPORT char *
dcgettext(const char *domain, const char *message, int category)
{
	(void)domain;
	(void)category;
	return (char *)message;
}

EXPORT char *
bindtextdomain(const char *domain, const char *directory)
{
	(void)domain;
	return (char *)directory;
}

#ifdef LIBC_DIRECT
/* The C library's own is of glibc 2.33, all else that we call is of 2.22. */
int
fstat(int fd, struct stat *st)
{
	return (int)syscall(SYS_fstat, fd, st);
}
#endif

EXPORT config_object_load_fn kashim_config_load;
EXPORT config_object_release_fn kashim_config_release;

int
kashim_config_load(
    const char *path, uint8_t **bytes, uint32_t *size, char *message)
{
	int error;

	if (setjmp(give_up) != 0) {
		snprintf(message, CONFIG_MESSAGE_MAX,
		    "%s: the parser ran out of memory", path);
		return -ENOMEM;
	}
	error = config_load(path, NULL, NULL, bytes, size, message);
	if (error == 0)
		given = *bytes;
	return error;
}

void
kashim_config_release(void)
{
	/* Under valgrind it is not in the arena. */
	free(given);
	given = NULL;
	arena_release();
}
