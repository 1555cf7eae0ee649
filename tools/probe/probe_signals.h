/* SPDX-License-Identifier: ISC */
/*
 * probe_signals: SIGINT, SIGTERM and SIGHUP end a wait, and are noticed nowhere
 * else.
 */
#ifndef KASHIM_PROBE_SIGNALS_H
#define KASHIM_PROBE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/* Blocks them; *waiting is the mask for ppoll(2). One that is ignored stays. */
void signals_block(sigset_t *waiting);

/* Has one come? */
bool signals_came(void);

#endif
