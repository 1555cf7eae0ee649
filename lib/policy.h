/* SPDX-License-Identifier: ISC */
/*
 * policy: the rules that hold in this process: reads them once at start-up,
 * checks them and publishes them as memory that can only be read.
 *
 * Whatever goes wrong, there is no policy and the host runs on; the reason
 * goes to the system log, or to the trace file, once.
 */
#ifndef KASHIM_POLICY_H
#define KASHIM_POLICY_H

#include "view.h"

#define POLICY_TRACE_MAX 1024

/* Immutable once published, so readers need no lock. */
struct policy {
	struct view view; /* for this program; not empty */
	/* The file that KASHIM_TRACE named; empty if none. */
	char trace_path[POLICY_TRACE_MAX];
};

/*
 * The policy, or NULL if there is none or none that names this program.
 *
 * The first call reads it (policy_start()), if it comes before the
 * constructor's: from another library's constructor. A call that comes while
 * it is being read, from another thread or a signal handler, or before there
 * is an environment, gets NULL. After that it is one atomic load and
 * async-signal-safe.
 */
const struct policy *policy_get(void);

/*
 * Reads the policy, unless that was done, and returns it as policy_get().
 * For the constructor.
 *
 * It is that of the file that KASHIM_CONFIG names (not if the process is
 * privileged, AT_SECURE in getauxval(3)) or of /etc/kashim.conf: its compiled
 * image (cache.h) if that is fresh, or else what the parser object makes of
 * the file. With inherit = false our entry is taken out of LD_PRELOAD.
 */
const struct policy *policy_start(void);

/*
 * For the constructor, before policy_start(): waits, for a second at most,
 * while another thread, which an earlier constructor started, reads it.
 */
void policy_wait(void);

#endif
