/* SPDX-License-Identifier: ISC */
/*
 * doctor: the walk through all that is asked of a program. Each question has a
 * file doctor_*.c.
 */
#include "doctor/doctor.h"
#include "doctor/doctor_script.h"

#include "doctor/doctor_launch.h"
#include "doctor/doctor_library.h"
#include "doctor/doctor_policy.h"
#include "doctor/doctor_setid.h"

void
doctor_go(const struct doctor_target *target, struct findings *findings)
{
	if (!target->elf.go)
		return;
	findings_add(findings, FINDING_GO, FINDING_FATAL,
	    "%s was made by the Go compiler: its connections are made past "
	    "the C library, so the library does not see them",
	    target->path);
	findings_remedy(findings,
	    "Use 'kashim run', which supervises it from outside, 'kashim "
	    "attach', which has the kernel do it, or 'kashim apply' while it "
	    "runs. Go programs switch keepalive on "
	    "themselves, mostly every 15 seconds.");
}

/* What a program does for itself, past the library. */
static void
check_habits(const struct doctor_target *target, struct findings *findings)
{
	const struct elf_file *elf = &target->elf;

	doctor_go(target, findings);
	if (elf->io_uring) {
		findings_add(findings, FINDING_IO_URING, FINDING_WARN,
		    "it uses liburing: what it connects or accepts by "
		    "io_uring is not seen");
		findings_remedy(findings,
		    "A rule without any matcher holds for these too, if the "
		    "socket is made by socket(2). Else use 'kashim attach' or "
		    "'kashim apply'.");
	}
	if (elf->seccomp) {
		findings_add(findings, FINDING_SECCOMP, FINDING_NOTE,
		    "it uses libseccomp: its filter must let setsockopt(2), "
		    "getsockopt(2) and getsockname(2) through");
		findings_remedy(findings,
		    "Look at it while it runs, with 'kashim status'.");
	}
	if (elf->plugins)
		findings_add(findings, FINDING_PLUGINS, FINDING_NOTE,
		    "it opens plug-ins: one that it opens with RTLD_DEEPBIND, "
		    "dlmopen(3), or that looks in libc.so.6 itself (dlsym(3)), "
		    "connects past the library");
}

/*
 * Without a program interpreter there is no loader; but the loader itself
 * can be started as a program, and does its work then.
 */
bool
doctor_static(const struct doctor_target *target, struct findings *findings)
{
	const struct elf_file *elf = &target->elf;

	if (*elf->interpreter)
		return false;
	if (elf->dynamic &&
	    elf_file_loader_libc(elf->name) != ELF_FILE_OTHER_LIBC) {
		findings_add(findings, FINDING_PROGRAM, FINDING_NOTE,
		    "%s is the loader itself: it depends on the program that "
		    "it is given",
		    target->path);
		return false;
	}
	findings_add(findings, FINDING_STATIC, FINDING_FATAL,
	    "%s is static%s: no loader runs that could preload anything",
	    target->path, elf->go ? ", a Go program" : "");
	findings_remedy(findings,
	    "Use 'kashim run', which supervises it from outside, 'kashim "
	    "attach', which has the kernel do it, or 'kashim apply' while it "
	    "runs.%s",
	    elf->go ? " Go programs switch keepalive on themselves, mostly "
		      "every 15 seconds."
		    : "");
	return true;
}

int
doctor_examine(
    const struct place *place, const char *path, struct findings *findings)
{
	struct doctor_target target;
	int result = doctor_follow(place, path, &target, findings);

	if (result < 0)
		return result;
	if (result == 0) {
		struct doctor_policy policy;

		doctor_policy_read(place, &target, &policy);
		doctor_setid(place, &target, findings);
		if (!doctor_static(&target, findings)) {
			doctor_library(place, &target, &policy, findings);
			check_habits(&target, findings);
		}
		doctor_policy_check(place, &target, &policy, findings);
	}
	return findings->error;
}

int
doctor_program(const char *const argv[], const char *config,
    const char *library, struct findings *findings)
{
	struct place place;
	char entry[PATH_MAX];
	bool sets, supervised;
	int error;

	*findings = (struct findings){0};
	place_here(&place);
	place.config = config;
	place.library = library;
	place_by_host(&place, entry);
	error = doctor_command(&place, argv, &sets, &supervised, findings);
	if (error < 0)
		findings_free(findings);
	return error;
}
