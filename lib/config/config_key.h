/* SPDX-License-Identifier: ISC */
/*
 * config_key: the keys of a configuration file and where each may stand.
 */
#ifndef KASHIM_CONFIG_KEY_H
#define KASHIM_CONFIG_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/keepalive.h"

#define CONFIG_KEY(id, ...) KEY_##id,
/* clang-format off */
enum config_key {
	/* In a rule only. */
	KEY_DIRECTION,
	KEY_SOURCE,
	KEY_DESTINATION,
	KEY_PORT,
	KEY_PROGRAM,
	KEY_ACTION,
	/* In a rule, or at the top as a default for all rules. */
	KEEPALIVE_KEYED(CONFIG_KEY)
	KEY_FIREWALL_TIMEOUT,
	KEY_PROFILE,
	KEY_APP_SETTINGS,
	/* At the top only: of the whole policy. */
	KEY_INHERIT,
	KEYS,
};
/* clang-format on */

/* At the top, besides KEY_IDLE and those after it. Both are no keys. */
#define CONFIG_RULE    "rule"
#define CONFIG_INCLUDE "include"

/* As written. */
extern const char *const config_key_name[KEYS];

/* The key of that name, or KEYS. */
enum config_key config_key_find(const char *name);

/* May it stand at the top? */
bool config_key_is_of_top(enum config_key key);

/* May it stand in a rule? */
bool config_key_is_of_rule(enum config_key key);

/* Does it take several values? */
bool config_key_is_list(enum config_key key);

#endif
