/* SPDX-License-Identifier: ISC */
/*
 * shim: the constructor and the hooks; what libkashim.so exports.
 *
 * A hook does the host's own call, once, with the host's own arguments, and
 * hands back its result and its errno as they are. Around that call it may
 * make system calls of its own on the same socket, and nothing else: no
 * allocation, no lock, no stdio, no descriptor.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "apply.h"
#include "hooks.h"
#include "policy.h"
#include "real.h"

/* sd_listen_fds(3): the first descriptor of socket activation. */
#define LISTEN_FDS_START 3
#define LISTEN_FDS_MAX   1024

/*
 * The hooks have names of their own in C, so that they don't have to repeat
 * the attributes of the C library's declarations; only the symbol interposes.
 */
#define HOOK_SYMBOL(name, result, parameters)  \
	__attribute__((visibility("default"))) \
	result hook_##name parameters __asm__(#name);
HOOKS(HOOK_SYMBOL)
#undef HOOK_SYMBOL

/* Returns false if there is nothing to do for this program. */
static bool
shim_begin(struct apply *apply)
{
	apply->policy = policy_get();
	if (apply->policy == NULL)
		return false;
	apply->calls.set = real_setsockopt();
	apply->calls.get = getsockopt;
	return true;
}

int
hook_socket(int domain, int type, int protocol)
{
	int fd = real_socket()(domain, type, protocol);
	int saved = errno;
	struct apply apply;

	if (fd >= 0 && shim_begin(&apply))
		apply_socket(&apply, fd, domain, type, protocol);
	errno = saved;
	return fd;
}

int
hook_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int saved = errno;
	bool again = false;
	struct apply apply;
	int result;

	if (shim_begin(&apply))
		again = apply_connect(&apply, fd, sa, len);
	errno = saved;
	result = real_connect()(fd, sa, len);
	saved = errno;
	/* Interrupted or not waited for, the connect goes on all the same. */
	if (again && (result == 0 || saved == EINPROGRESS || saved == EINTR))
		apply_connected(&apply, fd, sa, len);
	errno = saved;
	return result;
}

int
hook_listen(int fd, int backlog)
{
	int saved = errno;
	bool again = false;
	struct apply apply;
	int result;

	if (shim_begin(&apply))
		again = apply_listen(&apply, fd);
	errno = saved;
	result = real_listen()(fd, backlog);
	saved = errno;
	if (again && result == 0)
		apply_listen(&apply, fd);
	errno = saved;
	return result;
}

static int
accepted(int fd)
{
	int saved = errno;
	struct apply apply;

	if (fd >= 0 && shim_begin(&apply))
		apply_accepted(&apply, fd);
	errno = saved;
	return fd;
}

int
hook_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	return accepted(real_accept()(fd, sa, len));
}

int
hook_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	return accepted(real_accept4()(fd, sa, len, flags));
}

int
hook_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	int option = keepalive_option(level, name);
	int saved = errno;
	int rule = MATCH_NONE;
	struct apply apply;
	int result;

	if (option >= 0 && shim_begin(&apply))
		rule = apply_holding(&apply, fd);
	errno = saved;
	result = real_setsockopt()(fd, level, name, value, len);
	saved = errno;
	if (result == 0 && rule != MATCH_NONE)
		apply_hold(&apply, fd, rule, (enum keepalive_option)option);
	errno = saved;
	return result;
}

/*
 * Sockets that were there before the program: descriptor 0 from an inetd,
 * and those of a socket-activated service.
 */
static void
shim_inherited(const struct apply *apply)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");

	apply_inherited(apply, STDIN_FILENO);
	if (pid == NULL || count == NULL || atol(pid) != getpid())
		return;
	for (long i = 0; i < atol(count) && i < LISTEN_FDS_MAX; i++)
		apply_inherited(apply, LISTEN_FDS_START + (int)i);
}

__attribute__((constructor)) static void
shim_start(void)
{
	int saved = errno;
	struct apply apply;

	real_resolve();
	if (shim_begin(&apply))
		shim_inherited(&apply);
	errno = saved;
}
