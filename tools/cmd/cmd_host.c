/* SPDX-License-Identifier: ISC */
/*
 * cmd_host: kashim enable --host and disable --host: the line of
 * /etc/ld.so.preload that puts libkashim.so into every program that starts. A
 * line that some loader can't follow would have every program complain, so
 * nothing is written before all of them were looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/trust.h"
#include "cmd/cmd.h"
#include "cmd/cmd_unit.h"
#include "config/config.h"
#include "doctor/doctor_library.h"
#include "doctor/doctor_loaders.h"
#include "host/ld_so_preload.h"
#include "host/preload.h"
#include "term/text.h"

/* Reads the file; one that is not there has no text. */
static int
read_file(const char *root, char **text)
{
	int error = ld_so_preload_read(root, text);

	if (error == -ENOENT) {
		*text = strdup("");
		error = *text ? 0 : -ENOMEM;
	}
	return error < 0 ? cmd_unit_failed(root, LD_SO_PRELOAD, "read", error)
	                 : CMD_DONE;
}

/* Our entry in the text, or false. */
static bool
find(const char *text, char entry[PATH_MAX])
{
	char *list = ld_so_preload_list(text);
	const bool found = preload_find(list, entry);

	free(list);
	return found;
}

/* Can every program load it? If not, says what is in the way. */
static int
check(const char *root, const char *entry)
{
	struct findings findings = {0};
	int status = CMD_DONE;

	doctor_loaders(root, entry, &findings);
	for (size_t i = 0; i < findings.count; i++)
		text_warnx("%s", findings.list[i].what);
	if (findings.error < 0) {
		text_warnx("%s", strerror(-findings.error));
		status = CMD_WRONG;
	} else if (findings.count > 0) {
		text_warnx(
		    "nothing is written: a library for each of them is "
		    "installed as " DOCTOR_BOTH_SIZES ", kashim(1) says how");
		status = CMD_NO;
	}
	findings_free(&findings);
	return status;
}

/* Without a policy, every program would say so in the system's log. */
static int
check_policy(void)
{
	struct in_force force;
	struct stat st;
	int error = in_force_read(CONFIG_FILE, true, &force);

	if (error == 0 && force.source.kind == SOURCE_TEXT &&
	    stat(CONFIG_FILE, &st) == 0 && (st.st_mode & S_IROTH) == 0) {
		error = -EACCES;
		snprintf(force.message, sizeof(force.message),
		    "%s: not every user may read it, and none is published: "
		    "'kashim reload' publishes it",
		    CONFIG_FILE);
	}
	if (error < 0) {
		text_warnx("%s", force.message);
		text_warnx("nothing is written: every program would run "
			   "without a policy, and say so in the log");
	} else if (!force.source.shared.header) {
		text_warnx("warning: no policy is published, so every program "
			   "would read the text when it starts: 'kashim "
			   "reload' publishes it");
	}
	in_force_free(&force);
	return error < 0 ? CMD_NO : CMD_DONE;
}

/* A program of a user without rights, as it would start. Never returns. */
static void
start(const char *library, int output)
{
	char name[] = "sh", option[] = "-c", nothing[] = ":";
	char *const argv[] = {name, option, nothing, NULL};
	char preload[sizeof("LD_PRELOAD=") + PATH_MAX];
	char *const environment[] = {preload, NULL};

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
	/* Without rights already, it is as good. */
	(void)(setgroups(0, NULL) + setgid(TRUST_UNMAPPED) +
	       setuid(TRUST_UNMAPPED));
	if (dup2(output, STDOUT_FILENO) >= 0 &&
	    dup2(output, STDERR_FILENO) >= 0)
		execve("/bin/sh", argv, environment);
	_exit(127);
}

/*
 * What is damaged behind its headers, or what this system forbids, shows when
 * one program is started with it. A loader of another word size may lack the
 * programs.
 */
static int
try(const char *library)
{
	char said[4096], *state = NULL, *line;
	size_t length = 0;
	ssize_t got;
	int ends[2], status = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		goto failed;
	child = fork();
	if (child == 0)
		start(library, ends[1]);
	close(ends[1]);
	while (
	    child > 0 && length < sizeof(said) - 1 &&
	    (got = read(ends[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	close(ends[0]);
	if (child < 0 || waitpid(child, &status, 0) < 0)
		goto failed;
	said[length] = '\0';
	/* Other libraries in the file may say something, too. */
	line = strtok_r(said, "\n", &state);
	while (line && status == 0 && !strstr(line, PRELOAD_LIBRARY))
		line = strtok_r(NULL, "\n", &state);
	if (status == 0 && !line)
		return CMD_DONE;
	text_warnx("nothing is written: /bin/sh fails with it%s%s",
	    line ? ": " : "", line ? line : "");
	return CMD_NO;
failed:
	text_warnx("/bin/sh: %s", strerror(errno));
	return CMD_WRONG;
}

static int
change(const struct cmd_unit *options, const char *text, const char *done)
{
	const char *root = options->root;
	int error;

	if (options->dry_run) {
		text_warnx("%s" LD_SO_PRELOAD " would %s", root,
		    *text ? "hold:" : "be removed");
		fputs(text, stdout);
		return CMD_DONE;
	}
	error = ld_so_preload_write(root, text);
	if (error == -ELOOP)
		return cmd_unit_not_ours(root, LD_SO_PRELOAD);
	if (error < 0)
		return cmd_unit_failed(root, LD_SO_PRELOAD, "write", error);
	printf("%s" LD_SO_PRELOAD ": %s\n", root, *text ? done : "removed");
	return CMD_DONE;
}

int
cmd_host_enable(const struct cmd_unit *options, const char *library)
{
	char *text = NULL, *with = NULL, entry[PATH_MAX];
	int status = read_file(options->root, &text);

	if (status == CMD_DONE && find(text, entry)) {
		status = check(options->root, entry);
		if (status == CMD_DONE)
			printf("%s" LD_SO_PRELOAD ": is so already, by %s\n",
			    options->root, entry);
		goto out;
	}
	if (status == CMD_DONE)
		status = check(options->root, library);
	if (status == CMD_DONE && !*options->root)
		status = try(library);
	if (status == CMD_DONE && !*options->root)
		status = check_policy();
	if (status != CMD_DONE)
		goto out;
	with = ld_so_preload_with(text, library);
	if (!with) {
		text_warnx("%s", strerror(ENOMEM));
		status = CMD_WRONG;
		goto out;
	}
	status = change(options, with, "written");
	if (status == CMD_DONE && !options->dry_run)
		puts("Every program that starts from now on has the library, "
		     "also a setuid one.\n"
		     "To undo it: kashim disable --host");
out:
	free(text);
	free(with);
	return status;
}

int
cmd_host_disable(const struct cmd_unit *options)
{
	char *text = NULL, *without = NULL, entry[PATH_MAX];
	int status = read_file(options->root, &text);

	if (status == CMD_DONE && !find(text, entry)) {
		printf("%s" LD_SO_PRELOAD " does not hold " PRELOAD_LIBRARY
		       "\n",
		    options->root);
		goto out;
	}
	if (status == CMD_DONE) {
		without = ld_so_preload_without(text);
		if (without) {
			status = change(options, without, "written");
		} else {
			text_warnx("%s", strerror(ENOMEM));
			status = CMD_WRONG;
		}
	}
	if (status == CMD_DONE && !options->dry_run)
		puts("Programs that run keep it until they are started again.");
out:
	free(text);
	free(without);
	return status;
}
