/* SPDX-License-Identifier: ISC */
/*
 * advice: gathers what is to be said, and says it in the order of the file.
 */
#include "advice/advice.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice/advice_timers.h"
#include "advice/shadow.h"
#include "config/config_profile.h"
#include "config/config_report.h"

#define SHADOWS_TOLD 10

struct item {
	uint32_t file; /* number of the source */
	uint32_t line;
	uint32_t order; /* in which it was found */
	char *message;
};

struct advice {
	const char *path;
	const struct build_input *policy;
	struct item *items;
	size_t count;
	uint32_t shadows;
	int error;
};

static uint32_t
file_number(const struct build_input *policy, const char *file)
{
	uint32_t i = 0;

	while (i < policy->source_count &&
	       strcmp(policy->sources[i].path, file) != 0)
		i++;
	return i;
}

static void
add_message(
    struct advice *advice, const struct config_place *at, const char *message)
{
	struct item *grown = advice->items;

	/* Room for twice as many, whenever that is used up. */
	if ((advice->count & (advice->count - 1)) == 0)
		grown = reallocarray(advice->items,
		    advice->count ? 2 * advice->count : 1, sizeof(*grown));
	if (!grown) {
		advice->error = -ENOMEM;
		return;
	}
	advice->items = grown;
	grown[advice->count] = (struct item){
	    .file = file_number(advice->policy, at->file),
	    .line = at->line,
	    .order = (uint32_t)advice->count,
	    .message = strdup(message),
	};
	if (grown[advice->count].message)
		advice->count++;
	else
		advice->error = -ENOMEM;
}

__attribute__((format(printf, 3, 4))) static void
compose(char message[CONFIG_MESSAGE_MAX], const struct config_place *at,
    const char *format, ...)
{
	va_list args;

	va_start(args, format);
	config_report_compose(message, at, format, args);
	va_end(args);
}

__attribute__((format(printf, 3, 4))) static void
add(struct advice *advice, const struct config_place *at, const char *format,
    ...)
{
	char message[CONFIG_MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	config_report_compose(message, at, format, args);
	va_end(args);
	add_message(advice, at, message);
}

/* "rule "a" (line 3)", with the file where that is another one. */
static void
append_rule(char *text, size_t size, const struct rule *rule,
    const struct config_place *at)
{
	size_t used = strlen(text);
	char quoted[CONFIG_QUOTE_MAX];

	config_quote(rule->name, quoted);
	if (strcmp(rule->file, at->file) == 0)
		snprintf(text + used, size - used, "%s (line %u)", quoted,
		    (unsigned)rule->line);
	else
		snprintf(text + used, size - used, "%s (%.110s:%u)", quoted,
		    rule->file, (unsigned)rule->line);
}

static void
tell_covered(struct advice *advice, const struct shadow *shadow,
    const struct config_place *at, const char *quoted)
{
	const struct rule *rules = advice->policy->rules;
	char text[CONFIG_MESSAGE_MAX / 2] = "";
	uint32_t named =
	    shadow->covers < SHADOW_NAMED ? shadow->covers : SHADOW_NAMED;

	for (uint32_t i = 0; i < named; i++) {
		size_t used = strlen(text);
		bool last = i + 1 == named && named == shadow->covers;

		snprintf(text + used, sizeof(text) - used, "%s",
		    i == 0 ? ""
		    : last ? " and "
			   : ", ");
		append_rule(text, sizeof(text), &rules[shadow->cover[i]], at);
	}
	if (shadow->covers > named) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, " and %u more",
		    (unsigned)(shadow->covers - named));
	}
	add(advice, at,
	    shadow->covers == 1
		? "rule %s can never match, because rule %s takes all that it "
		  "could; move it above that one, or leave it out"
		: "rule %s can never match, because rules %s take together "
		  "all that it could; move it above them, or leave it out",
	    quoted, text);
}

static void
tell_shadow(void *data, const struct shadow *shadow)
{
	struct advice *advice = data;
	const struct rule *rule = &advice->policy->rules[shadow->rule];
	const struct config_place at = {rule->file, rule->line};
	char quoted[CONFIG_QUOTE_MAX];

	if (advice->shadows++ >= SHADOWS_TOLD)
		return;
	config_quote(rule->name, quoted);
	if (shadow->covers > 0)
		tell_covered(advice, shadow, &at, quoted);
	else
		add(advice, &at,
		    "rule %s can never match, because its sources and its "
		    "destinations are of different families, IPv4 and IPv6; "
		    "write both of the same",
		    quoted);
}

static void
tell_timers(void *data, const struct config_place *at, const char *message)
{
	add(data, at, "%s", message);
}

/* Where the profile of a rule is written, as far as that is known. */
static struct config_place
profile_place(const struct rule *rule)
{
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++)
		if (rule->origin[option].kind == ORIGIN_PROFILE)
			return (struct config_place){rule->origin[option].file,
			    rule->origin[option].line};
	return (struct config_place){rule->file, rule->line};
}

static void
look_at_profile(struct advice *advice, const struct rule *rule)
{
	const struct config_profile *profile;
	struct config_place at;

	profile = rule->profile ? config_profile_find(rule->profile) : NULL;
	if (!profile || profile->documented)
		return;
	at = profile_place(rule);
	add(advice, &at,
	    "profile \"%s\" is %us only by hearsay (%s), its makers document "
	    "no such time; measure it, and write firewall-timeout = what you "
	    "found",
	    profile->name, (unsigned)profile->timeout_s, profile->source);
}

static int
compare_items(const void *a, const void *b)
{
	const struct item *left = a, *right = b;

	if (left->file != right->file)
		return left->file < right->file ? -1 : 1;
	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->order < right->order ? -1 : 1;
}

/* What is written once and holds for many rules was found many times. */
static bool
was_said(const struct advice *advice, size_t index)
{
	const struct item *item = &advice->items[index];

	for (size_t i = index; i > 0; i--) {
		const struct item *before = &advice->items[i - 1];

		if (before->file != item->file || before->line != item->line)
			return false;
		if (strcmp(before->message, item->message) == 0)
			return true;
	}
	return false;
}

static void
say(const struct advice *advice, advice_fn *tell, void *data)
{
	const struct config_place whole = {advice->path, 0};
	char message[CONFIG_MESSAGE_MAX];

	if (advice->count > 0)
		qsort(advice->items, advice->count, sizeof(*advice->items),
		    compare_items);
	for (size_t i = 0; i < advice->count; i++)
		if (!was_said(advice, i))
			tell(data, advice->items[i].message);
	if (advice->shadows > SHADOWS_TOLD) {
		compose(message, &whole, "%u more rules can never match",
		    (unsigned)(advice->shadows - SHADOWS_TOLD));
		tell(data, message);
	}
}

int
advice_give(const char *path, const struct build_input *policy,
    const struct image *image, advice_fn *tell, void *data)
{
	const struct config_place whole = {path, 0};
	struct advice advice = {.path = path, .policy = policy};
	struct advice_timers timers = {.tell = tell_timers, .data = &advice};
	int error;

	if (policy->rule_count == 0)
		add(&advice, &whole,
		    "no rule in it, so no connection is changed; write rule "
		    "NAME { ... }");
	error = shadow_find(policy, image, tell_shadow, &advice);
	for (size_t i = 0; i < policy->rule_count; i++) {
		look_at_profile(&advice, &policy->rules[i]);
		advice_timers(&timers, &policy->rules[i]);
	}
	say(&advice, tell, data);
	for (size_t i = 0; i < advice.count; i++)
		free(advice.items[i].message);
	free(advice.items);
	return error < 0 ? error : advice.error;
}
