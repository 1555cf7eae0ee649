/* SPDX-License-Identifier: ISC */
/*
 * view: what of a policy concerns one program, worked out once, so that it
 * need not be for each connection. It owns no memory.
 */
#ifndef KASHIM_VIEW_H
#define KASHIM_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "image/match.h"

struct view {
	struct image image;
	struct match_groups groups; /* of rules that apply to this program */
	struct match_scope connect;
	struct match_scope accept;
	/*
	 * The one rule that every socket of this program gets, whatever it
	 * will be used for, so that socket() can set it; or MATCH_NONE.
	 */
	int uniform;
	/* Does any rule hold against the program's own setsockopt() calls? */
	bool holds;
	/*
	 * May other options come with what a listener with SO_REUSEPORT
	 * accepts, at any time (IMAGE_MIGRATES)? Then nothing is uniform.
	 */
	bool migrates;
	/* Which policy this is of, for record.h; 0 where there is only one. */
	uint32_t generation;
	/* Sockets may have the options of an earlier policy. */
	bool changed;
};

/*
 * Makes the view of a checked image for a program that has the count names,
 * into *view, which then refers to image->bytes, to names, and to numbers,
 * with the given room (match_groups()). It looks at each group, but not at
 * each rule. Async-signal-safe.
 */
void view_make(struct view *view, const struct image *image,
    const char *const *names, unsigned int count, uint32_t *numbers,
    uint32_t room);

/* Can no rule match any connection of this program? Async-signal-safe. */
static inline bool
view_is_empty(const struct view *view)
{
	return match_scope_is_empty(&view->connect) &&
	       match_scope_is_empty(&view->accept);
}

/*
 * Does nothing but the port decide what an accepted connection gets, so that
 * the listener can be given it and what is accepted inherits it?
 * Async-signal-safe.
 */
static inline bool
view_listener_decides(const struct view *view)
{
	return (view->accept.matchers & ~(uint32_t)MATCHER_PORT) == 0;
}

#endif
