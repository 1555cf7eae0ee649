/* SPDX-License-Identifier: ISC */
/*
 * supervise_scan: looks through the descriptors of a supervised process, and
 * of what it started, for connections that it accepted.
 */
#ifndef KASHIM_SUPERVISE_SCAN_H
#define KASHIM_SUPERVISE_SCAN_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervise_socket.h"

/*
 * Connections to this listener's port are of interest. Returns false if it has
 * none.
 */
bool scan_add_listener(int listener);

/*
 * Does so now for one that was accepted, if that is what it is, before its
 * program sets an option of its own.
 */
void scan_settle(const struct held_socket *held);

/*
 * Sets what the rules say on each connection, to a port of interest, that was
 * not there at the last look: of the process that pidfd is for, whose number
 * is process, and of its descendants. Of processes with several threads only
 * those are known that the first one started, or thread.
 */
void scan_process(int pidfd, pid_t process, pid_t thread);

#endif
