/* SPDX-License-Identifier: ISC */
/*
 * kashim doctor: will the preload take effect in a program, a process or a
 * systemd unit; if not, why not, and what to do. It changes nothing.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "doctor/doctor.h"
#include "doctor/doctor_kernel.h"
#include "doctor/doctor_process.h"
#include "doctor/doctor_processes.h"
#include "doctor/doctor_unit.h"
#include "term/terminal.h"
#include "term/text.h"
#include "term/wrap.h"

static const char help[] =
    "Usage: kashim doctor [-c FILE] PROGRAM | PID | UNIT\n"
    "Says whether libkashim.so takes effect there; if not, why not, and what "
    "to do.\n"
    "A number is a process; a name with a slash a program; a name that ends "
    "in\n"
    ".service or .socket a systemd unit. Any other name is a program in PATH, "
    "or\n"
    "else the service of that name.\n"
    "\n"
    "  -c, --config=FILE   use FILE instead of KASHIM_CONFIG or\n"
    "                      " CONFIG_FILE "; of a unit, instead of its own\n"
    "  -h, --help          show this text\n"
    "\n"
    "Exit status: 0 if the preload takes effect, or the kernel looks after it, "
    "1 if\n"
    "not, or only in part, 2 for wrong use, or if there is no such program, "
    "process\n"
    "or unit.\n"
    "\n"
    "Examples:\n"
    "  kashim doctor /opt/agent/bin/agentd\n"
    "  kashim doctor 4711\n"
    "  kashim doctor backup-agent.service\n";

struct mark {
	const char *text;
	enum terminal_colour colour;
};

static const struct mark marks[] = {
    [FINDING_FINE] = {"ok", TERMINAL_GOOD},
    [FINDING_NOTE] = {"note", TERMINAL_FAINT},
    [FINDING_WARN] = {"warn", TERMINAL_WARN},
    [FINDING_NO_RULES] = {"to do", TERMINAL_WARN},
    [FINDING_UNKNOWN] = {"?", TERMINAL_WARN},
    [FINDING_FATAL] = {"no", TERMINAL_BAD},
};

enum kind {
	KIND_PROGRAM, /* one that is not running */
	KIND_PROCESS,
	KIND_SOCKET, /* a .socket unit */
	KIND_KERNEL, /* what the kernel reaches, and the library does not */
	KINDS,
};

static const char *const answers[][KINDS] = {
    [FINDING_FINE] = {"the preload takes effect", "the preload is in effect",
	"systemd gives its sockets what the rules say",
	"the kernel looks after its connections"},
    [FINDING_NOTE] = {"the preload takes effect", "the preload is in effect",
	"systemd gives its sockets what the rules say",
	"the kernel looks after its connections"},
    [FINDING_WARN] = {"the preload takes effect, but not in all",
	"the preload is in effect, but not in all",
	"no rule decides for all of its sockets",
	"the kernel looks after its connections, but not all is well"},
    [FINDING_NO_RULES] =
	{"the preload works, but there is no configuration yet",
	    "the preload works, but there is no configuration yet",
	    "there is no configuration yet",
	    "the kernel looks after its connections, but has no rules"},
    [FINDING_UNKNOWN] = {"it cannot be told whether the preload takes effect",
	"it cannot be told whether the preload is in effect",
	"it cannot be told what its sockets need",
	"it cannot be told whether the kernel looks after all of it"},
    [FINDING_FATAL] = {"the preload will NOT take effect",
	"the preload is NOT in effect",
	"systemd does NOT give its sockets what the rules say",
	"the kernel does NOT look after its connections"},
};

/* A process, or a unit: who sees to its rules? */
static enum kind
kind_of(const struct findings *findings, enum kind kind)
{
	return (findings_have(findings, FINDING_KERNEL, FINDING_FINE) ||
		   findings_have(findings, FINDING_KERNEL, FINDING_FATAL)) &&
	               !findings_have(findings, FINDING_LOADED, FINDING_FINE)
	           ? KIND_KERNEL
	           : kind;
}

#define MARK_COLUMNS 6
#define TITLE_MAX    (PATH_MAX + 64)

static void
print_finding(const struct finding *finding, unsigned int columns)
{
	const struct mark *mark = &marks[finding->severity];

	printf("\n%s%-*s%s", terminal_colour(stdout, mark->colour),
	    MARK_COLUMNS, mark->text, terminal_colour(stdout, TERMINAL_PLAIN));
	wrap_print(stdout, finding->what, MARK_COLUMNS, MARK_COLUMNS, columns);
	if (!finding->remedy)
		return;
	printf("%*s", MARK_COLUMNS + 2, "");
	wrap_print(stdout, finding->remedy, MARK_COLUMNS + 2, MARK_COLUMNS + 2,
	    columns);
}

/* The first line of what is said of name. Returns the exit status. */
static int
print_answer(const char *name, enum finding_severity severity, enum kind kind)
{
	char shown[TITLE_MAX];

	text_fit(name, sizeof(shown), shown, sizeof(shown));
	printf("%s: %s%s%s\n", shown,
	    terminal_colour(stdout, marks[severity].colour),
	    answers[severity][kind], terminal_colour(stdout, TERMINAL_PLAIN));
	return severity <= FINDING_NOTE ? CMD_DONE : CMD_NO;
}

/* What weighs most comes first. */
static void
print_findings(const struct findings *findings)
{
	unsigned int columns = terminal_columns(stdout);

	for (int severity = FINDING_FATAL; severity >= FINDING_FINE; severity--)
		for (size_t i = 0; i < findings->count; i++)
			if ((int)findings->list[i].severity == severity)
				print_finding(&findings->list[i], columns);
}

/* Gives findings back. Returns the exit status. */
static int
print(const char *name, enum kind kind, struct findings *findings)
{
	int status =
	    print_answer(name, findings->worst, kind_of(findings, kind));

	print_findings(findings);
	findings_free(findings);
	return status;
}

static int
fail(const char *what, const char *name, int error)
{
	text_warnx("%s%s: %s", what, name, strerror(-error));
	return CMD_WRONG;
}

static int
examine_process(pid_t pid, const char *library)
{
	char name[NAME_MAX + 1], title[NAME_MAX + 64];
	struct findings findings;
	int error = doctor_process(pid, library, name, &findings);

	snprintf(title, sizeof(title), "process %d", (int)pid);
	if (error < 0)
		return fail("", title, error);
	snprintf(title, sizeof(title), "process %d (%s)", (int)pid, name);
	return print(title, KIND_PROCESS, &findings);
}

static void
print_processes(const struct doctor_said *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct doctor_said *said = &list[i];
		char title[NAME_MAX + 96], more[32] = "";

		if (said->more > 0)
			snprintf(
			    more, sizeof(more), " and %zu more", said->more);
		snprintf(title, sizeof(title), "process %d (%s)%s",
		    (int)said->pid, said->name, more);
		putchar('\n');
		(void)print_answer(title, said->findings.worst,
		    kind_of(&said->findings, KIND_PROCESS));
		print_findings(&said->findings);
	}
}

/*
 * A service that runs is many questions: its files, and each of its processes.
 * The first line has the worst of them.
 */
static int
examine_unit(const char *name, const char *config, const char *library)
{
	char id[NAME_MAX + 1], title[2 * NAME_MAX + 64];
	struct findings findings;
	struct doctor_said *list = NULL;
	const char *suffix;
	size_t count = 0;
	enum kind kind;
	int status;
	int error = doctor_unit(name, config, library, id, &findings);

	if (error < 0)
		return error;
	suffix = strrchr(id, '.');
	kind = suffix && strcmp(suffix, ".socket") == 0 ? KIND_SOCKET
	                                                : KIND_PROGRAM;
	if (kind == KIND_PROGRAM)
		error = doctor_processes(id, library, &list, &count);
	if (error < 0) {
		findings_free(&findings);
		return error;
	}
	if (count > 0 && list[0].findings.worst > findings.worst) {
		snprintf(title, sizeof(title), "%s: process %d (%s)", id,
		    (int)list[0].pid, list[0].name);
		status = print_answer(title, list[0].findings.worst,
		    kind_of(&list[0].findings, KIND_PROCESS));
	} else {
		status =
		    print_answer(id, findings.worst, kind_of(&findings, kind));
	}
	print_findings(&findings);
	if (count > 0)
		puts("\nIt runs:");
	print_processes(list, count);
	findings_free(&findings);
	doctor_processes_free(list, count);
	return status;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), size = strlen(end);

	return length > size && strcmp(text + length - size, end) == 0;
}

/* What the kernel reaches needs no preload, but it has to be a program. */
static void
look_at_kernel(struct findings *findings)
{
	struct findings kernel = {0};

	if (findings->worst <= FINDING_NOTE ||
	    findings_have(findings, FINDING_PROGRAM, FINDING_FATAL) ||
	    !doctor_kernel_here(&kernel))
		return;
	findings_free(findings);
	*findings = kernel;
}

/* file is what was given, config what a program of ours would then read. */
static int
examine(const char *name, const char *file, const char *config)
{
	const char *const argv[] = {name, NULL};
	char library[PATH_MAX];
	struct findings findings;
	int error, result;
	long number;

	(void)cmd_library(library);
	if (*name && name[strspn(name, "0123456789")] == '\0') {
		errno = 0;
		number = strtol(name, NULL, 10);
		if (errno != 0 || number <= 0 || number > INT_MAX)
			return fail("process ", name, -ESRCH);
		return examine_process((pid_t)number, library);
	}
	if (!strchr(name, '/') &&
	    (ends_with(name, ".service") || ends_with(name, ".socket"))) {
		result = examine_unit(name, file ? config : NULL, library);
		return result < 0 ? fail("", name, result) : result;
	}
	error = doctor_program(argv, config, library, &findings);
	if (error == -ENOENT && !strchr(name, '/')) {
		result = examine_unit(name, file ? config : NULL, library);
		if (result >= 0)
			return result;
		if (*name && (result == -ENOENT || result == -EINVAL)) {
			text_warnx("%s: there is no such program in PATH, and "
				   "no such unit",
			    name);
			return CMD_WRONG;
		}
	}
	if (error == 0)
		look_at_kernel(&findings);
	return error < 0 ? fail("", name, error)
	                 : print(name, KIND_PROGRAM, &findings);
}

int
cmd_doctor(int argc, char *argv[])
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *file = NULL;
	char path[PATH_MAX];
	int opt, status;

	/* For what can be printed on a terminal, and nothing else. */
	setlocale(LC_CTYPE, "");
	while ((opt = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			file = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_DONE;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (argc - optind != 1) {
		text_warnx("doctor takes one program, process or unit");
		return cmd_wrong_use(argv[0]);
	}
	status = cmd_config_path(file, path);
	if (status != CMD_DONE)
		return status;
	return examine(argv[optind], file, path);
}
