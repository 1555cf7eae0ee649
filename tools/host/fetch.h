/* SPDX-License-Identifier: ISC */
/*
 * fetch: a socket out of another process, by a descriptor of our own for it
 * (pidfd_getfd(2)), without stopping or tracing the process.
 *
 * Between a list of sockets and the moment of looking at one, its process may
 * have closed the descriptor and used the number again. A cookie names a
 * socket as long as the system is up (SO_COOKIE, socket(7)), and what has
 * another one is given back untouched.
 */
#ifndef KASHIM_FETCH_H
#define KASHIM_FETCH_H

#include <stdbool.h>
#include <stdint.h>

/* Has the kernel pidfd_getfd(2)? Else both of these fail with -ENOSYS. */
bool fetch_can(void);

/*
 * Fetches descriptor fd of the process that pidfd refers to, if it is the
 * socket with this cookie. Returns a descriptor for it, close-on-exec, for
 * the caller to close soon: as long as it is open, the process cannot end the
 * connection by closing its own. Else -ESTALE: that descriptor is closed, or
 * another socket or file by now; -ESRCH: the process has ended; -EPERM: not
 * permitted (ptrace(2), PTRACE_MODE_ATTACH_REALCREDS); another -errno.
 */
int fetch_socket(int pidfd, int fd, uint64_t cookie);

/*
 * Fetches descriptor fd of the process that pidfd refers to, whatever it is.
 * Returns a descriptor for it, close-on-exec, or -errno as above.
 */
int fetch_any(int pidfd, int fd);

#endif
