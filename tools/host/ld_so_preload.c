/* SPDX-License-Identifier: ISC */
/*
 * ld_so_preload: the file /etc/ld.so.preload (ld_so_preload.h).
 */
#include "host/ld_so_preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/inside.h"
#include "host/preload.h"

#define DIRECTORY "/etc"
#define NAME      "ld.so.preload"

int
ld_so_preload_read(const char *root, char **text)
{
	int top = inside_root(root), error;
	size_t size;

	*text = NULL;
	if (top < 0)
		return top;
	error = inside_read(top, LD_SO_PRELOAD, text, &size);
	close(top);
	return error;
}

char *
ld_so_preload_list(const char *text)
{
	char *list = strdup(text), *at = list;

	while (at && *at) {
		if (*at == '#')
			memset(at, ' ', strcspn(at, "\n"));
		if (strchr("\t\n", *at))
			*at = ' ';
		at++;
	}
	return list;
}

char *
ld_so_preload_with(const char *text, const char *entry)
{
	const size_t length = strlen(text);
	const char *feed = length > 0 && text[length - 1] != '\n' ? "\n" : "";
	char *out;

	return asprintf(&out, "%s%s%s\n", text, feed, entry) < 0 ? NULL : out;
}

/* Takes our entries out of names, in place. Returns whether there were any. */
static bool
take_out(char *names)
{
	char entry[PATH_MAX], *state = NULL, *to = names;
	bool ours = false;

	for (char *name = strtok_r(names, " \t:", &state); name;
	     name = strtok_r(NULL, " \t:", &state)) {
		const size_t length = strlen(name);

		if (preload_find(name, entry)) {
			ours = true;
			continue;
		}
		if (to > names)
			*to++ = ' ';
		memmove(to, name, length);
		to += length;
	}
	*to = '\0';
	return ours;
}

/* Writes a line without our entries; nothing if it held nothing else. */
static int
write_rest(FILE *out, const char *line, size_t length)
{
	const char *hash = memchr(line, '#', length);
	char *names = strndup(line, hash ? (size_t)(hash - line) : length);

	if (!names)
		return -ENOMEM;
	if (!take_out(names))
		fprintf(out, "%.*s\n", (int)length, line);
	else if (hash)
		fprintf(out, "%s%s%.*s\n", names, *names ? " " : "",
		    (int)(line + length - hash), hash);
	else if (*names)
		fprintf(out, "%s\n", names);
	free(names);
	return 0;
}

char *
ld_so_preload_without(const char *text)
{
	char *rest = NULL;
	size_t size;
	FILE *out = open_memstream(&rest, &size);
	int error = 0;

	if (!out)
		return NULL;
	while (*text && error == 0) {
		const size_t length = strcspn(text, "\n");

		error = write_rest(out, text, length);
		text += length + (text[length] == '\n');
	}
	if (fclose(out) != 0 || error != 0) {
		free(rest);
		return NULL;
	}
	return rest;
}

int
ld_so_preload_write(const char *root, const char *text)
{
	int top = inside_root(root), directory, error = 0;
	struct stat st;

	if (top < 0)
		return top;
	directory = inside_open(top, DIRECTORY, O_RDONLY | O_DIRECTORY);
	close(top);
	if (directory < 0)
		return directory;
	/* A link was put there by others, and would be lost. */
	if (fstatat(directory, NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISREG(st.st_mode))
		error = -ELOOP;
	else if (*text)
		error = inside_write_at(directory, NAME, text);
	else if (unlinkat(directory, NAME, 0) != 0)
		error = -errno;
	close(directory);
	return error;
}
