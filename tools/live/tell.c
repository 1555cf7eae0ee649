/* SPDX-License-Identifier: ISC */
/*
 * tell: has the programs in the kernel know what was open before (tell.h).
 */
#include "live/tell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf/policy.h"
#include "host/fetch.h"
#include "kernel/reach.h"

/* Nothing if it is longer than a program in the kernel would take. */
static bool
take_name(struct bpf_name *to, const char *name)
{
	size_t size = strlen(name) + 1;

	if (size >= sizeof(to->text))
		return false;
	memcpy(to->text, name, size);
	return true;
}

/* As find_owner() of bpf/owner.h. */
static struct bpf_owner
owner_of(const struct process *process)
{
	struct bpf_owner owner = {.complete = 1};

	for (unsigned int n = 0; n < process->name_count; n++)
		if (!take_name(&owner.names[n], process->name[n]))
			owner.complete = 0;
	return owner;
}

/*
 * What it has may be of a rule: of this one, if that says the same, or of one
 * that was in force before.
 */
static struct bpf_mark
mark_of(const struct tell *tell, const struct live_socket *socket)
{
	struct bpf_mark mark = {
	    .accepted = socket->accepting, .given = UINT32_MAX};
	struct image_rule rule;

	if (!tell->first ||
	    !image_rule(tell->image, (uint32_t)socket->rule, &rule))
		return mark;
	for (int option = 0; option < KEEPALIVE_OPTIONS; option++) {
		const uint32_t bit = 1u << option;

		mark.own[option] = socket->have.value[option];
		if ((rule.options & bit) == 0 ||
		    mark.own[option] != rule.value[option])
			mark.known |= socket->have.set & bit;
	}
	return mark;
}

/* Those of MPTCP are others to the programs: each of its subflows is one. */
static bool
is_remembered(const struct live_socket *socket, uint32_t remembers)
{
	if (socket->socket.mptcp)
		return false;
	if (socket->direction == LIVE_LISTENER)
		return (remembers & KERNEL_KNOWS_OWNERS) != 0;
	return (remembers & KERNEL_KNOWS_RULES) != 0 &&
	       (socket->rule != MATCH_NONE || !socket->rule_known);
}

/* pidfd may be the -errno of that. */
static int
tell_one(const struct tell *tell, const struct live_socket *socket, int pidfd)
{
	const struct bpf_owner owner = owner_of(socket->process);
	const bool listens = socket->direction == LIVE_LISTENER;
	struct bpf_mark mark = {0};
	int fd = pidfd < 0
	             ? pidfd
	             : fetch_socket(pidfd, socket->fd, socket->socket.cookie);
	int result;

	if (fd < 0)
		return fd;
	if (!listens)
		mark = mark_of(tell, socket);
	result = kernel_remember(tell->program, fd, listens ? NULL : &mark,
	    socket->process->name_count > 0 ? &owner : NULL);
	close(fd);
	return result;
}

void
tell_open(struct tell *tell, const struct live *live)
{
	const uint32_t remembers = kernel_remembers(tell->program);
	const struct process *process = NULL;
	int pidfd = -ESRCH;

	tell->held = tell->unseen = tell->gone = tell->failed = 0;
	for (size_t i = 0; i < live->count; i++) {
		const struct live_socket *socket = &live->sockets[i];
		int result;

		if (!is_remembered(socket, remembers))
			continue;
		if (socket->process == NULL || !socket->have_known ||
		    !socket->rule_known) {
			tell->unseen++;
			continue;
		}
		if (socket->process != process) {
			if (pidfd >= 0)
				close(pidfd);
			process = socket->process;
			pidfd = process_open(process);
		}
		result = tell_one(tell, socket, pidfd);
		if (result == -ESTALE || result == -ESRCH) {
			tell->gone++;
		} else if (result < 0) {
			tell->failed++;
			tell->error = result;
		} else {
			tell->held += (size_t)result;
		}
	}
	if (pidfd >= 0)
		close(pidfd);
}

int
tell_below(struct tell *tell, const char *path)
{
	struct live_choice choice = {0};
	uint64_t *cgroups;
	struct live live;
	int error = reach_below(path, &cgroups, &choice.cgroup_count);

	if (error < 0)
		return error;
	choice.cgroups = cgroups;
	error = live_read(&choice, tell->image, &live);
	free(cgroups);
	if (error < 0)
		return error;
	tell_open(tell, &live);
	live_free(&live);
	return 0;
}
