/* SPDX-License-Identifier: ISC */
/*
 * listen_fds: the sockets that a service manager hands to a program at its
 * start, as sd_listen_fds(3) has it.
 */
#ifndef KASHIM_LISTEN_FDS_H
#define KASHIM_LISTEN_FDS_H

#define LISTEN_FDS_START 3     /* the first descriptor */
#define LISTEN_FDS_MAX   65536 /* more are not looked at */

/*
 * How many there are: LISTEN_FDS, if LISTEN_PID is this process; 0 if not, or
 * if either is no number; LISTEN_FDS_MAX at most. For start-up.
 */
int listen_fds_count(void);

#endif
