/* SPDX-License-Identifier: ISC */
/*
 * doctor_script: follows a script to the program that really runs, by the
 * kernel's rules (fs/binfmt_script.c): the first 256 bytes count, one
 * argument, and five scripts in a row at most.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/doctor_script.h"
#include "doctor/doctor_setid.h"
#include "host/launcher.h"

#define LINE_MAX_BYTES 256 /* BINPRM_BUF_SIZE, linux/binfmts.h */
#define SCRIPTS_MAX    5   /* exec_binprm(), fs/exec.c */
#define ENVS_MAX       5
#define BLANKS         " \t"

static void
name_it(char name[NAME_MAX + 1], const char *path)
{
	snprintf(name, NAME_MAX + 1, "%.*s", NAME_MAX, basename(path));
}

/*
 * The interpreter and its argument, from the first bytes of a file, with
 * NULs behind them. Returns false if the kernel would find none.
 */
static bool
parse_line(
    char line[LINE_MAX_BYTES + 1], size_t size, char **name, char **argument)
{
	char *end, *separator;

	if (size < 2 || line[0] != '#' || line[1] != '!')
		return false;
	*name = line + 2 + strspn(line + 2, BLANKS);
	end = memchr(line, '\n', size);
	if (end) {
		*end = '\0';
	} else {
		/* An interpreter that may be cut off is none. */
		line[LINE_MAX_BYTES] = '\0';
		if (*name + strcspn(*name, BLANKS) >= line + LINE_MAX_BYTES)
			return false;
	}
	end = line + strlen(line);
	while (end > line + 2 && strchr(BLANKS, end[-1]))
		*--end = '\0';
	if (!**name)
		return false;
	separator = *name + strcspn(*name, BLANKS);
	*argument = separator + strspn(separator, BLANKS);
	*separator = '\0';
	return true;
}

/* Takes the next word out of a text, as the shell does with plain words. */
static char *
next_word(char **text)
{
	char *word = *text + strspn(*text, BLANKS);
	size_t length = strcspn(word, BLANKS);

	*text = word + length;
	if (**text)
		*(*text)++ = '\0';
	return *word ? word : NULL;
}

/*
 * What env(1) will execute for its one argument, which it splits only if
 * that begins with -S. NULL: not told. Says in target if it takes LD_PRELOAD
 * away.
 */
static const char *
env_program(char *argument, struct doctor_target *target, struct launch *launch)
{
	static const char *const splits[] = {"-S", "--split-string=", "-vS"};
	const char *argv[LAUNCHER_WORDS + 1] = {"env"};
	size_t count = 1;
	char *rest = argument, *word;

	for (size_t i = 0; i < 3 && rest == argument; i++)
		if (strncmp(argument, splits[i], strlen(splits[i])) == 0)
			rest += strlen(splits[i]);
	if (rest == argument)
		argv[count] = argument;
	while (rest != argument && count < LAUNCHER_WORDS &&
	       (word = next_word(&rest)))
		argv[count++] = word;
	(void)launcher_read("env", argv, launch);
	target->cleared |= launch->lost != NULL;
	return launch->words[0];
}

static int
cannot_start(struct findings *findings, const char *path, const char *what)
{
	findings_add(findings, FINDING_PROGRAM, FINDING_FATAL,
	    "%s cannot be started: %s", path, what);
	return 1;
}

/*
 * Reads the file at target->path. Returns 0 if it is an ELF file, which is
 * then in target; 1 if it was said that it can't be told; 2 if it is a text,
 * whose first bytes are in line; -errno.
 */
static int
look(const struct place *place, struct doctor_target *target,
    char line[LINE_MAX_BYTES + 1], size_t *size, struct findings *findings)
{
	int fd = place_open(place, target->path, O_RDONLY);
	char link[sizeof("/proc/self/fd/") + 3 * sizeof(int)], real[PATH_MAX];
	ssize_t got, length;
	int error;

	if (fd == -EACCES) {
		findings_add(findings, FINDING_PROGRAM, FINDING_UNKNOWN,
		    "%s may be executed, but not read: what it is can't be "
		    "told",
		    target->path);
		findings_ask_root(findings);
		/* Its mode can be told. */
		if (place_stat(place, target->path, &target->st) == 0)
			doctor_setid(place, target, findings);
		return 1;
	}
	if (fd < 0)
		return fd;
	if (fstat(fd, &target->st) < 0) {
		error = -errno;
		goto out;
	}
	/* The shim knows /proc/self/exe, which is behind all links. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, real, sizeof(real) - 1);
	real[length < 0 ? 0 : length] = '\0';
	name_it(target->names[0], real);
	/* It is no FIFO: it was looked up. */
	error = elf_file_read(fd, &target->elf);
	target->known = error == 0;
	if (error != -ENOEXEC)
		goto out;
	memset(line, '\0', LINE_MAX_BYTES + 1);
	got = pread(fd, line, LINE_MAX_BYTES, 0);
	*size = got < 0 ? 0 : (size_t)got;
	error = got < 0 ? -errno : 2;
out:
	close(fd);
	return error;
}

/* One step on: from a script to its interpreter, which target then names. */
static int
step(const struct place *place, struct doctor_target *target, char *name,
    char *argument, struct findings *findings)
{
	char path[PATH_MAX], what[PATH_MAX + 64];
	bool through_env = strcmp(basename(name), "env") == 0 && *argument;
	struct launch launch;
	const char *program;
	int error;

	snprintf(path, sizeof(path), "%s", name);
	if (through_env) {
		program = env_program(argument, target, &launch);
		if (!program) {
			findings_add(findings, FINDING_SCRIPT, FINDING_UNKNOWN,
			    "%s: what env(1) will start by '%s' can't be told",
			    target->path, argument);
			return 1;
		}
		error = place_look_up(place, program, path);
		if (error < 0) {
			snprintf(what, sizeof(what),
			    "%.4000s, its interpreter: %s", program,
			    strerror(-error));
			return cannot_start(findings, target->path, what);
		}
		target->envs++;
		name_it(target->names[1], path);
	} else {
		struct stat st;

		error = place_stat(place, path, &st);
		if (error == 0 &&
		    (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0))
			error = -EACCES;
		if (error < 0) {
			snprintf(what, sizeof(what), "%s, its interpreter: %s",
			    path, strerror(-error));
			return cannot_start(findings, target->path, what);
		}
	}
	if (target->st.st_mode & (S_ISUID | S_ISGID))
		findings_add(findings, FINDING_SETID, FINDING_NOTE,
		    "%s: the kernel ignores the setuid and setgid bits of "
		    "scripts",
		    target->path);
	findings_add(findings, FINDING_SCRIPT, FINDING_NOTE,
	    "%s is a script: what counts is %s%s", target->path, path,
	    through_env ? ", which env(1) finds" : "");
	target->script = true;
	target->shell = launcher_is_shell(path);
	snprintf(target->path, PATH_MAX, "%s", path);
	return 0;
}

int
doctor_follow(const struct place *place, const char *path,
    struct doctor_target *target, struct findings *findings)
{
	char line[LINE_MAX_BYTES + 1];
	char *name, *argument;
	size_t size = 0;
	int result, scripts = 0;
	unsigned int envs;

	*target = (struct doctor_target){0};
	snprintf(target->path, PATH_MAX, "%s", path);
	name_it(target->names[1], path);
	for (;;) {
		result = look(place, target, line, &size, findings);
		if (result != 2)
			return result;
		if (!parse_line(line, size, &name, &argument)) {
			static char shell[] = "/bin/sh", none[] = "";

			if (size >= 4 && memcmp(line, "\177ELF", 4) == 0)
				return cannot_start(findings, target->path,
				    "the kernel will not take it; it is "
				    "damaged, or no program");
			if (!place->shell_fallback)
				return cannot_start(findings, target->path,
				    "it is no program, and has no #! line");
			name = shell;
			argument = none;
		}
		if (++scripts > SCRIPTS_MAX)
			return cannot_start(findings, path,
			    "too many scripts, one the interpreter of the "
			    "other");
		envs = target->envs;
		result = step(place, target, name, argument, findings);
		if (result != 0)
			return result;
		/* What env(1) starts, the kernel counts anew. */
		if (target->envs > envs)
			scripts = 0;
		if (target->envs > ENVS_MAX)
			return cannot_start(
			    findings, path, "a script that starts itself");
	}
}
