/* SPDX-License-Identifier: ISC */
/*
 * probe_rule: a rule and what was measured: where to measure, and whether the
 * rule fits then.
 */
#ifndef KASHIM_PROBE_RULE_H
#define KASHIM_PROBE_RULE_H

#include <stdint.h>

#include "base/addr.h"
#include "image/image.h"
#include "live/live.h"
#include "probe/probe.h"

/*
 * The address and port that most of the chosen processes' live connections go
 * to, of those that this side began, in our network namespace, and that have
 * the rule; any rule if *rule
 * is MATCH_NONE, which becomes that of these connections. Returns 0; -ENOENT
 * if there is no such connection; or as live_read().
 */
int rule_target(const struct live_choice *choice, const struct image *image,
    int *rule, struct addr *address, uint16_t *port);

/* The number of the rule of that name, or MATCH_NONE. */
int rule_find(const struct image *image, const char *name);

enum rule_fit {
	RULE_UNKNOWN, /* nothing was measured that says it */
	RULE_FITS,
	RULE_FITS_BARELY, /* when no probe is lost */
	RULE_TOO_LATE,    /* the first probe is */
	RULE_IGNORES,     /* there is none */
};

/* hz is lateness_hz(). */
enum rule_fit rule_fit(const struct image_rule *rule,
    const struct probe_result *result, unsigned int hz);

/* "fits" and so on, for programs. */
const char *rule_fit_name(enum rule_fit fit);

#endif
