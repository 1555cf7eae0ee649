/* SPDX-License-Identifier: ISC */
/*
 * config_level: collects keys, and refuses those that contradict each other.
 * It must not derive anything: what it holds is what was written.
 */
#include "config/config_level.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_array.h"
#include "config/config_value.h"

#define SECOND_MS      UINT64_C(1000)
#define YEAR_MS        (SECOND_MS * 3600 * 8760)
#define PLACE_TEXT_MAX 128

enum keepalive_option
config_level_option(enum config_key key)
{
	/* Both are made of one list. */
	if (key < KEY_IDLE || key - KEY_IDLE >= KEEPALIVE_SWITCH)
		return KEEPALIVE_OPTIONS;
	return key - KEY_IDLE;
}

bool
config_level_has(const struct config_level *level, enum config_key key)
{
	return level->seen & 1u << key;
}

/* "line 3", or "FILE:3" where that is another file than at's. */
static const char *
place_text(const struct config_place *place, const struct config_place *at,
    char text[PLACE_TEXT_MAX])
{
	if (strcmp(place->file, at->file) == 0)
		snprintf(
		    text, PLACE_TEXT_MAX, "line %u", (unsigned)place->line);
	else
		snprintf(text, PLACE_TEXT_MAX, "%.110s:%u", place->file,
		    (unsigned)place->line);
	return text;
}

#define refuse(value, ...) \
	config_report_error((value)->report, -EINVAL, &(value)->at, __VA_ARGS__)

static int
refuse_memory(const struct config_value *value)
{
	return config_report_error(
	    value->report, -ENOMEM, &value->at, "out of memory");
}

static int
check_repeated(const struct config_level *level, enum config_key key,
    const struct config_value *value)
{
	char place[PLACE_TEXT_MAX];

	if (!config_level_has(level, key))
		return 0;
	return refuse(value, "%s is written a second time, after %s; %s",
	    value->key, place_text(&level->at[key], &value->at, place),
	    config_key_is_list(key) ? "write one list, or += to add to it"
				    : "leave one of the two out");
}

static int
check_ignore(const struct config_level *level, const struct rule *rule,
    enum config_key key, const struct config_value *value)
{
	char place[PLACE_TEXT_MAX];

	if (!rule || !config_level_has(level, KEY_ACTION) ||
	    rule->action != ACTION_IGNORE)
		return 0;
	if (key != KEY_ACTION && config_key_is_of_top(key))
		return refuse(value,
		    "%s has no use beside action = ignore (%s); leave one of "
		    "the two out",
		    value->key,
		    place_text(&level->at[KEY_ACTION], &value->at, place));
	for (enum config_key other = 0; key == KEY_ACTION && other < KEYS;
	     other++)
		if (config_key_is_of_top(other) &&
		    config_level_has(level, other))
			return refuse(value,
			    "action = ignore has no use beside %s (%s); leave "
			    "one of the two out",
			    config_key_name[other],
			    place_text(&level->at[other], &value->at, place));
	return 0;
}

static int
check_timeouts(
    const struct config_level *level, const struct config_value *value)
{
	bool timeout = config_level_has(level, KEY_FIREWALL_TIMEOUT);
	bool profile = config_level_has(level, KEY_PROFILE);
	const char *name =
	    config_key_name[profile ? KEY_PROFILE : KEY_FIREWALL_TIMEOUT];
	int32_t idle = level->keepalive.value[KEEPALIVE_IDLE];

	if (timeout && profile)
		return refuse(value,
		    "both firewall-timeout and profile; they say the same, so "
		    "leave one of the two out");
	if ((timeout || profile) && config_level_has(level, KEY_IDLE) &&
	    (uint32_t)idle >= level->timeout_s)
		return refuse(value,
		    "idle %ds is not below the %s's %us; write a shorter idle, "
		    "such as %us, or leave it out",
		    (int)idle, name, (unsigned)level->timeout_s,
		    (unsigned)level->timeout_s / 2);
	return 0;
}

/* Appends element to an array and its count. Returns 0 or -ENOMEM. */
static int
append(const struct config_value *value, void **array, size_t *count,
    const void *element, size_t size)
{
	void *grown = config_array_grow(*array, *count, size);

	if (!grown)
		return refuse_memory(value);
	*array = grown;
	memcpy((char *)grown + *count * size, element, size);
	++*count;
	return 0;
}

static int
take_prefix(
    const struct config_value *value, struct prefix **prefixes, size_t *count)
{
	struct prefix prefix;
	void *array = *prefixes;
	int error = config_value_prefix(value, &prefix);

	if (!error)
		error = append(value, &array, count, &prefix, sizeof(prefix));
	*prefixes = array;
	return error;
}

static int
take_ports(const struct config_value *value, struct rule *rule)
{
	struct port_range range;
	void *array = rule->ports;
	int error = config_value_ports(value, &range);

	if (!error)
		error = append(
		    value, &array, &rule->port_count, &range, sizeof(range));
	rule->ports = array;
	return error;
}

static int
take_program(const struct config_value *value, struct rule *rule)
{
	const char **grown;
	int error = config_value_program(value);

	if (error)
		return error;
	grown = config_array_grow(
	    rule->programs, rule->program_count, sizeof(*grown));
	if (!grown)
		return refuse_memory(value);
	rule->programs = grown;
	grown[rule->program_count] = strdup(value->text);
	if (!grown[rule->program_count])
		return refuse_memory(value);
	rule->program_count++;
	return 0;
}

static int
take_direction(const struct config_value *value, struct rule *rule)
{
	static const char *const words[] = {"connect", "accept", "both"};
	static const enum direction directions[] = {
	    DIRECTION_CONNECT, DIRECTION_ACCEPT, DIRECTION_BOTH};
	unsigned int index;
	int error = config_value_word(
	    value, words, 3, "connect, accept or both", &index);

	if (!error)
		rule->direction = directions[index];
	return error;
}

static int
take_action(const struct config_value *value, struct rule *rule)
{
	static const char *const words[] = {"keepalive", "ignore"};
	unsigned int index;
	int error =
	    config_value_word(value, words, 2, "keepalive or ignore", &index);

	if (!error)
		rule->action = index ? ACTION_IGNORE : ACTION_KEEPALIVE;
	return error;
}

static int
take_app_settings(const struct config_value *value, struct config_level *level)
{
	static const char *const words[] = {
	    [APP_OVERRIDE] = "override",
	    [APP_TIGHTEN] = "tighten",
	    [APP_RESPECT] = "respect",
	};
	unsigned int index;
	int error = config_value_word(
	    value, words, 3, "override, tighten or respect", &index);

	if (!error)
		level->app_settings = (enum app_settings)index;
	return error;
}

static int
take_inherit(const struct config_value *value, struct config_level *level)
{
	static const char *const words[] = {"true", "false"};
	unsigned int index;
	int error = config_value_word(value, words, 2, "true or false", &index);

	if (!error)
		level->no_inherit = index == 1;
	return error;
}

/* The value of an option, in the kernel's unit. 0 is not to be written. */
static int
take_option(const struct config_value *value, struct config_level *level,
    enum keepalive_option option)
{
	const struct keepalive_about *about = &keepalive_about[option];
	const bool in_seconds = about->unit == KEEPALIVE_SECONDS;
	const char *unit = in_seconds ? "s" : "ms";
	const uint64_t unit_ms = in_seconds ? SECOND_MS : 1;
	const int32_t least = about->least > 0 ? about->least : 1;
	char text[48];
	const struct config_range range = {(uint64_t)least * unit_ms,
	    (uint64_t)about->greatest * unit_ms, in_seconds, text};
	uint32_t number;
	uint64_t ms;
	int error;

	if (about->unit == KEEPALIVE_NUMBER) {
		error = config_value_number(
		    value, (uint32_t)about->greatest, &number);
		if (!error)
			level->keepalive.value[option] = (int32_t)number;
		return error;
	}
	snprintf(text, sizeof(text), "%d%s to %d%s", (int)least, unit,
	    (int)about->greatest, unit);
	error = config_value_duration(value, &range, &ms);
	if (!error)
		level->keepalive.value[option] = (int32_t)(ms / unit_ms);
	return error;
}

static int
take_timeout(const struct config_value *value, struct config_level *level)
{
	/* Below 5 s, whole seconds have no room for three probes. */
	static const struct config_range range = {
	    5 * SECOND_MS, YEAR_MS, true, "5s to 8760h"};
	uint64_t ms;
	int error = config_value_duration(value, &range, &ms);

	if (!error)
		level->timeout_s = (uint32_t)(ms / SECOND_MS);
	return error;
}

static int
take_profile(const struct config_value *value, struct config_level *level)
{
	char quoted[CONFIG_QUOTE_MAX];
	const char *names[CONFIG_PROFILES + CONFIG_UNCONFIRMED];
	const char *nearest;

	level->profile = config_profile_find(value->text);
	if (level->profile) {
		level->timeout_s = level->profile->timeout_s;
		return 0;
	}
	config_quote(value->text, quoted);
	for (size_t i = 0; i < CONFIG_PROFILES; i++)
		names[i] = config_profiles[i].name;
	for (size_t i = 0; i < CONFIG_UNCONFIRMED; i++)
		names[CONFIG_PROFILES + i] = config_unconfirmed[i];
	nearest = config_value_nearest(
	    value->text, names, CONFIG_PROFILES + CONFIG_UNCONFIRMED);
	if (nearest && !config_profile_find(nearest))
		return refuse(value,
		    "profile %s: there is none for %s, because its idle "
		    "timeout is not confirmed; measure it, and write "
		    "firewall-timeout = what you found",
		    quoted, nearest);
	if (nearest)
		return refuse(value, "unknown profile %s, did you mean \"%s\"?",
		    quoted, nearest);
	return refuse(value,
	    "unknown profile %s; write the firewall's idle timeout, such as "
	    "firewall-timeout = \"15min\"",
	    quoted);
}

static int
take_value(struct config_level *level, struct rule *rule, enum config_key key,
    const struct config_value *value)
{
	switch (key) {
	case KEY_DIRECTION:
		return take_direction(value, rule);
	case KEY_SOURCE:
		return take_prefix(value, &rule->sources, &rule->source_count);
	case KEY_DESTINATION:
		return take_prefix(
		    value, &rule->destinations, &rule->destination_count);
	case KEY_PORT:
		return take_ports(value, rule);
	case KEY_PROGRAM:
		return take_program(value, rule);
	case KEY_ACTION:
		return take_action(value, rule);
	case KEY_FIREWALL_TIMEOUT:
		return take_timeout(value, level);
	case KEY_PROFILE:
		return take_profile(value, level);
	case KEY_APP_SETTINGS:
		return take_app_settings(value, level);
	case KEY_INHERIT:
		return take_inherit(value, level);
	default:
		return take_option(value, level, config_level_option(key));
	}
}

int
config_level_take(struct config_level *level, struct rule *rule,
    enum config_key key, bool assigned, const struct config_value *value)
{
	enum keepalive_option option = config_level_option(key);
	int error = assigned ? check_repeated(level, key, value) : 0;

	if (!error)
		error = take_value(level, rule, key, value);
	if (error)
		return error;
	if (!config_level_has(level, key))
		level->at[key] = value->at;
	level->seen |= 1u << key;
	if (option < KEEPALIVE_OPTIONS)
		level->keepalive.set |= 1u << option;
	error = check_ignore(level, rule, key, value);
	return error ? error : check_timeouts(level, value);
}
