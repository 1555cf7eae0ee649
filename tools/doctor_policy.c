/* SPDX-License-Identifier: ISC */
/*
 * doctor_policy: the configuration as a program would read it when it starts,
 * and what comes of it for this program. The order is the shim's (policy.c):
 * the compiled policy if it is fresh, else the text.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "doctor_parts.h"
#include "image.h"
#include "view.h"

#define PARSER "libkashim-config.so"

struct question {
	struct doctor_policy policy;
	char config[PATH_MAX];
	char names[2][NAME_MAX + 1];
};

/* The latest change of the files that the image was made from. */
static void
find_change(const struct image *image, struct timespec *changed)
{
	struct image_source source;
	struct stat st;

	for (uint32_t i = 0; image_source(image, i, &source); i++) {
		if (stat(image_string(image, source.path), &st) == 0 &&
		    (st.st_ctim.tv_sec > changed->tv_sec ||
			(st.st_ctim.tv_sec == changed->tv_sec &&
			    st.st_ctim.tv_nsec > changed->tv_nsec)))
			*changed = st.st_ctim;
	}
}

static void
judge_image(const struct image *image, struct question *question)
{
	struct doctor_policy *policy = &question->policy;
	const char *names[2] = {question->names[0], question->names[1]};
	struct image_header header;
	struct view view;
	uint32_t *numbers =
	    calloc(image_group_count(image) + 1u, sizeof(*numbers));

	if (!numbers) {
		policy->error = -ENOMEM;
		return;
	}
	view_make(&view, image, names, 2, numbers, image_group_count(image));
	policy->concerned = !view_is_empty(&view);
	policy->rules = image_rule_count(image);
	policy->no_inherit = image_header(image, &header) &&
	                     (header.flags & IMAGE_NO_INHERIT) != 0;
	policy->error = 0;
	find_change(image, &policy->changed);
	free(numbers);
}

/* May run in a child, with the rights of another user. */
static void
read_policy(void *data)
{
	struct question *question = data;
	struct doctor_policy *policy = &question->policy;
	char compiled[PATH_MAX];
	struct image image;
	uint8_t *bytes;

	policy->compiled_error =
	    cache_name(question->config, compiled, sizeof(compiled));
	if (policy->compiled_error == 0)
		policy->compiled_error = cache_read(compiled, &image);
	if (policy->compiled_error == 0) {
		policy->compiled = cache_is_fresh(&image, question->config);
		policy->stale = !policy->compiled;
		if (policy->compiled)
			judge_image(&image, question);
		cache_release(&image);
		if (policy->compiled)
			return;
	}
	policy->error = config_load(
	    question->config, NULL, NULL, &bytes, &image.size, policy->message);
	if (policy->error < 0)
		return;
	image.bytes = bytes;
	judge_image(&image, question);
	free(bytes);
}

void
doctor_policy_read(const struct doctor_place *place,
    const struct doctor_target *target, struct doctor_policy *policy)
{
	struct question question = {0};
	int error;

	snprintf(question.config, PATH_MAX, "%s", place->config);
	memcpy(question.names, target->names, sizeof(question.names));
	error = doctor_as(place, read_policy, &question, sizeof(question));
	*policy = question.policy;
	policy->look_error = error;
}

/*
 * Without a compiled policy the shim needs its parser, which is one for
 * glibc, and lies beside it.
 */
static void
judge_parser(const struct doctor_place *place,
    const struct doctor_target *target, struct doctor *doctor)
{
	char library[PATH_MAX], parser[PATH_MAX + sizeof(PARSER)];
	struct stat st;
	int error;

	if (doctor_resolve(place, target, place->library, library) < 0)
		return;
	snprintf(parser, sizeof(parser), "%.*s" PARSER,
	    (int)(doctor_base_name(library) - library), library);
	error = doctor_stat(place, parser, &st);
	if (error == 0)
		return;
	doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_FATAL,
	    "%s: %s. Without it the library reads only what 'kashim compile' "
	    "wrote, and there is none that is fresh",
	    parser, strerror(-error));
	doctor_remedy(doctor,
	    "Install it again ('make install'), or run 'kashim compile' "
	    "after each change of the configuration.");
}

static void
judge_inheritance(const struct doctor_target *target, struct doctor *doctor)
{
	if (target->envs > 0) {
		doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_FATAL,
		    "the configuration says inherit = false, and env(1) is "
		    "what starts %s: the library stops at env",
		    target->path);
		doctor_remedy(doctor,
		    "Name the programs that are meant in the rules, with "
		    "program = { \"...\" }, in place of inherit = false.");
	} else if (target->shell) {
		doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_WARN,
		    "the configuration says inherit = false: what the script "
		    "starts is not reached, only the shell itself");
		doctor_remedy(doctor,
		    "Name the programs that are meant in the rules, with "
		    "program = { \"...\" }, in place of inherit = false.");
	}
}

/* No rules at all: the library is loaded, and sets nothing. */
static void
judge_no_policy(const struct doctor_place *place,
    const struct doctor_policy *policy, struct doctor *doctor)
{
	doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_FATAL, "%s", policy->message);
	if (policy->error == -ENOENT)
		doctor_remedy(doctor,
		    "Without rules the library sets nothing. kashim.conf(5) "
		    "shows how to write them.");
	else
		doctor_remedy(doctor,
		    "The program would run without rules. 'kashim check %s' "
		    "says when it is right.",
		    place->config);
}

static void
judge_compiled(const struct doctor_place *place,
    const struct doctor_policy *policy, struct doctor *doctor)
{
	if (policy->stale) {
		doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_NOTE,
		    "%s" CACHE_SUFFIX " is older than the configuration: it is "
		    "not used, the text is read",
		    place->config);
		doctor_remedy(doctor, "'kashim compile' renews it.");
	} else if (policy->compiled_error == -EPERM ||
		   policy->compiled_error == -EACCES ||
		   policy->compiled_error == -EBADMSG) {
		doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_NOTE,
		    "%s" CACHE_SUFFIX " is not used: %s", place->config,
		    policy->compiled_error == -EBADMSG
			? "it is damaged, or of another version"
			: "the program's user may not read or believe it");
		doctor_remedy(doctor, "'kashim compile' renews it.");
	}
}

void
doctor_policy_judge(const struct doctor_place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct doctor *doctor)
{
	if (policy->look_error < 0) {
		doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_UNKNOWN,
		    "whether user %u can read %s%s can't be told: %s",
		    (unsigned)place->euid, place->root, place->config,
		    strerror(-policy->look_error));
		doctor_ask_root(doctor);
		return;
	}
	judge_compiled(place, policy, doctor);
	if (policy->error < 0) {
		judge_no_policy(place, policy, doctor);
		return;
	}
	if (!policy->concerned) {
		doctor_find(doctor, DOCTOR_POLICY, DOCTOR_WARN,
		    "%s: none of its %u rules is for %s", place->config,
		    (unsigned)policy->rules, target->names[0]);
		doctor_remedy(doctor,
		    "The key program of a rule has to match '%s'.",
		    target->names[0]);
		return;
	}
	doctor_find(doctor, DOCTOR_CONFIG, DOCTOR_FINE, "%s%s: %u rule%s%s",
	    place->root, place->config, (unsigned)policy->rules,
	    policy->rules == 1 ? "" : "s",
	    policy->compiled ? ", compiled" : "");
	if (!policy->compiled && *target->elf.interpreter)
		judge_parser(place, target, doctor);
	if (policy->no_inherit && target->script)
		judge_inheritance(target, doctor);
}
