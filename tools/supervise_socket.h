/* SPDX-License-Identifier: ISC */
/*
 * supervise_socket: what the worker knows of a socket: the record (record.h)
 * that the shim would have of it by its descriptor. Here it is kept by the
 * socket's cookie (SO_COOKIE, socket(7)), which no other socket ever gets,
 * while the descriptor that the worker has of it lives for one call.
 */
#ifndef KASHIM_SUPERVISE_SOCKET_H
#define KASHIM_SUPERVISE_SOCKET_H

#include <stdint.h>

/* The cookie of fd, or 0 if it is no socket. */
uint64_t socket_cookie(int fd);

/* Makes the record of a socket that of fd, to be used by apply. */
void socket_take_record(uint64_t cookie, int fd);

/* Keeps what has become of it. */
void socket_keep_record(uint64_t cookie, int fd);

#endif
