/* SPDX-License-Identifier: ISC */
/*
 * config_object: what makes the parser harmless inside a host.
 *
 * The object is loaded with RTLD_DEEPBIND: it and libconfuse find their
 * functions in this object first, then in libconfuse, then in the C library,
 * and in the host last. So a host that has functions named cfg_parse keeps
 * them and we get libconfuse's. But for the same reason the two would not
 * get the malloc of a host that replaced it, while the strdup(3) inside the C
 * library would: memory would come from one and go back to the other. So all
 * allocation that libconfuse asks for is defined here, out of an arena.
 */
#include "config_object.h"

#include <errno.h>
#include <libintl.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "config.h"

#define EXPORT __attribute__((visibility("default")))

#define ARENA_CHUNK ((size_t)256 << 10)
#define ARENA_LIMIT ((size_t)512 << 20)
#define ARENA_ALIGN 16u

/* Memory from the kernel, filled from the front. */
struct chunk {
	struct chunk *before;
	size_t size; /* with this header */
	size_t used;
	char *last; /* the block handed out last: it can grow and be undone */
};

static struct chunk *arena;
static size_t arena_size;
static jmp_buf give_up;

static size_t
round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* Each block has its size in front of it. */
static size_t *
block_size(void *block)
{
	return (size_t *)((char *)block - ARENA_ALIGN);
}

static bool
arena_grow(size_t need)
{
	size_t header = round_up(sizeof(struct chunk), ARENA_ALIGN);
	size_t size = round_up(header + need, ARENA_CHUNK);
	struct chunk *chunk;

	if (need > ARENA_LIMIT || size > ARENA_LIMIT - arena_size)
		return false;
	chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		return false;
	*chunk = (struct chunk){.before = arena, .size = size, .used = header};
	arena = chunk;
	arena_size += size;
	return true;
}

static void *
arena_take(size_t n)
{
	size_t need;
	char *block;

	if (n > ARENA_LIMIT) {
		errno = ENOMEM;
		return NULL;
	}
	need = ARENA_ALIGN + round_up(n, ARENA_ALIGN);
	if ((arena == NULL || need > arena->size - arena->used) &&
	    !arena_grow(need)) {
		errno = ENOMEM;
		return NULL;
	}
	block = (char *)arena + arena->used + ARENA_ALIGN;
	arena->used += need;
	arena->last = block;
	*block_size(block) = n;
	return block;
}

static void
arena_return(void *block)
{
	if (block == NULL || arena == NULL || block != arena->last)
		return;
	arena->used = (size_t)((char *)block - (char *)arena) - ARENA_ALIGN;
	arena->last = NULL;
}

/* Grows or shrinks the last block where it is. */
static bool
arena_resize(void *block, size_t n)
{
	size_t start;

	if (arena == NULL || block != arena->last || n > ARENA_LIMIT)
		return false;
	start = (size_t)((char *)block - (char *)arena);
	if (round_up(n, ARENA_ALIGN) > arena->size - start)
		return false;
	arena->used = start + round_up(n, ARENA_ALIGN);
	*block_size(block) = n;
	return true;
}

EXPORT void *
malloc(size_t n)
{
	return arena_take(n);
}

EXPORT void
free(void *block)
{
	arena_return(block);
}

EXPORT void *
calloc(size_t count, size_t size)
{
	size_t n;
	void *block;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	block = arena_take(n);
	/* A block may be one that was returned, so it is not always zero. */
	return block != NULL ? memset(block, 0, n) : NULL;
}

EXPORT void *
realloc(void *block, size_t n)
{
	void *moved;

	if (block == NULL)
		return arena_take(n);
	if (arena_resize(block, n))
		return block;
	if (n <= *block_size(block))
		return block;
	/* Room to grow: libconfuse lets strings grow by 32 bytes each. */
	moved = arena_take(n + n / 2);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, *block_size(block));
	arena_return(block);
	return moved;
}

EXPORT void *
reallocarray(void *block, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, n);
}

EXPORT char *
strndup(const char *text, size_t max)
{
	size_t len = strnlen(text, max);
	char *copy = arena_take(len + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

EXPORT char *
strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = arena_take(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

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

EXPORT config_object_load_fn kashim_config_load;
EXPORT config_object_release_fn kashim_config_release;

int
kashim_config_load(
    const char *path, uint8_t **bytes, uint32_t *size, char *message)
{
	if (setjmp(give_up) != 0) {
		snprintf(message, CONFIG_MESSAGE_MAX,
		    "%s: the parser ran out of memory", path);
		return -ENOMEM;
	}
	return config_load(path, NULL, NULL, bytes, size, message);
}

void
kashim_config_release(void)
{
	while (arena != NULL) {
		struct chunk *before = arena->before;

		munmap(arena, arena->size);
		arena = before;
	}
	arena_size = 0;
}
