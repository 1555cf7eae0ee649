/* SPDX-License-Identifier: ISC */
/*
 * refused: what of a policy the kernel can't do (refused.h).
 */
#include "kernel/refused.h"

#include <stdio.h>

#include "bpf/policy.h"

static const char *
why(const struct image_rule *rule)
{
	if (rule->program_count > 0)
		return "names programs: in the kernel nothing tells them apart";
	return NULL;
}

bool
refused(const struct image *image, char text[REFUSED_TEXT_MAX])
{
	struct image_rule rule;

	for (uint32_t n = 0; image_rule(image, n, &rule); n++) {
		if (!why(&rule))
			continue;
		snprintf(text, REFUSED_TEXT_MAX, "%s:%u: rule %s %s",
		    image_string(image, rule.file), rule.line,
		    image_string(image, rule.name), why(&rule));
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
