/* SPDX-License-Identifier: ISC */
/*
 * supervise_socket: a socket of a supervised program, in the worker's hand,
 * and what the worker knows of it.
 *
 * The shim has a record (record.h) of a socket by its descriptor. Here it is
 * kept by the socket's cookie (SO_COOKIE, socket(7)), which no other socket
 * ever gets, because the worker has a descriptor of it for one call only.
 */
#ifndef KASHIM_SUPERVISE_SOCKET_H
#define KASHIM_SUPERVISE_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "apply/apply.h"
#include "supervise/supervise_target.h"

struct borrowed_socket {
	struct apply apply; /* ready to be used */
	struct apply_host host;
	int fd; /* our own descriptor of it */
	uint64_t cookie;
};

/* Begins; trace is the trace file, open, or -1. */
void borrowed_start(int trace);

void borrowed_stop(void);

/*
 * Gets hold of the socket that target has at its descriptor fd. Returns
 * whether it did: not if it is no socket, if no rule can match in that
 * program, or if it may not be looked into. Then there is nothing to end.
 */
bool
borrowed_begin(struct borrowed_socket *borrowed, struct target *target, int fd);

/*
 * Keeps the record of fd, a socket of the calling process, which goes by a
 * record of its own until it is supervised.
 */
void borrowed_hand_over(int fd);

/* Was a rule set on it before? */
bool borrowed_is_on_record(const struct borrowed_socket *borrowed);

/* Keeps what has become of its record, and lets go of it. */
void borrowed_end(struct borrowed_socket *borrowed);

#endif
