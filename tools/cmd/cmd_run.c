/* SPDX-License-Identifier: ISC */
/*
 * kashim run: starts a program with libkashim.so in front of its LD_PRELOAD,
 * or, where that has no effect, under supervision (supervise.h). Either way it
 * becomes the program (exec), so that the exit status, signals, standard
 * streams and the process id are the program's own. What is wrong is reported
 * and never keeps the program from running, unless --strict asks for that.
 */
#include "cmd/cmd.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/trace.h"
#include "cmd/cmd_run.h"
#include "config/config.h"

#define TRACE_FILE "kashim.trace"

static const char help[] =
    "Usage: kashim run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "Runs PROGRAM with keepalive timers by rule: with libkashim.so in front\n"
    "of its LD_PRELOAD, or, where that has no effect, as in a static program,\n"
    "supervised from outside.\n"
    "\n"
    "  -c, --config=FILE   use FILE instead of KASHIM_CONFIG or\n"
    "                      " CONFIG_FILE "\n"
    "  -P, --preload       preload, also where it has no effect\n"
    "  -S, --supervise     supervise, also where the preload has an effect;\n"
    "                      for a script or a shell that starts programs which\n"
    "                      the preload does not reach\n"
    "  -s, --strict        do not start PROGRAM if there is no policy, if\n"
    "                      neither way works, or if that can't be told\n"
    "  -t, --trace[=FILE]  write to FILE, or ./" TRACE_FILE ", which way was\n"
    "                      chosen, and a line for each decision\n"
    "  -h, --help          show this text\n"
    "\n"
    "The exit status is PROGRAM's own; 127 if it cannot be found, 126 if it "
    "cannot\n"
    "be executed, 2 for wrong use and where --strict refuses. Without --strict "
    "a\n"
    "PROGRAM that nothing can be done for runs all the same, and a message on\n"
    "stderr says why.\n"
    "\n"
    "Examples:\n"
    "  kashim run ftp ftp.example.com\n"
    "  kashim run -c ./test.conf -- ssh -N gateway\n"
    "  kashim run --strict --trace=/tmp/trace backup-agent\n";

/*
 * Opens the trace; one that was typed here is made, also by root. Only the
 * preload, in the program, opens it again, by its name, which is absolute, for
 * the program may be elsewhere. Whoever supervises with root's rights must not
 * do that: the name may have come to mean another file.
 */
static int
set_trace(struct run *run, const char *file, bool typed)
{
	char path[PATH_MAX];
	enum trace_refusal refusal;

	if (cmd_absolute("trace file", file, path) != CMD_DONE)
		return CMD_WRONG;
	if (strlen(path) >= TRACE_PATH_MAX) {
		warnx("the name of the trace file is too long");
		return CMD_WRONG;
	}
	/* Of whoever has typed it. */
	refusal = trace_open(path, typed || trace_may_make(), &run->trace_fd);
	if (refusal == TRACE_NOT_OPENED)
		warn("%s", path);
	else if (refusal != TRACE_TAKEN)
		warnx("%s: %s", path, trace_refusal_text(refusal));
	if (refusal != TRACE_TAKEN)
		return run_go_without(run, "a trace");
	if (setenv("KASHIM_TRACE", path, 1) != 0) {
		warn("KASHIM_TRACE");
		return CMD_WRONG;
	}
	return CMD_DONE;
}

/* Uses what was read. Returns CMD_DONE or CMD_WRONG. */
static int
use_options(struct run *run, const char *config, const char *typed)
{
	const char *inherited = getenv("KASHIM_TRACE");
	int status = cmd_config_path(config, run->config);

	if (status == CMD_DONE && config != NULL &&
	    setenv("KASHIM_CONFIG", run->config, 1) != 0) {
		warn("KASHIM_CONFIG");
		status = CMD_WRONG;
	}
	if (status == CMD_DONE && typed != NULL)
		status = set_trace(run, typed, true);
	else if (status == CMD_DONE && inherited != NULL && *inherited != '\0')
		status = set_trace(run, inherited, false);
	return status;
}

/* Reads the options. Returns CMD_DONE, and go_on says whether to go on. */
static int
read_options(int argc, char *argv[], struct run *run, bool *go_on)
{
	static const struct option options[] = {
	    {"config", required_argument, NULL, 'c'},
	    {"preload", no_argument, NULL, 'P'},
	    {"supervise", no_argument, NULL, 'S'},
	    {"strict", no_argument, NULL, 's'},
	    {"trace", optional_argument, NULL, 't'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	const char *config = NULL, *trace_file = NULL;
	bool preload_asked = false, supervise_asked = false;
	int opt, status;

	/* "+": the options behind PROGRAM are its own. */
	while ((opt = getopt_long(argc, argv, "+c:PSst::h", options, NULL)) !=
	       -1) {
		switch (opt) {
		case 'c':
			config = optarg;
			break;
		case 'P':
			preload_asked = true;
			break;
		case 'S':
			supervise_asked = true;
			break;
		case 's':
			run->strict = true;
			break;
		case 't':
			trace_file = optarg ? optarg : TRACE_FILE;
			run->trace_here = optarg == NULL;
			if (*trace_file == '=') {
				warnx("FILE stands right behind -t, as in "
				      "-t%s",
				    trace_file + 1);
				return cmd_wrong_use(argv[0]);
			}
			break;
		case 'h':
			fputs(help, stdout);
			return CMD_DONE;
		default:
			return cmd_wrong_use(argv[0]);
		}
	}
	if (optind == argc) {
		warnx("run needs a program");
		return cmd_wrong_use(argv[0]);
	}
	if (preload_asked && supervise_asked) {
		warnx("--preload and --supervise exclude each other");
		return cmd_wrong_use(argv[0]);
	}
	run->way = preload_asked     ? WAY_PRELOAD
	           : supervise_asked ? WAY_SUPERVISE
	                             : WAY_CHOOSE;
	run->way_asked = run->way != WAY_CHOOSE;
	run->argv = argv + optind;
	run->program = argv[optind];
	status = use_options(run, config, trace_file);
	*go_on = status == CMD_DONE;
	return status;
}

int
cmd_run(int argc, char *argv[])
{
	static struct run run = {.trace_fd = -1};
	bool go_on = false;
	int status = read_options(argc, argv, &run, &go_on);

	if (!go_on)
		return status;
	status = run_prepare(&run);
	if (status != CMD_DONE)
		return status;
	execvp(run.program, run.argv);
	status = errno == ENOENT ? CMD_NOT_FOUND : CMD_CANNOT_RUN;
	warn("%s", run.program);
	if (run.trace_here && run.argv[1] != NULL)
		warnx("if that is the file for the trace, it stands right "
		      "behind -t, as in -t%s",
		    run.program);
	return status;
}
