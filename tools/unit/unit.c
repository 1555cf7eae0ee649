/* SPDX-License-Identifier: ISC */
/*
 * unit: a systemd unit as its files say it (unit.h). Which files these are is
 * for unit_path; here they are read and put in order.
 */
#include "unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "host/inside.h"
#include "unit/unit_path.h"
#include "unit/unit_text.h"

static void
setting_free(struct unit_setting *setting)
{
	free(setting->section);
	free(setting->key);
	free(setting->value);
	free(setting->file);
}

void
unit_free(struct unit *unit)
{
	for (size_t i = 0; i < unit->count; i++)
		setting_free(&unit->settings[i]);
	free(unit->settings);
	free(unit->root);
	free(unit->name);
	free(unit->id);
	free(unit->file);
	*unit = (struct unit){0};
}

/* Where the settings of a file go. */
struct insertion {
	struct unit *unit;
	const char *file;
	size_t at;
};

static int
insert(const char *section, const char *key, const char *value, uint32_t line,
    void *data)
{
	struct insertion *insertion = data;
	struct unit *unit = insertion->unit;
	struct unit_setting setting = {
	    .section = strdup(section),
	    .key = strdup(key),
	    .value = strdup(value),
	    .file = strdup(insertion->file),
	    .line = line,
	};
	struct unit_setting *more = reallocarray(
	    unit->settings, unit->count + 1, sizeof(*unit->settings));

	if (more)
		unit->settings = more;
	if (!more || !setting.section || !setting.key || !setting.value ||
	    !setting.file) {
		setting_free(&setting);
		return -ENOMEM;
	}
	memmove(more + insertion->at + 1, more + insertion->at,
	    (unit->count - insertion->at) * sizeof(*more));
	more[insertion->at++] = setting;
	unit->count++;
	return 0;
}

static const char *
file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int
unit_replace(struct unit *unit, const char *file, const char *text)
{
	struct insertion insertion = {unit, file, 0};
	size_t i = 0;

	while (i < unit->count) {
		struct unit_setting *setting = &unit->settings[i];

		/* Of several with one name, one counts. */
		if (strcmp(file_name(setting->file), file_name(file)) != 0) {
			i++;
			continue;
		}
		setting_free(setting);
		unit->count--;
		memmove(
		    setting, setting + 1, (unit->count - i) * sizeof(*setting));
	}
	if (!text)
		return 0;
	/* Drop-ins are in the order of their names, behind the main file. */
	while (insertion.at < unit->count) {
		const char *other = unit->settings[insertion.at].file;

		if (strcmp(other, unit->file) != 0 &&
		    strcmp(file_name(other), file_name(file)) > 0)
			break;
		insertion.at++;
	}
	return unit_text_settings(text, insert, &insertion);
}

/* Adds what stands in a file, at the end. */
static int
read_file(int root, const char *file, struct unit *unit)
{
	struct insertion insertion = {unit, file, unit->count};
	char *text;
	size_t size;
	int result = inside_read(root, file, &text, &size);

	if (result != 0)
		return result;
	result = unit_text_settings(text, insert, &insertion);
	free(text);
	return result;
}

/*
 * A drop-in that is missing after all, or no file, is as good as empty, and so
 * is a link to /dev/null.
 */
static int
read_dropin(int root, const char *file, struct unit *unit)
{
	int result = read_file(root, file, unit);

	switch (result) {
	case -ENOENT:
	case -EBADF:
	case -ELOOP:
	case -ENOTDIR:
		return 0;
	default:
		return result;
	}
}

int
unit_read(const char *root, const char *name, struct unit *unit)
{
	char full[UNIT_NAME_SIZE];
	struct unit_path path = {0};
	int fd, result;

	*unit = (struct unit){0};
	result = unit_full_name(name, full);
	if (result != 0)
		return result;
	fd = inside_root(root);
	if (fd < 0)
		return fd == -ENOENT ? -ENOTDIR : fd;
	result = unit_path_find(fd, full, &path);
	if (result != 0)
		goto out;
	unit->root = strdup(root);
	unit->name = strdup(full);
	unit->id = strdup(path.id);
	unit->file = strdup(path.file);
	unit->masked = path.masked;
	result = -ENOMEM;
	if (!unit->root || !unit->name || !unit->id || !unit->file)
		goto out;
	result = 0;
	if (unit->masked)
		goto out;
	result = read_file(fd, unit->file, unit);
	for (size_t i = 0; i < path.dropins.count && result == 0; i++)
		result = read_dropin(fd, path.dropins.names[i], unit);
out:
	unit_path_free(&path);
	close(fd);
	if (result != 0)
		unit_free(unit);
	return result;
}

static bool
is(const struct unit_setting *setting, const char *section, const char *key)
{
	return strcmp(setting->section, section) == 0 &&
	       strcmp(setting->key, key) == 0;
}

const struct unit_setting *
unit_last(const struct unit *unit, const char *section, const char *key)
{
	for (size_t i = unit->count; i > 0; i--) {
		const struct unit_setting *setting = &unit->settings[i - 1];

		if (is(setting, section, key))
			return *setting->value ? setting : NULL;
	}
	return NULL;
}

const struct unit_setting *
unit_next(const struct unit *unit, const char *section, const char *key,
    const struct unit_setting *previous)
{
	size_t i = previous ? (size_t)(previous - unit->settings) + 1 : 0;
	const struct unit_setting *first = NULL;

	for (; i < unit->count; i++) {
		const struct unit_setting *setting = &unit->settings[i];

		if (!is(setting, section, key))
			continue;
		if (!*setting->value)
			first = NULL;
		else if (!first)
			first = setting;
		/* Behind one that counts there is no empty value. */
		if (first && previous)
			break;
	}
	return first;
}

bool
unit_yes(const char *value)
{
	static const char *const words[] = {"1", "yes", "y", "true", "t", "on"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(value, words[i]) == 0)
			return true;
	return false;
}

bool
unit_keeps_capability(const struct unit *unit, const char *capability)
{
	const struct unit_setting *setting = NULL;
	bool first = true, has = true;

	while ((setting = unit_next(
		    unit, "Service", "CapabilityBoundingSet", setting))) {
		const bool named = strstr(setting->value, capability);

		if (*setting->value == '~')
			has = has && !named;
		else
			has = named || (!first && has);
		first = false;
	}
	return has;
}
