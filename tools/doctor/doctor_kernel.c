/* SPDX-License-Identifier: ISC */
/*
 * doctor_kernel: what is attached to the control group of a process, and those
 * above it; and whether that goes by the policy which is in force.
 */
#include "doctor/doctor_kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/in_force.h"
#include "kernel/refused.h"
#include "unit/dropin.h"
#include "unit/unit_group.h"

void
doctor_kernel_find(const struct process *process, bool needed,
    struct reach *reach, struct findings *findings)
{
	char group[PATH_MAX], text[KERNEL_TEXT_MAX];
	int error = process_group(process, group);

	*reach = (struct reach){0};
	/* Without control groups of version 2, nothing is attached. */
	if (error < 0)
		return;
	error = reach_find(group, reach, text);
	if (!needed)
		return;
	if (error < 0) {
		findings_add(findings, FINDING_KERNEL, FINDING_UNKNOWN,
		    "whether the kernel looks after it ('kashim attach') can't "
		    "be told: %s",
		    text);
		findings_ask_root(findings);
	} else if (reach->count == 0 && reach->gone > 0) {
		findings_add(findings, FINDING_KERNEL, FINDING_WARN,
		    "what was attached to a control group is gone with it, and "
		    "reaches nothing in a new one of its name");
		findings_remedy(findings,
		    "'kashim attach --list' shows it, 'kashim attach' attaches "
		    "again.");
	}
}

/*
 * Would the kernel take what the text says now? changed: it has something else,
 * as the last finding says.
 */
static void
check_text(const char *config, bool changed, struct findings *findings)
{
	char message[CONFIG_MESSAGE_MAX], text[REFUSED_TEXT_MAX];
	struct image image = {0};
	uint8_t *bytes;
	int error =
	    config_load(config, NULL, NULL, &bytes, &image.size, message);

	if (error < 0) {
		findings_add(
		    findings, FINDING_KERNEL, FINDING_WARN, "%s", message);
		return;
	}
	image.bytes = bytes;
	if (refused(&image, text)) {
		findings_add(findings, FINDING_KERNEL, FINDING_WARN,
		    "the kernel does not get it: %s", text);
		findings_remedy(findings,
		    "Change the rule, and 'kashim reload %s'.", config);
	} else if (changed) {
		findings_remedy(findings,
		    "'kashim reload %s' brings the new ones.", config);
	}
	free(bytes);
}

/* Is that what others have who run now? */
static void
check_policy(const struct kernel_attached *attached, const char *name,
    struct findings *findings)
{
	struct in_force force;
	int error =
	    in_force_read_for(attached->config, SOURCE_FOR_RUNNING, &force);
	int same = reach_has(attached, &force.image);
	bool published;

	if (same < 0) {
		findings_add(findings, FINDING_KERNEL, FINDING_UNKNOWN,
		    "%s: which rules the kernel has can't be told: %s", name,
		    strerror(-same));
		in_force_free(&force);
		return;
	}
	published = force.source.kind == SOURCE_PUBLISHED ||
	            force.source.kind == SOURCE_OLD_PUBLISHED;
	if (error == 0 && !same && published) {
		findings_add(findings, FINDING_KERNEL, FINDING_WARN,
		    "%s: the kernel has other rules than generation %u of %s, "
		    "which is in force",
		    name, (unsigned)force.source.generation, attached->config);
		check_text(attached->config, true, findings);
	} else if (!same || force.source.kind >= SOURCE_OLD_COMPILED) {
		findings_add(findings, FINDING_KERNEL, FINDING_WARN,
		    "%s: %s was changed since, and the kernel has the rules "
		    "from before",
		    name, attached->config);
		check_text(attached->config, true, findings);
	}
	in_force_free(&force);
}

void
doctor_kernel(const struct reach *reach, struct findings *findings)
{
	for (size_t n = 0; n < reach->count; n++) {
		const struct kernel_attached *attached = &reach->list[n];
		char name[PATH_MAX];

		kernel_name(attached, name);
		findings_add(findings, FINDING_KERNEL, FINDING_FINE,
		    "the kernel sets the rules on connections of what is in "
		    "%s: %u rule%s of %s",
		    name, (unsigned)attached->rules,
		    attached->rules == 1 ? "" : "s", attached->config);
		if (attached->rules == 0)
			findings_add(findings, FINDING_KERNEL, FINDING_NO_RULES,
			    "%s: there is nothing to set", name);
		if (attached->incomplete) {
			findings_add(findings, FINDING_KERNEL, FINDING_WARN,
			    "%s: what holds the rules against what programs "
			    "set is gone",
			    name);
			findings_remedy(
			    findings, "'kashim attach' attaches it again.");
		}
		/* Which ones, and whether they are there, nobody knows. */
		if (attached->counts.of[BPF_FAILED] > 0)
			findings_add(findings, FINDING_KERNEL, FINDING_NOTE,
			    "%s: for %" PRIu64 " connections or listeners "
			    "there it could not do all that a rule says",
			    name, attached->counts.of[BPF_FAILED]);
		check_policy(attached, name, findings);
	}
}

/* Does something reach the control group? Then says what. */
static bool
check_group(const char *group, struct findings *findings)
{
	char text[KERNEL_TEXT_MAX];
	struct reach reach;
	bool reached;

	if (reach_find(group, &reach, text) < 0)
		return false;
	reached = reach.count > 0;
	doctor_kernel(&reach, findings);
	free(reach.list);
	return reached;
}

bool
doctor_kernel_slice(const char *slice, struct findings *findings)
{
	char group[PATH_MAX];

	return unit_slice_group(slice, group) && check_group(group, findings);
}

bool
doctor_kernel_unit(const struct unit *unit, struct findings *findings)
{
	const struct unit_setting *line = dropin_attaches(unit);
	char *command, *config;

	if (!line || dropin_attaches_with(line, &command, &config) < 0)
		return false;
	if (access(command, X_OK) < 0) {
		findings_add(findings, FINDING_KERNEL, FINDING_FATAL,
		    "it would start without its rules: %s, which attaches it "
		    "(%s): %s",
		    command, line->file, strerror(errno));
		findings_remedy(findings,
		    "'kashim enable --kernel %s' writes where kashim is now.",
		    unit->id);
	} else {
		findings_add(findings, FINDING_KERNEL, FINDING_FINE,
		    "at each start the kernel gets the rules of %s for its "
		    "connections (%s)",
		    config, line->file);
		check_text(config, false, findings);
	}
	/* This may have come after 'kashim enable'. */
	if (unit_others_write(unit)) {
		findings_add(findings, FINDING_KERNEL, FINDING_WARN,
		    "others than root may write its EnvironmentFile=, which is "
		    "the environment of a program of root's that attaches it");
		findings_remedy(findings,
		    "'kashim disable %s', and 'kashim attach --slice'.",
		    unit->id);
	}
	free(command);
	free(config);
	return true;
}

bool
doctor_kernel_here(struct findings *findings)
{
	char group[PATH_MAX];

	if (process_own_group(group) < 0 || !check_group(group, findings))
		return false;
	findings_add(findings, FINDING_KERNEL, FINDING_NOTE,
	    "this is so if it is started from here: the control group decides");
	return true;
}
