/* SPDX-License-Identifier: ISC */
/*
 * refused: what of a policy the kernel can't do (refused.h).
 */
#include "kernel/refused.h"

#include <stdio.h>

#include "bpf/policy.h"
#include "kernel/kernel.h"
#include "kernel/patterns.h"

static const char *
why(const struct image *image, const struct image_rule *rule, bool bounded)
{
	if (bounded && rule->program_count > 0)
		return "names programs: that takes bpf_loop(), as Linux 5.17 "
		       "has it";
	if (rule->group >= BPF_GROUPS_MAX)
		return "names programs: the kernel tells no more than 62 "
		       "lists of them apart";
	for (uint32_t n = 0; n < rule->program_count; n++) {
		if (!patterns_take(image_program(image, rule, n)))
			return "names a program by more than 63 characters: "
			       "the kernel compares no more";
	}
	return NULL;
}

static void
say(const struct image *image, const struct image_rule *rule,
    const char *reason, char text[REFUSED_TEXT_MAX])
{
	snprintf(text, REFUSED_TEXT_MAX, "%s:%u: rule %s %s",
	    image_string(image, rule->file), rule->line,
	    image_string(image, rule->name), reason);
}

bool
refused(const struct image *image, char text[REFUSED_TEXT_MAX])
{
	/* To ask costs a program in the kernel. */
	const bool bounded =
	    image_group_count(image) > 1 && kernel_is_bounded();
	struct image_rule rule;

	for (uint32_t n = 0; image_rule(image, n, &rule); n++) {
		const char *reason = why(image, &rule, bounded);

		if (!reason)
			continue;
		say(image, &rule, reason, text);
		return true;
	}
	if (image->size > BPF_IMAGE_MAX) {
		snprintf(text, REFUSED_TEXT_MAX,
		    "a policy of %u bytes: the kernel takes %u", image->size,
		    BPF_IMAGE_MAX);
		return true;
	}
	return false;
}

void
refused_programs(
    const struct image *image, const char *reason, char text[REFUSED_TEXT_MAX])
{
	struct image_rule rule;
	uint32_t n = 0;

	while (image_rule(image, n, &rule) && rule.program_count == 0)
		n++;
	say(image, &rule, reason, text);
}
