/* SPDX-License-Identifier: ISC */
/*
 * Memory for hosts that replace malloc(3): out of one pool, never given back.
 * What is returned and was not from there ends the program with status 97:
 * two allocators were mixed.
 */
#ifndef KASHIM_TEST_HOSTILE_POOL_H
#define KASHIM_TEST_HOSTILE_POOL_H

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define POOL_SIZE  ((size_t)8 << 20)
#define POOL_ALIGN ((size_t)16)

static _Alignas(16) char pool[POOL_SIZE];
static size_t pool_used;

/* Each block has its size in front of it. All is zero, and used once. */
static inline void *
pool_take(size_t size)
{
	size_t need = (size + 2 * POOL_ALIGN - 1) / POOL_ALIGN * POOL_ALIGN;
	size_t at = __atomic_fetch_add(&pool_used, need, __ATOMIC_RELAXED);

	if (size > POOL_SIZE || at + need > POOL_SIZE) {
		errno = ENOMEM;
		return NULL;
	}
	memcpy(pool + at, &size, sizeof(size));
	return pool + at + POOL_ALIGN;
}

static inline void
pool_check(const void *block)
{
	static const char TEXT[] = "memory of another allocator\n";

	if (block == NULL || ((const char *)block >= pool + POOL_ALIGN &&
				 (const char *)block < pool + POOL_SIZE))
		return;
	(void)!write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1);
	_exit(97);
}

/* Fills moved, which may be NULL, with what block, which may be NULL, has. */
static inline void *
pool_move(const void *block, void *moved, size_t size)
{
	size_t old;

	pool_check(block);
	if (block == NULL || moved == NULL)
		return moved;
	memcpy(&old, (const char *)block - POOL_ALIGN, sizeof(old));
	return memcpy(moved, block, old < size ? old : size);
}

#endif
