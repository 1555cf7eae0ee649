/* SPDX-License-Identifier: ISC */
/*
 * doctor_policy: the configuration as a program would read it when it starts,
 * and what comes of it for this program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "advice/example.h"
#include "config/in_force.h"
#include "doctor/doctor_policy.h"
#include "doctor/doctor_resolve.h"
#include "image/image.h"
#include "image/view.h"

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
look_at_image(const struct image *image, struct question *question)
{
	struct doctor_policy *policy = &question->policy;
	const char *names[2] = {question->names[0], question->names[1]};
	struct image_header header;
	struct view view;
	uint32_t *numbers =
	    calloc(image_group_count(image) + 1u, sizeof(*numbers));

	if (!numbers) {
		policy->source = SOURCE_NOTHING;
		policy->error = -ENOMEM;
		return;
	}
	view_make(&view, image, names, 2, numbers, image_group_count(image));
	policy->concerned = !view_is_empty(&view);
	policy->rules = image_rule_count(image);
	policy->no_inherit = image_header(image, &header) &&
	                     (header.flags & IMAGE_NO_INHERIT) != 0;
	find_change(image, &policy->changed);
	free(numbers);
}

/* May run in a child, with the rights of another user. */
static void
read_policy(void *data)
{
	struct question *question = data;
	struct doctor_policy *policy = &question->policy;
	struct in_force force;

	(void)in_force_read(question->config, !*policy->parser, &force);
	policy->source = force.source.kind;
	policy->generation = force.source.generation;
	policy->error = force.source.error;
	memcpy(policy->message, force.message, sizeof(policy->message));
	if (policy->source != SOURCE_NOTHING)
		look_at_image(&force.image, question);
	in_force_free(&force);
	if (policy->source != SOURCE_PUBLISHED &&
	    !compiled_complaint(question->config, 0, policy->complaint))
		*policy->complaint = '\0';
}

/*
 * The private parser object has to stand beside the library, and it is one
 * for glibc. Writes to parser what is missing, "" if nothing is.
 */
static void
find_parser(const struct place *place, const struct doctor_target *target,
    char parser[PATH_MAX])
{
	char library[PATH_MAX];
	struct stat st;

	*parser = '\0';
	/* What the loader says of the library itself is another finding. */
	if (!place->library || !*target->elf.interpreter ||
	    doctor_resolve(place, target, place->library, library) < 0)
		return;
	if (target->elf.libc == ELF_FILE_MUSL) {
		snprintf(parser, PATH_MAX, "a parser for musl");
		return;
	}
	snprintf(strrchr(library, '/') + 1,
	    (size_t)(library + PATH_MAX - strrchr(library, '/') - 1), "%s",
	    PARSER);
	if (place_stat(place, library, &st) < 0)
		snprintf(parser, PATH_MAX, "%s", library);
}

void
doctor_policy_read(const struct place *place,
    const struct doctor_target *target, struct doctor_policy *policy)
{
	struct question question = {0};
	int error;

	snprintf(question.config, PATH_MAX, "%s", place->config);
	memcpy(question.names, target->names, sizeof(question.names));
	find_parser(place, target, question.policy.parser);
	error = doctor_as(place, read_policy, &question, sizeof(question));
	*policy = question.policy;
	policy->look_error = error;
}

static void
check_inheritance(const struct doctor_target *target, struct findings *findings)
{
	if (target->envs > 0) {
		findings_add(findings, FINDING_CONFIG, FINDING_FATAL,
		    "the configuration says inherit = false, and env(1) is "
		    "what starts %s: the library stops at env",
		    target->path);
		findings_remedy(findings,
		    "Name the programs that are meant in the rules, with "
		    "program = { \"...\" }, in place of inherit = false.");
	} else if (target->shell) {
		findings_add(findings, FINDING_CONFIG, FINDING_WARN,
		    "the configuration says inherit = false: what the script "
		    "starts is not reached, only the shell itself");
		findings_remedy(findings,
		    "Name the programs that are meant in the rules, with "
		    "program = { \"...\" }, in place of inherit = false.");
	}
}

/* No rules at all: the library is loaded, and sets nothing. */
static void
check_nothing(const struct place *place, const struct doctor_policy *policy,
    struct findings *findings)
{
	char hint[EXAMPLE_TEXT_MAX];

	if (policy->error == -ELIBACC) {
		findings_add(findings, FINDING_CONFIG, FINDING_FATAL,
		    "%s is missing: without it the library reads only what "
		    "'kashim compile' or 'kashim reload' wrote, and there is "
		    "nothing",
		    policy->parser);
		findings_remedy(findings,
		    "Install it again ('make install'), or run 'kashim "
		    "compile' after each change of the configuration.");
		return;
	}
	if (policy->error == -ENOENT) {
		example_hint(hint);
		findings_add(findings, FINDING_CONFIG, FINDING_NO_RULES, "%s",
		    policy->message);
		findings_remedy(findings,
		    "Without rules the library sets nothing: %s.", hint);
		return;
	}
	findings_add(
	    findings, FINDING_CONFIG, FINDING_FATAL, "%s", policy->message);
	findings_remedy(findings,
	    "The program would run without rules. 'kashim check %s' says when "
	    "it is right.",
	    place->config);
}

static void
check_last_good(const struct doctor_policy *policy, struct findings *findings)
{
	if (policy->error == -ELIBACC) {
		findings_add(findings, FINDING_CONFIG, FINDING_WARN,
		    "without %s the library goes by the last policy that was "
		    "compiled, and the configuration was changed since",
		    policy->parser);
		findings_remedy(findings,
		    "Run 'kashim compile' after each change of the "
		    "configuration.");
	} else {
		findings_add(findings, FINDING_CONFIG, FINDING_WARN,
		    "%s. The library goes by the last good policy",
		    policy->message);
		findings_remedy(
		    findings, "'kashim check' says when it is right.");
	}
}

static void
check_rules(const struct place *place, const struct doctor_target *target,
    const struct doctor_policy *policy, struct findings *findings)
{
	static const char *const sources[] = {[SOURCE_COMPILED] = ", compiled",
	    [SOURCE_TEXT] = "",
	    [SOURCE_OLD_COMPILED] = ", the last good ones",
	    [SOURCE_OLD_PUBLISHED] = ", the last good ones"};
	char published[32];

	if (!policy->concerned) {
		/* The one that process_program() has. */
		const char *name = target->names[*target->names[1] ? 1 : 0];

		findings_add(findings, FINDING_POLICY, FINDING_WARN,
		    "%s: none of its %u rules is for %s", place->config,
		    (unsigned)policy->rules, name);
		findings_remedy(findings,
		    "The key program of a rule has to match '%s'.", name);
		return;
	}
	snprintf(published, sizeof(published), ", generation %u",
	    (unsigned)policy->generation);
	findings_add(findings, FINDING_CONFIG, FINDING_FINE,
	    "%s%s: %u rule%s%s", place->root, place->config,
	    (unsigned)policy->rules, policy->rules == 1 ? "" : "s",
	    policy->source == SOURCE_PUBLISHED ? published
					       : sources[policy->source]);
	if (policy->no_inherit && (target->script || target->shell))
		check_inheritance(target, findings);
}

void
doctor_policy_check(const struct place *place,
    const struct doctor_target *target, const struct doctor_policy *policy,
    struct findings *findings)
{
	if (policy->look_error < 0) {
		findings_add(findings, FINDING_CONFIG, FINDING_UNKNOWN,
		    "whether user %u can read %s%s can't be told: %s",
		    (unsigned)place->euid, place->root, place->config,
		    strerror(-policy->look_error));
		findings_ask_root(findings);
		return;
	}
	if (*policy->complaint)
		findings_add(findings, FINDING_CONFIG, FINDING_NOTE, "%s",
		    policy->complaint);
	if (policy->source == SOURCE_NOTHING) {
		/* Of musl's, doctor_library() has said so. */
		if (policy->error != -ELIBACC ||
		    target->elf.libc != ELF_FILE_MUSL)
			check_nothing(place, policy, findings);
		return;
	}
	if (policy->source >= SOURCE_OLD_COMPILED)
		check_last_good(policy, findings);
	check_rules(place, target, policy, findings);
}
