/* SPDX-License-Identifier: ISC */
/*
 * cmd_probe: what kashim probe measures, if that follows from a rule or unit.
 */
#ifndef KASHIM_CMD_PROBE_H
#define KASHIM_CMD_PROBE_H

#include "base/addr.h"
#include "cmd/choice.h"
#include "image/image.h"

/* rule_name is NULL if it is for no rule; else it is from malloc(3). */
struct target {
	const char *host, *port;
	char address[ADDR_TEXT_MAX], number[sizeof("65535")];
	char *rule_name;
	struct image_rule rule;
};

/*
 * Finds the rule, NULL if any, and unless target->host is set, where the live
 * connections of choice with this rule go to, which *target then refers to.
 * Returns CMD_DONE, or CMD_WRONG after a message on stderr.
 */
int cmd_probe_target(
    const struct choice *choice, const char *rule, struct target *target);

#endif
