/* SPDX-License-Identifier: ISC */
/*
 * supervise_view: the rules that concern a program, by its names. A few are
 * remembered, for a program that starts others again and again.
 */
#ifndef KASHIM_SUPERVISE_VIEW_H
#define KASHIM_SUPERVISE_VIEW_H

#include <stdbool.h>

#include "config/in_force.h"
#include "image/view.h"

/*
 * Begins with a policy, which has to stay; after that it follows what "kashim
 * reload" publishes of the same configuration (shared.h). Does nothing if it
 * was begun before. Returns 0 or -ENOMEM.
 */
int supervise_view_start(const struct in_force *force);

/*
 * Has a reload brought rules that need calls to be notified which the filter,
 * made for the first image, does not notify? True once.
 */
bool supervise_view_outgrew_filter(void);

/* Are there rules that look at the program? If not, names don't matter. */
bool supervise_view_needs_names(void);

/*
 * The view for a program with the count (0 to 2) names, under the policy that
 * is in force now. It stays what it is until the next call; may be empty.
 */
const struct view *supervise_view(const char *const *names, unsigned int count);

#endif
