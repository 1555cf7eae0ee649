/* SPDX-License-Identifier: ISC */
/*
 * view: what of a policy concerns one program.
 */
#include "image/view.h"

void
view_make(struct view *view, const struct image *image,
    const char *const *names, unsigned int count, uint32_t *numbers,
    uint32_t room)
{
	struct match_groups groups =
	    match_groups(image, names, count, numbers, room);
	struct image_header header;
	struct image_group group;
	struct image_rule rule;
	uint32_t n = 0;

	*view = (struct view){
	    .image = *image,
	    .groups = groups,
	    .connect = match_scope(image, &groups, DIRECTION_CONNECT),
	    .accept = match_scope(image, &groups, DIRECTION_ACCEPT),
	    .uniform = MATCH_NONE,
	};
	while (match_next_group(image, &groups, &n, &group)) {
		if (group.holds != 0)
			view->holds = true;
	}
	view->migrates = image_header(image, &header) &&
	                 (header.flags & IMAGE_MIGRATES) != 0;
	/* A rule that respects the program's calls must not come first. */
	if (!view->migrates && view->connect.matchers == 0 &&
	    view->accept.matchers == 0 &&
	    view->connect.fixed == view->accept.fixed &&
	    view->connect.fixed != MATCH_NONE &&
	    image_rule(image, (uint32_t)view->connect.fixed, &rule) &&
	    rule.action == ACTION_KEEPALIVE && rule.app_settings != APP_RESPECT)
		view->uniform = view->connect.fixed;
}
