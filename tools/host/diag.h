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

#include "base/addr.h"

enum diag_timer {
	DIAG_TIMER_NONE,
	DIAG_TIMER_RETRANSMIT, /* data is in flight: it is sent once more */
	DIAG_TIMER_KEEPALIVE,
	DIAG_TIMER_WINDOW, /* the peer's window is closed: it is probed */
};

#define DIAG_NOT_TOLD UINT32_MAX

struct diag_socket {
	struct addr local, remote; /* of a listener remote is ADDR_NONE */
	uint16_t local_port, remote_port;
	uint8_t state; /* TCP_ESTABLISHED and so on, netinet/tcp.h */
	bool mptcp;
	bool v6_only; /* of a listener on ::, that it takes no IPv4 */
	enum diag_timer timer;
	/*
	 * Until the timer runs out, and something is sent. The kernel tells
	 * that of keepalive only while no other one runs. It is not put off by
	 * what is received: when it runs out, the kernel looks at heard_ms, and
	 * probes, or waits for the rest (tcp_keepalive_timer() in
	 * net/ipv4/tcp_timer.c). So the next probe is sent after the longer of
	 * expires_ms and the keepalive idle time less heard_ms; after a first
	 * probe, after expires_ms.
	 */
	uint32_t expires_ms;
	/* How often that was sent in a row without an answer. */
	uint32_t unanswered;
	/*
	 * Since the last data, either way, and since anything at all was
	 * received, answers to probes included. DIAG_NOT_TOLD for what is not
	 * connected.
	 */
	uint32_t idle_ms;
	uint32_t heard_ms;
	/*
	 * How many segments were received. Among them are the peer's own
	 * keepalive probes, which heard_ms does not count. 0: not told.
	 */
	uint32_t segments;
	uint32_t segments_sent; /* likewise */
	/*
	 * 0: no process has it: it was closed, or, if it is established, waits
	 * to be accepted.
	 */
	uint32_t inode;
	uint64_t cookie; /* SO_COOKIE, socket(7) */
	uid_t uid;       /* of who made it */
	/*
	 * The number of the control group of version 2 in which it was made, or
	 * its listener (cgroups(7)). 0: not told (before Linux 5.9).
	 */
	uint64_t cgroup;
};

/*
 * Calls each for every socket of the calling thread's network namespace that
 * listens or is connected or connecting: not for those that only wait for
 * their end (TIME_WAIT, CLOSE). An MPTCP connection comes once, with
 * timer and clocks of its worst subflow, of which it takes longest from what
 * was heard last to the next packet; subflows do not come by themselves.
 *
 * The list is complete before each is called for the first time. What is
 * opened or closed meanwhile is in it or not. Returns 0, what each returned if
 * not 0, or -errno; -ENOENT if the kernel has no tcp_diag.
 */
int diag_each(
    int (*each)(const struct diag_socket *socket, void *data), void *data);

/* For qsort(3), of numbers of control groups. */
int diag_compare_cgroups(const void *a, const void *b);

#endif
