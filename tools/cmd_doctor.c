/* SPDX-License-Identifier: ISC */
/*
 * kashim doctor: will the preload take effect in a program, a process or a
 * systemd unit; if not, why not, and what to do. It changes nothing.
 */
#include "cmd.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "doctor.h"
#include "terminal.h"
#include "wrap.h"

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
    "                      " CONFIG_FILE "\n"
    "  -h, --help          show this text\n"
    "\n"
    "Exit status: 0 if the preload takes effect, 1 if not, or only in part, 2 "
    "for\n"
    "wrong use, or if there is no such program, process or unit.\n"
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
    [DOCTOR_FINE] = {"ok", TERMINAL_GOOD},
    [DOCTOR_NOTE] = {"note", TERMINAL_FAINT},
    [DOCTOR_WARN] = {"warn", TERMINAL_WARN},
    [DOCTOR_UNKNOWN] = {"?", TERMINAL_WARN},
    [DOCTOR_FATAL] = {"no", TERMINAL_BAD},
};

/* Of a program that is not running, and of one that is. */
static const char *const answers[][2] = {
    [DOCTOR_FINE] = {"the preload takes effect", "the preload is in effect"},
    [DOCTOR_NOTE] = {"the preload takes effect", "the preload is in effect"},
    [DOCTOR_WARN] = {"the preload takes effect, but not in all",
	"the preload is in effect, but not in all"},
    [DOCTOR_UNKNOWN] = {"it cannot be told whether the preload takes effect",
	"it cannot be told whether the preload is in effect"},
    [DOCTOR_FATAL] = {"the preload will NOT take effect",
	"the preload is NOT in effect"},
};

#define MARK_COLUMNS 6

static void
print_finding(const struct doctor_finding *finding, unsigned int columns)
{
	const struct mark *mark = &marks[finding->weight];

	printf("\n%s%-*s%s", terminal_colour(stdout, mark->colour),
	    MARK_COLUMNS, mark->text, terminal_colour(stdout, TERMINAL_PLAIN));
	wrap_print(stdout, finding->what, MARK_COLUMNS, MARK_COLUMNS, columns);
	if (!finding->remedy)
		return;
	printf("%*s", MARK_COLUMNS + 2, "");
	wrap_print(stdout, finding->remedy, MARK_COLUMNS + 2, MARK_COLUMNS + 2,
	    columns);
}

/* What weighs most comes first. */
static int
print(const char *name, bool running, struct doctor *doctor)
{
	unsigned int columns = terminal_columns(stdout);
	int status = doctor->worst <= DOCTOR_NOTE ? CMD_DONE : CMD_NO;

	printf("%s: %s%s%s\n", name,
	    terminal_colour(stdout, marks[doctor->worst].colour),
	    answers[doctor->worst][running],
	    terminal_colour(stdout, TERMINAL_PLAIN));
	for (int weight = DOCTOR_FATAL; weight >= DOCTOR_FINE; weight--)
		for (size_t i = 0; i < doctor->count; i++)
			if ((int)doctor->findings[i].weight == weight)
				print_finding(&doctor->findings[i], columns);
	doctor_free(doctor);
	return status;
}

static int
examine_process(const char *text, const char *library)
{
	char name[NAME_MAX + 1], title[NAME_MAX + 32];
	struct doctor doctor;
	unsigned long pid;
	int error;

	errno = 0;
	pid = strtoul(text, NULL, 10);
	error = errno != 0 || pid == 0 || pid > INT_MAX
	            ? -ESRCH
	            : doctor_process((pid_t)pid, library, name, &doctor);
	if (error < 0) {
		warnx("process %s: %s", text, strerror(-error));
		return CMD_WRONG;
	}
	snprintf(title, sizeof(title), "process %lu (%s)", pid, name);
	return print(title, true, &doctor);
}

static int
examine(const char *name, const char *config)
{
	char library[PATH_MAX];
	struct doctor doctor;
	int error;

	(void)cmd_library(library);
	if (*name && name[strspn(name, "0123456789")] == '\0')
		return examine_process(name, library);
	error = doctor_program(name, config, library, &doctor);
	if (error < 0) {
		warnx("%s: %s", name, strerror(-error));
		return CMD_WRONG;
	}
	return print(name, false, &doctor);
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
		warnx("doctor takes one program, process or unit");
		return cmd_wrong_use(argv[0]);
	}
	status = cmd_config_path(file, path);
	if (status != CMD_DONE)
		return status;
	return examine(argv[optind], path);
}
