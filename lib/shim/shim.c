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
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/memo.h"
#include "base/addr.h"
#include "base/listen_fds.h"
#include "shim/hooks.h"
#include "shim/policy.h"
#include "shim/real.h"

/*
 * The hooks have names of their own in C, so that they don't have to repeat
 * the attributes of the C library's declarations; only the symbol interposes.
 */
#define HOOK_SYMBOL(name, result, parameters)  \
	__attribute__((visibility("default"))) \
	result hook_##name parameters __asm__(#name);
HOOKS(HOOK_SYMBOL)
#undef HOOK_SYMBOL

/* A reload that comes again and again while one hook looks at a socket. */
#define HOOK_TRIES_MAX 100

/* What one hook goes by. */
struct hook {
	struct policy policy;
	struct apply apply;
};

/* Returns false if there is nothing to do for this program. */
static bool
hook_begin(struct hook *hook)
{
	if (!policy_get(&hook->policy))
		return false;
	hook->apply = (struct apply){
	    .view = &hook->policy.view,
	    .trace_path = hook->policy.trace_path,
	    .calls = {.set = real_setsockopt(), .get = getsockopt},
	};
	return true;
}

/*
 * Decides by the policy that is in force. If that was overwritten while it was
 * read, what was read is void, and the next one is in force.
 */
static void
hook_look(struct hook *hook, const struct apply_event *event,
    struct apply_decision *decision)
{
	for (int i = 0; i < HOOK_TRIES_MAX; i++) {
		apply_look(&hook->apply, event, decision);
		if (__builtin_expect(!policy_overtaken(&hook->policy), 1))
			return;
	}
	*decision = (struct apply_decision){.found.rule = MATCH_NONE};
}

/* And does what was decided. */
static void
hook_apply(struct hook *hook, const struct apply_event *event,
    struct apply_decision *decision)
{
	hook_look(hook, event, decision);
	apply_act(&hook->apply, event, decision);
}

/* All that there is to do for this event. Not inlined, for the stack. */
__attribute__((noinline)) static void
hook_all(const struct apply_event *event)
{
	int saved = errno;
	struct apply_decision decision;
	struct hook hook;

	if (hook_begin(&hook))
		hook_apply(&hook, event, &decision);
	errno = saved;
}

int
hook_socket(int domain, int type, int protocol)
{
	int fd = real_socket()(domain, type, protocol);
	uint32_t generation;

	if (fd < 0)
		return fd;
	/* Without a look at more memory, since nothing is to be set. */
	if (policy_in_force(&generation) && memo_has_no_uniform(generation))
		apply_socket_noted(generation, fd, domain, type);
	else
		hook_all(&(struct apply_event){.call = APPLY_SOCKET,
		    .fd = fd,
		    .domain = domain,
		    .type = type,
		    .protocol = protocol});
	return fd;
}

/* A call that connects: begin and end are around the host's own call. */
struct connecting {
	struct apply_end to;
	bool again;
};

static void
connecting_begin(struct connecting *call, int fd, const void *sa, socklen_t len)
{
	struct apply_decision decision;
	struct hook hook;
	int saved;

	*call = (struct connecting){0};
	if (addr_from_sockaddr(sa, len, &call->to.addr, &call->to.port) < 0)
		return;
	saved = errno;
	if (hook_begin(&hook)) {
		hook_apply(&hook,
		    &(struct apply_event){
			.call = APPLY_CONNECT, .fd = fd, .to = call->to},
		    &decision);
		call->again = decision.what == APPLY_AFTER;
		apply_remember(&hook.apply, &decision);
	}
	errno = saved;
}

/* Interrupted or not waited for, a connect goes on all the same. */
static bool
goes_on(void)
{
	return errno == EINPROGRESS || errno == EINTR;
}

static void
connecting_end(const struct connecting *call, int fd, bool failed)
{
	if (call->again && (!failed || goes_on()))
		hook_all(&(struct apply_event){
		    .call = APPLY_CONNECTED, .fd = fd, .to = call->to});
}

/*
 * It was made as a socket that is not TCP. If connect(2) is under way, as it
 * can be with TCP alone, its number is that of another one by now.
 */
__attribute__((noinline)) static void
other_connected(int fd, const void *sa, socklen_t len)
{
	struct connecting call = {.again = true};

	if (addr_from_sockaddr(sa, len, &call.to.addr, &call.to.port) == 0)
		connecting_end(&call, fd, true);
}

/*
 * The usual case, without a look at the policy: a new socket, and a
 * destination that was looked up before. Returns false if it is not that. Not
 * inlined, so that its stack is free again for what comes then.
 */
__attribute__((noinline)) static bool
connecting_again(int fd, const void *sa, socklen_t len)
{
	struct memo_answer answer;
	struct addr addr;
	uint32_t generation;
	uint16_t port;
	int saved;

	if (!policy_in_force(&generation) || !record_is_clear(fd) ||
	    addr_from_sockaddr(sa, len, &addr, &port) < 0 ||
	    !memo_find(generation, &addr, port, &answer))
		return false;
	saved = errno;
	apply_connect_known(&(struct keepalive_calls){.set = real_setsockopt(),
				.get = getsockopt},
	    generation, fd, &answer);
	errno = saved;
	return true;
}

int
hook_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct connecting call;
	uint32_t generation;
	int result;

	/* A connect() to a unix(7) socket is none of our business. */
	if (!addr_is_ip(sa, len))
		return real_connect()(fd, sa, len);
	if (policy_in_force(&generation) && apply_is_other(generation, fd)) {
		result = real_connect()(fd, sa, len);
		if (result < 0)
			other_connected(fd, sa, len);
		return result;
	}
	if (connecting_again(fd, sa, len))
		return real_connect()(fd, sa, len);
	connecting_begin(&call, fd, sa, len);
	result = real_connect()(fd, sa, len);
	connecting_end(&call, fd, result < 0);
	return result;
}

/* Under this name old binaries import connect(). */
__attribute__((visibility("default"))) int __connect(int fd,
    const struct sockaddr *sa, socklen_t len) __attribute__((alias("connect")));

int
hook_listen(int fd, int backlog)
{
	const struct apply_event event = {.call = APPLY_LISTEN, .fd = fd};
	int saved = errno;
	struct apply_decision decision = {.what = APPLY_NOTHING};
	struct hook hook;
	int result;

	if (hook_begin(&hook))
		hook_apply(&hook, &event, &decision);
	errno = saved;
	result = real_listen()(fd, backlog);
	saved = errno;
	if (decision.what == APPLY_AFTER && result == 0)
		hook_apply(&hook, &event, &decision);
	errno = saved;
	return result;
}

/* Not inlined, as what calls it, for the stack. */
__attribute__((noinline)) static void
listener_first(struct hook *hook, int listener, struct apply_decision *decision)
{
	hook_apply(hook,
	    &(struct apply_event){.call = APPLY_LISTENING, .fd = listener},
	    decision);
}

__attribute__((noinline)) static void
accepted_anew(struct apply_event *event)
{
	struct apply_decision decision;
	struct hook hook;

	if (!hook_begin(&hook))
		return;
	hook_apply(&hook, event, &decision);
	/* Once, unless there is a reload meanwhile. */
	for (int i = 0;
	     decision.what == APPLY_LISTENER_FIRST && i < HOOK_TRIES_MAX; i++) {
		event->updated = hook.policy.view.generation + 1;
		listener_first(&hook, event->listener, &decision);
		hook_apply(&hook, event, &decision);
	}
	apply_remember(&hook.apply, &decision);
}

/* Not inlined: most connections don't come here. */
__attribute__((noinline)) static void
accepted_otherwise(int listener, uint32_t before, int fd,
    const struct sockaddr *from, socklen_t len)
{
	struct apply_event event = {.call = APPLY_ACCEPT,
	    .fd = fd,
	    .listener = listener,
	    .before = before};
	int saved = errno;
	uint32_t generation;

	(void)addr_from_sockaddr(from, len, &event.from.addr, &event.from.port);
	if (!policy_in_force(&generation) ||
	    !apply_accept_known(generation, &event))
		accepted_anew(&event);
	errno = saved;
}

static inline int
accept_by(int fd, struct sockaddr *sa, socklen_t *len, const int *flags)
{
	return flags != NULL ? real_accept4()(fd, sa, len, *flags)
	                     : real_accept()(fd, sa, len);
}

/*
 * The program's room for the peer's address, where that may make a difference;
 * else 0. Not inlined, for the stack.
 */
__attribute__((noinline)) static socklen_t
peer_room(int fd, const struct sockaddr *sa, const socklen_t *len)
{
	uint32_t generation;

	return sa != NULL && policy_in_force(&generation) &&
	               apply_corrects(generation, fd) && addr_readable(len)
	           ? *len
	           : 0;
}

/* Not inlined: the listener does not decide all, or it has no policy yet. */
__attribute__((noinline)) static int
accept_one(int fd, struct sockaddr *sa, socklen_t *len, const int *flags)
{
	const uint32_t before = apply_accepting(fd);
	const socklen_t room = peer_room(fd, sa, len);
	int result = accept_by(fd, sa, len, flags);

	if (result >= 0)
		accepted_otherwise(fd, before, result, sa, room);
	return result;
}

static inline int
accept_any(int fd, struct sockaddr *sa, socklen_t *len, const int *flags)
{
	struct policy_moment moment;
	uint16_t number = 0;
	int result;

	if (policy_now(&moment))
		number = apply_gives_all(moment.generation, fd);
	if (__builtin_expect(number == 0, 0))
		return accept_one(fd, sa, len, flags);
	result = accept_by(fd, sa, len, flags);
	if (__builtin_expect(result < 0, 0))
		return result;
	if (__builtin_expect(policy_stays(&moment), 1))
		apply_inherit(fd, number, result);
	else
		accepted_otherwise(fd, moment.generation + 1, result, NULL, 0);
	return result;
}

int
hook_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	return accept_any(fd, sa, len, NULL);
}

int
hook_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	return accept_any(fd, sa, len, &flags);
}

int
hook_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	const struct apply_event event = {.call = APPLY_SETSOCKOPT, .fd = fd};
	int option = keepalive_option(level, name);
	int saved = errno;
	struct apply_decision decision;
	uint32_t generation;
	struct hook hook;
	int result, taken;
	bool begun;

	if (option < 0)
		return real_setsockopt()(fd, level, name, value, len);
	begun = hook_begin(&hook);
	if (begun)
		hook_look(&hook, &event, &decision);
	errno = saved;
	result = real_setsockopt()(fd, level, name, value, len);
	saved = errno;
	/* Also for a policy that says more, after a reload. */
	if (result == 0 && (begun || policy_in_force(&generation))) {
		/* The kernel took it, so an int is there to be read. */
		memcpy(&taken, value, sizeof(taken));
		if (begun)
			apply_hold(&hook.apply, fd, &decision,
			    (enum keepalive_option)option, taken);
		else
			record_program(
			    fd, (enum keepalive_option)option, taken);
	}
	errno = saved;
	return result;
}

ssize_t
hook_sendto(int fd, const void *data, size_t size, int flags,
    const struct sockaddr *sa, socklen_t len)
{
	struct connecting call;
	ssize_t result;

	if ((flags & MSG_FASTOPEN) == 0)
		return real_sendto()(fd, data, size, flags, sa, len);
	connecting_begin(&call, fd, sa, len);
	result = real_sendto()(fd, data, size, flags, sa, len);
	connecting_end(&call, fd, result < 0);
	return result;
}

ssize_t
hook_sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct connecting call;
	ssize_t result;

	if ((flags & MSG_FASTOPEN) == 0 || !addr_readable(message))
		return real_sendmsg()(fd, message, flags);
	connecting_begin(&call, fd, message->msg_name, message->msg_namelen);
	result = real_sendmsg()(fd, message, flags);
	connecting_end(&call, fd, result < 0);
	return result;
}

int
hook_sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	struct connecting call;
	int result;

	if ((flags & MSG_FASTOPEN) == 0 || !addr_readable(messages) ||
	    count == 0)
		return real_sendmmsg()(fd, messages, count, flags);
	/* The first message connects. */
	connecting_begin(&call, fd, messages[0].msg_hdr.msg_name,
	    messages[0].msg_hdr.msg_namelen);
	result = real_sendmmsg()(fd, messages, count, flags);
	connecting_end(&call, fd, result < 0);
	return result;
}

static void
inherited(struct hook *hook, int fd)
{
	struct apply_decision decision;

	hook_apply(hook,
	    &(struct apply_event){.call = APPLY_INHERITED, .fd = fd},
	    &decision);
}

static void
received_rights(struct hook *hook, struct msghdr *message)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(message); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(message, cmsg)) {
		size_t count;

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS ||
		    cmsg->cmsg_len < CMSG_LEN(0))
			continue;
		count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(
			    &fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			inherited(hook, fd);
		}
	}
}

static void
received(struct msghdr *message)
{
	int saved = errno;
	struct hook hook;

	if (message->msg_control != NULL && message->msg_controllen > 0 &&
	    hook_begin(&hook))
		received_rights(&hook, message);
	errno = saved;
}

ssize_t
hook_recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t result = real_recvmsg()(fd, message, flags);

	if (result >= 0)
		received(message);
	return result;
}

int
hook_recvmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags,
    struct timespec *timeout)
{
	int result = real_recvmmsg()(fd, messages, count, flags, timeout);

	for (int i = 0; i < result; i++)
		received(&messages[i].msg_hdr);
	return result;
}

#ifdef __GLIBC__
/*
 * What rcmd(3) and rexec(3) returned: the connection that they made, and the
 * one for standard error that the server made back to them.
 */
static int
remote_command(int fd, const int *error_fd)
{
	if (fd < 0)
		return fd;
	hook_all(&(struct apply_event){.call = APPLY_MADE, .fd = fd});
	if (error_fd != NULL)
		hook_all(&(struct apply_event){
		    .call = APPLY_CALLED, .fd = *error_fd});
	return fd;
}

int
hook_rcmd(char **host, unsigned short port, const char *local_user,
    const char *remote_user, const char *command, int *error_fd)
{
	return remote_command(
	    real_rcmd()(host, port, local_user, remote_user, command, error_fd),
	    error_fd);
}

int
hook_rcmd_af(char **host, unsigned short port, const char *local_user,
    const char *remote_user, const char *command, int *error_fd,
    sa_family_t family)
{
	return remote_command(real_rcmd_af()(host, port, local_user,
				  remote_user, command, error_fd, family),
	    error_fd);
}

int
hook_rexec(char **host, int port, const char *user, const char *password,
    const char *command, int *error_fd)
{
	return remote_command(
	    real_rexec()(host, port, user, password, command, error_fd),
	    error_fd);
}

int
hook_rexec_af(char **host, int port, const char *user, const char *password,
    const char *command, int *error_fd, sa_family_t family)
{
	return remote_command(real_rexec_af()(host, port, user, password,
				  command, error_fd, family),
	    error_fd);
}
#endif

static bool
is_socket(int fd)
{
	struct sockaddr sa;
	socklen_t len = sizeof(sa);

	return getsockname(fd, &sa, &len) == 0;
}

/*
 * Sockets that were there before the program: descriptor 0 from an inetd,
 * and those of a socket-activated service. Most programs have none, and need
 * not look at the policy before they make one.
 */
static void
shim_inherited(void)
{
	bool inetd = is_socket(STDIN_FILENO);
	const int count = listen_fds_count();
	struct hook hook;

	if ((!inetd && count == 0) || !hook_begin(&hook))
		return;
	if (inetd)
		inherited(&hook, STDIN_FILENO);
	for (int i = 0; i < count; i++)
		inherited(&hook, LISTEN_FDS_START + i);
}

/* glibc hands main()'s arguments to a constructor, too. */
__attribute__((constructor)) static void
shim_start(int argc, char **argv)
{
	int saved = errno;

	real_resolve();
	policy_wait();
#ifdef __GLIBC__
	policy_start(argc > 0 ? argv : NULL);
#else
	(void)argc;
	(void)argv;
	policy_start(NULL);
#endif
	shim_inherited();
	errno = saved;
}
