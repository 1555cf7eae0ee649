/* SPDX-License-Identifier: ISC */
/*
 * config_policy: gathers rules, and sees to it that each can be named. It must
 * not take longer for each further rule.
 */
#include "config/config_policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_array.h"
#include "config/config_rule.h"

#define NONE UINT32_MAX

void
config_policy_init(struct config_policy *policy)
{
	*policy = (struct config_policy){0};
	for (uint32_t i = 0; i < CONFIG_POLICY_BUCKETS; i++)
		policy->bucket[i] = NONE;
}

/* FNV-1a */
static uint32_t
bucket_of(const char *name)
{
	uint32_t hash = 2166136261u;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * 16777619u;
	return hash % CONFIG_POLICY_BUCKETS;
}

static int
check_name(const struct config_policy *policy, struct config_report *report,
    const struct config_place *at, const char *name)
{
	char quoted[CONFIG_QUOTE_MAX];
	uint32_t other = policy->bucket[bucket_of(name)];

	if (!*name)
		return config_report_error(report, -EINVAL, at,
		    "a rule with an empty name; write rule NAME { ... }");
	for (const char *c = name; *c; c++)
		if (*c < ' ' || *c > '~')
			return config_report_error(report, -EINVAL, at,
			    "rule name %s: only printable ASCII characters are "
			    "possible; write others",
			    config_quote(name, quoted));
	while (other != NONE && strcmp(policy->rules[other].name, name) != 0)
		other = policy->same_bucket[other];
	if (other == NONE)
		return 0;
	return config_report_error(report, -EINVAL, at,
	    "a second rule %s; the first is at %.150s:%u, give one of them "
	    "another name",
	    config_quote(name, quoted), policy->rules[other].file,
	    (unsigned)policy->rules[other].line);
}

static int
append(struct config_policy *policy, const struct config_place *at,
    const char *name)
{
	uint32_t *bucket = &policy->bucket[bucket_of(name)];
	struct rule *rules;
	uint32_t *same_bucket;
	char *copy;

	rules = config_array_grow(policy->rules, policy->count, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	policy->rules = rules;
	same_bucket = config_array_grow(
	    policy->same_bucket, policy->count, sizeof(*same_bucket));
	if (!same_bucket)
		return -ENOMEM;
	policy->same_bucket = same_bucket;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	rules[policy->count] = (struct rule){
	    .name = copy,
	    .file = at->file,
	    .line = at->line,
	    .direction = DIRECTION_BOTH,
	    .action = ACTION_KEEPALIVE,
	};
	same_bucket[policy->count] = *bucket;
	*bucket = policy->count++;
	return 0;
}

int
config_policy_add(struct config_policy *policy, struct config_report *report,
    const struct config_place *at, const char *name)
{
	int error;

	if (policy->count == IMAGE_RULES_MAX)
		return config_report_error(report, -EINVAL, at,
		    "more than %u rules; make one of those that differ only in "
		    "addresses or ports",
		    IMAGE_RULES_MAX);
	error = check_name(policy, report, at, name);
	if (error)
		return error;
	error = append(policy, at, name);
	return error ? config_report_error(report, error, at, "out of memory")
	             : 0;
}

struct rule *
config_policy_last(const struct config_policy *policy)
{
	return &policy->rules[policy->count - 1];
}

void
config_policy_free(struct config_policy *policy)
{
	while (policy->count)
		config_rule_free(&policy->rules[--policy->count]);
	free(policy->rules);
	free(policy->same_bucket);
	config_policy_init(policy);
}
