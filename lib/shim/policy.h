/* SPDX-License-Identifier: ISC */
/*
 * policy: the rules that hold in this process: reads them once at start-up,
 * and follows what "kashim reload" publishes from then on (shared.h).
 *
 * Whatever goes wrong, there is no policy, or the one that there was, and the
 * host runs on; the reason goes to the system log, or to the trace file, once.
 */
#ifndef KASHIM_POLICY_H
#define KASHIM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/shared.h"
#include "image/view.h"

#define POLICY_GROUPS 16u /* that a hook keeps numbers of */

/* The policy as one hook goes by it, in the hook's own memory. */
struct policy {
	struct view view;
	const char *trace_path; /* that KASHIM_TRACE named; "" if none */
	uint32_t numbers[POLICY_GROUPS];
};

/*
 * Gets the policy in force. Returns false if there is none, or nothing in it
 * that concerns this program: then there is nothing to do.
 *
 * The first call reads it (policy_start()), if it comes before the
 * constructor's: from another library's constructor. A call that comes while
 * it is being read, from another thread or a signal handler, or before there
 * is an environment, gets false. After that it makes no system call, and is
 * async-signal-safe.
 *
 * The image that the view refers to may change while it is looked at. Who has
 * read from it asks policy_overtaken() before using what was read.
 */
bool policy_get(struct policy *policy);

enum policy_state {
	POLICY_UNREAD,
	POLICY_READING,
	POLICY_READY,
};

/* For policy_now(): all that it looks at, in one line of a cache. */
struct policy_force {
	int state; /* enum policy_state */
	/*
	 * As long as this generation is in force, the process goes by its own
	 * image: the configuration was changed, and not published, before it
	 * started. Without an image of its own it then has no policy.
	 */
	uint32_t passed;
	/* What is published, or a 0; NULL if there is no policy. */
	const uint32_t *current;
} __attribute__((aligned(64)));
extern struct policy_force policy_force;

/* The policy in force at a moment. */
struct policy_moment {
	const uint32_t *current;
	uint32_t published;
	uint32_t generation; /* 0 for an image of its own */
};

/* Returns false if there is no policy. Async-signal-safe. */
static inline bool
policy_now(struct policy_moment *moment)
{
	const struct policy_force *force = &policy_force;

	moment->current = __atomic_load_n(&force->current, __ATOMIC_ACQUIRE);
	if (__builtin_expect(moment->current == NULL, 0))
		return false;
	moment->published = __atomic_load_n(moment->current, __ATOMIC_ACQUIRE);
	moment->generation =
	    moment->published == force->passed ? 0 : moment->published;
	return true;
}

/* Is it in force still? Async-signal-safe. */
static inline bool
policy_stays(const struct policy_moment *moment)
{
	return __atomic_load_n(moment->current, __ATOMIC_ACQUIRE) ==
	       moment->published;
}

/*
 * The generation of the policy in force, 0 for an image of its own. Returns
 * false if there is no policy. Async-signal-safe.
 */
static inline bool
policy_in_force(uint32_t *generation)
{
	struct policy_moment moment;

	if (!policy_now(&moment))
		return false;
	*generation = moment.generation;
	return true;
}

/*
 * Was the image overwritten, because of another reload or two, since
 * policy_get()? Then *policy is the policy that is in force now, which may be
 * an empty one, and all that was read before is void. Async-signal-safe.
 */
bool policy_overtaken(struct policy *policy);

/*
 * Reads the policy, unless that was done. For the constructor; argv is that of
 * main(), or NULL.
 *
 * It is that of the file that KASHIM_CONFIG names (not if the process is
 * privileged, AT_SECURE in getauxval(3)) or of /etc/kashim.conf: what was
 * published of it, or else its compiled image (cache.h), if these are fresh;
 * or else what the parser object makes of the file; or, if that has mistakes,
 * what was last good. With inherit = false our entry is taken out of
 * LD_PRELOAD.
 */
void policy_start(char *const *argv);

/*
 * For the constructor, before policy_start(): waits, for a second at most,
 * while another thread, which an earlier constructor started, reads it.
 */
void policy_wait(void);

#endif
