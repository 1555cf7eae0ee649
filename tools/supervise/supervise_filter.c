/* SPDX-License-Identifier: ISC */
/*
 * supervise_filter: the seccomp filter of a supervised program. The only
 * includer of seccomp.h.
 *
 * libseccomp makes the program, which knows the numbers and the calling
 * conventions of every machine; the loading is our own, because its version
 * 2.5 can't ask for SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
 */
#include "supervise/supervise_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/net.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/kernel_calls.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

/* The arguments are of type int: what is above that in a register counts not.
 */
#define INT_MASK 0xffffffffu

struct filter_rule {
	int call; /* of libseccomp, the same for every machine */
	unsigned int count;
	struct scmp_arg_cmp args[2];
};

#define ARG_IS(number, value)                                         \
	{                                                             \
		.arg = (number), .op = SCMP_CMP_MASKED_EQ,            \
		.datum_a = INT_MASK, .datum_b = (scmp_datum_t)(value) \
	}
#define ARG_HAS(number, bit)                                                   \
	{                                                                      \
		.arg = (number), .op = SCMP_CMP_MASKED_EQ,                     \
		.datum_a = (scmp_datum_t)(bit), .datum_b = (scmp_datum_t)(bit) \
	}

static const struct filter_rule RULES[] = {
    {SCMP_SYS(connect), 0, {{0}}},
    {SCMP_SYS(listen), 0, {{0}}},
    {SCMP_SYS(sendto), 1, {ARG_HAS(3, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmsg), 1, {ARG_HAS(2, MSG_FASTOPEN)}},
    {SCMP_SYS(sendmmsg), 1, {ARG_HAS(3, MSG_FASTOPEN)}},
};

#define RULE_COUNT (sizeof(RULES) / sizeof(RULES[0]))

#define OPTION_RULE(id, level, constant, ...) \
	{SCMP_SYS(setsockopt), 2, {ARG_IS(1, level), ARG_IS(2, constant)}},
static const struct filter_rule OPTION_RULES[] = {KEEPALIVE_LIST(OPTION_RULE)};

#define OPTION_RULE_COUNT (sizeof(OPTION_RULES) / sizeof(OPTION_RULES[0]))

static const struct filter_rule ACCEPT_RULES[] = {
    {SCMP_SYS(accept), 0, {{0}}},
    {SCMP_SYS(accept4), 0, {{0}}},
};

#define ACCEPT_RULE_COUNT (sizeof(ACCEPT_RULES) / sizeof(ACCEPT_RULES[0]))

/*
 * May the program's own call, under "respect", come before ours? A rule that
 * is set some time after the call it is for has to be set first then: on an
 * accepted connection, on a listener that has got its port, and where rules
 * look at an address that connect(2) chooses.
 */
static bool
may_be_late(const struct image_rule *rule, bool by_source)
{
	return (rule->direction & DIRECTION_ACCEPT) != 0 || by_source;
}

struct supervise_needs
supervise_needs(const struct image *image)
{
	struct supervise_needs needs = {0};
	struct image_rule rule;
	bool by_source = false;

	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		const uint32_t peer = MATCHER_SOURCE | MATCHER_DESTINATION;

		by_source |= (rule.matchers & MATCHER_SOURCE) != 0;
		if ((rule.direction & DIRECTION_ACCEPT) != 0 &&
		    (rule.matchers & peer) != 0)
			needs.accepts = true;
	}
	for (uint32_t i = 0; image_rule(image, i, &rule); i++) {
		if (rule.action == ACTION_KEEPALIVE &&
		    (rule.app_settings != APP_RESPECT ||
			may_be_late(&rule, by_source)))
			needs.options = true;
	}
	return needs;
}

static int
add_rules(scmp_filter_ctx filter, const struct filter_rule *rules, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count && error == 0; i++)
		error = seccomp_rule_add_array(filter, SCMP_ACT_NOTIFY,
		    rules[i].call, rules[i].count, rules[i].args);
	return error;
}

static int
add_all_rules(scmp_filter_ctx filter, const struct supervise_needs *needs)
{
	int error = add_rules(filter, RULES, RULE_COUNT);

	if (error == 0 && needs->options)
		error = add_rules(filter, OPTION_RULES, OPTION_RULE_COUNT);
	if (error == 0 && needs->accepts)
		error = add_rules(filter, ACCEPT_RULES, ACCEPT_RULE_COUNT);
	return error;
}

#ifdef __x86_64__
static int
add_socketcall(scmp_filter_ctx filter, scmp_datum_t call)
{
	return seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(socketcall),
	    1, SCMP_A0(SCMP_CMP_EQ, call, 0));
}

/*
 * The programs of the 32-bit kind. These may use socketcall(2), whose
 * arguments lie in memory, where no filter sees them: so each setsockopt(2) of
 * theirs is notified. Each send would be, too, and that would cost too much
 * for the few that connect.
 */
static int
add_i386(scmp_filter_ctx filter, const struct supervise_needs *needs)
{
	scmp_filter_ctx narrow = seccomp_init(SCMP_ACT_ALLOW);
	int error;

	if (!narrow)
		return -ENOMEM;
	error = seccomp_arch_remove(narrow, SCMP_ARCH_NATIVE);
	if (error == 0)
		error = seccomp_arch_add(narrow, SCMP_ARCH_X86);
	if (error == 0)
		error = seccomp_attr_set(
		    narrow, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (error == 0)
		error = add_socketcall(narrow, SYS_CONNECT);
	if (error == 0)
		error = add_socketcall(narrow, SYS_LISTEN);
	if (error == 0 && needs->options)
		error = add_socketcall(narrow, SYS_SETSOCKOPT);
	if (error == 0 && needs->accepts)
		error = add_socketcall(narrow, SYS_ACCEPT);
	if (error == 0 && needs->accepts)
		error = add_socketcall(narrow, SYS_ACCEPT4);
	/* The narrow ones last: libseccomp leaks what a wide one replaces. */
	if (error == 0)
		error = add_all_rules(narrow, needs);
	if (error == 0)
		error = seccomp_merge(filter, narrow); /* which gives it back */
	if (error < 0)
		seccomp_release(narrow);
	return error;
}
#endif

/*
 * Writes the filter's code to memory: by way of a pipe, because whoever may
 * write no files (RLIMIT_FSIZE) would be ended by SIGXFSZ, with a memfd, too.
 */
static int export(const scmp_filter_ctx filter, struct sock_fprog *program)
{
	const size_t max = BPF_MAXINSNS * sizeof(*program->filter);
	int ends[2], error;
	ssize_t size;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	program->filter = malloc(max);
	error = -ENOMEM;
	if (!program->filter)
		goto out;
	error = seccomp_export_bpf(filter, ends[1]);
	if (error < 0)
		goto out;
	size = read(ends[0], program->filter, max);
	/* What fills the pipe may have been more. */
	if (size <= 0 || size >= fcntl(ends[1], F_GETPIPE_SZ) ||
	    size % (ssize_t)sizeof(*program->filter) != 0)
		error = -EIO;
	else
		program->len =
		    (unsigned short)((size_t)size / sizeof(*program->filter));
out:
	if (error < 0) {
		free(program->filter);
		program->filter = NULL;
	}
	close(ends[0]);
	close(ends[1]);
	return error;
}

int
supervise_filter_make(
    const struct supervise_needs *needs, struct sock_fprog *program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error;

	if (!filter)
		return -ENOMEM;
	/* Never break a program of another machine, such as x32. */
	error =
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (error == 0)
		error = add_all_rules(filter, needs);
#ifdef __x86_64__
	if (error == 0)
		error = add_i386(filter, needs);
#endif
	if (error == 0)
		error = export(filter, program);
	seccomp_release(filter);
	return error;
}

static int
install(const struct sock_fprog *program, unsigned long flags)
{
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);

	return fd < 0 ? -errno : (int)fd;
}

/* With no_new_privs, which can't be taken back. */
static int
install_without_rights(const struct sock_fprog *program, unsigned long flags)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return install(program, flags);
}

/*
 * Calls try in a child, which ends without a SIGCHLD. Returns what it returned,
 * 0 or -errno, -EPERM if a filter ended it.
 */
static int
in_child(int (*try)(const void *data), const void *data)
{
	long child = syscall(SYS_clone, 0L, NULL, NULL, NULL, NULL);
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(-try(data));
	while (waitpid((pid_t)child, &status, __WALL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFEXITED(status))
		return -WEXITSTATUS(status);
	return WTERMSIG(status) == SIGSYS ? -EPERM : -ECHILD;
}

struct filter {
	const struct sock_fprog *program;
	unsigned long flags;
};

static int
try_without_rights(const void *data)
{
	const struct filter *filter = data;
	int fd = install_without_rights(filter->program, filter->flags);

	return fd < 0 ? fd : 0;
}

static int
try_calls(const void *data)
{
	const uint32_t action = SECCOMP_RET_USER_NOTIF;

	(void)data;
	prctl(PR_SET_DUMPABLE, 0); /* no core, if it ends here */
	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return -errno;
	return kernel_pidfd_getfd(-1, -1) < 0 && errno != EBADF ? -errno : 0;
}

int
supervise_filter_try(void)
{
	return in_child(try_calls, NULL);
}

int
supervise_filter_install(const struct sock_fprog *program)
{
	/*
	 * SPEC_ALLOW: before Linux 5.16 a filter slowed the whole program
	 * down, against attacks from what it confines; this one confines
	 * nothing.
	 */
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
	                      SECCOMP_FILTER_FLAG_SPEC_ALLOW |
	                      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = install(program, flags);

	if (fd == -EINVAL) { /* before Linux 5.19 */
		flags &= ~(unsigned long)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
		fd = install(program, flags);
	}
	if (fd != -EACCES)
		return fd;
	fd = in_child(try_without_rights,
	    &(struct filter){.program = program, .flags = flags});
	return fd < 0 ? fd : install_without_rights(program, flags);
}
