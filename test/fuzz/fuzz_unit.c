/* SPDX-License-Identifier: ISC */
/*
 * Any text as a unit file, an environment file, words, a name, and as the name
 * of a file that goes into a drop-in: what is written must be read again as it
 * was.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "unit/dropin.h"
#include "unit/unit.h"
#include "unit/unit_name.h"
#include "unit/unit_text.h"

static bool
is_stripped(const char *text)
{
	static const char blanks[] = " \t\n\r";
	size_t length = strlen(text);

	return length == 0 ||
	       (!strchr(blanks, *text) && !strchr(blanks, text[length - 1]));
}

static int
look_at_setting(const char *section, const char *key, const char *value,
    uint32_t line, void *data)
{
	MUST(*section && is_stripped(key) && is_stripped(value));
	MUST(!strchr(key, '=') && !strchr(value, '\n'));
	MUST(line >= *(uint32_t *)data);
	*(uint32_t *)data = line;
	return 0;
}

static int
look_at_variable(const char *name, const char *value, void *data)
{
	(void)data;
	(void)value;
	MUST(is_stripped(name) && !strchr(name, '='));
	return 0;
}

static void
walk_words(const char *text)
{
	size_t length = strlen(text), made = 0;
	char *word;

	while (unit_word(&text, &word) > 0) {
		made += strlen(word);
		free(word);
	}
	/* An escape is longer than what it stands for, a quote is nothing. */
	MUST(made <= length);
}

static void
walk_names(const char *text)
{
	char name[UNIT_NAME_SIZE], other[UNIT_NAME_SIZE];
	size_t length;

	if (unit_full_name(text, name) != 0)
		return;
	MUST(unit_full_name(name, other) == 0 && strcmp(name, other) == 0);
	if (unit_name_template(name, other)) {
		char again[UNIT_NAME_SIZE];

		MUST(unit_is_template(other));
		MUST(unit_name_instantiate(other, name, again));
		MUST(strcmp(name, again) == 0);
	}
	do {
		length = strlen(name);
		MUST(strcmp(unit_name_type(name), strrchr(name, '.') + 1) == 0);
		memcpy(other, name, sizeof(other));
	} while (unit_name_shorter(other, name) && strlen(name) < length);
}

static void
round_trip(const char *text)
{
	struct dropin dropin = {
	    .id = "a.service", .library = text, .config = text};
	struct unit_variable variable;
	char root[] = "/nowhere", id[] = "a.service", file[] = "/";
	struct unit unit = {.root = root, .id = id, .file = file};
	char *written, *config;
	bool has_control = false, is_ascii = true;
	int error;

	for (const char *at = text; *at; at++) {
		has_control |= iscntrl((unsigned char)*at) != 0;
		is_ascii &= isascii((unsigned char)*at) != 0;
	}
	/* Of what is not ASCII some is refused. */
	error = dropin_text(&dropin, &written);
	MUST(error == 0 || error == -EINVAL);
	MUST(!has_control || error == -EINVAL);
	MUST(has_control || !is_ascii || error == 0);
	if (error < 0)
		return;
	MUST(dropin_config(written, &config) == 1);
	MUST(strcmp(config, text) == 0);
	free(config);
	MUST(unit_replace(&unit, "/x.conf", written) == 0);
	MUST(unit_environment(&unit, "LD_PRELOAD", &variable) == 1);
	MUST(strcmp(variable.value, text) == 0);
	unit_variable_free(&variable);
	MUST(unit_replace(&unit, "/x.conf", NULL) == 0 && unit.count == 0);
	free(unit.settings);
	free(written);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint32_t line = 0;

	MUST(text);
	memcpy(text, data, size);
	text[size] = '\0';
	MUST(unit_text_settings(text, look_at_setting, &line) == 0);
	MUST(unit_text_variables(text, look_at_variable, NULL) == 0);
	walk_words(text);
	walk_names(text);
	round_trip(text);
	free(text);
	return 0;
}
