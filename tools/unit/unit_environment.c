/* SPDX-License-Identifier: ISC */
/*
 * unit_environment: what the settings of a service make of an environment
 * variable (unit_environment() of unit.h).
 */
#include "unit/unit.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/inside.h"
#include "unit/unit_text.h"

#define SECTION "Service"

void
unit_variable_free(struct unit_variable *variable)
{
	free(variable->value);
	free(variable->written);
	free(variable->file);
	free(variable->unread);
	*variable = (struct unit_variable){0};
}

/* Forgets the value, but not what else was found out. */
static void
forget(struct unit_variable *variable)
{
	free(variable->value);
	free(variable->written);
	free(variable->file);
	variable->value = variable->written = variable->file = NULL;
	variable->line = 0;
	variable->from_file = false;
}

static int
set(struct unit_variable *variable, const char *value, const char *written,
    const char *file)
{
	forget(variable);
	variable->value = strdup(value);
	variable->written = strdup(written);
	variable->file = strdup(file);
	return variable->value && variable->written && variable->file ? 0
	                                                              : -ENOMEM;
}

/* The value in "NAME=value"; NULL if it is of another name. */
static const char *
value_of(const char *assignment, const char *name)
{
	size_t length = strlen(name);

	return strncmp(assignment, name, length) == 0 &&
	               assignment[length] == '='
	           ? assignment + length + 1
	           : NULL;
}

/* One Environment= line. */
static int
read_line(const struct unit *unit, const struct unit_setting *setting,
    const char *name, struct unit_variable *variable)
{
	const char *text = setting->value;
	char *word, *expanded;
	int result;

	while ((result = unit_word(&text, &word)) > 0) {
		const char *value, *written = value_of(word, name);

		expanded = unit_expand(unit, word);
		result = expanded ? 0 : -ENOMEM;
		value = expanded ? value_of(expanded, name) : NULL;
		if (value) {
			result = set(variable, value, written ? written : value,
			    setting->file);
			variable->line = setting->line;
		}
		free(expanded);
		free(word);
		if (result != 0)
			return result;
	}
	return result == -EINVAL ? 0 : result;
}

struct search {
	const char *name;
	const char *file;
	struct unit_variable *variable;
};

static int
take_variable(const char *name, const char *value, void *data)
{
	struct search *search = data;
	int result;

	if (strcmp(name, search->name) != 0)
		return 0;
	result = set(search->variable, value, value, search->file);
	search->variable->from_file = true;
	return result;
}

/* One file, which may be missing. */
static int
read_variables(int root, const char *file, const char *name,
    struct unit_variable *variable)
{
	struct search search = {name, file, variable};
	char *text;
	size_t size;
	int result = inside_read(root, file, &text, &size);

	if (result == 0) {
		result = unit_text_variables(text, take_variable, &search);
		free(text);
		return result;
	}
	if (result == -ENOMEM)
		return result;
	if (result != -ENOENT && !variable->unread) {
		variable->unread = strdup(file);
		if (!variable->unread)
			return -ENOMEM;
	}
	return 0;
}

/*
 * The files of one EnvironmentFile= line, the last part of which may be a
 * pattern. A pattern further up is told as a file that can't be read.
 */
static int
read_files(int root, const char *pattern, const char *name,
    struct unit_variable *variable)
{
	const char *last = strrchr(pattern, '/');
	struct inside_names names;
	char *directory;
	int result;

	if (!last)
		return 0;
	if (!last[strcspn(last, "*?[")])
		return read_variables(root, pattern, name, variable);
	directory = strndup(pattern, (size_t)(last - pattern));
	if (!directory)
		return -ENOMEM;
	if (directory[strcspn(directory, "*?[")]) {
		free(directory);
		if (!variable->unread)
			variable->unread = strdup(pattern);
		return variable->unread ? 0 : -ENOMEM;
	}
	result = inside_list(root, *directory ? directory : "/", &names);
	for (size_t i = 0; i < names.count && result == 0; i++) {
		char *file;

		if (fnmatch(last + 1, names.names[i], FNM_PERIOD) != 0)
			continue;
		if (asprintf(&file, "%s/%s", directory, names.names[i]) < 0) {
			result = -ENOMEM;
			break;
		}
		result = read_variables(root, file, name, variable);
		free(file);
	}
	inside_names_free(&names);
	free(directory);
	return result == -ENOMEM ? result : 0;
}

/* One UnsetEnvironment= line, of names and of whole assignments. */
static int
unset(const struct unit_setting *setting, const struct unit *unit,
    const char *name, struct unit_variable *variable)
{
	const char *text = setting->value;
	char *word, *expanded;
	int result;

	while ((result = unit_word(&text, &word)) > 0) {
		const char *value;

		expanded = unit_expand(unit, word);
		free(word);
		if (!expanded)
			return -ENOMEM;
		value = value_of(expanded, name);
		if (strcmp(expanded, name) == 0 ||
		    (value && variable->value &&
			strcmp(value, variable->value) == 0)) {
			forget(variable);
			variable->unset = setting;
		}
		free(expanded);
	}
	return result == -EINVAL ? 0 : result;
}

int
unit_environment(
    const struct unit *unit, const char *name, struct unit_variable *variable)
{
	const struct unit_setting *setting = NULL;
	int root, result = 0;

	*variable = (struct unit_variable){0};
	while (result == 0 &&
	       (setting = unit_next(unit, SECTION, "Environment", setting)))
		result = read_line(unit, setting, name, variable);
	root = inside_root(unit->root);
	while (
	    root >= 0 && result == 0 &&
	    (setting = unit_next(unit, SECTION, "EnvironmentFile", setting))) {
		char *file = unit_expand(unit, setting->value);

		result = file ? read_files(
				    root, file + (*file == '-'), name, variable)
		              : -ENOMEM;
		free(file);
	}
	if (root >= 0)
		close(root);
	while (result == 0 && (setting = unit_next(
				   unit, SECTION, "UnsetEnvironment", setting)))
		result = unset(setting, unit, name, variable);
	if (result != 0)
		unit_variable_free(variable);
	else
		result = variable->value != NULL;
	return result;
}
