/* SPDX-License-Identifier: ISC */
/*
 * supervise: starts the supervisor, and puts the calling process under it.
 *
 * Supervisor and program talk over a socket pair: the supervisor says whether
 * it may look into the program, the program sends the descriptor for its
 * notifications, the supervisor says that it has it.
 */
#include "supervise/supervise.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/kernel_calls.h"
#include "supervise/supervise_apart.h"
#include "supervise/supervise_filter.h"
#include "supervise/supervise_target.h"

#ifndef PR_SET_PTRACER
#define PR_SET_PTRACER 0x59616d61
#endif

/* The two ends of the conversation. */
struct ends {
	int program;
	int supervisor;
};

static int
send_number(int fd, int number)
{
	return send(fd, &number, sizeof(number), MSG_NOSIGNAL) ==
	               (ssize_t)sizeof(number)
	           ? 0
	           : -errno;
}

static int
receive_number(int fd, int *number)
{
	ssize_t got;

	do {
		got = recv(fd, number, sizeof(*number), 0);
	} while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(*number) ? 0 : -EPIPE;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int
send_descriptor(int socket, int fd)
{
	char byte = 0;
	union control control = {0};
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
	    .msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

static int
receive_descriptor(int socket)
{
	char byte;
	union control control = {0};
	struct iovec io = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
	    .msg_iov = &io,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	const struct cmsghdr *cmsg;
	ssize_t got;
	int fd;

	do {
		got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	cmsg = CMSG_FIRSTHDR(&message);
	if (got != 1 || cmsg == NULL || cmsg->cmsg_type != SCM_RIGHTS ||
	    cmsg->cmsg_len != CMSG_LEN(sizeof(fd)))
		return -EPIPE;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/*
 * Tries, on a process that is not filtered yet, what the worker will do.
 * Returns 0 or what refuses it; *pidfd is for the program then.
 */
static int
probe(pid_t program, int its_fd, int *pidfd)
{
	/* Since the fork it is at the same place in both. */
	static char memory;
	char byte;
	struct iovec local = {.iov_base = &byte, .iov_len = 1};
	struct iovec remote = {.iov_base = &memory, .iov_len = 1};
	int fd;

	*pidfd = kernel_pidfd_open(program, 0);
	if (*pidfd < 0)
		return -errno;
	fd = kernel_pidfd_getfd(*pidfd, its_fd);
	if (fd < 0 ||
	    process_vm_readv(program, &local, 1, &remote, 1, 0) != 1) {
		int error = -errno;

		if (fd >= 0)
			close(fd);
		close(*pidfd);
		return error;
	}
	close(fd);
	return 0;
}

/* The supervisor's side, from its birth to its end. */
static void __attribute__((noreturn)) supervisor(
    const struct ends *ends, pid_t program, const struct worker_policy *policy)
{
	struct worker_policy own = *policy;
	const int socket = ends->supervisor;
	const int keep[] = {socket, own.trace};
	int notify, error;

	own.program = program;
	supervise_apart(keep, 2, program);
	/* The program names us to Yama as one that may look into it. */
	if (send_number(socket, getpid()) < 0 ||
	    receive_number(socket, &error) < 0)
		_exit(1);
	error = probe(program, ends->program, &own.pidfd);
	if (send_number(socket, error) < 0 || error < 0)
		_exit(1);
	notify = receive_descriptor(socket);
	if (notify < 0 || send_number(socket, 0) < 0)
		_exit(1);
	close(socket);
	guard_run(notify, worker_run, &own);
}

/* Waits for the one in between. Returns 0 or what it failed with. */
static int
reap(pid_t between)
{
	int status;

	while (waitpid(between, &status, __WALL) < 0) {
		/* With SIGCHLD ignored it's gone: there will be no answer. */
		if (errno != EINTR)
			return 0;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/*
 * The child of a child, so that it is the program's no more; nor by way of
 * being its orphan. The one in between ends without a SIGCHLD, which might
 * stay pending for the program.
 */
static int
fork_supervisor(const struct ends *ends, const struct worker_policy *policy)
{
	pid_t program = getpid();
	int reaper = 0, error;
	long between;

	(void)prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	if (reaper != 0)
		prctl(PR_SET_CHILD_SUBREAPER, 0);
	between = syscall(SYS_clone, 0L, NULL, NULL, NULL, NULL);
	if (between == 0) {
		pid_t child;

		/* Process 1 would be given the orphan, with SIGCHLD. */
		if (program == 1)
			supervisor(ends, program, policy);
		child = fork();
		if (child == 0)
			supervisor(ends, program, policy);
		_exit(child < 0 ? errno : 0);
	}
	error = between < 0 ? -errno : program == 1 ? 0 : reap((pid_t)between);
	if (reaper != 0)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	return error;
}

/* The program's side: installs the filter and gives its descriptor away. */
static int
hand_over(int socket, const struct sock_fprog *filter, const char **why)
{
	int error, notify, number = 0;

	*why = "no supervisor can be started";
	if (receive_number(socket, &number) < 0)
		return -EPIPE;
	/* Without Yama there is no such option, and no need of it. */
	(void)prctl(PR_SET_PTRACER, (unsigned long)number, 0, 0, 0);
	*why = "the supervisor cannot look into it";
	error = send_number(socket, 0);
	if (error < 0 || receive_number(socket, &number) < 0)
		return -EPIPE;
	if (number < 0)
		return number;
	*why = "no seccomp filter can be installed";
	notify = supervise_filter_install(filter);
	if (notify < 0)
		return notify;
	*why = "the supervisor is gone";
	error = send_descriptor(socket, notify);
	if (error == 0)
		error = receive_number(socket, &number);
	close(notify);
	return error < 0 ? -EOWNERDEAD : 0;
}

const char *
supervise_lacks(const struct image *image)
{
	if (target_has_proc() ||
	    (image_group_count(image) <= 1 && !supervise_needs(image).accepts))
		return NULL;
	return "/proc is missing, or is another pid namespace's: rules with "
	       "program, and rules for accept with source or destination, do "
	       "not hold";
}

bool
supervise_sees_others(void)
{
	/* Others than root can't take another user at all. */
	return geteuid() != 0 || kernel_has_capability(CAP_SYS_PTRACE);
}

bool
supervise_keeps_rights(void)
{
	return kernel_has_capability(CAP_SYS_ADMIN);
}

int
supervise_start(const struct worker_policy *policy, const char **why)
{
	const struct supervise_needs needs =
	    supervise_needs(&policy->force->image);
	struct sock_fprog filter = {0};
	struct ends ends;
	int pair[2];
	int error;

	/* The newest of what it is made of; this closes nothing. */
	*why = "that takes Linux 5.9";
	if (kernel_close_range(~0u, ~0u) < 0)
		return -errno;
	*why = "a filter forbids seccomp(2) or pidfd_getfd(2), which in a unit "
	       "'SystemCallFilter=seccomp pidfd_getfd' permits";
	error = supervise_filter_try();
	if (error < 0)
		return error;
	*why = "no seccomp filter can be made";
	error = supervise_filter_make(&needs, &filter);
	if (error < 0)
		return error;
	*why = "no supervisor can be started";
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		error = -errno;
		goto out;
	}
	ends = (struct ends){.program = pair[0], .supervisor = pair[1]};
	error = fork_supervisor(&ends, policy);
	close(ends.supervisor);
	if (error == 0)
		error = hand_over(ends.program, &filter, why);
	close(ends.program);
out:
	free(filter.filter);
	return error;
}
