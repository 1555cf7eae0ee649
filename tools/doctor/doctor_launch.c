/* SPDX-License-Identifier: ISC */
/*
 * doctor_launch: the walk from launcher to launcher (doctor_launch.h).
 */
#include "doctor/doctor_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor.h"
#include "doctor/doctor_policy.h"
#include "doctor/doctor_script.h"
#include "doctor/doctor_setid.h"
#include "host/launcher.h"

/* "sudo nice su - agent -c ..." */
#define LAUNCHERS_MAX 8
#define WRAPPER       "\n# kashim-wrapper: "
#define REAL          ".real"

/* Is it kashim-wrapper(8)? Then it is a launcher of ours. */
static bool
is_wrapper(const struct place *place, const char *path, struct launch *launch)
{
	char begin[128];
	int fd = place_open(place, path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, begin, sizeof(begin));

	if (fd >= 0)
		close(fd);
	if (got <= 0 ||
	    !memmem(begin, (size_t)got, WRAPPER, sizeof(WRAPPER) - 1) ||
	    strlen(path) + sizeof(REAL) > sizeof(launch->text))
		return false;
	*launch = (struct launch){.launcher = basename(path), .sets = true};
	snprintf(launch->text, sizeof(launch->text), "%s" REAL, path);
	launch->words[0] = launch->text;
	return true;
}

/* Ways to the program all the same, one after the other. */
static void
advise(const struct launch *launch, struct findings *findings)
{
	const char *inner = launch->words[0];

	findings_remedy(findings,
	    "Any of these helps: 'kashim run' in front of %s%s%s%s; "
	    "kashim-wrapper(8) in the place of %s.",
	    inner ? inner : "the program", launch->option ? "; " : "",
	    launch->option ? launch->option : "",
	    launch->elsewhere ? ""
			      : "; 'kashim run --supervise' in front of all "
				"of it, or 'kashim enable --supervise' for "
				"its unit",
	    inner ? inner : "the program");
}

/* A program on the way, and as whom it starts. */
struct link {
	struct place place;
	gid_t groups[PLACE_GROUPS];
	char path[PATH_MAX];
	struct launch launch; /* if it is a launcher */
	/* kashim run is in front of it, and preloads or supervises. */
	bool supervised;
	/* Then what is setuid gets no more rights (supervise_keeps_rights()).
	 */
	bool confined;
};

/* Does it start something that is known, or nothing that has LD_PRELOAD? */
static bool
is_launcher(const char *const argv[], struct link *link)
{
	struct launch *launch = &link->launch;

	return is_wrapper(&link->place, link->path, launch) ||
	       (launcher_read(link->path, argv, launch) &&
		   (launch->words[0] || launch->lost));
}

/* What the launcher of link starts. Returns 0 or -errno. */
static int
step(const struct link *link, struct link *next)
{
	const struct launch *launch = &link->launch;
	const struct passwd *user =
	    launch->user ? getpwnam(launch->user) : NULL;

	next->place = link->place;
	next->supervised = link->supervised || launch->supervises;
	next->confined =
	    link->confined || (launch->supervises && link->place.euid != 0);
	if (user)
		place_become(&next->place, user, next->groups);
	return place_look_up(&next->place, launch->words[0], next->path);
}

/* A launcher: its own file, and what it makes of LD_PRELOAD. */
static int
examine(const struct link *link, struct findings *findings)
{
	const struct launch *launch = &link->launch;
	const char *inner = launch->words[0] ? launch->words[0] : "its program";
	struct doctor_target target;
	int result = doctor_follow(&link->place, link->path, &target, findings);

	if (result != 0)
		return result;
	if (!link->supervised || link->confined)
		doctor_setid(&link->place, &target, findings);
	if (!launch->lost || link->place.host ||
	    (link->supervised && !launch->elsewhere))
		return 0;
	findings_add(findings,
	    launch->elsewhere ? FINDING_ELSEWHERE : FINDING_LAUNCHER,
	    FINDING_FATAL, "%s starts %s without LD_PRELOAD: %s",
	    launch->launcher, inner, launch->lost);
	advise(launch, findings);
	return 0;
}

/* The program behind kashim run: it only has to have rules. */
static int
examine_supervised(const struct link *link, struct findings *findings)
{
	struct doctor_target target;
	struct doctor_policy policy;
	int result = doctor_follow(&link->place, link->path, &target, findings);

	if (result != 0)
		return result;
	doctor_policy_read(&link->place, &target, &policy);
	if (link->confined)
		doctor_setid(&link->place, &target, findings);
	findings_add(findings, FINDING_LAUNCHER, FINDING_FINE,
	    "kashim run supervises %s, or preloads it", link->path);
	doctor_policy_check(&link->place, &target, &policy, findings);
	return 0;
}

int
doctor_command(const struct place *place, const char *const argv[], bool *sets,
    bool *supervised, struct findings *findings)
{
	struct link links[LAUNCHERS_MAX + 1];
	size_t count = 0, first = 0;
	bool known = true; /* what links[count] is */
	int error, result = 0;

	*sets = *supervised = false;
	links[0].place = *place;
	links[0].supervised = links[0].confined = false;
	error = place_look_up(place, argv[0], links[0].path);
	if (error < 0)
		return error;
	while (error == 0 && known && count < LAUNCHERS_MAX &&
	       is_launcher(argv, &links[count])) {
		const struct link *link = &links[count];

		if (link->launch.words[0])
			error = step(link, &links[count + 1]);
		/* A shell does much by itself. */
		if (error < 0 && launcher_is_shell(link->path)) {
			error = 0;
			break;
		}
		argv = link->launch.words;
		known = argv[0] != NULL;
		count++;
		/* What is lost up to there does not matter. */
		if (link->launch.sets)
			first = count;
	}
	*sets = first > 0;
	*supervised = known && links[count].supervised;
	for (size_t i = 0; result == 0 && i < count; i++) {
		const struct launch *launch = &links[i].launch;

		if (launch->words[0])
			findings_add(findings, FINDING_LAUNCHER, FINDING_NOTE,
			    "%s starts %s", launch->launcher, launch->words[0]);
		if (i >= first)
			result = examine(&links[i], findings);
	}
	if (result == 0 && error < 0)
		findings_add(findings, FINDING_PROGRAM, FINDING_UNKNOWN,
		    "%s, which %s starts, can't be found: %s", argv[0],
		    links[count - 1].launch.launcher, strerror(-error));
	else if (result == 0 && known && links[count].supervised)
		result = examine_supervised(&links[count], findings);
	else if (result == 0 && known)
		result = doctor_examine(
		    &links[count].place, links[count].path, findings);
	return result < 0 ? result : findings->error;
}
