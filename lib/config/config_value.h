/* SPDX-License-Identifier: ISC */
/*
 * config_value: single values of a configuration file, from text.
 *
 * Each function takes the value of a key, both as written. It returns 0 and
 * sets its last argument, or reports what would be right and returns -EINVAL.
 */
#ifndef KASHIM_CONFIG_VALUE_H
#define KASHIM_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "compile/build.h"
#include "config/config_report.h"

/* Where a value stands and what it belongs to. */
struct config_value {
	struct config_report *report;
	struct config_place at;
	const char *key;
	const char *text;
};

/* Which durations a key takes. */
struct config_range {
	uint64_t min_ms;
	uint64_t max_ms;
	bool whole_seconds;
	const char *text; /* for messages */
};

/* "250ms", "90s", "5min", "2h", or a bare number of seconds. */
int config_value_duration(const struct config_value *value,
    const struct config_range *range, uint64_t *ms);

/* A whole number from 1 to max. */
int config_value_number(
    const struct config_value *value, uint32_t max, uint32_t *number);

/* "3300" or "3300-3399". */
int
config_value_ports(const struct config_value *value, struct port_range *range);

/* "10.20.0.0/16", "2001:db8::1". */
int
config_value_prefix(const struct config_value *value, struct prefix *prefix);

/* One of count words; sets its index. choices names them in messages. */
int
config_value_word(const struct config_value *value, const char *const *words,
    size_t count, const char *choices, unsigned int *index);

/* A shell pattern for the name of an executable. Sets nothing. */
int config_value_program(const struct config_value *value);

/*
 * The one of count names that word was probably meant to be, or NULL. A name
 * is near if a slip or two make the difference, or if one begins the other.
 */
const char *
config_value_nearest(const char *word, const char *const *names, size_t count);

#endif
