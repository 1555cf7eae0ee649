/* SPDX-License-Identifier: ISC */
/*
 * What lib_hostile_early.c does in its constructor, by the name of the case
 * that its program was started for, and what it saw.
 */
#ifndef KASHIM_TEST_HOSTILE_EARLY_H
#define KASHIM_TEST_HOSTILE_EARLY_H

#include <stdbool.h>

struct early_connection {
	int result; /* of connect(); -2: not tried */
	int error;  /* errno as connect() left it; 4321 before */
	int idle;   /* TCP_KEEPIDLE afterwards */
};

/* Connects to a listener of its own, which is closed again, as fd. */
struct early_connection early_connect(void);

extern struct early_connection early_here;     /* by the constructor */
extern struct early_connection early_in_child; /* by its child */

/* Ends the thread that connects since the constructor; its last connection. */
struct early_connection early_thread_end(void);

#endif
