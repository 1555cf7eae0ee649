/* SPDX-License-Identifier: ISC */
/*
 * exec_start: command lines, written anew (exec_start.h).
 */
#include "unit/exec_start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "term/text.h"

#define SECTION "Service"
#define KEY     "ExecStart"
#define RUN     " run --supervise -- "
/*
 * Those of a supervisor (supervise.h) that @system-service has not; systemd
 * adds them to a list of what may be called, and takes them off one of what
 * may not (systemd.exec(5)).
 */
#define CALLS  "seccomp pidfd_getfd"
#define BLANKS " \t"

/* Does token stand at at as a whole word? */
static bool
is_lone(const char *at, const char *token)
{
	const size_t size = strlen(token);

	return strncmp(at, token, size) == 0 &&
	       (at[size] == '\0' || strchr(BLANKS, at[size]));
}

int
exec_start_word(const char **text, char **word)
{
	const char *at = *text + strspn(*text, BLANKS);

	if (is_lone(at, ";")) {
		*text = at + 1;
		*word = NULL;
		return EXEC_START_NEXT;
	}
	if (is_lone(at, "\\;")) {
		*text = at + 2;
		*word = strdup(";");
		return *word ? 1 : -ENOMEM;
	}
	return unit_word(text, word);
}

/*
 * A program with its prefixes, as it stands at raw; word is it unquoted, or
 * NULL if there is none.
 */
static const char *
write_program(FILE *out, const char *raw, size_t size, const char *word,
    const char *command)
{
	const size_t prefix = word ? strspn(word, EXEC_START_PREFIXES) : 0;

	if (!word || prefix > size || strncmp(raw, word, prefix) != 0 ||
	    strchr(word + prefix, '$'))
		return "its program can't be told";
	if (memchr(word, '@', prefix) || memchr(word, '|', prefix))
		return "what @ or | in front of a program does can't be kept";
	fprintf(out, "%.*s%s" RUN "%.*s", (int)prefix, word, command,
	    (int)(size - prefix), raw + prefix);
	return NULL;
}

/* Is a part of a line? The blanks in between may be tabs. */
static bool
is_harmless(const char *raw, size_t size)
{
	const char *end = raw + size;
	bool harmless = true;

	while (raw < end && harmless)
		raw += text_character(raw, &harmless);
	return harmless;
}

/*
 * A line may have several commands, with a lone semicolon in between. Returns
 * 0, -ENOTSUP, -EINVAL or -ENOMEM.
 */
static int
write_line(FILE *out, const char *value, const char *command, const char **why)
{
	bool first = true, harmless = true;
	char *word;
	int result;

	*why = NULL;
	fputs(KEY "=", out);
	for (;;) {
		const char *raw = value + strspn(value, BLANKS);
		size_t size;

		result = exec_start_word(&value, &word);
		if (result <= 0 || *why || !harmless)
			break;
		size = (size_t)(value - raw);
		while (size > 0 && strchr(BLANKS, raw[size - 1]))
			size--;
		harmless = is_harmless(raw, size);
		if (first)
			*why = write_program(out, raw, size, word, command);
		else
			fprintf(out, " %.*s", (int)size, raw);
		first = result == EXEC_START_NEXT;
		if (first)
			fputc(' ', out);
		free(word);
	}
	if (result == 1)
		free(word);
	fputc('\n', out);
	if (result == -EINVAL)
		*why = "it has an unknown escape, or a quote without an end";
	if (result == -ENOMEM)
		return result;
	return *why ? -ENOTSUP : harmless ? 0 : -EINVAL;
}

static const char *
last(const struct unit *unit, const char *key)
{
	const struct unit_setting *setting = unit_last(unit, SECTION, key);

	return setting ? setting->value : NULL;
}

/* Why the unit can't be supervised, whatever its command lines are. */
static const char *
find_obstacle(const struct unit *unit)
{
	const char *type = last(unit, "Type");

	if (!unit_next(unit, SECTION, KEY, NULL))
		return "it has no ExecStart=";
	if (type && strcmp(type, "forking") == 0 && !last(unit, "PIDFile"))
		return "Type=forking needs PIDFile=: the manager would guess "
		       "which process is the main one";
	if (last(unit, "RootDirectory") || last(unit, "RootImage"))
		return "RootDirectory= and RootImage= hide kashim from it";
	return NULL;
}

static int
write_lines(FILE *out, const struct unit *unit, const char *command,
    const struct unit_setting **where, const char **why)
{
	const struct unit_setting *setting = NULL;
	int result = 0;

	fputs(KEY "=\n", out);
	while (
	    result == 0 && (setting = unit_next(unit, SECTION, KEY, setting))) {
		*where = setting;
		fprintf(out, "# %s\n", setting->file);
		result = text_is_harmless(setting->file)
		             ? write_line(out, setting->value, command, why)
		             : -EINVAL;
	}
	if (unit_next(unit, SECTION, "SystemCallFilter", NULL))
		fputs("SystemCallFilter=" CALLS "\n", out);
	return result;
}

/* The command in a text that exec_start_supervised() made, or NULL. */
static char *
find_command(const char *text)
{
	const char *end = strstr(text, RUN), *start = end;

	while (start && start > text && start[-1] != '=')
		start--;
	if (!start)
		return NULL;
	start += strspn(start, EXEC_START_PREFIXES);
	return strndup(start, (size_t)(end - start));
}

bool
exec_start_is_old(const struct unit *unit, const char *text)
{
	const struct unit_setting *where;
	const char *why;
	char *command = find_command(text), *lines;
	bool old = false;

	if (command &&
	    exec_start_supervised(unit, command, &lines, &where, &why) == 0) {
		old = strstr(text, lines) == NULL;
		free(lines);
	}
	free(command);
	return old;
}

int
exec_start_supervised(const struct unit *unit, const char *command,
    char **lines, const struct unit_setting **where, const char **why)
{
	size_t size;
	FILE *out;
	int result;

	*lines = NULL;
	*where = NULL;
	*why = find_obstacle(unit);
	if (*why)
		return -ENOTSUP;
	/* What would have to be quoted is not where programs are installed. */
	if (!text_is_harmless(command) || strpbrk(command, " \\\"'%$;"))
		return -EINVAL;
	out = open_memstream(lines, &size);
	if (!out)
		return -ENOMEM;
	result = write_lines(out, unit, command, where, why);
	if (fclose(out) != 0 && result == 0)
		result = -ENOMEM;
	if (result < 0) {
		free(*lines);
		*lines = NULL;
	}
	return result;
}
