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
#include "base/listen_fds.h"
#include "supervise/supervise_view.h"

#define FDS_MAX 65536 /* looked at; more have few programs */

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_listener(int fd)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) ==
	           0 &&
	       listening != 0;
}

static void
look_at_all(struct apply *apply, int trace)
{
	struct apply_host host = {.pid = getpid(), .trace = trace};
	const int activated = LISTEN_FDS_START + listen_fds_count();
	const long max = sysconf(_SC_OPEN_MAX);

	apply->host = &host;
	for (int fd = 0; fd < max && fd < FDS_MAX; fd++) {
		const bool handed = fd == STDIN_FILENO ||
		                    (fd >= LISTEN_FDS_START && fd < activated);

		host.fd = fd;
		if (handed || is_listener(fd))
			(void)apply_now(
			    apply, &(struct apply_event){
				       .call = APPLY_INHERITED, .fd = fd});
	}
	apply->host = NULL;
}

void
supervise_inherited(const struct worker_policy *policy, const char *program)
{
	/* The name of its file, and the one that it is started by. */
	char *file = strchr(program, '/') ? realpath(program, NULL) : NULL;
	const char *names[] = {
	    base_name(file ? file : program), base_name(program)};
	struct apply apply = {
	    .trace_path = policy->trace >= 0 ? "open" : "",
	    .calls = {setsockopt, getsockopt},
	};

	if (supervise_view_start(policy->force) == 0) {
		apply.view = supervise_view(names, 2);
		if (!view_is_empty(apply.view))
			look_at_all(&apply, policy->trace);
	}
	free(file);
}
