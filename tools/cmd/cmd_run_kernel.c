/* SPDX-License-Identifier: ISC */
/*
 * cmd_run_kernel: does the kernel look after the program already? Then kashim
 * run has nothing to do. In any doubt it says no.
 */
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "cmd/cmd_run.h"
#include "host/process.h"
#include "kernel/reach.h"
#include "term/text.h"

/*
 * Is the program handed a TCP socket? That was made by somebody else, maybe in
 * another control group: by systemd, for example.
 */
static bool
is_handed_sockets(void)
{
	DIR *list = opendir("/proc/self/fd");
	struct dirent *entry;
	bool found = list == NULL;

	while (!found && (entry = readdir(list)) != NULL) {
		const int fd = atoi(entry->d_name);
		int domain, type;
		socklen_t size = sizeof(domain), same = sizeof(type);

		found =
		    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) ==
			0 &&
		    (domain == AF_INET || domain == AF_INET6) &&
		    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &same) == 0 &&
		    type == SOCK_STREAM;
	}
	if (list)
		closedir(list);
	return found;
}

/*
 * Does it start another program? That may be in another control group then: su
 * and sudo begin a session (pam_systemd(8)), and others have somebody else
 * start it. Nothing leaves what all others are below.
 */
static bool
may_leave(const struct run *run, const char *attached)
{
	char root[PATH_MAX];

	if (kernel_root(root) == 0 && strcmp(root, attached) == 0)
		return false;
	for (size_t i = 0; i < run->findings.count; i++)
		if (run->findings.list[i].topic == FINDING_LAUNCHER ||
		    run->findings.list[i].topic == FINDING_ELSEWHERE)
			return true;
	return false;
}

/* A loader that is told what to start: the kernel knows the loader's name. */
static bool
is_loader(const struct run *run)
{
	return findings_have(&run->findings, FINDING_PROGRAM, FINDING_NOTE);
}

bool
run_is_reached(const struct run *run, char where[PATH_MAX])
{
	char group[PATH_MAX], text[KERNEL_TEXT_MAX];
	struct reach reach = {0};
	bool reached;

	/* A filter, such as systemd's SystemCallFilter=, may kill who asks. */
	if (prctl(PR_GET_SECCOMP) != 0)
		return false;
	/* Where control groups of version 2 are not, nothing is attached. */
	if (process_own_group(group) < 0 || reach_find(group, &reach, text) < 0)
		return false;
	reached = reach.count > 0 && !is_loader(run) && !is_handed_sockets();
	for (size_t n = 0; n < reach.count; n++) {
		reached = reached && !reach.list[n].incomplete &&
		          reach_has(&reach.list[n], &run->force.image) == 1;
		kernel_name(&reach.list[n], where);
	}
	reached = reached && !may_leave(run, where);
	if (reached)
		text_make_harmless(where);
	free(reach.list);
	return reached;
}
