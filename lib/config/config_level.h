/* SPDX-License-Identifier: ISC */
/*
 * config_level: what is written at one level of a configuration file: at the
 * top, where it is a default for all rules, or in one rule.
 */
#ifndef KASHIM_CONFIG_LEVEL_H
#define KASHIM_CONFIG_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

#include "compile/build.h"
#include "config/config_key.h"
#include "config/config_profile.h"
#include "config/config_value.h"

struct config_level {
	uint32_t seen; /* a bit for each enum config_key */
	struct config_place at[KEYS];
	struct keepalive keepalive;
	uint32_t timeout_s; /* firewall-timeout's or the profile's, or 0 */
	const struct config_profile *profile;
	enum app_settings app_settings;
	bool no_inherit; /* inherit = false */
};

/* Was the key written? */
bool config_level_has(const struct config_level *level, enum config_key key);

/* The option that a key sets, or KEEPALIVE_OPTIONS. */
enum keepalive_option config_level_option(enum config_key key);

/*
 * Takes a value of a key: one that can be a default into level, another one
 * into rule, which is NULL at the top. assigned tells the first value behind
 * an = from a further one of the same list.
 *
 * Returns 0; -EINVAL if the value is wrong or contradicts what stands at the
 * same level; -ENOMEM. A failure was reported.
 */
int config_level_take(struct config_level *level, struct rule *rule,
    enum config_key key, bool assigned, const struct config_value *value);

#endif
