/* SPDX-License-Identifier: ISC */
/*
 * supervise_target: the thread behind a notification: its memory, its
 * descriptors, and the rules that concern its program.
 *
 * What is asked of a thread holds only while it waits for the answer; whoever
 * uses this asks the kernel afterwards whether the notification is still valid
 * (SECCOMP_IOCTL_NOTIF_ID_VALID). What is remembered of a thread is held by a
 * pidfd, which never comes to mean another one with the same number.
 *
 * Nothing here blocks for longer than a look may take (look.h).
 */
#ifndef KASHIM_SUPERVISE_TARGET_H
#define KASHIM_SUPERVISE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "config/in_force.h"
#include "image/view.h"

struct target;

/*
 * Starts to know targets, under a policy, which has to stay. Returns 0 or
 * -ENOMEM.
 */
int target_start(const struct in_force *force);

/*
 * Is /proc that of the calling process's pid namespace? The kernel reports
 * threads by their numbers in this one; in another, they are others'. If it is
 * not, only what needs no /proc is done.
 */
bool target_has_proc(void);

/* Forgets all, and lets go of all descriptors. */
void target_stop(void);

/*
 * The thread tid. Valid until the next call. Returns NULL if there is none
 * (any more), or no descriptor left.
 */
struct target *target_find(pid_t tid);

pid_t target_thread(const struct target *target);

/* Its process. Returns -ESRCH if it is gone, -ENOENT without /proc. */
pid_t target_process(const struct target *target);

/*
 * Reads size bytes of its memory, at most TARGET_READ_MAX. Returns 0; -errno if
 * not all is there; -ETIMEDOUT if it does not answer, or is not asked (look.h).
 */
#define TARGET_READ_MAX sizeof(struct sockaddr_storage)
int target_read(
    const struct target *target, uint64_t address, void *to, size_t size);

/*
 * A descriptor of our own, close-on-exec, for its descriptor fd
 * (pidfd_getfd(2)), or -errno: -EBADF; -EPERM without the permission to look
 * into the process (PTRACE_MODE_ATTACH_REALCREDS, ptrace(2)).
 */
int target_descriptor(struct target *target, int fd);

/*
 * The rules for the program that it runs now; NULL if none can match, or if
 * what program it is can't be told and some rule looks at that.
 */
const struct view *target_view(struct target *target);

#endif
