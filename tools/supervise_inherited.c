/* SPDX-License-Identifier: ISC */
/*
 * supervise_inherited: the sockets that a program is started with.
 */
#include "supervise_inherited.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply.h"
#include "supervise_view.h"

#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX   1024

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

void
supervise_inherited(const struct worker_policy *policy, const char *program)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	/* The name of its file, and the one that it is started by. */
	char *file = strchr(program, '/') ? realpath(program, NULL) : NULL;
	const char *names[] = {
	    base_name(file ? file : program), base_name(program)};
	struct apply apply = {
	    .trace_path = policy->trace_path,
	    .calls = {setsockopt, getsockopt},
	};

	if (supervise_view_start(&policy->image, policy->config) < 0)
		goto out;
	apply.view = supervise_view(names, 2);
	if (view_is_empty(apply.view))
		goto out;
	apply_inherited(&apply, STDIN_FILENO);
	if (pid == NULL || count == NULL || atol(pid) != getpid())
		goto out;
	for (long i = 0; i < atol(count) && i < LISTEN_FDS_MAX; i++)
		apply_inherited(&apply, LISTEN_FDS_START + (int)i);
out:
	free(file);
}
