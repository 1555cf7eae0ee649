/* SPDX-License-Identifier: ISC */
/*
 * supervise_filter: the seccomp filter of a supervised program: which of its
 * system calls wait for the supervisor, and which go straight on.
 */
#ifndef KASHIM_SUPERVISE_FILTER_H
#define KASHIM_SUPERVISE_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>

#include "image/image.h"

/* What a policy needs to be notified of besides what connects and listens. */
struct supervise_needs {
	bool accepts; /* what is accepted may not inherit from its listener */
	bool options; /* a rule may have to hold against setsockopt(2) */
};

struct supervise_needs supervise_needs(const struct image *image);

/*
 * Makes the filter into *program, whose code is from malloc(3) and the
 * caller's to free. Notified are connect, listen, the sends with
 * MSG_FASTOPEN, and, by needs, setsockopt of our options and accept;
 * everything else, and what is of another machine than this one or its 32-bit
 * kind, is allowed.
 * Returns 0 or -errno.
 */
int supervise_filter_make(
    const struct supervise_needs *needs, struct sock_fprog *program);

/*
 * Does a filter that the process is in already, such as systemd's
 * SystemCallFilter=, let through what supervision takes and ordinary programs
 * do not need? A child of ours tries, for it may be ended. Returns 0 or -errno.
 */
int supervise_filter_try(void);

/*
 * Installs it in the calling thread, for this process, what it becomes and
 * all that it starts. no_new_privs (prctl(2)) is set only if the kernel asks
 * for it, which is where CAP_SYS_ADMIN is missing, and if the filter can then
 * be installed, which a child of ours tries first.
 *
 * Returns the descriptor for notifications, close-on-exec (seccomp_unotify(2)),
 * or -errno, and then nothing is installed: -EBUSY if the process is in a
 * filter with such a descriptor already; -EINVAL, -ENOSYS if the kernel has no
 * notifications (before Linux 5.5, for the answer "continue").
 */
int supervise_filter_install(const struct sock_fprog *program);

#endif
