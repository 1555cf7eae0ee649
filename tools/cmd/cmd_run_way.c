/* SPDX-License-Identifier: ISC */
/*
 * cmd_run_way: which way kashim run goes, and goes it: preload or supervision.
 * What is wrong is reported, and never keeps the program from running, unless
 * --strict asks for that.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "cmd/cmd.h"
#include "cmd/cmd_run.h"
#include "doctor/doctor_resolve.h"
#include "host/preload.h"
#include "supervise/supervise.h"
#include "supervise/supervise_inherited.h"

int
run_go_without(const struct run *run, const char *what)
{
	if (run->strict) {
		warnx("%s is not started (--strict)", run->program);
		return CMD_WRONG;
	}
	warnx("%s runs without %s", run->program, what);
	return CMD_DONE;
}

/*
 * Reads the rules. The library does so by itself; here only a person can see
 * what is wrong with the text, and a supervisor needs them.
 */
static int
read_rules(struct run *run)
{
	int error = in_force_read(run->config, true, &run->force);

	if (*run->force.message)
		warnx("%s", run->force.message);
	if (error < 0)
		return run_go_without(run, "a policy");
	if (run->force.source.error < 0)
		warnx("%s goes by the last good policy", run->program);
	return CMD_DONE;
}

/* Does this keep the preload from having an effect? */
static bool
is_obstacle(const struct run *run, const struct finding *finding)
{
	if (finding->severity != FINDING_FATAL)
		return false;
	switch (finding->topic) {
	case FINDING_PROGRAM: /* execve(2) will say so */
		return false;
	case FINDING_CONFIG: /* said already, if it is about the rules */
		return run_has_rules(run);
	default:
		return true;
	}
}

/* Returns CMD_DONE, or not if what it is can't be told, and has to be. */
static int
examine(struct run *run)
{
	int error;

	(void)cmd_library(run->library); /* it is a finding if it's missing */
	error = doctor_program((const char *const *)run->argv, run->config,
	    run->library, &run->findings);
	/* What can't be found or executed: execvp(3) will say so. */
	if (error == -ENOENT || error == -ENOTDIR || error == -EACCES)
		return CMD_DONE;
	if (error < 0) {
		warnx("what %s is can't be told: %s", run->program,
		    strerror(-error));
		return run->strict ? run_go_without(run, "kashim") : CMD_DONE;
	}
	for (size_t i = run->findings.count; i-- > 0;) {
		const struct finding *finding = &run->findings.list[i];

		if (is_obstacle(run, finding))
			run->obstacle = finding;
		if (finding->severity == FINDING_UNKNOWN &&
		    finding->topic != FINDING_CONFIG)
			run->doubt = finding;
	}
	return CMD_DONE;
}

/*
 * Can't it be read? Then the kernel lets nobody of the same user look into
 * the process (would_dump() in fs/exec.c), so that a supervisor is no use.
 */
static bool
is_unreadable(const struct run *run)
{
	return run->doubt != NULL && run->doubt->topic == FINDING_PROGRAM;
}

static void
trace(const struct run *run, const char *way, const char *why)
{
	struct trace_line line;

	if (run->trace_fd < 0)
		return;
	trace_start(&line, getpid());
	trace_text(&line, run->program);
	trace_text(&line, way);
	trace_text(&line, why);
	trace_to_descriptor(&line, run->trace_fd);
}

/*
 * Is this entry of LD_PRELOAD the library that run would add? It may be another
 * name of it, for programs of both word sizes. What is beside this program
 * ($ORIGIN) is not beside that one.
 */
static bool
is_library(const struct run *run, const char *entry)
{
	struct place place;
	struct stat there, ours;
	char path[PATH_MAX];

	place_here(&place);
	return !strstr(entry, "ORIGIN") &&
	       doctor_resolve_own(&place, entry, path) == 0 &&
	       stat(path, &there) == 0 && stat(run->library, &ours) == 0 &&
	       there.st_dev == ours.st_dev && there.st_ino == ours.st_ino;
}

/*
 * Puts the library into LD_PRELOAD. A program that starts itself again through
 * kashim run finds it there, and the list does not grow.
 */
static int
set_preload(const struct run *run)
{
	const char *before = getenv("LD_PRELOAD");
	char entry[PATH_MAX], *others = NULL, *list = NULL;
	const char *library = run->library;
	bool ours;
	int status = CMD_DONE;

	if (preload_find(before, entry) && is_library(run, entry))
		library = entry;
	if (before && preload_others(before, library, &others, &ours) < 0)
		status = CMD_WRONG;
	if (status == CMD_DONE)
		list = preload_join(library, others);
	if (!list || setenv("LD_PRELOAD", list, 1) != 0) {
		warn("LD_PRELOAD");
		status = CMD_WRONG;
	}
	free(others);
	free(list);
	return status;
}

static int
preload(const struct run *run)
{
	if (run->obstacle != NULL) {
		trace(run,
		    ": preload, which has no effect: ", run->obstacle->what);
		warnx("the preload has no effect: %s", run->obstacle->what);
		if (run_go_without(run, "the shim") != CMD_DONE)
			return CMD_WRONG;
	} else if (run->doubt != NULL) {
		trace(run, ": preload, of doubtful effect: ", run->doubt->what);
		warnx("whether the preload has an effect can't be told: %s",
		    run->doubt->what);
		if (run->strict)
			return run_go_without(run, "kashim");
	} else {
		trace(run, ": preload: ",
		    run->way_asked ? "--preload asks for it"
				   : "the loader takes the library");
	}
	/* What it starts may be reached all the same, but not by these. */
	if (access(run->library, R_OK) < 0 ||
	    strpbrk(run->library, PRELOAD_SEPARATORS) != NULL)
		return CMD_DONE;
	return set_preload(run);
}

static bool
may_be_supervised(const struct run *run)
{
	if (findings_have(&run->findings, FINDING_ELSEWHERE, FINDING_FATAL)) {
		trace(run, ": neither way: ", run->obstacle->what);
		warnx("%s: %s", run->program, run->obstacle->what);
		/* It would get the rights of its file's owner, or capabilities.
		 */
	} else if (findings_have(
		       &run->findings, FINDING_SETID, FINDING_FATAL) &&
		   !supervise_keeps_rights()) {
		trace(run, ": neither way: ", run->obstacle->what);
		warnx("%s: %s; supervised it would not get these rights",
		    run->program, run->obstacle->what);
	} else if (is_unreadable(run)) {
		trace(run, ": not supervised: ", run->doubt->what);
		warnx("%s; the supervisor could not look into it",
		    run->doubt->what);
	} else {
		return true;
	}
	if (findings_have(&run->findings, FINDING_LAUNCHER, FINDING_NOTE))
		warnx("'kashim run' helps behind it, in front of what it "
		      "starts");
	warnx("'kashim apply', as root, reaches it while it runs");
	return false;
}

static int
supervise(const struct run *run)
{
	struct worker_policy policy = {
	    .force = &run->force,
	    .trace = run->trace_fd,
	};
	const char *why;
	int error;

	if (!may_be_supervised(run))
		return run_go_without(run, "kashim");
	trace(run, ": supervised: ",
	    run->obstacle != NULL ? run->obstacle->what
	    : run->way_asked      ? "--supervise asks for it"
				  : run->doubt->what);
	why = supervise_lacks(&run->force.image);
	if (why != NULL) {
		trace(run, ": supervised in part: ", why);
		warnx("%s", why);
		if (run->strict)
			return run_go_without(run, "kashim");
	}
	if (!supervise_sees_others())
		warnx("CAP_SYS_PTRACE is missing: programs that take another "
		      "user get no timers");
	/* Under supervision these calls would count as the program's own. */
	supervise_inherited(&policy, run->program);
	error = supervise_start(&policy, &why);
	if (error == 0)
		return CMD_DONE;
	trace(run, ": not supervised: ", why);
	warnx("%s cannot be supervised: %s: %s", run->program, why,
	    strerror(-error));
	if (error == -EOWNERDEAD)
		return CMD_CANNOT_RUN;
	return run_go_without(run, "kashim");
}

/* Supervision works on anything that may be looked into. */
static enum way
choose(const struct run *run)
{
	const bool doubt = run->doubt != NULL && !is_unreadable(run);

	return run_has_rules(run) && (run->obstacle != NULL || doubt)
	           ? WAY_SUPERVISE
	           : WAY_PRELOAD;
}

int
run_prepare(struct run *run)
{
	char where[PATH_MAX];
	int status = read_rules(run);

	if (status != CMD_DONE)
		return status;
	status = examine(run);
	if (status != CMD_DONE)
		return status;
	if (run_has_rules(run) && run_is_reached(run, where)) {
		trace(run,
		    run->way_asked ? ": the kernel sets the same rules in "
				   : ": neither way is needed: the kernel sets "
				     "the same rules in ",
		    where);
		if (!run->way_asked)
			return CMD_DONE;
	}
	if (run->way == WAY_CHOOSE)
		run->way = choose(run);
	if (run->way == WAY_PRELOAD)
		return preload(run);
	if (run_has_rules(run))
		return supervise(run);
	trace(run, ": not supervised: ", "there are no rules");
	return CMD_DONE;
}
