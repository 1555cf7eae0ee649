/* SPDX-License-Identifier: ISC */
/*
 * view: what of a policy concerns one program.
 */
#include "view.h"

static bool
rule_holds(const struct image_rule *rule)
{
	return rule->action == ACTION_KEEPALIVE &&
	       rule->app_settings != APP_RESPECT;
}

void
view_make(struct view *view, const struct image *image,
    const char *const *names, unsigned int count, uint64_t *mask)
{
	struct image_rule rule;

	match_program(image, names, count, mask);
	*view = (struct view){
	    .image = *image,
	    .mask = mask,
	    .connect = match_scope(image, mask, DIRECTION_CONNECT),
	    .accept = match_scope(image, mask, DIRECTION_ACCEPT),
	    .uniform = MATCH_NONE,
	};
	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		if ((mask[i / 64] >> i % 64 & 1) != 0 && rule_holds(&rule))
			view->holds = true;
	}
	if (view->connect.matchers == 0 && view->accept.matchers == 0 &&
	    view->connect.fixed == view->accept.fixed &&
	    view->connect.fixed != MATCH_NONE) {
		image_rule(image, (uint32_t)view->connect.fixed, &rule);
		if (rule_holds(&rule))
			view->uniform = view->connect.fixed;
	}
}
