/* SPDX-License-Identifier: ISC */
/*
 * diag: the kernel's list of TCP and MPTCP sockets of one network namespace
 * (sock_diag(7), struct inet_diag_msg), through libmnl.
 */
#ifndef KASHIM_DIAG_H
#define KASHIM_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "addr.h"

enum diag_timer {
	DIAG_TIMER_NONE,
	DIAG_TIMER_RETRANSMIT, /* data is under way */
	DIAG_TIMER_KEEPALIVE,
	DIAG_TIMER_OTHER, /* TIME_WAIT, zero window */
};

struct diag_socket {
	struct addr local, remote;
	uint16_t local_port, remote_port;
	uint8_t state; /* TCP_ESTABLISHED and so on, netinet/tcp.h */
	bool mptcp;
	enum diag_timer timer;
	uint32_t expires_ms; /* until the timer runs out */
	uint32_t
	    unanswered;   /* of DIAG_TIMER_KEEPALIVE: probes without answer */
	uint32_t idle_ms; /* since the last data, either way; UINT32_MAX: not
	                     told */
	uint32_t inode;   /* 0: no process has it any more */
	uint64_t cookie;  /* SO_COOKIE, socket(7) */
	uid_t uid;        /* of who made it */
};

/*
 * Calls each for every socket of the calling thread's network namespace that
 * listens or is connected or connecting: not for those that only wait for
 * their end (TIME_WAIT, CLOSE). Returns 0, what each returned if not 0, or
 * -errno.
 */
int diag_each(
    int (*each)(const struct diag_socket *socket, void *data), void *data);

#endif
