/* SPDX-License-Identifier: ISC */
/*
 * kashim run: starts a program with libkashim.so in front of its LD_PRELOAD,
 * or, where that has no effect, under supervision (supervise.h). Either way it
 * becomes the program (exec), so that the exit status, signals, standard
 * streams and the process id are the program's own. What is wrong is reported
 * and never keeps the program from running, unless --strict asks for that.
 */
#include "cmd.h"

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

#include "cache.h"
#include "config.h"
#include "doctor.h"
#include "supervise.h"
#include "supervise_inherited.h"
#include "trace.h"

#define LIBRARY    "libkashim.so"
#define TRACE_FILE "kashim.trace"

static const char help[] =
    "Usage: kashim run [OPTION...] [--] PROGRAM [ARGUMENT...]\n"
    "Runs PROGRAM with keepalive timers by rule: with " LIBRARY " in front\n"
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

enum way {
	WAY_CHOOSE,
	WAY_PRELOAD,
	WAY_SUPERVISE,
};

/* One run, from the arguments to the exec. */
struct run {
	char **argv; /* of the program */
	const char *program;
	char config[PATH_MAX];
	int trace_fd; /* -1: no trace is asked for */
	char library[PATH_MAX];
	bool strict;
	enum way way;
	bool way_asked; /* and not chosen by us */
	bool has_rules;
	struct image image;
	bool examined;
	struct doctor doctor;
	/* Why the preload has no effect; NULL if it has. */
	const struct doctor_finding *obstacle;
	/* Why that can't be told; NULL if it can. */
	const struct doctor_finding *doubt;
};

/*
 * Something keeps the rules from this program, and a message has said what.
 * Returns CMD_DONE if it is to run all the same.
 */
static int
go_without(const struct run *run, const char *what)
{
	if (run->strict) {
		warnx("%s is not started (--strict)", run->program);
		return CMD_WRONG;
	}
	warnx("%s runs without %s", run->program, what);
	return CMD_DONE;
}

/*
 * Reads the rules. The shim reads the file by itself; here only a person can
 * see what is wrong with it, and a supervisor needs them.
 */
static int
read_rules(struct run *run)
{
	char message[CONFIG_MESSAGE_MAX];
	char compiled[PATH_MAX];
	uint8_t *bytes;

	run->has_rules = true;
	if (cache_name(run->config, compiled, sizeof(compiled)) == 0 &&
	    cache_read(compiled, &run->image) == 0) {
		if (cache_is_fresh(&run->image, run->config))
			return CMD_DONE;
		cache_release(&run->image);
	}
	if (config_load(run->config, NULL, NULL, &bytes, &run->image.size,
		message) == 0) {
		run->image.bytes = bytes;
		return CMD_DONE;
	}
	run->has_rules = false;
	warnx("%s", message);
	return go_without(run, "a policy");
}

/* Does this keep the preload from having an effect? */
static bool
is_obstacle(const struct run *run, const struct doctor_finding *finding)
{
	if (finding->weight != DOCTOR_FATAL)
		return false;
	switch (finding->topic) {
	case DOCTOR_PROGRAM: /* execve(2) will say so */
		return false;
	case DOCTOR_CONFIG: /* said already, if it is about the rules */
		return run->has_rules;
	default:
		return true;
	}
}

/* Returns CMD_DONE, or not if what it is can't be told, and has to be. */
static int
examine(struct run *run)
{
	int error;

	(void)cmd_library(run->library); /* it is a finding if it's missing */
	error = doctor_program(
	    run->program, run->config, run->library, &run->doctor);
	/* What can't be found or executed: execvp(3) will say so. */
	if (error == -ENOENT || error == -ENOTDIR || error == -EACCES)
		return CMD_DONE;
	if (error < 0) {
		warnx("what %s is can't be told: %s", run->program,
		    strerror(-error));
		return run->strict ? go_without(run, "kashim") : CMD_DONE;
	}
	run->examined = true;
	for (size_t i = run->doctor.count; i-- > 0;) {
		const struct doctor_finding *finding = &run->doctor.findings[i];

		if (is_obstacle(run, finding))
			run->obstacle = finding;
		if (finding->weight == DOCTOR_UNKNOWN &&
		    finding->topic != DOCTOR_CONFIG)
			run->doubt = finding;
	}
	return CMD_DONE;
}

/*
 * Can't it be read? Then the kernel lets nobody of the same user look into
 * the process (would_dump() in fs/exec.c), so that a supervisor is no use.
 */
static bool
is_unreadable(const struct run *run)
{
	return run->doubt != NULL && run->doubt->topic == DOCTOR_PROGRAM;
}

/* Would it get the rights of its file's owner, or of its capabilities? */
static bool
gains_rights(const struct run *run)
{
	for (size_t i = 0; run->examined && i < run->doctor.count; i++) {
		if (run->doctor.findings[i].topic == DOCTOR_SETID &&
		    run->doctor.findings[i].weight == DOCTOR_FATAL)
			return true;
	}
	return false;
}

static void
trace(const struct run *run, const char *way, const char *why)
{
	struct trace_line line;

	if (run->trace_fd < 0)
		return;
	trace_start(&line, getpid());
	trace_text(&line, run->program);
	trace_text(&line, way);
	trace_text(&line, why);
	trace_to_descriptor(&line, run->trace_fd);
}

/*
 * Puts the library in front of what LD_PRELOAD already holds. The loader
 * splits that list at spaces and colons (ld.so(8)) and knows no quoting.
 */
static int
preload(const struct run *run)
{
	const char *others = getenv("LD_PRELOAD");
	char *list;
	int result;

	if (run->obstacle != NULL) {
		trace(run,
		    ": preload, which has no effect: ", run->obstacle->what);
		warnx("the preload has no effect: %s", run->obstacle->what);
		if (go_without(run, "the shim") != CMD_DONE)
			return CMD_WRONG;
	} else if (run->doubt != NULL) {
		trace(run, ": preload, of doubtful effect: ", run->doubt->what);
		warnx("whether the preload has an effect can't be told: %s",
		    run->doubt->what);
		if (run->strict)
			return go_without(run, "kashim");
	} else {
		trace(run, ": preload: ",
		    run->way_asked ? "--preload asks for it"
				   : "the loader takes the library");
	}
	/* What it starts may be reached all the same, but not by these. */
	if (access(run->library, R_OK) < 0 ||
	    strpbrk(run->library, " :") != NULL)
		return CMD_DONE;
	if (!others || !*others)
		result = asprintf(&list, "%s", run->library);
	else
		result = asprintf(&list, "%s:%s", run->library, others);
	if (result < 0 || setenv("LD_PRELOAD", list, 1) != 0) {
		warn("LD_PRELOAD");
		return CMD_WRONG;
	}
	free(list);
	return CMD_DONE;
}

static bool
may_be_supervised(const struct run *run)
{
	if (gains_rights(run) && !supervise_keeps_rights()) {
		trace(run, ": neither way: ", run->obstacle->what);
		warnx("%s: %s; supervised it would not get these rights",
		    run->program, run->obstacle->what);
	} else if (is_unreadable(run)) {
		trace(run, ": not supervised: ", run->doubt->what);
		warnx("%s; the supervisor could not look into it",
		    run->doubt->what);
	} else {
		return true;
	}
	warnx("'kashim apply', as root, reaches it while it runs");
	return false;
}

static int
supervise(const struct run *run)
{
	struct worker_policy policy = {
	    .image = run->image,
	    .config = run->config,
	    .trace = run->trace_fd,
	};
	const char *why;
	int error;

	if (!may_be_supervised(run))
		return go_without(run, "kashim");
	trace(run, ": supervised: ",
	    run->obstacle != NULL ? run->obstacle->what
	    : run->way_asked      ? "--supervise asks for it"
				  : run->doubt->what);
	why = supervise_lacks(&run->image);
	if (why != NULL) {
		trace(run, ": supervised in part: ", why);
		warnx("%s", why);
		if (run->strict)
			return go_without(run, "kashim");
	}
	/* Under supervision these calls would count as the program's own. */
	supervise_inherited(&policy, run->program);
	error = supervise_start(&policy, &why);
	if (error == 0)
		return CMD_DONE;
	trace(run, ": not supervised: ", why);
	warnx("%s cannot be supervised: %s: %s", run->program, why,
	    strerror(-error));
	if (error == -EOWNERDEAD)
		return CMD_CANNOT_RUN;
	return go_without(run, "kashim");
}

/* Supervision works on anything that may be looked into. */
static enum way
choose(const struct run *run)
{
	const bool doubt = run->doubt != NULL && !is_unreadable(run);

	return run->has_rules && (run->obstacle != NULL || doubt)
	           ? WAY_SUPERVISE
	           : WAY_PRELOAD;
}

/* Reads the way, and goes it as far as the exec. */
static int
prepare(struct run *run)
{
	int status = read_rules(run);

	if (status != CMD_DONE)
		return status;
	status = examine(run);
	if (status != CMD_DONE)
		return status;
	if (run->way == WAY_CHOOSE)
		run->way = choose(run);
	if (run->way == WAY_PRELOAD)
		return preload(run);
	if (run->has_rules)
		return supervise(run);
	trace(run, ": not supervised: ", "there are no rules");
	return CMD_DONE;
}

/*
 * Opens the trace as trace_to_file() does. Only the preload, in the program,
 * opens it again, by its name, which is absolute, for the program may be
 * elsewhere. Whoever supervises with root's rights must not do that: the name
 * may have come to mean another file.
 */
static int
set_trace(struct run *run, const char *file)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (cmd_absolute("trace file", file, path) != CMD_DONE)
		return CMD_WRONG;
	if (strlen(path) >= TRACE_PATH_MAX) {
		warnx("the name of the trace file is too long");
		return CMD_WRONG;
	}
	fd = open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW,
	    0600);
	if (fd < 0 || fstat(fd, &st) < 0) {
		warn("%s", path);
	} else if (!S_ISREG(st.st_mode)) {
		warnx("%s: no regular file", path);
	} else {
		run->trace_fd = fd;
	}
	if (run->trace_fd < 0) {
		if (fd >= 0)
			close(fd);
		return go_without(run, "a trace");
	}
	if (setenv("KASHIM_TRACE", path, 1) != 0) {
		warn("KASHIM_TRACE");
		return CMD_WRONG;
	}
	return CMD_DONE;
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
	const char *config = NULL, *trace_file = getenv("KASHIM_TRACE");
	bool preload_asked = false, supervise_asked = false;
	int opt, status;

	if (trace_file != NULL && *trace_file == '\0')
		trace_file = NULL;
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
	status = cmd_config_path(config, run->config);
	if (status == CMD_DONE && config != NULL &&
	    setenv("KASHIM_CONFIG", run->config, 1) != 0) {
		warn("KASHIM_CONFIG");
		status = CMD_WRONG;
	}
	if (status == CMD_DONE && trace_file != NULL)
		status = set_trace(run, trace_file);
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
	status = prepare(&run);
	if (status != CMD_DONE)
		return status;
	execvp(run.program, run.argv);
	status = errno == ENOENT ? CMD_NOT_FOUND : CMD_CANNOT_RUN;
	warn("%s", run.program);
	return status;
}
