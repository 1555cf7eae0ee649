/* SPDX-License-Identifier: ISC */
/*
 * advice: what is allowed in a configuration, but is hardly meant or risky:
 * rules that can never match, timers that come too late for a firewall or
 * give a peer up too soon, profiles that nobody documents. kashim.conf(5),
 * WARNINGS, tells each with its reason and its source.
 */
#ifndef KASHIM_ADVICE_H
#define KASHIM_ADVICE_H

#include "compile/build.h"
#include "image/image.h"

/* Called with "FILE:LINE: what, why, what would be right", no newline. */
typedef void advice_fn(void *data, const char *message);

/*
 * Calls tell for each thing to be said about a policy and its image, in the
 * order of files and lines; path is the file that the policy was read from.
 * What stands at the top of the file, for all rules, is said once. Of rules
 * that can never match the first ten are named, and then their number.
 * Returns 0, or -ENOMEM, and then something may be left unsaid.
 */
int advice_give(const char *path, const struct build_input *policy,
    const struct image *image, advice_fn *tell, void *data);

#endif
