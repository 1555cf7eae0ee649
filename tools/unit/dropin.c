/* SPDX-License-Identifier: ISC */
/*
 * dropin: the one file of ours in a systemd unit's drop-in directory
 * (dropin.h).
 */
#include "unit/dropin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "host/inside.h"
#include "host/preload.h"
#include "term/text.h"
#include "unit/unit.h"
#include "unit/unit_text.h"

#define DIRECTORY "/etc/systemd/system"
#define MARK      "# Made by \"kashim enable\", removed by \"kashim disable\".\n"

char *
dropin_path(const char *id)
{
	char *path;

	return asprintf(&path, DIRECTORY "/%s.d/" DROPIN_NAME, id) < 0 ? NULL
	                                                               : path;
}

/* A part of an Environment= line. What is copied keeps its specifiers. */
static void
write_part(FILE *out, const char *text, size_t length, bool copied)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '%' && !copied)
			fputc('%', out);
		else if (strchr("\\\"", text[i]))
			fputc('\\', out);
		fputc(text[i], out);
	}
}

/*
 * One line Environment=, of plain text, and of what was copied from a unit:
 * the first front bytes of that stand in front.
 */
static void
write_assignment(FILE *out, const char *name, const char *plain,
    const char *copied, size_t front)
{
	static const char special[] = " \\\"'";
	const char *rest = copied + front;
	const char *quote =
	    strpbrk(plain, special) || strpbrk(copied, special) ? "\"" : "";

	fprintf(out, "Environment=%s%s=", quote, name);
	write_part(out, copied, front, true);
	if (front > 0 && copied[front - 1] != ':')
		fputc(':', out);
	write_part(out, plain, strlen(plain), false);
	if (*rest)
		fputc(':', out);
	write_part(out, rest, strlen(rest), true);
	fprintf(out, "%s\n", quote);
}

/* A word of a command line, of two parts. */
static void
write_word(FILE *out, const char *option, const char *text)
{
	const char *quote = strpbrk(text, " \\\"'$;") ? "\"" : "";

	fprintf(out, " %s%s", quote, option);
	for (; *text; text++) {
		if (strchr("%$", *text))
			fputc(*text, out);
		else if (strchr("\\\"", *text))
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs(quote, out);
}

/*
 * ExecCondition= comes before all else of a service, also before its own
 * ExecStartPre=. "+": as root, and outside of its sandbox; "-": whatever comes
 * of it, the service starts. The service's environment and standard output are
 * not for kashim; what fails, it says on standard error.
 */
#define ATTACH_KEY "ExecCondition"
#define ATTACH     " attach --unit=%n"

static void
write_attach(FILE *out, const char *command, const char *config)
{
	fputs(ATTACH_KEY "=+-/usr/bin/env -i /bin/sh -c 'exec \"$$@\" "
			 ">/dev/null' sh",
	    out);
	write_word(out, "", command);
	fputs(ATTACH, out);
	write_word(out, "--config=", config ? config : CONFIG_FILE);
	fputc('\n', out);
}

const struct unit_setting *
dropin_attaches(const struct unit *unit)
{
	const struct unit_setting *setting = NULL;

	while ((setting = unit_next(unit, "Service", ATTACH_KEY, setting))) {
		if (strcmp(basename(setting->file), DROPIN_NAME) == 0 &&
		    strstr(setting->value, ATTACH))
			break;
	}
	return setting;
}

/* Takes "%%" back to "%", in place; as any other of signs. */
static void
undouble(char *text, const char *signs)
{
	char *out = text;

	for (; *text; text++) {
		if (strchr(signs, *text) && text[1] == *text)
			text++;
		*out++ = *text;
	}
	*out = '\0';
}

int
dropin_attaches_with(
    const struct unit_setting *line, char **command, char **config)
{
	static const char option[] = "--config=";
	const char *text = line->value;
	char *word;

	*command = *config = NULL;
	while (!*config && unit_word(&text, &word) == 1) {
		undouble(word, "%$");
		if (strncmp(word, option, strlen(option)) == 0)
			*config = strdup(word + strlen(option));
		/* An absolute name, and the last of these. */
		if (*word == '/' && !*config) {
			free(*command);
			*command = word;
		} else {
			free(word);
		}
	}
	if (*command && *config)
		return 0;
	free(*command);
	free(*config);
	return -ENOMEM;
}

int
dropin_text(const struct dropin *dropin, char **text)
{
	const char *others = dropin->others ? dropin->others : "";
	size_t size;
	FILE *out;

	*text = NULL;
	/*
	 * A new line in one of them would be a setting of its own. systemd
	 * takes nothing but UTF-8 for an environment.
	 */
	if ((!dropin->lines && !dropin->attach &&
		!text_is_harmless(dropin->library)) ||
	    (dropin->attach && !text_is_harmless(dropin->attach)) ||
	    (dropin->others && (!text_is_harmless(dropin->others) ||
				   !text_is_harmless(dropin->others_file))) ||
	    (dropin->config && !text_is_harmless(dropin->config)))
		return -EINVAL;
	out = open_memstream(text, &size);
	if (!out)
		return -ENOMEM;
	fputs(MARK, out);
	if (dropin->others)
		fprintf(out,
		    "# What LD_PRELOAD holds beside " PRELOAD_LIBRARY
		    " is a copy from\n"
		    "# %s\n"
		    "# If that changes: kashim enable %s\n",
		    dropin->others_file, dropin->id);
	if (dropin->lines)
		fprintf(out,
		    "# ExecStart= is a copy, under supervision. If what it is "
		    "copied from\n# changes: kashim enable --supervise %s\n",
		    dropin->id);
	if (dropin->attach)
		fputs("# kashim attach, at each start and before anything of "
		      "it runs. Whatever\n# comes of that, the service "
		      "starts.\n",
		    out);
	fputs("[Service]\n", out);
	if (dropin->lines)
		fputs(dropin->lines, out);
	else if (dropin->attach)
		write_attach(out, dropin->attach, dropin->config);
	else
		write_assignment(out, "LD_PRELOAD", dropin->library, others,
		    preload_front(others));
	if (dropin->config)
		write_assignment(out, "KASHIM_CONFIG", dropin->config, "", 0);
	if (fclose(out) != 0) {
		free(*text);
		*text = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int
take_config(const char *section, const char *key, const char *value,
    uint32_t line, void *data)
{
	static const char name[] = "KASHIM_CONFIG=";
	char **config = data, *word;
	int result;

	(void)section;
	(void)line;
	if (strcmp(key, "Environment") != 0 || unit_word(&value, &word) <= 0)
		return 0;
	result = 0;
	if (strncmp(word, name, strlen(name)) == 0) {
		free(*config);
		*config = strdup(word + strlen(name));
		if (*config)
			undouble(*config, "%");
		else
			result = -ENOMEM;
	}
	free(word);
	return result;
}

int
dropin_config(const char *text, char **config)
{
	int result;

	*config = NULL;
	result = unit_text_settings(text, take_config, config);
	return result == 0 ? *config != NULL : result;
}

/* Its directory, made if need be. Returns a descriptor or -errno. */
static int
open_directory(const char *root, const char *id, bool make)
{
	char path[sizeof(DIRECTORY) + UNIT_NAME_SIZE + sizeof("/.d")];
	int top = inside_root(root), fd;

	if (top < 0)
		return top;
	snprintf(path, sizeof(path), DIRECTORY "/%s.d", id);
	fd = make ? inside_make_directory(top, path)
	          : inside_open(top, path, O_RDONLY | O_DIRECTORY);
	close(top);
	return fd;
}

static int
read_ours(int directory, char **text)
{
	size_t size;
	int result = inside_read_at(directory, DROPIN_NAME, text, &size);

	/* We made neither a link nor a device. */
	if (result == -ELOOP || result == -EBADF || result == -EFBIG)
		return -EEXIST;
	if (result != 0)
		return result;
	if (strncmp(*text, MARK, strlen(MARK)) == 0)
		return 0;
	free(*text);
	*text = NULL;
	return -EEXIST;
}

int
dropin_read(const char *root, const char *id, char **text)
{
	int directory = open_directory(root, id, false), result;

	*text = NULL;
	if (directory < 0)
		return directory;
	result = read_ours(directory, text);
	close(directory);
	return result;
}

int
dropin_write(const char *root, const char *id, const char *text)
{
	int directory = open_directory(root, id, true), result;
	char *old = NULL;

	if (directory < 0)
		return directory;
	result = read_ours(directory, &old);
	free(old);
	if (result == 0 || result == -ENOENT)
		result = inside_write_at(directory, DROPIN_NAME, text);
	close(directory);
	return result;
}

int
dropin_remove(const char *root, const char *id)
{
	char name[UNIT_NAME_SIZE + sizeof(".d")], *old = NULL;
	int directory = open_directory(root, id, false), parent, result;

	if (directory < 0)
		return directory;
	result = read_ours(directory, &old);
	free(old);
	if (result == 0 && unlinkat(directory, DROPIN_NAME, 0) != 0)
		result = -errno;
	if (result == 0 && fsync(directory) != 0)
		result = -errno;
	close(directory);
	if (result != 0)
		return result;

	/* That it is not empty, or a link, is no failure. */
	directory = inside_root(root);
	if (directory < 0)
		return directory;
	parent = inside_open(directory, DIRECTORY, O_RDONLY | O_DIRECTORY);
	close(directory);
	if (parent < 0)
		return parent;
	snprintf(name, sizeof(name), "%s.d", id);
	unlinkat(parent, name, AT_REMOVEDIR);
	close(parent);
	return 0;
}
