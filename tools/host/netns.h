/* SPDX-License-Identifier: ISC */
/*
 * netns: something done in another network namespace. A thread of its own
 * enters it (setns(2)) and ends there, so that the command itself never
 * leaves the one it was started in, whatever fails.
 */
#ifndef KASHIM_NETNS_H
#define KASHIM_NETNS_H

#include <stdint.h>

/* The inode of the calling thread's network namespace; 0: cannot be told. */
uint64_t netns_own(void);

/*
 * Calls run(data) in the network namespace that fd refers to, and waits for
 * it. /proc/sys/net shows that namespace there, too. Returns what run did;
 * -EPERM if that namespace may not be entered; another -errno.
 */
int netns_run(int fd, int (*run)(void *data), void *data);

#endif
