/* SPDX-License-Identifier: ISC */
/*
 * arena: malloc(3) and what goes with it, for the private parser object.
 * It must never take memory from the host's own malloc.
 */
#include "config/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Not inlined: valgrind puts functions of its own in the place of malloc(),
 * free(), calloc() and realloc(), so the others have to call those.
 */
#define EXPORT __attribute__((visibility("default"), noinline))

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
	if (n > ARENA_LIMIT) {
		errno = ENOMEM;
		return NULL;
	}
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
	char *copy = malloc(len + 1);

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
	char *copy = malloc(size);

	return copy != NULL ? memcpy(copy, text, size) : NULL;
}

void
arena_release(void)
{
	while (arena != NULL) {
		struct chunk *before = arena->before;

		munmap(arena, arena->size);
		arena = before;
	}
	arena_size = 0;
}
