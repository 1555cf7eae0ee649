/* SPDX-License-Identifier: ISC */
/*
 * supervise_worker: serves the notifications of a supervised program: does to
 * its sockets what the shim's hooks would do, and lets each call go on.
 *
 * Whatever goes wrong, the call goes on. The worker is one thread, and never
 * waits for the program.
 */
#ifndef KASHIM_SUPERVISE_WORKER_H
#define KASHIM_SUPERVISE_WORKER_H

#include <sys/types.h>

#include "config/in_force.h"
#include "supervise/supervise_guard.h"

struct worker_policy {
	const struct in_force *force; /* has to stay */
	int trace;     /* the trace file, open for appending; -1: none */
	pid_t program; /* that was started */
	int pidfd;     /* of the program */
};

/* data is a struct worker_policy. */
guard_worker worker_run;

#endif
