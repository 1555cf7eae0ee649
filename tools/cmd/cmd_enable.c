/* SPDX-License-Identifier: ISC */
/*
 * kashim enable: writes one drop-in that preloads libkashim.so into a systemd
 * service. It looks at the unit's files only, and tells no manager: when a
 * service is restarted is for the administrator to decide.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd_unit.h"
#include "config/config.h"
#include "doctor/doctor_exec.h"
#include "doctor/doctor_library.h"
#include "doctor/doctor_sandbox.h"
#include "doctor/place.h"
#include "host/inside.h"
#include "host/preload.h"
#include "kernel/kernel.h"
#include "kernel/refused.h"
#include "term/text.h"
#include "unit/dropin.h"
#include "unit/exec_start.h"
#include "unit/unit.h"

#ifndef KASHIM_BINDIR
#define KASHIM_BINDIR "/usr/local/bin"
#endif
#ifndef KASHIM_LIBDIR
#define KASHIM_LIBDIR "/usr/local/lib"
#endif

static const char help[] =
    "Usage: kashim enable [-c FILE] [-S] [-k] [-n] [-H] [-r DIR] [UNIT]\n"
    "Preloads libkashim.so into the systemd service UNIT, by one drop-in:\n"
    "/etc/systemd/system/UNIT.d/" DROPIN_NAME "\n"
    "or, with --host, into every program, by /etc/ld.so.preload.\n"
    "\n"
    "  -c, --config=FILE   the service uses FILE instead of\n"
    "                      " CONFIG_FILE "; stays so when\n"
    "                      enable is run again\n"
    "  -S, --supervise     start it under 'kashim run --supervise', for "
    "programs\n"
    "                      that no preload reaches\n"
    "  -k, --kernel        the kernel sets the rules from each start on, for "
    "any\n"
    "                      program (man kashim-attach)\n"
    "  -H, --host          every program that starts, also a setuid one\n"
    "  -n, --dry-run       show what would be written, and write nothing\n"
    "  -r, --root=DIR      the system is an image below DIR\n"
    "  -h, --help          show this text\n"
    "\n"
    "UNIT is a name like backup-agent, backup-agent.service, "
    "gateway@a.service,\n"
    "or gateway@.service for all its instances. An LD_PRELOAD that the unit "
    "sets is\n"
    "kept, behind ours. No other file is touched, and no service restarted.\n"
    "\n"
    "The exit status is 0 if the service is enabled, also if it was before;\n"
    "1 if it can't be (masked, a socket, a setting that wins over ours, a "
    "file of\n"
    "that name that is not ours); 2 for wrong use, no such unit, or if the "
    "file\n"
    "can't be written.\n"
    "\n"
    "Examples:\n"
    "  kashim enable backup-agent\n"
    "  kashim enable -n -c /etc/kashim-gateway.conf gateway@.service\n"
    "  kashim enable --supervise database-agent\n"
    "  kashim enable --kernel agent-in-go\n"
    "  kashim enable -r /srv/image backup-agent\n";

struct enable {
	struct cmd_unit options;
	const char *config; /* as in struct dropin */
	struct unit unit;
	char library[PATH_MAX];
	char *path; /* of our drop-in */
	char *old;  /* what it holds, or NULL */
};

/* Is there such a file in the image? */
static bool
is_inside(const char *root, const char *path)
{
	int top = inside_root(root), fd;

	if (top < 0)
		return false;
	fd = inside_open(top, path, O_PATH);
	close(top);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int
find_library(struct enable *enable)
{
	char libc[PATH_MAX], lacking[NAME_MAX + 1];
	int lacks;

	if (*enable->options.root) {
		snprintf(enable->library, sizeof(enable->library), "%s",
		    KASHIM_LIBDIR "/" PRELOAD_LIBRARY);
		if (!is_inside(enable->options.root, enable->library))
			text_warnx(
			    "warning: %s is not in %s: install kashim there "
			    "too, or the service starts without it",
			    enable->library, enable->options.root);
	} else if (!cmd_library(enable->library)) {
		text_warnx("%s: %s", enable->library, strerror(errno));
		return CMD_WRONG;
	}
	if (strpbrk(enable->library, " :")) {
		text_warnx(
		    "%s: the loader cannot preload a file with a space or a "
		    "colon in its path",
		    enable->library);
		return CMD_WRONG;
	}
	lacks = doctor_lacks(
	    enable->options.root, NULL, enable->library, libc, lacking);
	if (lacks == -EBADMSG) {
		text_warnx("%s%s is cut short: the service would not start. "
			   "Install it again",
		    enable->options.root, enable->library);
		return CMD_NO;
	}
	if (lacks == 1) {
		text_warnx("%s%s has no %s, which %s asks for: the service "
			   "would not start. Build the library on that release "
			   "or an older one",
		    enable->options.root, libc, lacking, enable->library);
		return CMD_NO;
	}
	/* What the service starts may be of another word size. */
	if (doctor_both_sizes(enable->options.root, enable->library))
		strcpy(enable->library, DOCTOR_BOTH_SIZES);
	return CMD_DONE;
}

/* Of a file that is asked for, a mistake is one; of the default, a warning. */
static int
find_config(const char *file, const char *root, char path[PATH_MAX])
{
	struct image image;

	if (!*root) {
		int status = cmd_config_path(file ? file : CONFIG_FILE, path);

		if (status != CMD_DONE)
			return status;
		if (cmd_load(path, &image) != CMD_DONE) {
			if (file)
				return CMD_WRONG;
			text_warnx(
			    "warning: until this is mended, the service runs "
			    "without a policy");
		} else {
			free((void *)image.bytes);
		}
		return CMD_DONE;
	}
	if (file && *file != '/') {
		text_warnx(
		    "%s: with --root, the configuration needs its absolute "
		    "name in the image",
		    file);
		return CMD_WRONG;
	}
	if (snprintf(path, PATH_MAX, "%s", file ? file : CONFIG_FILE) >=
	    PATH_MAX) {
		text_warnx("the name of the configuration file is too long");
		return CMD_WRONG;
	}
	if (!is_inside(root, path))
		text_warnx("warning: %s is not in %s", path, root);
	return CMD_DONE;
}

/* Can this unit be enabled at all? */
static int
check_unit(const struct unit *unit)
{
	const char *type = strrchr(unit->id, '.') + 1;

	if (unit->masked) {
		text_warnx("%s is masked: %s is empty, or a link to /dev/null; "
			   "first run: systemctl unmask %s",
		    unit->id, unit->file, unit->id);
		return CMD_NO;
	}
	if (strcmp(type, "socket") == 0) {
		text_warnx(
		    "%s is a socket, which systemd itself opens: nothing can "
		    "be preloaded there, but it has KeepAlive= of its own; "
		    "for the lines to write see: kashim doctor %s",
		    unit->id, unit->id);
		return CMD_NO;
	}
	if (strcmp(type, "service") != 0) {
		text_warnx("%s runs no program: only a service can be enabled",
		    unit->id);
		return CMD_NO;
	}
	return CMD_DONE;
}

static bool
preloads_ours(const char *list, const char *library)
{
	char *others;
	bool ours;

	if (preload_others(list, library, &others, &ours) < 0)
		return false;
	free(others);
	return ours;
}

/*
 * Does our variable come out as it should? If not, says which setting of the
 * unit wins, and what to do.
 */
static int
check_variable(const struct enable *enable, const char *name,
    const struct unit_variable *variable, const char *value)
{
	const char *unit = enable->unit.id;

	if (variable->unread)
		text_warnx(
		    "warning: %s%s can't be read: if it sets %s, that wins "
		    "over ours",
		    enable->options.root, variable->unread, name);
	if (variable->value && strcmp(variable->value, value) == 0)
		return CMD_DONE;
	/* Somebody else preloads us too: their order is their own. */
	if (variable->value && strcmp(name, "LD_PRELOAD") == 0 &&
	    preloads_ours(variable->value, enable->library))
		return CMD_DONE;
	if (variable->unset)
		text_warnx(
		    "%s%s:%u: UnsetEnvironment= takes %s away from %s; remove "
		    "it there",
		    enable->options.root, variable->unset->file,
		    variable->unset->line, name, unit);
	else if (variable->from_file)
		text_warnx(
		    "%s%s, an EnvironmentFile= of %s, sets %s and wins over "
		    "any drop-in; write there: %s=%s",
		    enable->options.root, variable->file, unit, name, name,
		    value);
	else if (variable->file)
		text_warnx(
		    "%s%s:%u sets %s and wins over " DROPIN_NAME
		    ", because its name comes later; rename it, or write "
		    "there: Environment=%s=%s",
		    enable->options.root, variable->file, variable->line, name,
		    name, value);
	else
		text_warnx("a drop-in of %s whose name comes after " DROPIN_NAME
			   " has an empty Environment=, which takes %s away",
		    unit, name);
	return CMD_NO;
}

/* Looks at the unit as it would be with the new text. */
static int
check_text(struct enable *enable, const char *text, const char *preload)
{
	static const char *const names[] = {"LD_PRELOAD", "KASHIM_CONFIG"};
	const char *values[] = {preload, enable->config};
	int status = CMD_DONE;

	if (unit_replace(&enable->unit, enable->path, text) != 0)
		goto no_memory;
	for (size_t i = 0; i < 2 && status == CMD_DONE; i++) {
		struct unit_variable variable;

		if (!values[i])
			continue;
		if (unit_environment(&enable->unit, names[i], &variable) < 0)
			goto no_memory;
		status = check_variable(enable, names[i], &variable, values[i]);
		unit_variable_free(&variable);
	}
	return status;
no_memory:
	text_warnx("%s", strerror(ENOMEM));
	return CMD_WRONG;
}

static int
write_text(const struct enable *enable, const char *text)
{
	const char *unit = enable->unit.id;
	int result;

	if (enable->options.dry_run) {
		text_warnx(
		    "%s%s would hold:", enable->options.root, enable->path);
		fputs(text, stdout);
		return CMD_DONE;
	}
	if (enable->old && strcmp(enable->old, text) == 0) {
		printf("%s%s: is so already\n", enable->options.root,
		    enable->path);
		return CMD_DONE;
	}
	result = dropin_write(enable->options.root, unit, text);
	if (result == -EEXIST)
		return cmd_unit_not_ours(enable->options.root, enable->path);
	if (result != 0)
		return cmd_unit_failed(
		    enable->options.root, enable->path, "write", result);
	printf("%s%s: written\n", enable->options.root, enable->path);
	cmd_unit_next(enable->options.root, unit);
	if (!*enable->options.root)
		printf("Whether it can: kashim doctor %s\n", unit);
	return CMD_DONE;
}

/* kashim itself, as the service will find it. */
static int
find_command(const struct enable *enable, char path[PATH_MAX])
{
	ssize_t length;

	if (*enable->options.root) {
		snprintf(path, PATH_MAX, "%s", KASHIM_BINDIR "/kashim");
		if (!is_inside(enable->options.root, path))
			text_warnx("warning: %s is not in %s: install kashim "
				   "there too, or the service does not start",
			    path, enable->options.root);
		return CMD_DONE;
	}
	length = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (length < 0) {
		text_warnx("/proc/self/exe: %s", strerror(errno));
		return CMD_WRONG;
	}
	path[length] = '\0';
	return CMD_DONE;
}

/* Why can't a service attach itself at its start? NULL if it can. */
static const char *
obstacle(const struct unit *unit)
{
	static const char *const streams[] = {
	    "StandardInput", "StandardOutput", "StandardError"};

	/*
	 * systemd gives it to env(1), too, which is root's: LD_PRELOAD= there
	 * would run as root.
	 */
	if (unit_others_write(unit))
		return "others than root may write its EnvironmentFile=";
	/* "+" does not lift that: seen with systemd 252. */
	if (unit_last(unit, "Service", "RootDirectory") ||
	    unit_last(unit, "Service", "RootImage"))
		return "RootDirectory= and RootImage= hide kashim from it";
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		const struct unit_setting *setting =
		    unit_last(unit, "Service", streams[i]);

		if (setting && strcmp(setting->value, "socket") == 0)
			return "its connection was made by systemd, and a "
			       "message would be sent there";
	}
	return NULL;
}

/* Does the kernel of this system take the rules? They may yet be mended. */
static int
try_kernel(const char *config)
{
	char text[KERNEL_TEXT_MAX], message[CONFIG_MESSAGE_MAX];
	struct kernel_program *program = NULL;
	struct image image = {0};
	uint8_t *bytes = NULL;
	int status = CMD_DONE;

	if (config_load(config, NULL, NULL, &bytes, &image.size, message) < 0)
		return CMD_DONE;
	image.bytes = bytes;
	/* Only root can try. */
	if (refused(&image, text) ||
	    (geteuid() == 0 &&
		kernel_load(&image, 0, false, &program, text) < 0)) {
		text_warnx("%s", text);
		status = CMD_NO;
	}
	kernel_unload(program);
	free(bytes);
	return status;
}

/* The same with the kernel. */
static int
compose_attached(struct enable *enable)
{
	const struct unit *unit = &enable->unit;
	const char *why = obstacle(unit), *root = enable->options.root;
	char command[PATH_MAX], *text = NULL;
	struct dropin dropin = {
	    .id = unit->id, .config = enable->config, .attach = command};
	int status = CMD_NO, result;

	if (why)
		text_warnx("%s cannot be attached at its start: %s; 'kashim "
			   "attach --slice' reaches it",
		    unit->id, why);
	else
		status = find_command(enable, command);
	if (status == CMD_DONE && !*root)
		status =
		    try_kernel(enable->config ? enable->config : CONFIG_FILE);
	if (status != CMD_DONE)
		return status;
	result = dropin_text(&dropin, &text);
	if (result == 0)
		result = unit_replace(&enable->unit, enable->path, text);
	if (result < 0) {
		text_warnx("%s", result == -EINVAL
				     ? "a name with control characters cannot "
				       "stand in a unit"
				     : strerror(-result));
		status = CMD_WRONG;
	} else if (!dropin_attaches(unit)) {
		text_warnx("a drop-in of %s whose name comes after " DROPIN_NAME
			   " has an empty ExecCondition=, which takes it away",
		    unit->id);
		status = CMD_NO;
	} else {
		status = check_text(enable, text, NULL);
	}
	if (status == CMD_DONE)
		status = write_text(enable, text);
	free(text);
	return status;
}

/* Does a later drop-in start something else? */
static int
check_exec_start(const struct enable *enable)
{
	const struct unit_setting *setting = NULL;

	while ((setting = unit_next(
		    &enable->unit, "Service", "ExecStart", setting))) {
		if (strcmp(setting->file, enable->path) == 0)
			continue;
		text_warnx("%s%s:%u sets ExecStart= and wins over " DROPIN_NAME
			   ", because its name comes later; rename it",
		    enable->options.root, setting->file, setting->line);
		return CMD_NO;
	}
	return CMD_DONE;
}

/*
 * Without CAP_SYS_ADMIN supervision takes no_new_privs: as which user, so that
 * setuid programs lose what they get else; NULL if that changes nothing.
 */
static const char *
loses_rights(const struct unit *unit)
{
	const struct unit_setting *user = unit_last(unit, "Service", "User");

	if (!user || !*user->value || strcmp(user->value, "root") == 0 ||
	    strcmp(user->value, "0") == 0 ||
	    unit_last(unit, "Service", "NoNewPrivileges"))
		return NULL;
	return user->value;
}

static void
warn_of_rights(const struct unit *unit)
{
	const char *user = loses_rights(unit);

	if (user)
		text_warnx(
		    "warning: %s runs as %s: under supervision sudo and other "
		    "setuid programs that it starts get no rights "
		    "(no_new_privs), and fail; kashim-run(1) says more",
		    unit->id, user);
}

/* Is it setuid, for somebody else than the user? */
static bool
is_setuid(const char *root, const char *program, const char *user)
{
	const struct place place = {.root = root, .path = DOCTOR_EXEC_PATH};
	const struct passwd *password = getpwnam(user);
	char path[PATH_MAX];
	struct stat st;

	return place_look_up(&place, program, path) == 0 &&
	       place_stat(&place, path, &st) == 0 &&
	       (st.st_mode & S_ISUID) != 0 &&
	       !(password && password->pw_uid == st.st_uid);
}

struct supervision {
	const struct enable *enable;
	const char *command;
};

/* Would a program start as before? '+' and '!' in front of it keep rights. */
static int
check_program(
    const char *program, const char *rest, const char *prefixes, void *data)
{
	const struct supervision *supervision = data;
	const char *command = supervision->command;
	const struct unit *unit = &supervision->enable->unit;
	const char *user = loses_rights(unit);
	const char *by = doctor_hidden_by(unit, command);

	(void)rest;
	if (strchr(prefixes, '+'))
		return CMD_DONE;
	if (by || (by = doctor_no_exec_by(unit, command))) {
		text_warnx("%s of %s keeps the service from %s, and it would "
			   "not start; install kashim where it can execute it",
		    by, unit->id, command);
		return CMD_NO;
	}
	if (user && !strchr(prefixes, '!') &&
	    !unit_last(unit, "Service", "AmbientCapabilities") &&
	    is_setuid(supervision->enable->options.root, program, user)) {
		text_warnx("%s cannot be supervised: it starts %s as %s, which "
			   "is setuid and gets no rights under supervision "
			   "(no_new_privs); 'kashim run' helps behind it, in "
			   "front of what it starts",
		    unit->id, program, user);
		return CMD_NO;
	}
	return CMD_DONE;
}

/* What has another user than the supervisor takes CAP_SYS_PTRACE. */
static void
warn_of_users(const struct unit *unit)
{
	if (!unit_keeps_capability(unit, "CAP_SYS_PTRACE"))
		text_warnx(
		    "warning: CapabilityBoundingSet= of %s has no "
		    "CAP_SYS_PTRACE: programs that take another user, as "
		    "behind su, get no timers",
		    unit->id);
}

/* The same with supervision. */
static int
compose_supervised(struct enable *enable)
{
	struct dropin dropin = {
	    .id = enable->unit.id, .config = enable->config};
	const struct unit_setting *where;
	char command[PATH_MAX], *lines = NULL, *text = NULL;
	struct supervision supervision = {enable, command};
	const char *why;
	int status = find_command(enable, command), result;

	if (status != CMD_DONE)
		return status;
	result = doctor_exec(&enable->unit, check_program, &supervision);
	if (result > 0)
		return result;
	result =
	    exec_start_supervised(&enable->unit, command, &lines, &where, &why);
	if (result == -ENOTSUP && where)
		text_warnx("%s%s:%u: it cannot be supervised: %s",
		    enable->options.root, where->file, where->line, why);
	else if (result == -ENOTSUP)
		text_warnx("%s cannot be supervised: %s", enable->unit.id, why);
	dropin.lines = lines;
	if (result == 0)
		result = dropin_text(&dropin, &text);
	if (result == 0)
		status = check_text(enable, text, NULL);
	else
		status = result == -ENOTSUP ? CMD_NO : CMD_WRONG;
	if (status == CMD_DONE)
		status = check_exec_start(enable);
	if (status == CMD_DONE)
		warn_of_rights(&enable->unit);
	if (status == CMD_DONE)
		warn_of_users(&enable->unit);
	if (status == CMD_DONE)
		status = write_text(enable, text);
	if (result < 0 && result != -ENOTSUP)
		text_warnx("%s", result == -EINVAL
				     ? "a name or command line with control "
				       "characters cannot stand in a unit"
				     : strerror(-result));
	free(lines);
	free(text);
	return status;
}

/* Works out what is to stand in the drop-in, and goes on with that. */
static int
compose(struct enable *enable)
{
	struct dropin dropin = {.id = enable->unit.id,
	    .library = enable->library,
	    .config = enable->config};
	struct unit_variable before;
	char *others = NULL, *file = NULL, *preload = NULL, *text = NULL;
	bool ours = false;
	int result = unit_environment(&enable->unit, "LD_PRELOAD", &before);
	int status = CMD_WRONG;

	if (result < 0)
		goto out;
	/* What an EnvironmentFile= has wins, so a copy would be no use. */
	if (before.value) {
		result = preload_others(
		    before.written, enable->library, &others, &ours);
		if (result < 0)
			goto out;
	}
	if (others && !before.from_file) {
		dropin.others = others;
		result = asprintf(&file, "%s:%u", before.file, before.line) < 0
		             ? -ENOMEM
		             : 0;
		dropin.others_file = file;
		if (result < 0)
			goto out;
	}
	result = dropin_text(&dropin, &text);
	if (result == -EINVAL) {
		text_warnx(
		    "a name with control characters cannot stand in a unit");
		goto out;
	}
	if (result < 0)
		goto out;
	/* In an EnvironmentFile= there are no specifiers. */
	if (others && !before.from_file) {
		char *expanded = unit_expand(&enable->unit, others);

		free(others);
		others = expanded;
		result = others ? 0 : -ENOMEM;
		if (result < 0)
			goto out;
	}
	preload = preload_join(enable->library, others);
	result = preload ? 0 : -ENOMEM;
	if (result < 0)
		goto out;
	status = check_text(enable, text, preload);
	if (status != CMD_DONE)
		goto out;
	if (file)
		text_warnx("LD_PRELOAD of %s%s is copied: when it changes, run "
			   "this again",
		    enable->options.root, file);
	status = write_text(enable, text);
out:
	if (result == -ENOMEM)
		text_warnx("%s", strerror(ENOMEM));
	unit_variable_free(&before);
	free(others);
	free(file);
	free(preload);
	free(text);
	return status;
}

static int
enable_unit(struct enable *enable)
{
	const char *file = enable->options.config;
	char path[PATH_MAX], *kept = NULL;
	int status = check_unit(&enable->unit), result;

	if (status != CMD_DONE)
		return status;
	enable->path = dropin_path(enable->unit.id);
	if (!enable->path) {
		text_warnx("%s", strerror(ENOMEM));
		return CMD_WRONG;
	}
	result =
	    dropin_read(enable->options.root, enable->unit.id, &enable->old);
	if (result == -EEXIST)
		return cmd_unit_not_ours(enable->options.root, enable->path);
	if (result != 0 && result != -ENOENT) {
		text_warnx("%s%s: %s", enable->options.root, enable->path,
		    strerror(-result));
		return CMD_WRONG;
	}
	/* What was asked for earlier stays. */
	if (!file && enable->old && dropin_config(enable->old, &kept) > 0)
		file = kept;
	status = enable->options.supervise || enable->options.kernel
	             ? CMD_DONE
	             : find_library(enable);
	if (status == CMD_DONE)
		status = find_config(file, enable->options.root, path);
	if (status == CMD_DONE) {
		enable->config = file ? path : NULL;
		if (unit_replace(&enable->unit, enable->path, NULL) == 0)
			status = enable->options.supervise
			             ? compose_supervised(enable)
			         : enable->options.kernel
			             ? compose_attached(enable)
			             : compose(enable);
	}
	free(kept);
	return status;
}

int
cmd_enable(int argc, char *argv[])
{
	struct enable enable = {0};
	struct cmd_unit *options = &enable.options;
	int status = cmd_unit_options(argc, argv, help, true, options);

	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	if (options->host) {
		status = find_library(&enable);
		return status == CMD_DONE
		           ? cmd_host_enable(options, enable.library)
		           : status;
	}
	status = cmd_unit_read(options->root, options->name, &enable.unit);
	if (status == CMD_DONE)
		status = enable_unit(&enable);
	unit_free(&enable.unit);
	free(enable.path);
	free(enable.old);
	return status;
}
