/* SPDX-License-Identifier: ISC */
/*
 * doctor_unit: a systemd unit by its files. Its programs are examined as
 * systemd would start them: with its environment, user and root directory.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "doctor/doctor_exec.h"
#include "doctor/doctor_kernel.h"
#include "doctor/doctor_launch.h"
#include "doctor/doctor_resolve.h"
#include "doctor/doctor_sandbox.h"
#include "doctor/doctor_socket_unit.h"
#include "doctor/doctor_start.h"
#include "doctor/doctor_unit.h"
#include "host/launcher.h"
#include "host/preload.h"
#include "image/cache.h"
#include "unit/dropin.h"
#include "unit/exec_start.h"
#include "unit/unit_group.h"

#define SECTION "Service"
/* The first of those that DynamicUser= takes. */
#define DYNAMIC_UID 61184

struct service {
	const struct unit *unit;
	struct place place;
	struct findings *findings;
	struct unit_variable preload, config, cache;
	gid_t groups[PLACE_GROUPS];
	char root[PATH_MAX];
	char entry[PATH_MAX]; /* of ours in its LD_PRELOAD */
	unsigned int programs;
	bool supervised;    /* one of them is */
	unsigned int plain; /* of those: that set no LD_PRELOAD themselves */
};

static const char *
last(const struct unit *unit, const char *key)
{
	const struct unit_setting *setting = unit_last(unit, SECTION, key);

	return setting ? setting->value : NULL;
}

static bool
is_yes(const struct unit *unit, const char *key)
{
	const char *value = last(unit, key);

	return value && unit_yes(value);
}

static void
set_ids(struct service *service, uid_t uid, gid_t gid)
{
	service->place.uid = service->place.euid = uid;
	service->place.gid = service->place.egid = gid;
}

static void
add_groups(struct service *service)
{
	const struct unit_setting *setting = NULL;
	struct place *place = &service->place;
	char *word;

	while ((setting = unit_next(
		    service->unit, SECTION, "SupplementaryGroups", setting))) {
		const char *text = setting->value;

		while (unit_word(&text, &word) == 1) {
			const struct group *entry = getgrnam(word);

			if (entry && place->group_count < PLACE_GROUPS)
				service->groups[place->group_count++] =
				    entry->gr_gid;
			free(word);
		}
	}
}

/*
 * User=, Group=, SupplementaryGroups= and DynamicUser=, systemd.exec(5).
 */
static void
find_user(struct service *service)
{
	const char *user = last(service->unit, "User");
	const char *group = last(service->unit, "Group");
	const struct passwd *password = user ? getpwnam(user) : NULL;
	const struct group *entry;
	char *end;
	unsigned long number;

	set_ids(service, 0, 0);
	service->place.groups = service->groups;
	service->place.group_count = 1;
	if (user && !password) {
		number = strtoul(user, &end, 10);
		if (end != user && *end == '\0')
			password = getpwuid((uid_t)number);
	}
	if (password) {
		place_become(&service->place, password, service->groups);
	} else if (is_yes(service->unit, "DynamicUser")) {
		set_ids(service, DYNAMIC_UID, DYNAMIC_UID);
		service->groups[0] = DYNAMIC_UID;
	} else if (user) {
		findings_add(service->findings, FINDING_UNIT, FINDING_UNKNOWN,
		    "User=%s: there is no such user here, so what it may read "
		    "can't be told",
		    user);
	}
	entry = group ? getgrnam(group) : NULL;
	if (entry) {
		service->place.gid = service->place.egid = entry->gr_gid;
		service->groups[0] = entry->gr_gid;
	}
	add_groups(service);
}

/* What implies it does so for users other than root, or always. */
static bool
has_no_new_privs(const struct service *service)
{
	static const char *const implied[] = {"LockPersonality",
	    "MemoryDenyWriteExecute", "PrivateDevices", "ProtectClock",
	    "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules",
	    "ProtectKernelTunables", "RestrictNamespaces", "RestrictRealtime",
	    "RestrictSUIDSGID"};
	const struct unit *unit = service->unit;

	if (is_yes(unit, "NoNewPrivileges") || is_yes(unit, "DynamicUser"))
		return true;
	if (service->place.uid == 0)
		return false;
	for (size_t i = 0; i < sizeof(implied) / sizeof(implied[0]); i++)
		if (is_yes(unit, implied[i]))
			return true;
	return last(unit, "SystemCallFilter") ||
	       last(unit, "RestrictAddressFamilies") ||
	       last(unit, "SystemCallArchitectures");
}

/*
 * Returns false if what the service will see there can't be looked at: an
 * image, or a directory into which other things are mounted.
 */
static bool
find_root(struct service *service)
{
	static const char *const mounts[] = {"RootImage", "BindPaths",
	    "BindReadOnlyPaths", "MountImages", "ExtensionImages",
	    "ExtensionDirectories"};
	const char *root = last(service->unit, "RootDirectory");

	if (root && strcmp(root, "/") != 0)
		snprintf(service->root, PATH_MAX, "%s", root);
	service->place.root = service->root;
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (!last(service->unit, mounts[i]) ||
		    (i > 0 && !*service->root))
			continue;
		findings_add(service->findings, FINDING_UNIT, FINDING_UNKNOWN,
		    "%s=%s: what the service will find in its root directory "
		    "can't be looked at from here",
		    mounts[i], last(service->unit, mounts[i]));
		findings_remedy(service->findings,
		    "The library and the configuration have to be inside; of "
		    "the configuration, its .policy file is enough ('kashim "
		    "compile'). Start the service and ask again, with the "
		    "number of its process.");
		return false;
	}
	return true;
}

static bool
passes(const struct unit *unit, const char *name)
{
	const struct unit_setting *setting = NULL;
	bool found = false;
	char *word;

	while (
	    (setting = unit_next(unit, SECTION, "PassEnvironment", setting))) {
		const char *text = setting->value;

		while (unit_word(&text, &word) == 1) {
			found = found || strcmp(word, name) == 0;
			free(word);
		}
	}
	return found;
}

static void
say_unset(struct service *service, const struct unit_variable *variable)
{
	struct findings *findings = service->findings;
	const char *id = service->unit->id;

	if (variable->unset) {
		findings_add(findings, FINDING_UNIT, FINDING_FATAL,
		    "UnsetEnvironment= takes LD_PRELOAD away (%s:%u)",
		    variable->unset->file, (unsigned)variable->unset->line);
		doctor_start_unit(service->unit, variable, findings);
		return;
	}
	if (variable->unread) {
		findings_add(findings, FINDING_UNIT, FINDING_UNKNOWN,
		    "EnvironmentFile=%s can't be read: whether it sets "
		    "LD_PRELOAD can't be told",
		    variable->unread);
		findings_ask_root(findings);
		return;
	}
	if (!variable->value)
		findings_add(findings, FINDING_UNIT, FINDING_FATAL,
		    "%s sets no LD_PRELOAD%s", id,
		    passes(service->unit, "LD_PRELOAD")
			? ", but passes on the manager's own"
			: "");
	else
		findings_add(findings, FINDING_UNIT, FINDING_FATAL,
		    "%s sets LD_PRELOAD=%s, without " PRELOAD_LIBRARY
		    " (%s:%u)",
		    id, variable->value, variable->file ? variable->file : "?",
		    (unsigned)variable->line);
	/* What a launcher takes away needs more, which was said of it. */
	if (!findings_have(findings, FINDING_LAUNCHER, FINDING_FATAL))
		doctor_start_unit(service->unit, variable, findings);
}

/* config is NULL, or what is to be read in place of what it reads. */
static int
find_environment(
    struct service *service, const char *library, const char *config)
{
	const struct {
		const char *name;
		struct unit_variable *variable;
	} wanted[] = {{"LD_PRELOAD", &service->preload},
	    {"KASHIM_CONFIG", &service->config},
	    {CACHE_ENVIRONMENT, &service->cache}};
	struct place *place = &service->place;
	const char *own;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (unit_environment(
			service->unit, wanted[i].name, wanted[i].variable) < 0)
			return -ENOMEM;
	own = service->config.value;
	place->preload = service->preload.value;
	place->cache = service->cache.value;
	place->library = library;
	place->config = config ? config : own && *own ? own : CONFIG_FILE;
	if (preload_find(place->preload, service->entry)) {
		place->library = service->entry;
		place->library_in_list = true;
		findings_add(service->findings, FINDING_UNIT, FINDING_FINE,
		    "LD_PRELOAD=%s in %s", place->preload,
		    service->preload.file);
	} else {
		place_by_host(place, service->entry);
	}
	return 0;
}

/*
 * The words of a command line behind the program, up to a lone semicolon, after
 * it in argv, which is ended by NULL. Returns 0 or -ENOMEM.
 */
static int
read_arguments(const struct unit *unit, const char *rest, char **argv)
{
	size_t count = 1;
	char *word;
	int result = 0;

	while (count <= LAUNCHER_WORDS && exec_start_word(&rest, &word) == 1) {
		argv[count] = unit_expand(unit, word);
		free(word);
		if (!argv[count]) {
			result = -ENOMEM;
			break;
		}
		count++;
	}
	argv[count] = NULL;
	return result;
}

static int
examine_program(
    const char *program, const char *rest, const char *prefixes, void *data)
{
	struct service *service = data;
	struct place place = service->place;
	char *argv[LAUNCHER_WORDS + 2] = {(char *)program};
	bool sets, supervised;
	int error;

	service->programs++;
	if (strchr(program, '%')) {
		findings_add(service->findings, FINDING_UNIT, FINDING_UNKNOWN,
		    "ExecStart=%s: what the %% stands for is not known here",
		    program);
		return 0;
	}
	if (strchr(prefixes, '+')) {
		place.uid = place.euid = 0;
		place.gid = place.egid = 0;
		place.no_new_privs = false;
		place.root = "";
	}
	error = read_arguments(service->unit, rest, argv);
	if (error == 0)
		error = doctor_command(&place, (const char *const *)argv, &sets,
		    &supervised, service->findings);
	if (error == 0)
		service->supervised |= supervised;
	if (error == 0 && !sets)
		service->plain++;
	if (error < 0 && error != -ENOMEM) {
		findings_add(service->findings, FINDING_PROGRAM, FINDING_FATAL,
		    "ExecStart=%s cannot be started: %s", program,
		    strerror(-error));
		error = 0;
	}
	for (size_t i = 1; argv[i]; i++)
		free(argv[i]);
	return error;
}

/* What enable --supervise has copied may be out of date. */
static int
check_copy(const struct unit *unit, struct findings *findings)
{
	struct unit bare = {0};
	char *path = dropin_path(unit->id), *text = NULL;
	int error = path ? 0 : -ENOMEM;

	if (error == 0 && dropin_read("", unit->id, &text) == 0 &&
	    unit_read("", unit->id, &bare) == 0)
		error = unit_replace(&bare, path, NULL);
	if (error == 0 && bare.id && exec_start_is_old(&bare, text)) {
		findings_add(findings, FINDING_UNIT, FINDING_WARN,
		    "the unit's ExecStart= was changed since 'kashim enable "
		    "--supervise' copied it: what starts is as it was then");
		findings_remedy(findings,
		    "'kashim enable --supervise %s' copies it anew.", unit->id);
	}
	unit_free(&bare);
	free(text);
	free(path);
	return error;
}

/* Will the kernel reach what it starts, by its drop-in or its slice? */
static bool
is_reached(const struct unit *unit, struct findings *findings)
{
	const char *set = last(unit, "Slice");
	char own[PATH_MAX];
	char *slice = set ? unit_expand(unit, set) : NULL;
	bool reached;

	if (!set)
		unit_default_slice(unit->id, own);
	reached = doctor_kernel_unit(unit, findings) ||
	          ((slice || !set) &&
		      doctor_kernel_slice(slice ? slice : own, findings));
	free(slice);
	return reached;
}

static int
examine_service(const struct unit *unit, const char *config,
    const char *library, struct findings *findings)
{
	struct service service = {.unit = unit, .findings = findings};
	struct findings kernel = {0};
	const bool reached = is_reached(unit, &kernel);
	char path[PATH_MAX];
	bool visible;
	int error;

	place_here(&service.place);
	service.place.path = DOCTOR_EXEC_PATH;
	service.place.shell_fallback = false;
	find_user(&service);
	/* Those become inheritable, too: take it for all. */
	service.place.inheritable =
	    last(unit, "AmbientCapabilities") ? UINT64_MAX : 0;
	service.place.no_new_privs = has_no_new_privs(&service);
	visible = find_root(&service);
	error = find_environment(&service, library, config);
	if (error < 0)
		goto out;
	if (visible)
		error = doctor_exec(unit, examine_program, &service);
	if (!service.place.library_in_list &&
	    (service.plain > 0 || service.programs == 0))
		say_unset(&service, &service.preload);
	if (error == 0 && visible && service.programs == 0)
		findings_add(findings, FINDING_PROGRAM, FINDING_FATAL,
		    "%s has no ExecStart=: it starts no program", unit->id);
	if (error == 0)
		error = check_copy(unit, findings);
	/* Settings name no $LIB; and without a slash, any directory may do. */
	if (*service.place.library == '/' &&
	    doctor_resolve_own(&service.place, service.place.library, path) ==
		0)
		service.place.library = path;
	doctor_sandbox(unit, service.place.config, service.place.library,
	    service.supervised, findings);
	/* What the kernel reaches needs no preload, but it has to start. */
	if (error == 0 && reached &&
	    !findings_have(findings, FINDING_PROGRAM, FINDING_FATAL)) {
		struct findings needless = *findings;

		*findings = kernel;
		kernel = needless;
	}
out:
	findings_free(&kernel);
	unit_variable_free(&service.preload);
	unit_variable_free(&service.config);
	unit_variable_free(&service.cache);
	return error;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), size = strlen(end);

	return length >= size && strcmp(text + length - size, end) == 0;
}

int
doctor_unit(const char *name, const char *config, const char *library,
    char id[NAME_MAX + 1], struct findings *findings)
{
	struct unit unit;
	int error = unit_read("", name, &unit);

	*findings = (struct findings){0};
	if (error < 0)
		return error;
	snprintf(id, NAME_MAX + 1, "%s", unit.id);
	if (unit.masked) {
		findings_add(findings, FINDING_UNIT, FINDING_FATAL,
		    "%s is masked: it can't be started", unit.name);
		findings_remedy(findings, "'systemctl unmask %s'", unit.name);
	} else if (ends_with(unit.id, ".socket")) {
		doctor_socket_unit(
		    &unit, config ? config : CONFIG_FILE, findings);
	} else if (ends_with(unit.id, ".service")) {
		error = examine_service(&unit, config, library, findings);
	} else {
		error = -EINVAL;
	}
	unit_free(&unit);
	if (error == 0)
		error = findings->error;
	if (error < 0)
		findings_free(findings);
	return error;
}
