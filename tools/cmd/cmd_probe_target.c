/* SPDX-License-Identifier: ISC */
/*
 * cmd_probe_target: what kashim probe measures, by a rule or a unit
 * (cmd_probe.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/cmd_probe.h"
#include "image/match.h"
#include "probe/probe_rule.h"
#include "term/text.h"

/* Returns CMD_DONE, or CMD_WRONG after a message. */
static int
find_connections(const struct choice *choice, const struct image *image,
    const char *name, int *rule, struct target *target)
{
	struct addr address;
	uint16_t port;
	int error = rule_target(&choice->live, image, rule, &address, &port);

	if (error == -ENOENT) {
		text_warnx("no live connection that this side began %s%s%s; "
			   "give HOST and PORT",
		    name ? "has rule " : "is of unit ",
		    name ? name : choice->live.units[0],
		    name && choice->live.unit_count ? " and is of the unit"
						    : "");
		return CMD_WRONG;
	}
	if (error < 0) {
		text_warnx("cannot read the connections: %s", strerror(-error));
		return CMD_WRONG;
	}
	addr_format(&address, target->address);
	snprintf(target->number, sizeof(target->number), "%u", port);
	target->host = target->address;
	target->port = target->number;
	return CMD_DONE;
}

int
cmd_probe_target(
    const struct choice *choice, const char *name, struct target *target)
{
	struct in_force force = {0};
	char path[PATH_MAX];
	int rule = MATCH_NONE;
	int status = cmd_config_path(choice->config, path);

	if (status == CMD_DONE)
		status = cmd_in_force(path, SOURCE_FOR_RUNNING, &force);
	if (status != CMD_DONE)
		goto out;
	if (name) {
		rule = rule_find(&force.image, name);
		if (rule == MATCH_NONE) {
			text_warnx("there is no rule '%s' in %s", name, path);
			status = CMD_WRONG;
			goto out;
		}
	}
	if (!target->host)
		status =
		    find_connections(choice, &force.image, name, &rule, target);
	if (status == CMD_DONE && rule != MATCH_NONE &&
	    image_rule(&force.image, (uint32_t)rule, &target->rule))
		target->rule_name =
		    strdup(image_string(&force.image, target->rule.name));
out:
	in_force_free(&force);
	return status;
}
