/* SPDX-License-Identifier: ISC */
/*
 * kashim attach: has the kernel set the rules on the connections of a control
 * group, by a program of its own. kashim detach: takes that away.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "cmd/cmd_apply.h"
#include "cmd/cmd_group.h"
#include "config/config.h"
#include "kernel/kernel.h"
#include "kernel/reach.h"
#include "kernel/refused.h"
#include "term/text.h"

static const char help[] =
    "Usage: kashim attach [OPTION...]\n"
    "Has the kernel set the rules on each TCP connection of a control group, "
    "whatever\n"
    "program makes it: static, in Go, setuid, in a container. It stays so when "
    "kashim\n"
    "ends, until 'kashim detach', or until the machine stops. What is "
    "attached\n"
    "already gets the new rules, and 'kashim reload' does so everywhere. "
    "Connections\n"
    "that are open get the rules as 'kashim apply' sets them; each change is "
    "printed.\n"
    "\n"
    "  -a, --all              the whole host\n"
    "  -s, --slice=SLICE      what systemd starts in this slice, and those "
    "below\n"
    "  -u, --unit=UNIT        this unit, until it stops\n"
    "  -g, --cgroup=DIR       this control group of version 2, and those "
    "below\n"
    "  -b, --boot             also each time that the machine starts: --all "
    "or SLICE,\n"
    "                         by " CONFIG_FILE "\n"
    "  -c, --config=FILE      use FILE instead of KASHIM_CONFIG or\n"
    "                         " CONFIG_FILE "\n"
    "  -n, --dry-run          load it into the kernel, and attach nothing\n"
    "  -l, --list             change nothing, print what is attached (to the "
    "one\n"
    "                         that is named)\n"
    "  -h, --help             show this text\n"
    "\n"
    "Exit status: 0 if it was attached; 1 if it was, and not all that is open "
    "could be\n"
    "set; or if, with --list, nothing is, or something is gone; 2 for wrong "
    "use, for\n"
    "rules that the kernel can't do, or if it does not take them.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim attach --all --boot\n"
    "  sudo kashim attach --slice system.slice\n"
    "  sudo kashim attach --list\n";

static const char detach_help[] =
    "Usage: kashim detach [OPTION...]\n"
    "Takes away what 'kashim attach' has attached: from all control groups. "
    "What\n"
    "connections that are open have, they keep.\n"
    "\n"
    "  -a, --all              from the root of all only\n"
    "  -s, --slice=SLICE      from this slice only\n"
    "  -u, --unit=UNIT        from this unit only\n"
    "  -g, --cgroup=DIR       from this control group only\n"
    "  -h, --help             show this text\n"
    "\n"
    "Exit status: 0 if it was taken away; 1 if there was nothing; 2 for wrong "
    "use, or if\n"
    "it could not be.\n"
    "\n"
    "Examples:\n"
    "  sudo kashim detach\n"
    "  sudo kashim detach --slice system.slice\n";

struct request {
	struct cmd_group group;
	char path[PATH_MAX]; /* of it; "": none is named */
	char unit[UNIT_NAME_SIZE];
	const char *config;
	bool boot;
	bool dry_run;
	bool list;
};

#define GROUP_LETTERS "g:s:u:a"
#define GROUP_OPTIONS                                \
	{"cgroup", required_argument, NULL, 'g'},    \
	    {"slice", required_argument, NULL, 's'}, \
	    {"unit", required_argument, NULL, 'u'},  \
	{                                            \
		"all", no_argument, NULL, 'a'        \
	}

/* As cmd_file_argument(): CMD_NO after --help. */
static int
parse(int argc, char *argv[], const char *letters, const struct option *options,
    const char *text, struct request *request)
{
	int opt;

	while ((opt = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		switch (opt) {
		case 'g':
			request->group.cgroup = optarg;
			break;
		case 's':
			request->group.slice = optarg;
			break;
		case 'u':
			request->group.unit = optarg;
			break;
		case 'a':
			request->group.all = true;
			break;
		case 'b':
			request->boot = true;
			break;
		case 'c':
			request->config = optarg;
			break;
		case 'n':
			request->dry_run = true;
			break;
		case 'l':
			request->list = true;
			break;
		case 'h':
			fputs(text, stdout);
			return CMD_NO;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (optind < argc) {
		text_warnx("%s takes options only, not '%s'",
		    argv[0] + strlen("kashim "), argv[optind]);
		return cmd_wrong_use(argv[0]);
	}
	return CMD_DONE;
}

static int
find_group(const char *command, struct request *request)
{
	return cmd_group_find(
	    &request->group, command, request->path, request->unit);
}

/*
 * If cgroup is not "", only what is attached to that control group. Whatever it
 * returns, the list is what could be listed.
 */
static int
read_list(const char *cgroup, struct kernel_attached **list, size_t *count)
{
	char text[KERNEL_TEXT_MAX];
	struct stat st = {0};
	size_t kept = 0;
	int status = CMD_DONE;

	*list = NULL;
	*count = 0;
	if (*cgroup && stat(cgroup, &st) < 0) {
		text_warnx("%s: %s", cgroup, strerror(errno));
		return CMD_WRONG;
	}
	if (kernel_list(list, count, text) < 0) {
		text_warnx("%s", text);
		status = CMD_WRONG;
	}
	for (size_t i = 0; i < *count; i++) {
		if (!*cgroup || (*list)[i].cgroup == st.st_ino)
			(*list)[kept++] = (*list)[i];
	}
	*count = kept;
	return status;
}

static int
nothing(const char *cgroup)
{
	text_warnx("nothing is attached%s%s", *cgroup ? " to " : "", cgroup);
	return CMD_NO;
}

static int
print_list(const char *cgroup)
{
	struct kernel_attached *list;
	bool gone = false;
	size_t count;
	int status = read_list(cgroup, &list, &count);

	if (status != CMD_DONE) {
		free(list);
		return status;
	}
	for (size_t i = 0; i < count; i++) {
		char name[PATH_MAX];

		kernel_name(&list[i], name);
		text_puts("%s: %u rule%s of %s%s", name, list[i].rules,
		    list[i].rules == 1 ? "" : "s", list[i].config,
		    list[i].incomplete && !list[i].gone
			? ", not held against what programs set: attach again"
			: "");
		gone |= list[i].gone || list[i].incomplete;
	}
	free(list);
	if (count == 0)
		return nothing(cgroup);
	return gone ? CMD_NO : CMD_DONE;
}

/* Is nobody there but this process, as where a service attaches itself? */
static bool
is_alone(const char *path)
{
	char name[PATH_MAX], line[32];
	unsigned long first = 0, count = 0;
	FILE *file;

	if (snprintf(name, sizeof(name), "%s/cgroup.procs", path) >=
	    (int)sizeof(name))
		return false;
	file = fopen(name, "re");
	while (file && fgets(line, sizeof(line), file))
		if (count++ == 0)
			first = strtoul(line, NULL, 10);
	if (file)
		fclose(file);
	return count == 1 && first == (unsigned long)getpid();
}

/*
 * The connections and listeners that the control group has already: the kernel
 * sets the rules on what comes.
 */
static int
apply_to_open(
    const char *path, struct tell *tell, const struct request *request)
{
	const bool remembers = kernel_remembers(tell->program) != 0;
	struct live_choice choice = {0};
	uint64_t *cgroups;
	int status, error = reach_below(path, &cgroups, &choice.cgroup_count);

	if (error < 0) {
		text_warnx(
		    "%s: connections that are open were not looked for: %s",
		    path, strerror(-error));
		return CMD_NO;
	}
	/* At each start of a service, not all of the host is looked at. */
	if (choice.cgroup_count == 1 && is_alone(path)) {
		free(cgroups);
		return CMD_DONE;
	}
	choice.cgroups = cgroups;
	status = cmd_apply_to(&choice, tell->image, request->dry_run, true,
	    remembers && !request->dry_run ? tell : NULL);
	free(cgroups);
	/* Others were not permitted, and are told of by that already. */
	if (cmd_say_untold(path, tell->failed, strerror(-tell->error)) !=
	    CMD_DONE)
		status = CMD_NO;
	return request->dry_run ? CMD_DONE : status;
}

static int
attach(const struct request *request, const struct image *image,
    const char *config)
{
	struct kernel_program *program;
	char text[KERNEL_TEXT_MAX];
	bool updated = false, locked;
	uint32_t rules = image_rule_count(image);
	struct stat st = {0};
	sigset_t signals;
	int error, status;

	if (refused(image, text)) {
		text_warnx("%s", text);
		return CMD_WRONG;
	}
	error = kernel_lock(!request->dry_run, text);
	if (error == -EWOULDBLOCK) {
		text_warnx("%s", text);
		return CMD_WRONG;
	}
	/* What else stands in the way, kernel_attach() says. */
	locked = error == 0;
	/* What is wrong with it, kernel_attach() says. */
	(void)stat(request->path, &st);
	error = kernel_load(image, st.st_ino, false, &program, text);
	cmd_hold_signals(&signals);
	if (error == 0 && !request->dry_run)
		error = kernel_attach(
		    program, request->path, *request->unit, &updated, text);
	cmd_release_signals(&signals);
	if (locked)
		kernel_unlock();
	if (error < 0) {
		kernel_unload(program);
		text_warnx("%s", text);
		return CMD_WRONG;
	}
	text_puts("%s: %s %u rule%s of %s", request->path,
	    request->dry_run ? "the kernel would get"
	    : updated        ? "the kernel has now"
			     : "the kernel has",
	    rules, rules == 1 ? "" : "s", config);
	if (*request->unit && !request->dry_run)
		text_puts("It goes when %s stops: 'kashim enable --kernel' "
			  "attaches it at each start.",
		    request->unit);
	status = apply_to_open(request->path,
	    &(struct tell){
		.program = program, .image = image, .first = !updated},
	    request);
	kernel_unload(program);
	/* It is attached all the same. */
	return status == CMD_DONE ? CMD_DONE : CMD_NO;
}

int
cmd_attach(int argc, char *argv[])
{
	static const struct option options[] = {
	    GROUP_OPTIONS,
	    {"boot", no_argument, NULL, 'b'},
	    {"config", required_argument, NULL, 'c'},
	    {"dry-run", no_argument, NULL, 'n'},
	    {"list", no_argument, NULL, 'l'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct request request = {0};
	struct image image;
	char config[PATH_MAX], name[UNIT_NAME_SIZE];
	const char *slice;
	int status =
	    parse(argc, argv, GROUP_LETTERS "bc:nlh", options, help, &request);

	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	request.group.wanted = !request.list;
	status = find_group(argv[0], &request);
	if (status != CMD_DONE)
		return status;
	if (request.list)
		return print_list(request.path);
	slice = cmd_group_slice(&request.group, name);
	if (!*request.path) {
		text_warnx("to what? --all, --slice, --unit or --cgroup");
		return cmd_wrong_use(argv[0]);
	}
	if (request.boot && !slice) {
		text_warnx("--boot takes --all or --slice");
		return cmd_wrong_use(argv[0]);
	}
	if (request.boot && request.config) {
		text_warnx("--boot goes by " CONFIG_FILE ", without --config");
		return cmd_wrong_use(argv[0]);
	}
	status = cmd_config_path(
	    request.boot ? CONFIG_FILE : request.config, config);
	if (status == CMD_DONE)
		status = cmd_load_at_rest(config, &image);
	if (status != CMD_DONE)
		return status;
	status = attach(&request, &image, config);
	free((void *)image.bytes);
	if (status != CMD_WRONG && request.boot && !request.dry_run)
		status = cmd_group_enable(slice);
	return status;
}

int
cmd_detach(int argc, char *argv[])
{
	static const struct option options[] = {
	    GROUP_OPTIONS,
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	struct request request = {0};
	struct kernel_attached *list;
	size_t count;
	int status = parse(
	    argc, argv, GROUP_LETTERS "h", options, detach_help, &request);

	if (status != CMD_DONE)
		return status == CMD_NO ? CMD_DONE : status;
	status = find_group(argv[0], &request);
	if (status == CMD_NO)
		kernel_sweep();
	if (status != CMD_DONE)
		return status;
	/* Also what can't be read is taken away. */
	status = read_list(request.path, &list, &count);
	for (size_t i = 0; i < count; i++) {
		char name[PATH_MAX];
		int error;

		kernel_name(&list[i], name);
		error = kernel_detach(list[i].cgroup);
		if (error < 0) {
			text_warnx("%s: %s", name, strerror(-error));
			status = CMD_WRONG;
			continue;
		}
		text_puts("%s: detached", name);
		cmd_group_say_start(list[i].path);
	}
	free(list);
	kernel_sweep();
	cmd_group_say_enabled(request.path);
	return count == 0 && status == CMD_DONE ? nothing(request.path)
	                                        : status;
}
