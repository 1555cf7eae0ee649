/* SPDX-License-Identifier: ISC */
/*
 * config_rule: a rule made complete: what is written, what is derived from a
 * firewall's timeout, what is a default.
 */
#ifndef KASHIM_CONFIG_RULE_H
#define KASHIM_CONFIG_RULE_H

#include <stdint.h>

#include "compile/build.h"
#include "config/config_level.h"
#include "config/config_report.h"

/*
 * Completes a rule. For each option the first of these holds: what the rule
 * says; what is derived from the rule's own firewall-timeout or profile; the
 * default as written; what is derived from the default firewall-timeout or
 * profile. top holds the defaults, own what the rule says.
 */
void config_rule_finish(const struct config_level *top,
    const struct config_level *own, struct rule *rule);

/*
 * The idle time, interval and count for a firewall that forgets a flow after
 * timeout_s (5 or more) seconds of silence: idle is below timeout_s, and
 * three probes or more go out before it.
 */
void config_rule_derive(
    uint32_t timeout_s, int32_t *idle_s, int32_t *interval_s, int32_t *count);

/* Frees the rule's lists and its name. */
void config_rule_free(struct rule *rule);

#endif
