/* SPDX-License-Identifier: ISC */
/*
 * supervise_inherited: the sockets that a program is started with.
 */
#include "supervise/supervise_inherited.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/apply_facts.h"
#include "base/listen_fds.h"
#include "supervise/supervise_socket.h"
#include "supervise/supervise_view.h"

#define FDS_MAX 65536 /* looked at; more have few programs */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
look_at_all(const struct apply *apply, int *its_fd)
{
	const int activated = LISTEN_FDS_START + listen_fds_count();
	const long max = sysconf(_SC_OPEN_MAX);

	for (int fd = 0; fd < max && fd < FDS_MAX; fd++) {
		const bool handed = fd == STDIN_FILENO ||
		                    (fd >= LISTEN_FDS_START && fd < activated);

		*its_fd = fd;
		if (!handed && !apply_facts_listens(&apply->calls, fd))
			continue;
		(void)apply_now(apply,
		    &(struct apply_event){.call = APPLY_INHERITED, .fd = fd});
		borrowed_hand_over(fd);
	}
}

void
supervise_inherited(const struct worker_policy *policy, const char *program)
{
	/* The name of its file, and the one that it is started by. */
	char *file = strchr(program, '/') ? realpath(program, NULL) : NULL;
	const char *names[] = {
	    base_name(file ? file : program), base_name(program)};
	struct apply_host host = {.pid = getpid(), .trace = policy->trace};
	struct apply apply = {
	    .host = &host,
	    .trace_path = policy->trace >= 0 ? "open" : "",
	    .calls = {setsockopt, getsockopt},
	};

	if (supervise_view_start(policy->force) == 0) {
		apply.view = supervise_view(names, 2);
		if (!view_is_empty(apply.view))
			look_at_all(&apply, &host.fd);
	}
	free(file);
}
