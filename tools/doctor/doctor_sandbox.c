/* SPDX-License-Identifier: ISC */
/*
 * doctor_sandbox: the settings of a service (systemd.exec(5)) that hide the
 * library or the configuration from it, or forbid what the library does.
 * ProtectSystem= and MemoryDenyWriteExecute= do no harm: nothing is written,
 * and nothing is mapped both writable and executable.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_sandbox.h"

#define SECTION "Service"

/*
 * What the library does, or a supervisor, that the program may not; and the
 * sets that hold it, systemd-analyze(1) syscall-filter.
 */
static const struct {
	const char *name;
	const char *sets[3];
	bool supervisor;
} calls[] = {
    {"setsockopt", {"@network-io", "@system-service", "@known"}, false},
    {"getsockopt", {"@network-io", "@system-service", "@known"}, false},
    {"getsockname", {"@network-io", "@system-service", "@known"}, false},
    {"seccomp", {"@sandbox", "@known"}, true},
    {"pidfd_getfd", {"@debug", "@known"}, true},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static const char *
last(const struct unit *unit, const char *key)
{
	const struct unit_setting *setting = unit_last(unit, SECTION, key);

	return setting ? setting->value : NULL;
}

/* Is path the directory, or in it? Returns the directory's length, or 0. */
static size_t
covers(const char *directory, const char *path)
{
	size_t length = strlen(directory);

	while (length > 1 && directory[length - 1] == '/')
		length--;
	if (length == 0 || strncmp(path, directory, length) != 0)
		return 0;
	if (length == 1 || path[length] == '/' || path[length] == '\0')
		return length;
	return 0;
}

/*
 * The longest of the paths in a setting's values that covers path; 0 if none
 * does. Each may have '-' and '+' in front, and ":OPTIONS" behind.
 */
static size_t
longest(const struct unit *unit, const char *key, const char *path)
{
	const struct unit_setting *setting = NULL;
	size_t found = 0;
	char *word;

	while ((setting = unit_next(unit, SECTION, key, setting))) {
		const char *text = setting->value;

		while (unit_word(&text, &word) == 1) {
			char *expanded =
			    unit_expand(unit, word + strspn(word, "-+"));
			size_t length = 0;

			if (expanded) {
				expanded[strcspn(expanded, ":")] = '\0';
				length = covers(expanded, path);
			}
			if (length > found)
				found = length;
			free(expanded);
			free(word);
		}
	}
	return found;
}

/* ProtectHome= and PrivateTmp= hide what they name. */
static const char *
hidden_by_name(const struct unit *unit, const char *path)
{
	static const char *const homes[] = {"/home", "/root", "/run/user"};
	const char *home = last(unit, "ProtectHome");
	const char *tmp = last(unit, "PrivateTmp");
	const char *dynamic = last(unit, "DynamicUser");

	if (home && (unit_yes(home) || strcmp(home, "tmpfs") == 0))
		for (size_t i = 0; i < 3; i++)
			if (covers(homes[i], path) > 0)
				return "ProtectHome=";
	if (((tmp && unit_yes(tmp)) || (dynamic && unit_yes(dynamic))) &&
	    (covers("/tmp", path) > 0 || covers("/var/tmp", path) > 0))
		return "PrivateTmp=";
	return NULL;
}

const char *
doctor_hidden_by(const struct unit *unit, const char *path)
{
	static const char *const hiding[] = {
	    "InaccessiblePaths", "TemporaryFileSystem"};
	size_t shown = longest(unit, "BindPaths", path);
	size_t read_only = longest(unit, "BindReadOnlyPaths", path);
	const char *by = hidden_by_name(unit, path);

	if (read_only > shown)
		shown = read_only;
	for (size_t i = 0; !by && i < 2; i++)
		if (longest(unit, hiding[i], path) > shown)
			by = i == 0 ? "InaccessiblePaths="
			            : "TemporaryFileSystem=";
	return shown > 0 ? NULL : by;
}

static void
check_path(const struct unit *unit, const char *path, const char *what,
    struct findings *findings)
{
	const char *by = doctor_hidden_by(unit, path);

	if (!by)
		return;
	findings_add(findings, FINDING_UNIT, FINDING_FATAL,
	    "%s hides %s, %s, from the service", by, path, what);
	findings_remedy(findings,
	    strcmp(by, "InaccessiblePaths=") == 0
		? "Take %s out of it in a drop-in."
		: "BindReadOnlyPaths=%s in a drop-in shows it.",
	    path);
}

const char *
doctor_no_exec_by(const struct unit *unit, const char *path)
{
	size_t forbidden = longest(unit, "NoExecPaths", path);

	return forbidden == 0 || longest(unit, "ExecPaths", path) >= forbidden
	           ? NULL
	           : "NoExecPaths=";
}

static void
check_exec_paths(
    const struct unit *unit, const char *library, struct findings *findings)
{
	if (!doctor_no_exec_by(unit, library))
		return;
	findings_add(findings, FINDING_UNIT, FINDING_FATAL,
	    "NoExecPaths= covers %s: the loader cannot map it", library);
	findings_remedy(
	    findings, "ExecPaths=%s in a drop-in permits it.", library);
}

/* Does a word of SystemCallFilter= speak of one of our calls? */
static bool
names_call(const char *word, size_t call)
{
	const char *name = calls[call].name;
	size_t length = strcspn(word, ":");

	for (size_t i = 0; i < 3 && calls[call].sets[i]; i++)
		if (strlen(calls[call].sets[i]) == length &&
		    strncmp(word, calls[call].sets[i], length) == 0)
			return true;
	return strlen(name) == length && strncmp(word, name, length) == 0;
}

/*
 * A call can have an error number of its own behind a colon: it does not kill
 * then. The first line says whether the list is one of what is allowed; each
 * later one adds to it or takes away, by its "~".
 */
static bool
is_allowed(const struct unit *unit, size_t call, bool *kills)
{
	const struct unit_setting *setting = NULL;
	bool allowed = true, first = true;
	char *word;

	while (
	    (setting = unit_next(unit, SECTION, "SystemCallFilter", setting))) {
		const char *text = setting->value;
		bool deny = *text == '~';

		text += deny;
		if (first)
			allowed = deny;
		first = false;
		while (unit_word(&text, &word) == 1) {
			if (names_call(word, call)) {
				const char *error = strchr(word, ':');

				allowed = !deny;
				if (error && strcmp(error, ":kill") != 0)
					*kills = false;
			}
			free(word);
		}
	}
	return allowed;
}

static void
check_filter(
    const struct unit *unit, bool supervised, struct findings *findings)
{
	const char *number = last(unit, "SystemCallErrorNumber");
	bool kills = !number || strcmp(number, "kill") == 0;
	char forbidden[128] = "";

	for (size_t i = 0; i < CALLS; i++) {
		size_t length = strlen(forbidden);

		if ((supervised || !calls[i].supervisor) &&
		    !is_allowed(unit, i, &kills))
			snprintf(forbidden + length, sizeof(forbidden) - length,
			    "%s%s", length > 0 ? " " : "", calls[i].name);
	}
	if (!*forbidden)
		return;
	findings_add(findings, FINDING_SECCOMP, FINDING_FATAL,
	    "SystemCallFilter= forbids %s, which %s calls: %s", forbidden,
	    supervised ? "a supervisor" : "the library",
	    supervised ? "the program would run without"
	    : kills    ? "the kernel would end the program"
		       : "its connections would stay as they are");
	findings_remedy(findings,
	    "SystemCallFilter=%s in a drop-in permits it.", forbidden);
}

/* Without it a supervisor sees nothing of a program with another user. */
static void
check_capabilities(const struct unit *unit, struct findings *findings)
{
	if (unit_keeps_capability(unit, "CAP_SYS_PTRACE"))
		return;
	findings_add(findings, FINDING_UNIT, FINDING_WARN,
	    "CapabilityBoundingSet= has no CAP_SYS_PTRACE, which a supervisor "
	    "takes: programs that take another user, as behind su, get no "
	    "timers");
	findings_remedy(findings,
	    "CapabilityBoundingSet=CAP_SYS_PTRACE in a drop-in adds it.");
}

static void
check_families(const struct unit *unit, struct findings *findings)
{
	const struct unit_setting *setting = NULL;
	bool allowed = true, first = true;
	char *word;

	while ((setting = unit_next(
		    unit, SECTION, "RestrictAddressFamilies", setting))) {
		const char *text = setting->value;
		bool deny = *text == '~';

		text += deny;
		if (first)
			allowed = deny;
		first = false;
		while (unit_word(&text, &word) == 1) {
			if (strcmp(word, "AF_UNIX") == 0)
				allowed = !deny;
			free(word);
		}
	}
	if (!allowed)
		findings_add(findings, FINDING_UNIT, FINDING_NOTE,
		    "RestrictAddressFamilies= without AF_UNIX: if something is "
		    "wrong with the configuration, the system log will not "
		    "know");
}

void
doctor_sandbox(const struct unit *unit, const char *config, const char *library,
    bool supervised, struct findings *findings)
{
	const struct unit_setting *context =
	    unit_last(unit, SECTION, "SELinuxContext");

	if (*library == '/') {
		check_path(unit, library, "the library", findings);
		check_exec_paths(unit, library, findings);
	}
	check_path(unit, config, "the configuration", findings);
	check_filter(unit, supervised, findings);
	if (supervised)
		check_capabilities(unit, findings);
	check_families(unit, findings);
	if (context) {
		findings_add(findings, FINDING_UNIT, FINDING_NOTE,
		    "SELinuxContext=%s: the policy has to permit noatsecure, "
		    "or the loader ignores LD_PRELOAD",
		    context->value);
	}
}
