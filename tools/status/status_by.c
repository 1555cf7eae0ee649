/* SPDX-License-Identifier: ISC */
/*
 * status_by: who looks after a connection: the library in its process, a
 * supervisor of that, the kernel; or nobody. Where nothing is attached, and no
 * process has a seccomp filter, as those that are supervised have, this asks
 * nobody.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/in_force.h"
#include "host/supervisor.h"
#include "kernel/reach.h"
#include "status/status.h"

/* What was found out for the socket before, which mostly is that of this one.
 */
struct last {
	const struct process *process;
	bool supervised;
	uint64_t cgroup;
	int error; /* reach_number() */
	size_t attached;
};

static void
check_policy(struct status_attached *attached)
{
	struct in_force force;

	/* Without any, the kernel's are not those in force. */
	(void)in_force_read_for(
	    attached->kernel.config, SOURCE_FOR_RUNNING, &force);
	attached->in_force = reach_has(&attached->kernel, &force.image);
	if (attached->in_force == 1)
		attached->generation = force.source.generation;
	in_force_free(&force);
}

/* Also what is gone has its place. */
static int
read_attached(struct status *status, struct kernel_attached **list)
{
	char text[KERNEL_TEXT_MAX];
	size_t count;
	int error = kernel_list(list, &count, text);

	if (error < 0) {
		if (geteuid() == 0)
			memcpy(status->attached_error, text, sizeof(text));
		return error == -ENOMEM ? error : 0;
	}
	status->attached_known = true;
	status->attached = calloc(count + 1, sizeof(*status->attached));
	if (!status->attached)
		return -ENOMEM;
	status->attached_count = count;
	for (size_t n = 0; n < count; n++) {
		status->attached[n].kernel = (*list)[n];
		check_policy(&status->attached[n]);
	}
	return 0;
}

static int
read_supervisors(const struct status *status, struct supervisors *supervisors)
{
	const struct live *live = status->live;
	bool filtered = false;
	int error = 0;

	for (size_t i = 0; i < status->count && !filtered; i++)
		filtered = status->connections[i]->process &&
		           status->connections[i]->process->seccomp ==
		               SECCOMP_MODE_FILTER;
	if (filtered && status->chosen)
		error = supervisors_read(supervisors);
	else if (filtered)
		for (size_t i = 0; i < live->process_count && error == 0; i++)
			error =
			    supervisors_add(&live->processes[i], supervisors);
	return error == -ENOMEM ? error : 0;
}

static unsigned int
by_process(const struct status *status, const struct supervisors *supervisors,
    const struct live_socket *socket, struct last *last)
{
	const struct process *process = socket->process;
	const struct status_policy *policy;
	unsigned int by = 0;

	if (!process)
		return STATUS_UNSURE;
	policy = &status->policies[process - status->live->processes];
	if (policy->known && policy->generation.source != GENERATION_NOTHING)
		by |= STATUS_LIBRARY;
	else if (!policy->known && !policy->without)
		by |= STATUS_UNSURE;
	if (last->process != process)
		last->supervised = process->seccomp == SECCOMP_MODE_FILTER &&
		                   supervisors_find(supervisors, process) != 0;
	last->process = process;
	return by | (last->supervised ? STATUS_SUPERVISOR : 0);
}

static unsigned int
by_kernel(const struct status *status, const struct kernel_attached *list,
    const struct live_socket *socket, struct last *last)
{
	const uint64_t cgroup = socket->socket.cgroup;

	if (status->attached_count == 0)
		return status->attached_known ? 0 : STATUS_UNSURE;
	if (last->cgroup != cgroup || cgroup == 0)
		last->error = reach_number(
		    list, status->attached_count, cgroup, &last->attached);
	last->cgroup = cgroup;
	if (last->error == 0)
		return STATUS_KERNEL;
	return last->error == -ENOENT ? 0 : STATUS_UNSURE;
}

/*
 * Does the kernel set on all that a listener accepts what these rules say?
 * Where rules name programs it may not know that of a listener from before it
 * was attached, and nobody tells which is one.
 */
static bool
sees_to_listeners(
    const struct status *status, const struct status_attached *attached)
{
	return attached->in_force == 1 &&
	       strcmp(attached->kernel.config, status->config) == 0 &&
	       image_group_count(status->image) == 1;
}

int
status_read_by(struct status *status)
{
	const struct live *live = status->live;
	struct supervisors supervisors = {0};
	struct kernel_attached *list = NULL;
	struct last last = {0};
	int error;

	status->by = calloc(live->count + 1, sizeof(*status->by));
	error = status->by ? read_attached(status, &list) : -ENOMEM;
	if (error == 0)
		error = read_supervisors(status, &supervisors);
	for (size_t i = 0; i < live->count && error == 0; i++) {
		const struct live_socket *socket = &live->sockets[i];
		const bool unready = status_is_unready(status, socket);

		if (socket->direction == LIVE_LISTENER && !unready)
			continue;
		status->by[i] =
		    (uint8_t)(by_process(status, &supervisors, socket, &last) |
			      by_kernel(status, list, socket, &last));
		/* What the library sees to was taken out already. */
		status->unready -=
		    unready && (status->by[i] & STATUS_LIBRARY) == 0 &&
		    (status->by[i] & STATUS_KERNEL) != 0 &&
		    sees_to_listeners(status, &status->attached[last.attached]);
	}
	supervisors_free(&supervisors);
	free(list);
	return error;
}

unsigned int
status_by(const struct status *status, const struct live_socket *socket)
{
	return status->by ? status->by[socket - status->live->sockets]
	                  : STATUS_UNSURE;
}

const char *
status_by_name(enum status_by bit)
{
	switch (bit) {
	case STATUS_LIBRARY:
		return "library";
	case STATUS_SUPERVISOR:
		return "supervisor";
	case STATUS_KERNEL:
		return "kernel";
	default:
		return "unknown";
	}
}

void
status_by_format(unsigned int by, char text[STATUS_BY_MAX])
{
	size_t length = 0;

	snprintf(
	    text, STATUS_BY_MAX, "%s", by & STATUS_UNSURE ? "-" : "nobody");
	for (unsigned int bit = 1; bit < STATUS_UNSURE; bit <<= 1)
		if (by & bit)
			length += (size_t)snprintf(text + length,
			    STATUS_BY_MAX - length, "%s%s", length ? "," : "",
			    status_by_name(bit));
}
