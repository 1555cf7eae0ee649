/* SPDX-License-Identifier: ISC */
/*
 * status_policy: which policy the programs with connections go by, where
 * libkashim.so is in them.
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
	for (size_t i = 0; i < status->count; i++) {
		struct status_policy *policy;

		if (status->connections[i]->process == process)
			continue;
		process = status->connections[i]->process;
		if (!process)
			continue;
		policy = &status->policies[process - live->processes];
		/* One that has ended meanwhile is as one without the library.
		 */
		policy->known =
		    generation_read(process->thread, &policy->generation) == 0;
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
