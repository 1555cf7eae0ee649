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

/* What is larger has a mapping of its own, which goes with it. */
#define SMALL_MAX ((size_t)64 << 10)
/* Rooms of 16, 32, 48 ... 1024 bytes, and then of twice as much each. */
#define FINE_MAX   ((size_t)1024)
#define FINE_KINDS (FINE_MAX / ARENA_ALIGN)
#define KINDS      (FINE_KINDS + 6)

/* In front of each block. */
struct block {
	_Alignas(ARENA_ALIGN) size_t size; /* as it was asked for */
	size_t room;
};

/* Memory from the kernel. Of small blocks it is filled from the front. */
struct chunk {
	_Alignas(ARENA_ALIGN) struct chunk *before;
	struct chunk *after;
	size_t size; /* with this header */
	size_t used;
};

static struct chunk *small_chunks, *large_chunks;
static size_t arena_size;
/* Returned ones, by their room; each begins with the next one. */
static void *returned[KINDS];

static size_t
round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* Which kind has room for n bytes, at most SMALL_MAX, and how much. */
static size_t
kind_of(size_t n, size_t *room)
{
	size_t kind = FINE_KINDS;

	if (n <= FINE_MAX) {
		*room = round_up(n > 0 ? n : 1, ARENA_ALIGN);
		return *room / ARENA_ALIGN - 1;
	}
	for (*room = 2 * FINE_MAX; *room < n; *room *= 2)
		kind++;
	return kind;
}

static struct block *
block_of(void *memory)
{
	return (struct block *)memory - 1;
}

static struct chunk *
chunk_make(struct chunk **list, size_t size)
{
	struct chunk *chunk;

	if (size > ARENA_LIMIT - arena_size)
		return NULL;
	chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chunk == MAP_FAILED)
		return NULL;
	*chunk = (struct chunk){
	    .before = *list, .size = size, .used = sizeof(*chunk)};
	if (*list != NULL)
		(*list)->after = chunk;
	*list = chunk;
	arena_size += size;
	return chunk;
}

/* Room bytes of a chunk, with the header of a block. */
static void *
chunk_take(struct chunk *chunk, size_t n, size_t room)
{
	struct block *block = (void *)((char *)chunk + chunk->used);

	chunk->used += sizeof(*block) + room;
	*block = (struct block){.size = n, .room = room};
	return block + 1;
}

static void *
take_large(size_t n)
{
	size_t head = sizeof(struct chunk) + sizeof(struct block);
	struct chunk *chunk;

	if (n > ARENA_LIMIT)
		return NULL;
	chunk = chunk_make(&large_chunks, round_up(head + n, 4096));
	return chunk != NULL ? chunk_take(chunk, n, chunk->size - head) : NULL;
}

static void *
take_small(size_t n)
{
	size_t room, kind = kind_of(n, &room);
	struct chunk *chunk = small_chunks;
	void *memory = returned[kind];

	if (memory != NULL) {
		memcpy(&returned[kind], memory, sizeof(void *));
		block_of(memory)->size = n;
		return memory;
	}
	if (chunk == NULL ||
	    sizeof(struct block) + room > chunk->size - chunk->used)
		chunk = chunk_make(&small_chunks, ARENA_CHUNK);
	return chunk != NULL ? chunk_take(chunk, n, room) : NULL;
}

static void *
arena_take(size_t n)
{
	void *memory = n <= SMALL_MAX ? take_small(n) : take_large(n);

	if (memory == NULL)
		errno = ENOMEM;
	return memory;
}

static void
return_large(void *memory)
{
	struct chunk *chunk = (struct chunk *)(void *)block_of(memory) - 1;

	if (chunk->before != NULL)
		chunk->before->after = chunk->after;
	if (chunk->after != NULL)
		chunk->after->before = chunk->before;
	else
		large_chunks = chunk->before;
	arena_size -= chunk->size;
	munmap(chunk, chunk->size);
}

static void
arena_return(void *memory)
{
	size_t room, kind;

	if (memory == NULL)
		return;
	room = block_of(memory)->room;
	if (room > SMALL_MAX) {
		return_large(memory);
		return;
	}
	kind = kind_of(room, &room);
	memcpy(memory, &returned[kind], sizeof(void *));
	returned[kind] = memory;
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
	if (n <= block_of(block)->room) {
		block_of(block)->size = n;
		return block;
	}
	if (n > ARENA_LIMIT) {
		errno = ENOMEM;
		return NULL;
	}
	/* Room to grow: libconfuse lets strings grow by 32 bytes each. */
	moved = arena_take(n + n / 2);
	if (moved == NULL)
		return NULL;
	memcpy(moved, block, block_of(block)->size);
	block_of(moved)->size = n;
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

static void
release(struct chunk **list)
{
	while (*list != NULL) {
		struct chunk *before = (*list)->before;

		munmap(*list, (*list)->size);
		*list = before;
	}
}

void
arena_release(void)
{
	release(&small_chunks);
	release(&large_chunks);
	memset(returned, 0, sizeof(returned));
	arena_size = 0;
}
