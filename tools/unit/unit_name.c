/* SPDX-License-Identifier: ISC */
/*
 * unit_name: the names of systemd units and what follows from them
 * (unit_name.h), and the specifiers that they give.
 */
#include "unit/unit_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS                                                          \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" \
	":-_.\\"

static const char *const TYPES[] = {"service", "socket", "device", "mount",
    "automount", "swap", "target", "path", "timer", "slice", "scope"};

const char *
unit_name_type(const char *name)
{
	return strrchr(name, '.') + 1;
}

static bool
has_type(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
		if (strcmp(dot + 1, TYPES[i]) == 0)
			return true;
	return false;
}

int
unit_full_name(const char *name, char full[UNIT_NAME_SIZE])
{
	size_t prefix = strspn(name, LETTERS);
	int length;

	/* An instance may hold "@" too, but nothing may begin with it. */
	if (prefix == 0 || name[strspn(name, LETTERS "@")] != '\0')
		return -EINVAL;
	length = snprintf(full, UNIT_NAME_SIZE, "%s%s", name,
	    has_type(name) ? "" : ".service");
	if (length >= UNIT_NAME_SIZE || *full == '.')
		return -EINVAL;
	return 0;
}

bool
unit_is_template(const char *name)
{
	const char *at = strchr(name, '@');

	return at && at + 1 == strrchr(name, '.');
}

bool
unit_is_instance(const char *name)
{
	return strchr(name, '@') && !unit_is_template(name);
}

bool
unit_name_template(const char *name, char template[UNIT_NAME_SIZE])
{
	const char *at = strchr(name, '@');

	if (!unit_is_instance(name))
		return false;
	snprintf(template, UNIT_NAME_SIZE, "%.*s%s", (int)(at + 1 - name), name,
	    strrchr(name, '.'));
	return true;
}

bool
unit_name_instantiate(
    const char *template, const char *instance, char name[UNIT_NAME_SIZE])
{
	const char *at;

	if (!unit_is_template(template) || !unit_is_instance(instance))
		return false;
	at = strchr(instance, '@') + 1;
	return snprintf(name, UNIT_NAME_SIZE, "%.*s%.*s.%s",
		   (int)(strchr(template, '@') + 1 - template), template,
		   (int)(strrchr(instance, '.') - at), at,
		   unit_name_type(template)) < UNIT_NAME_SIZE;
}

bool
unit_name_shorter(const char *name, char shorter[UNIT_NAME_SIZE])
{
	size_t length = strcspn(name, "@");
	const char *end = name + length;

	if (*end == '\0') {
		end = strrchr(name, '.');
		length = (size_t)(end - name);
	}
	/* A dash at the end is what the last round has left there. */
	if (length > 0 && name[length - 1] == '-')
		length--;
	while (length > 0 && name[length - 1] != '-')
		length--;
	if (length <= 1)
		return false;
	/* What is above a template is for all units, instances or not. */
	if (unit_is_template(name))
		end++;
	snprintf(shorter, UNIT_NAME_SIZE, "%.*s%s", (int)length, name, end);
	return true;
}

/* Both plain, both templates, or instances with the same instance. */
bool
unit_name_may_alias(const char *name, const char *target)
{
	char template[UNIT_NAME_SIZE], same[UNIT_NAME_SIZE];

	if (strcmp(unit_name_type(name), unit_name_type(target)) != 0)
		return false;
	if (unit_is_template(name))
		return unit_is_template(target);
	if (!unit_is_instance(name))
		return !strchr(target, '@');
	if (unit_is_template(target))
		return true;
	return unit_name_template(target, template) &&
	       unit_name_instantiate(template, name, same) &&
	       strcmp(same, target) == 0;
}

/* A part of a name, as it was before systemd-escape(1). */
static void
add_plain(FILE *out, const char *part, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned int code;

		if (part[i] == '\\' && i + 3 < length && part[i + 1] == 'x' &&
		    sscanf(part + i + 2, "%2x", &code) == 1) {
			fputc((int)code, out);
			i += 3;
		} else {
			fputc(part[i] == '-' ? '/' : part[i], out);
		}
	}
}

/* Returns false if this specifier is not known. */
static bool
add_specifier(FILE *out, const struct unit *unit, char specifier)
{
	static const struct {
		char specifier;
		const char *text;
	} fixed[] = {
	    {'%', "%"},
	    {'t', "/run"},
	    {'S', "/var/lib"},
	    {'C', "/var/cache"},
	    {'L', "/var/log"},
	    {'E', "/etc"},
	    {'T', "/tmp"},
	    {'V', "/var/tmp"},
	};
	const char *id = unit->id, *dot = strrchr(id, '.');
	const char *at = strchr(id, '@');
	size_t prefix = (size_t)((at ? at : dot) - id), last;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (fixed[i].specifier == specifier) {
			fputs(fixed[i].text, out);
			return true;
		}
	}
	last = prefix;
	while (last > 0 && id[last - 1] != '-')
		last--;
	/* The instance of a template, and its whole name, are not known. */
	if (at && at + 1 == dot && strchr("iInN", specifier))
		return false;
	switch (specifier) {
	case 'n':
		fputs(id, out);
		return true;
	case 'N':
		fprintf(out, "%.*s", (int)(dot - id), id);
		return true;
	case 'p':
		fprintf(out, "%.*s", (int)prefix, id);
		return true;
	case 'P':
		add_plain(out, id, prefix);
		return true;
	case 'j':
		fprintf(out, "%.*s", (int)(prefix - last), id + last);
		return true;
	case 'J':
		add_plain(out, id + last, prefix - last);
		return true;
	case 'i':
		if (at)
			fprintf(out, "%.*s", (int)(dot - at - 1), at + 1);
		return true;
	case 'I':
		if (at)
			add_plain(out, at + 1, (size_t)(dot - at - 1));
		return true;
	default:
		return false;
	}
}

char *
unit_expand(const struct unit *unit, const char *text)
{
	char *expanded = NULL;
	size_t size;
	FILE *out = open_memstream(&expanded, &size);

	if (!out)
		return NULL;
	for (; *text; text++) {
		if (*text == '%' && text[1] &&
		    add_specifier(out, unit, text[1]))
			text++;
		else
			fputc(*text, out);
	}
	if (fclose(out) != 0) {
		free(expanded);
		return NULL;
	}
	return expanded;
}
