/* SPDX-License-Identifier: ISC */
/*
 * doctor_start: the way to the library (doctor_start.h).
 */
#include "doctor/doctor_start.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "host/launcher.h"
#include "host/preload.h"
#include "unit/dropin.h"

/* A supervisor of supervisors: none is known to be deeper. */
#define ANCESTORS_MAX 32

/* Does a drop-in count after ours? */
static bool
is_later(const struct unit_variable *variable)
{
	const char *dropin = strstr(variable->file, ".d/");

	return dropin && strcmp(basename(variable->file), DROPIN_NAME) > 0;
}

/* Has the unit a drop-in of ours that sets it, and another takes that away? */
static bool
has_ours(const struct unit *unit)
{
	char *text;
	bool sets = dropin_read(unit->root, unit->id, &text) == 0 &&
	            strstr(text, "LD_PRELOAD=") != NULL;

	free(text);
	return sets;
}

/* It was said of a program that no preload reaches it. */
static bool
no_preload_helps(const struct findings *findings)
{
	return findings_have(findings, FINDING_STATIC, FINDING_FATAL) ||
	       findings_have(findings, FINDING_GO, FINDING_FATAL) ||
	       findings_have(findings, FINDING_SETID, FINDING_FATAL);
}

void
doctor_start_unit(const struct unit *unit, const struct unit_variable *preload,
    struct findings *findings)
{
	char entry[PATH_MAX];

	if (preload_find(preload->value, entry))
		findings_remedy(findings,
		    "LD_PRELOAD is in %s: it takes effect with 'systemctl "
		    "daemon-reload' and a restart of %s. If what that starts "
		    "does not pass it on, which 'kashim doctor %s' says: "
		    "'kashim enable --supervise %s'.",
		    preload->file, unit->id, unit->id, unit->id);
	else if (unit->masked)
		findings_remedy(findings,
		    "After 'systemctl unmask %s', 'kashim enable %s' and a "
		    "restart of it help.",
		    unit->id, unit->id);
	else if (preload->unset)
		findings_remedy(findings,
		    "Take it out of there (%s:%u), or reset it in a drop-in "
		    "with an empty UnsetEnvironment=.",
		    preload->unset->file, (unsigned)preload->unset->line);
	else if (preload->value && (preload->from_file || is_later(preload)))
		findings_remedy(findings,
		    "That wins over what 'kashim enable' writes: "
		    "add " PRELOAD_LIBRARY
		    " to the list in %s, and restart it.",
		    preload->file);
	else if (has_ours(unit))
		findings_remedy(findings,
		    "It has what 'kashim enable' wrote, and a drop-in whose "
		    "name comes after " DROPIN_NAME
		    " has an empty Environment=, which takes that away: "
		    "rename it.");
	else if (dropin_attaches(unit))
		findings_remedy(findings,
		    "It has what 'kashim enable --kernel' wrote: 'systemctl "
		    "daemon-reload' and a restart of %s help.",
		    unit->id);
	else
		findings_remedy(findings,
		    "'kashim enable %s%s' and a restart of it help.",
		    no_preload_helps(findings) ? "--kernel " : "", unit->id);
}

static bool
is_service(const char *unit)
{
	const char *suffix = strrchr(unit, '.');

	/* A session of a user is none of the system's services. */
	return suffix && strcmp(suffix, ".service") == 0 &&
	       strncmp(unit, "user@", 5) != 0;
}

static bool
advise_unit(const char *name, struct findings *findings)
{
	struct unit unit;
	struct unit_variable preload;
	bool done = false;

	if (!is_service(name) || unit_read("", name, &unit) < 0)
		return false;
	if (unit_environment(&unit, "LD_PRELOAD", &preload) >= 0) {
		doctor_start_unit(&unit, &preload, findings);
		unit_variable_free(&preload);
		done = true;
	}
	unit_free(&unit);
	return done;
}

void
doctor_start_process(const struct doctor_proc *proc, struct findings *findings)
{
	if (!advise_unit(proc->process.unit, findings))
		findings_remedy(findings, "Start it again with 'kashim run'.");
}

static void
say_parent(const struct process *parent, const struct process *child,
    const struct doctor_proc *proc, bool no_inherit, struct findings *findings)
{
	const char *option = launcher_option(process_program(parent));
	const char *name = process_program(&proc->process);
	const char *unit = proc->process.unit;
	const bool service = is_service(unit);

	findings_add(findings, FINDING_LAUNCHER, FINDING_FATAL,
	    "%s[%d] has the library, and started %s[%d] without LD_PRELOAD",
	    process_program(parent), (int)parent->pid, process_program(child),
	    (int)child->pid);
	if (no_inherit)
		findings_remedy(
		    findings, "inherit is false in its configuration.");
	else
		findings_remedy(findings,
		    "Any of these helps: 'kashim run' in front of %s; "
		    "kashim-wrapper(8) in its place; %s%s"
		    "'kashim %s --supervise' %s%s.",
		    name, option ? option : "", option ? "; " : "",
		    service ? "enable" : "run",
		    service ? "for " : "in front of ",
		    service ? unit : process_program(parent));
}

bool
doctor_start_parent(
    const struct doctor_proc *proc, bool no_inherit, struct findings *findings)
{
	struct process child = proc->process;
	pid_t pid = proc->parent;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		struct doctor_proc parent;
		bool found;

		if (doctor_proc_read(pid, &parent) < 0)
			return false;
		/* The number may be another one's by now. */
		found =
		    parent.mapping.found && parent.process.start <= child.start;
		if (found)
			say_parent(&parent.process, &child, proc, no_inherit,
			    findings);
		pid = parent.parent;
		child = parent.process;
		doctor_proc_free(&parent);
		if (found)
			return true;
	}
	return false;
}
