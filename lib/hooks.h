/* SPDX-License-Identifier: ISC */
/*
 * hooks: the one list of the functions that libkashim.so interposes. From it
 * come the pointers to the C library's own (real.h) and their names; the
 * version script (libkashim.map) and the hook bodies (shim.c) are written by
 * hand, and the tests hold all three against each other.
 */
#ifndef KASHIM_HOOKS_H
#define KASHIM_HOOKS_H

#include <sys/socket.h>

/* X(name, result type, parameters) */
#define HOOKS(X)                                                    \
	X(socket, int, (int, int, int))                             \
	X(connect, int, (int, const struct sockaddr *, socklen_t))  \
	X(listen, int, (int, int))                                  \
	X(accept, int, (int, struct sockaddr *, socklen_t *))       \
	X(accept4, int, (int, struct sockaddr *, socklen_t *, int)) \
	X(setsockopt, int, (int, int, int, const void *, socklen_t))

#endif
