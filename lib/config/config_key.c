/* SPDX-License-Identifier: ISC */
/*
 * config_key: the names of the keys, and nothing that depends on values.
 */
#include "config/config_key.h"

#include <string.h>

#define NAME(id, level, constant, key, ...) [KEY_##id] = (key),
const char *const config_key_name[KEYS] = {[KEY_DIRECTION] = "direction",
    [KEY_SOURCE] = "source",
    [KEY_DESTINATION] = "destination",
    [KEY_PORT] = "port",
    [KEY_PROGRAM] = "program",
    [KEY_ACTION] = "action",
    [KEY_FIREWALL_TIMEOUT] = "firewall-timeout",
    [KEY_PROFILE] = "profile",
    [KEY_APP_SETTINGS] = "app-settings",
    [KEY_INHERIT] = "inherit",
    KEEPALIVE_KEYED(NAME)};

enum config_key
config_key_find(const char *name)
{
	enum config_key key = 0;

	while (key < KEYS && strcmp(config_key_name[key], name) != 0)
		key++;
	return key;
}

bool
config_key_is_of_top(enum config_key key)
{
	return key >= KEY_IDLE;
}

bool
config_key_is_of_rule(enum config_key key)
{
	return key != KEY_INHERIT;
}

bool
config_key_is_list(enum config_key key)
{
	return key == KEY_SOURCE || key == KEY_DESTINATION || key == KEY_PORT ||
	       key == KEY_PROGRAM;
}
