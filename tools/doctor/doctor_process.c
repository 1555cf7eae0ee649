/* SPDX-License-Identifier: ISC */
/*
 * doctor_process: is the library in a running process, and if not, why not;
 * which policy it has, and how its connections stand.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/doctor_kernel.h"
#include "doctor/doctor_library.h"
#include "doctor/doctor_policy.h"
#include "doctor/doctor_proc.h"
#include "doctor/doctor_process.h"
#include "doctor/doctor_resolve.h"
#include "doctor/doctor_script.h"
#include "doctor/doctor_sockets.h"
#include "doctor/doctor_start.h"
#include "host/generation.h"
#include "host/ld_so_preload.h"
#include "host/look.h"
#include "host/preload.h"
#include "host/supervisor.h"
#include "image/cache.h"

#define TICK_NS 10000000
/* Of a few dozen findings, each with a path or two. */
#define ANSWER_MAX (512 * 1024)

/* It is not there: why not? */
static void
check_missing(const struct doctor_proc *proc, const struct place *before,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct findings *findings)
{
	struct place place = *before;
	char entry[PATH_MAX];
	size_t count;

	if (proc->elf_known && doctor_static(target, findings))
		return;
	/* Nor would it help: doctor_go() says so. */
	if (proc->elf_known && target->elf.go)
		return;
	if (!*place.root)
		place_by_host(&place, entry);
	if (place.host) {
		findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
		    LD_SO_PRELOAD " holds %s, so that a program which is "
				  "started now has it",
		    entry);
		findings_remedy(findings, "Restart it.");
		return;
	}
	if (!preload_find(place.preload, entry)) {
		findings_add(findings, FINDING_PRELOAD, FINDING_FATAL,
		    place.preload
			? "it was started with LD_PRELOAD=%s, without us"
			: "it was started without LD_PRELOAD",
		    place.preload);
		if (!doctor_start_parent(proc, policy->no_inherit, findings))
			doctor_start_process(proc, findings);
		return;
	}
	if (proc->secure) {
		findings_add(findings, FINDING_SETID, FINDING_FATAL,
		    "it runs with more rights than who started it "
		    "(AT_SECURE): the loader ignored LD_PRELOAD");
		findings_remedy(findings,
		    "'kashim doctor %s' says why. 'kashim apply --pid %d' "
		    "mends its connections.",
		    proc->exe, (int)proc->process.pid);
		return;
	}
	place.library = entry;
	place.library_in_list = true;
	count = findings->count;
	if (proc->elf_known)
		doctor_library(&place, target, policy, findings);
	if (findings->count > count &&
	    findings->list[findings->count - 1].severity == FINDING_FATAL)
		return;
	findings_add(findings, FINDING_PRELOAD, FINDING_NOTE,
	    "it was started with %s in LD_PRELOAD, which can be loaded now: "
	    "it may have been missing then",
	    entry);
	doctor_start_process(proc, findings);
}

/* If it is there: is it the one that is installed now? */
static void
check_mapping(const struct doctor_proc *proc, const char *library, bool reached,
    struct findings *findings)
{
	const struct doctor_mapping *mapping = &proc->mapping;

	if (proc->supervisor) {
		findings_add(findings, FINDING_LOADED, FINDING_FINE,
		    SUPERVISOR_NAME "[%d] supervises process %d, in place of "
				    "a preload",
		    (int)proc->supervisor, (int)proc->process.pid);
		return;
	}
	if (!mapping->found && reached)
		return;
	if (!mapping->found) {
		findings_add(findings, FINDING_LOADED, FINDING_FATAL,
		    PRELOAD_LIBRARY " is not in process %d",
		    (int)proc->process.pid);
		findings_remedy(findings,
		    "'kashim apply --pid %d' mends the connections that are "
		    "open now.",
		    (int)proc->process.pid);
		return;
	}
	findings_add(findings, FINDING_LOADED, FINDING_FINE,
	    "%s is in process %d", mapping->path, (int)proc->process.pid);
	if (mapping->deleted) {
		findings_add(findings, FINDING_LOADED, FINDING_NOTE,
		    "%s was replaced or deleted since it started: it goes on "
		    "with the old one",
		    mapping->path);
		findings_remedy(findings, "A restart brings the new one.");
	} else if (!proc->other_root && strcmp(mapping->path, library) != 0) {
		findings_add(findings, FINDING_LOADED, FINDING_NOTE,
		    "it is not %s, which belongs to this kashim", library);
	}
}

/* By more than a tick, with which the kernel counts when a process began. */
static bool
is_later(const struct timespec *a, const struct timespec *b)
{
	int64_t ns = (int64_t)(a->tv_sec - b->tv_sec) * 1000000000 +
	             a->tv_nsec - b->tv_nsec;

	return ns > TICK_NS;
}

static void
print_time(const struct timespec *when, char text[32])
{
	struct tm local;

	if (!localtime_r(&when->tv_sec, &local) ||
	    strftime(text, 32, "%F %T", &local) == 0)
		*text = '\0';
}

/* The rules that it read when it began; the file may have changed since. */
/* The process can't be asked: what would it read? */
static void
guess_policy(const struct doctor_proc *proc, const struct place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct findings *findings)
{
	if (policy->look_error == 0 && policy->source == SOURCE_NOTHING) {
		findings_add(findings, FINDING_CONFIG, FINDING_WARN,
		    "as it runs now, it cannot read its configuration: %s",
		    policy->message);
		findings_remedy(findings,
		    "It has rules only if it could when it began. Look at its "
		    "connections with 'kashim status --pid %d'.",
		    (int)proc->process.pid);
		return;
	}
	doctor_policy_check(place, target, policy, findings);
}

/*
 * It has rules, and would have none if it read them now: because somebody
 * made a mistake, or because it gave up its rights or its root directory
 * itself, as daemons do.
 */
static void
check_loss(const struct doctor_policy *policy, struct findings *findings)
{
	bool own = policy->error == -EACCES || policy->error == -ENOENT;

	findings_add(findings, FINDING_CONFIG,
	    own ? FINDING_NOTE : FINDING_WARN,
	    "as it runs now, it could not read that again: %s",
	    policy->message);
	if (!own)
		findings_remedy(findings,
		    "Mend it before it is restarted: 'kashim check' says when "
		    "it is right.");
}

/* The file may have been changed since. */
static void
check_change(const struct doctor_proc *proc, const struct generation *has,
    const struct doctor_policy *policy, struct findings *findings)
{
	char changed[32];

	print_time(&policy->changed, changed);
	if (has && has->source == GENERATION_PUBLISHED) {
		if (policy->look_error < 0 ||
		    policy->source == SOURCE_PUBLISHED ||
		    policy->source == SOURCE_NOTHING)
			return;
		findings_add(findings, FINDING_POLICY, FINDING_WARN,
		    "the configuration was changed (%s), and not published "
		    "since: it has the rules from before",
		    changed);
		findings_remedy(
		    findings, "'kashim reload' brings the new ones.");
		return;
	}
	if (!is_later(&policy->changed, &proc->began))
		return;
	findings_add(findings, FINDING_POLICY, FINDING_WARN,
	    "the configuration was changed after the process began (%s): it "
	    "has the rules from before",
	    changed);
	findings_remedy(findings, has && has->follows
				      ? "'kashim reload' brings the new ones."
				      : "Restart it for the new ones.");
}

/*
 * Does the process take the configuration for root's, or its own user's? If
 * not, says so: what the caller sees may be right all the same.
 */
static bool
is_believed(const struct doctor_proc *proc, const struct place *place,
    struct findings *findings)
{
	struct stat st;
	uid_t owner, user;

	if (place_stat(place, place->config, &st) < 0 ||
	    (doctor_proc_user(proc, st.st_uid, &owner) &&
		(owner == 0 || (doctor_proc_user(proc, proc->euid, &user) &&
				   owner == user))))
		return true;
	findings_add(findings, FINDING_CONFIG, FINDING_FATAL,
	    "%s%s belongs to user %u, whom the process's user namespace does "
	    "not know, so that it is not believed there",
	    place->root, place->config, (unsigned)st.st_uid);
	findings_remedy(findings,
	    "Copy it to a file of user %u, and name that by KASHIM_CONFIG.",
	    (unsigned)proc->euid);
	return false;
}

/* Which rules it has: the process knows, if it may be asked. */
static void
check_policy(const struct doctor_proc *proc, const struct place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct findings *findings)
{
	struct generation has;
	char text[512];

	int error = generation_read(&proc->process, &has);

	if (error == -ETIMEDOUT) {
		findings_add(findings, FINDING_POLICY, FINDING_UNKNOWN,
		    "it does not answer when its memory is read, so which "
		    "policy it has is unknown");
		return;
	}
	if (error < 0) {
		guess_policy(proc, place, target, policy, findings);
		check_change(proc, NULL, policy, findings);
		return;
	}
	if (has.source == GENERATION_NOTHING &&
	    !is_believed(proc, place, findings))
		return;
	if (has.source == GENERATION_NOTHING) {
		findings_add(findings, FINDING_POLICY, FINDING_FATAL,
		    "it has no policy, or none that concerns it");
		findings_remedy(findings,
		    has.follows ? "'kashim reload' brings it a new one."
				: "Restart it once that is mended.");
		doctor_policy_check(place, target, policy, findings);
		return;
	}
	generation_format(&has, text, sizeof(text));
	findings_add(findings, FINDING_POLICY,
	    has.source == GENERATION_PUBLISHED && has.newest != 0 &&
		    has.newest != has.number
		? FINDING_WARN
		: FINDING_FINE,
	    "%s%s: %s", place->root, place->config, text);
	if (policy->look_error == 0 && policy->source == SOURCE_NOTHING &&
	    has.source != GENERATION_PUBLISHED)
		check_loss(policy, findings);
	else
		check_change(proc, &has, policy, findings);
}

/* What of it goes past the library. */
static void
check_habits(const struct doctor_proc *proc, const struct doctor_target *target,
    struct findings *findings)
{
	if (proc->elf_known && !proc->supervisor)
		doctor_go(target, findings);
	if (proc->io_urings > 0) {
		findings_add(findings, FINDING_IO_URING, FINDING_WARN,
		    "it has %u io_uring%s: what it connects or accepts there "
		    "is not seen",
		    proc->io_urings, proc->io_urings == 1 ? "" : "s");
		findings_remedy(findings,
		    "'kashim apply --pid %d' mends what is open.",
		    (int)proc->process.pid);
	}
	if (proc->process.seccomp != 0 && !proc->supervisor) {
		findings_add(findings, FINDING_SECCOMP, FINDING_NOTE,
		    "its system calls are filtered (seccomp mode %u): the "
		    "filter must let setsockopt(2), getsockopt(2) and "
		    "getsockname(2) through",
		    proc->process.seccomp);
	}
}

static void
find_target(const struct doctor_proc *proc, struct doctor_target *target)
{
	*target =
	    (struct doctor_target){.known = proc->elf_known, .elf = proc->elf};
	snprintf(target->path, PATH_MAX, "%s", proc->exe);
	for (unsigned int i = 0; i < proc->process.name_count; i++)
		snprintf(target->names[i], sizeof(target->names[i]), "%s",
		    proc->process.name[i]);
}

/* Its connections, by the rules that the kernel has. */
static void
check_reached(const struct doctor_proc *proc, const struct reach *reach,
    struct findings *findings)
{
	const struct kernel_attached *last = &reach->list[reach->count - 1];
	struct place place;

	doctor_kernel(reach, findings);
	if (proc->mapping.found || proc->supervisor)
		return;
	for (size_t n = 0; n < reach->count; n++) {
		if (strcmp(reach->list[n].config, last->config) == 0)
			continue;
		findings_add(findings, FINDING_SOCKETS, FINDING_NOTE,
		    "how its connections stand is not told: they get the "
		    "rules of more than one file");
		return;
	}
	place_here(&place);
	place.config = last->config;
	doctor_sockets(proc->process.pid, &place, findings);
}

/* What has to look at the files that it names. */
static void
check_files(const struct doctor_proc *proc, struct findings *findings)
{
	const char *config = doctor_proc_variable(proc, "KASHIM_CONFIG");
	struct place place;
	struct doctor_target target;
	struct doctor_policy policy;

	find_target(proc, &target);
	place_here(&place);
	place.uid = proc->uid;
	place.euid = proc->euid;
	place.gid = proc->gid;
	place.egid = proc->egid;
	place.groups = proc->groups;
	place.group_count = proc->group_count;
	place.root = proc->other_root ? proc->root : "";
	place.preload = doctor_proc_variable(proc, "LD_PRELOAD");
	/* Where its parser has to be; not told by names outside of its root. */
	if (proc->mapping.found && !proc->other_root)
		place.library = proc->mapping.path;
	place.cache =
	    proc->secure ? NULL : doctor_proc_variable(proc, CACHE_ENVIRONMENT);
	/* As in the shim (policy.c). */
	place.config =
	    !config || !*config || proc->secure ? CONFIG_FILE : config;
	if (*place.config != '/') {
		findings_add(findings, FINDING_CONFIG, FINDING_WARN,
		    "KASHIM_CONFIG=%s is not an absolute name: it depends on "
		    "the directory that it was started in",
		    place.config);
		findings_remedy(findings, "Write the whole name.");
	}
	doctor_policy_read(&place, &target, &policy);
	if (proc->mapping.found) {
		place.library_in_list = true;
		doctor_order(&place, findings);
		check_policy(proc, &place, &target, &policy, findings);
	} else if (!proc->supervisor) {
		check_missing(proc, &place, &target, &policy, findings);
	}
	check_habits(proc, &target, findings);
	if (policy.look_error == -ETIME)
		findings_add(findings, FINDING_SOCKETS, FINDING_UNKNOWN,
		    "how its connections stand can't be told: its "
		    "configuration does not answer");
	else
		doctor_sockets(proc->process.pid, &place, findings);
}

struct question {
	const struct doctor_proc *proc;
	const struct reach *reach;
	char answer[ANSWER_MAX];
};

static void
look_at_files(void *data)
{
	struct question *question = data;
	struct findings findings = {0};

	if (question->reach->count > 0)
		check_reached(question->proc, question->reach, &findings);
	if (question->reach->count == 0 || question->proc->mapping.found ||
	    question->proc->supervisor)
		check_files(question->proc, &findings);
	findings_pack(&findings, question->answer, sizeof(question->answer));
	findings_free(&findings);
}

/*
 * In a child: it has chosen their names, and nothing ends a wait for a file
 * system that does not answer.
 */
static void
examine(const struct doctor_proc *proc, const char *library,
    struct findings *findings)
{
	struct question *question = calloc(1, sizeof(*question));
	struct reach reach;
	int error = -ENOMEM;

	doctor_kernel_find(&proc->process,
	    !proc->mapping.found && !proc->supervisor, &reach, findings);
	check_mapping(proc, library, reach.count > 0, findings);
	if (question) {
		question->proc = proc;
		question->reach = &reach;
		look_stop();
		error =
		    doctor_apart(look_at_files, question, sizeof(*question));
	}
	if (error == -ETIME)
		findings_add(findings, FINDING_CONFIG, FINDING_UNKNOWN,
		    "what it names in its environment (LD_PRELOAD, "
		    "KASHIM_CONFIG) is on a file system that does not answer");
	else if (error == 0)
		findings_unpack(findings, question->answer);
	else
		findings->error = error;
	free(reach.list);
	free(question);
}

int
doctor_process(pid_t pid, const char *library, char name[NAME_MAX + 1],
    struct findings *findings)
{
	struct doctor_proc proc;
	int error = doctor_proc_read(pid, &proc);

	*findings = (struct findings){0};
	if (error < 0)
		return error;
	snprintf(name, NAME_MAX + 1, "%s", process_program(&proc.process));
	if (proc.kernel) {
		findings_add(findings, FINDING_PROGRAM, FINDING_FATAL,
		    "it is a thread of the kernel, and no program");
	} else if (!proc.readable && proc.process.silent) {
		findings_add(findings, FINDING_LOADED, FINDING_UNKNOWN,
		    "process %d does not answer: its memory or its files can't "
		    "be read",
		    (int)pid);
	} else if (!proc.readable) {
		findings_add(findings, FINDING_LOADED, FINDING_UNKNOWN,
		    "user %u may not look into process %d, which is user %u's",
		    (unsigned)geteuid(), (int)pid, (unsigned)proc.euid);
		findings_ask_root(findings);
	} else {
		examine(&proc, library, findings);
	}
	doctor_proc_free(&proc);
	error = findings->error;
	if (error < 0)
		findings_free(findings);
	return error;
}
