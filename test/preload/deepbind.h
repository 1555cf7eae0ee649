/* SPDX-License-Identifier: ISC */
/* What lib_deepbind.c offers. */
#ifndef KASHIM_TEST_DEEPBIND_H
#define KASHIM_TEST_DEEPBIND_H

#include <sys/socket.h>

/* A new socket, connected to the address; or -1 with errno. */
int deepbind_connect(int family, const struct sockaddr *sa, socklen_t len);

#endif
