/* SPDX-License-Identifier: ISC */
/*
 * status_policy: which policy the programs go by in which libkashim.so is.
 */
#include <errno.h>
#include <stdlib.h>

#include "status/status.h"

int
status_read_policies(struct status *status)
{
	const struct live *live = status->live;
	const struct process *process = NULL;

	status->policies =
	    calloc(live->process_count + 1, sizeof(*status->policies));
	if (!status->policies)
		return -ENOMEM;
	/* By process, so that each is looked at once. */
	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *socket = &live->sockets[i];
		bool unready = status_is_unready(status, socket);
		struct status_policy *policy;

		if (socket->process == NULL ||
		    (socket->direction == LIVE_LISTENER && !unready))
			continue;
		policy = &status->policies[socket->process - live->processes];
		/* One that has ended meanwhile is as one without the library.
		 */
		if (socket->process != process) {
			int error = generation_read(
			    socket->process, &policy->generation);

			policy->known = error == 0;
			policy->without = error == -ENOENT || error == -ESRCH;
			policy->silent = error == -ETIMEDOUT;
		}
		process = socket->process;
		status->unready -=
		    unready && policy->known &&
		    policy->generation.source != GENERATION_NOTHING;
	}
	return 0;
}

const struct generation *
status_policy(const struct status *status, const struct process *process)
{
	const struct status_policy *policy;

	if (!status->policies || !process)
		return NULL;
	policy = &status->policies[process - status->live->processes];
	return policy->known ? &policy->generation : NULL;
}

size_t
status_policy_stuck(const struct status *status)
{
	size_t stuck = 0;

	for (size_t i = 0; status->policies && i < status->live->process_count;
	     i++) {
		const struct status_policy *policy = &status->policies[i];

		stuck += policy->known && !policy->generation.follows &&
		         policy->generation.newest != 0;
	}
	return stuck;
}

bool
status_policy_silent(const struct status *status, const struct process *process)
{
	return status->policies && process &&
	       status->policies[process - status->live->processes].silent;
}
