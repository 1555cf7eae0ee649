/* SPDX-License-Identifier: ISC */
/*
 * config_policy: the rules of a configuration, in the order of its files.
 */
#ifndef KASHIM_CONFIG_POLICY_H
#define KASHIM_CONFIG_POLICY_H

#include <stdint.h>

#include "compile/build.h"
#include "config/config_report.h"

#define CONFIG_POLICY_BUCKETS 1024u

struct config_policy {
	struct rule *rules;
	uint32_t count;
	uint32_t *same_bucket; /* for each rule, the one before it in there */
	uint32_t bucket[CONFIG_POLICY_BUCKETS]; /* the last rule, by name */
};

/* Makes it empty. */
void config_policy_init(struct config_policy *policy);

/*
 * Appends a rule without keys, at its place in a file. Returns 0; -EINVAL if
 * the name is none or taken, or the rules are too many; -ENOMEM. A failure
 * was reported.
 */
int
config_policy_add(struct config_policy *policy, struct config_report *report,
    const struct config_place *at, const char *name);

/* The rule that was added last. */
struct rule *config_policy_last(const struct config_policy *policy);

/* Frees all rules. */
void config_policy_free(struct config_policy *policy);

#endif
