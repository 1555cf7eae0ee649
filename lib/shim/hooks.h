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
#include <sys/types.h>
#include <time.h>

/* X(name, result type, parameters) */
#define HOOKS_CONNECTIONS(X)                                        \
	X(socket, int, (int, int, int))                             \
	X(connect, int, (int, const struct sockaddr *, socklen_t))  \
	X(listen, int, (int, int))                                  \
	X(accept, int, (int, struct sockaddr *, socklen_t *))       \
	X(accept4, int, (int, struct sockaddr *, socklen_t *, int)) \
	X(setsockopt, int, (int, int, int, const void *, socklen_t))

/* These connect only with MSG_FASTOPEN (RFC 7413, tcp(7)). */
#define HOOKS_FASTOPEN(X)                                             \
	X(sendto, ssize_t,                                            \
	    (int, const void *, size_t, int, const struct sockaddr *, \
		socklen_t))                                           \
	X(sendmsg, ssize_t, (int, const struct msghdr *, int))        \
	X(sendmmsg, int, (int, struct mmsghdr *, unsigned int, int))

/* These bring sockets along only as SCM_RIGHTS (unix(7)). */
#define HOOKS_RIGHTS(X)                                  \
	X(recvmsg, ssize_t, (int, struct msghdr *, int)) \
	X(recvmmsg, int,                                 \
	    (int, struct mmsghdr *, unsigned int, int, struct timespec *))

/* In these the C library calls itself, past every hook. */
#ifdef __GLIBC__
#define HOOKS_RCMD(X)                                                        \
	X(rcmd, int,                                                         \
	    (char **, unsigned short, const char *, const char *,            \
		const char *, int *))                                        \
	X(rcmd_af, int,                                                      \
	    (char **, unsigned short, const char *, const char *,            \
		const char *, int *, sa_family_t))                           \
	X(rexec, int,                                                        \
	    (char **, int, const char *, const char *, const char *, int *)) \
	X(rexec_af, int,                                                     \
	    (char **, int, const char *, const char *, const char *, int *,  \
		sa_family_t))
#else
#define HOOKS_RCMD(X)
#endif

/* These are async-signal-safe, and stay so: looked up at start. */
#define HOOKS_SAFE(X)        \
	HOOKS_CONNECTIONS(X) \
	HOOKS_FASTOPEN(X)    \
	HOOKS_RIGHTS(X)

#define HOOKS(X)      \
	HOOKS_SAFE(X) \
	HOOKS_RCMD(X)

#endif
