/* SPDX-License-Identifier: ISC */
/*
 * shared: the policy as "kashim reload" publishes it: one file that every
 * program maps, read-only, from its start on, and that is written in place.
 *
 * It has two halves. Generation N of the policy lies in half N & 1, so while
 * the next one is written the one in force stays as it is. A program works
 * with an image right where it lies, and asks afterwards whether it was
 * intact all the time: after two reloads it was not, and what was read is
 * thrown away. So a reload costs the program no system call, no memory and no
 * descriptor, and reaches it in a chroot, in a sandbox and after fork.
 *
 * A mapped file that is cut short kills who reads it (SIGBUS, mmap(2)). That
 * is why this is no file that anybody has a reason to touch: not the
 * configuration and not the compiled image beside it, and not in /etc.
 * Nothing ever cuts it short or replaces a half that is in force.
 */
#ifndef KASHIM_SHARED_H
#define KASHIM_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/image.h"

#define SHARED_SUFFIX  ".shared"
#define SHARED_MAGIC   0x4b534853u /* "KSHS" */
#define SHARED_VERSION 1u
#define SHARED_PAGE    4096u

/* The first page of the file; then come the halves, and a page of zeroes. */
struct shared_header {
	uint32_t magic;
	uint32_t version;
	uint32_t half_size; /* bytes, a multiple of SHARED_PAGE */
	uint32_t zero;
	uint32_t current; /* generation in force */
	uint32_t begun;   /* generation last begun: current, or the next */
	uint32_t size[2]; /* of the image in each half */
};

/*
 * Generations are numbered from 1 to SHARED_LAST, and then from 1 again: 0 is
 * a program's own image, and generation + 1 is never 0, which stands for none
 * (record.h, memo.h). SHARED_LAST is even, so the halves still take turns.
 */
#define SHARED_LAST (UINT32_MAX - 1)

static inline uint32_t
shared_next(uint32_t generation)
{
	return generation >= SHARED_LAST ? 1 : generation + 1;
}

/* A mapped one; header is NULL if there is none. */
struct shared {
	struct shared_header *header;
	uint32_t half_size;
	size_t mapped;
};

/*
 * Maps the file at path for reading. It has to be trusted (trust.h) and whole.
 * For start-up, not for hooks: it opens the file. Returns 0; -ENOENT and what
 * else open(2) and mmap(2) say; -EPERM if it is not trusted; -EBADMSG if it
 * is none; -EPROTONOSUPPORT if it is of another version.
 */
int shared_map(const char *path, struct shared *shared);

void shared_unmap(struct shared *shared);

/* The generation in force. One load; async-signal-safe, as is the next. */
static inline uint32_t
shared_current(const struct shared *shared)
{
	return __atomic_load_n(&shared->header->current, __ATOMIC_ACQUIRE);
}

/*
 * A fence. ThreadSanitizer knows none, and needs none: who writes is another
 * process.
 */
#ifdef __SANITIZE_THREAD__
#define SHARED_FENCE(order) ((void)(order))
#else
#define SHARED_FENCE(order) __atomic_thread_fence(order)
#endif

/*
 * Is the half of this generation still as it was published? To be asked after
 * all that was read from it.
 */
static inline bool
shared_intact(const struct shared *shared, uint32_t generation)
{
	uint32_t begun;

	SHARED_FENCE(__ATOMIC_ACQUIRE);
	begun = __atomic_load_n(&shared->header->begun, __ATOMIC_RELAXED);
	return begun == generation || begun == shared_next(generation);
}

/*
 * Where the image of a generation lies. It may change while it is read, and
 * it need not be sound: see image_check_header(). Async-signal-safe.
 */
struct image shared_image(const struct shared *shared, uint32_t generation);

/* What became of a publication. */
struct shared_result {
	uint32_t generation;
	/*
	 * The file was new, or too small, or an overlay file system has made a
	 * copy of it: programs that had mapped the old one keep what they have.
	 */
	bool new_file;
};

/*
 * Publishes an image as the next generation, in the file at path, which is
 * made, mode 0644, with its directory, if it isn't there. Either programs
 * have the new one, on the disk too, or, after a failure at any point, all
 * have the old one. Returns 0 or -errno: -EPERM if the file is not trusted.
 * For the command.
 */
int shared_publish(
    const char *path, const struct image *image, struct shared_result *result);

#endif
