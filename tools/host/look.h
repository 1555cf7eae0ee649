/* SPDX-License-Identifier: ISC */
/*
 * look: a look at another process that this may hold up.
 *
 * A process can see to it that a read of its memory, or of a name below its
 * root directory, never ends: with a file system of its own (FUSE), or one
 * that hangs. Not even SIGKILL ends such a read. So a child makes it, the
 * reader. It is started with the first look and serves all of them; while
 * there is no answer in LOOK_LIMIT_MS it is killed and left behind, and the
 * next look has a new one.
 *
 * What may be read without it: /proc/PID/stat, status, auxv, cgroup, and the
 * links exe, fd and ns. For maps, cmdline and environ the kernel takes the lock
 * of the memory, which another read that waits may hold (mmap_lock); a user can
 * arrange that, too.
 *
 * Readers that were left behind are counted, also those of other runs of the
 * command: LOOK_LEFT_USER for the processes of one user, LOOK_LEFT for those of
 * all users but our own. With so many of them the others are not looked at. A
 * look in vain counts for LOOK_PAUSE_MS even if its reader could be ended, so
 * that a thousand such processes cost no more time than a few.
 */
#ifndef KASHIM_LOOK_H
#define KASHIM_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* While the reader has work and no processor it is given more time. */
#define LOOK_LIMIT_MS  100
#define LOOK_LEFT_USER 4
#define LOOK_LEFT      16
#define LOOK_PAUSE_MS  10000

/* What the reader is called, with the user behind it. */
#define LOOK_NAME "look:"

/* How much a look can take and bring, in bytes. */
#define LOOK_MAX 16384

/*
 * Called in the reader, with a copy of the caller's data, which it may change.
 * It has no descriptor of the caller's, and must leave none open.
 */
typedef void look_fn(void *data);

/*
 * Calls fn for the size bytes at data, at most LOOK_MAX, in the reader, and
 * brings back what it left there. pid, of user uid, is the process that is
 * looked at.
 *
 * Returns 0; -ETIMEDOUT if it does not answer, or is not asked since it, or
 * others of its user, did not; -errno if there can be no reader. data is as it
 * was then.
 */
int look(pid_t pid, uid_t uid, look_fn *fn, void *data, size_t size);

/*
 * Reads up to size bytes of the memory of thread pid, from address at on. For
 * use in the reader. Returns how many there are, or -errno: -EACCES or -EPERM
 * without the permission to look (ptrace(2), PTRACE_MODE_ATTACH).
 */
ssize_t look_memory(pid_t pid, uint64_t at, void *to, size_t size);

/*
 * Ends the reader, if there is one. The reader is its caller's alone: before a
 * child that makes looks of its own is started, this is to be called.
 */
void look_stop(void);

#endif
