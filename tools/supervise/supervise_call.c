/* SPDX-License-Identifier: ISC */
/*
 * supervise_call: a system call of a supervised program.
 */
#include "supervise/supervise_call.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

struct number {
	int number;
	enum call_kind kind;
};

static const struct number OWN_NUMBERS[] = {
    {SYS_connect, CALL_CONNECT},
    {SYS_listen, CALL_LISTEN},
    {SYS_accept, CALL_ACCEPT},
    {SYS_accept4, CALL_ACCEPT},
    {SYS_sendto, CALL_SENDTO},
    {SYS_sendmsg, CALL_SENDMSG},
    {SYS_sendmmsg, CALL_SENDMMSG},
    {SYS_setsockopt, CALL_SETSOCKOPT},
    {-1, CALL_NONE},
};

#ifdef __x86_64__
/* arch/x86/entry/syscalls/syscall_32.tbl in the kernel. */
#define I386_SOCKETCALL 102
static const struct number I386_NUMBERS[] = {
    {362, CALL_CONNECT},
    {363, CALL_LISTEN},
    {364, CALL_ACCEPT},
    {369, CALL_SENDTO},
    {370, CALL_SENDMSG},
    {345, CALL_SENDMMSG},
    {366, CALL_SETSOCKOPT},
    {-1, CALL_NONE},
};

/* socketcall(2), linux/net.h. */
static const struct number SOCKETCALLS[] = {
    {SYS_CONNECT, CALL_CONNECT},
    {SYS_LISTEN, CALL_LISTEN},
    {SYS_ACCEPT, CALL_ACCEPT},
    {SYS_ACCEPT4, CALL_ACCEPT},
    {SYS_SENDTO, CALL_SENDTO},
    {SYS_SENDMSG, CALL_SENDMSG},
    {SYS_SENDMMSG, CALL_SENDMMSG},
    {SYS_SETSOCKOPT, CALL_SETSOCKOPT},
    {-1, CALL_NONE},
};
#endif

static enum call_kind
find(const struct number *numbers, int number)
{
	while (numbers->number >= 0 && numbers->number != number)
		numbers++;
	return numbers->kind;
}

#ifdef __x86_64__
/* The first argument says which call, the second where its arguments are. */
static int
read_socketcall(const struct target *target,
    const struct seccomp_notif *request, struct call *call)
{
	uint32_t args[6] = {0};
	size_t count;

	call->kind = find(SOCKETCALLS, (int)request->data.args[0]);
	switch (call->kind) {
	case CALL_SENDTO:
		count = 6;
		break;
	case CALL_SETSOCKOPT:
		count = 5;
		break;
	case CALL_SENDMMSG:
		count = 4;
		break;
	default:
		count = 3;
	}
	if (call->kind == CALL_LISTEN)
		count = 2;
	for (size_t i = 0; i < 6; i++)
		call->args[i] = 0;
	if (target_read(target, (uint32_t)request->data.args[1], args,
		count * sizeof(args[0])) < 0)
		return -EFAULT;
	for (size_t i = 0; i < count; i++)
		call->args[i] = args[i];
	return 0;
}
#endif

int
call_read(const struct target *target, const struct seccomp_notif *request,
    struct call *call)
{
	call->narrow = false;
	memcpy(call->args, request->data.args, sizeof(call->args));
#ifdef __x86_64__
	if (request->data.arch == AUDIT_ARCH_I386) {
		call->narrow = true;
		for (size_t i = 0; i < 6; i++)
			call->args[i] = (uint32_t)call->args[i];
		if (request->data.nr == I386_SOCKETCALL)
			return read_socketcall(target, request, call);
		call->kind = find(I386_NUMBERS, request->data.nr);
		return 0;
	}
#endif
	(void)target;
	call->kind = find(OWN_NUMBERS, request->data.nr);
	return 0;
}

/* The first fields of a struct msghdr, and so of a struct mmsghdr. */
static int
read_message(const struct target *target, const struct call *call,
    uint64_t *address, uint32_t *len)
{
	struct {
		uint64_t name;
		uint32_t len;
	} wide;
	struct {
		uint32_t name;
		uint32_t len;
	} narrow;
	int error;

	if (call->narrow) {
		error =
		    target_read(target, call->args[1], &narrow, sizeof(narrow));
		*address = narrow.name;
		*len = narrow.len;
	} else {
		error = target_read(target, call->args[1], &wide,
		    offsetof(struct msghdr, msg_namelen) + sizeof(wide.len));
		*address = wide.name;
		*len = wide.len;
	}
	return error;
}

int
call_address(const struct target *target, const struct call *call,
    uint64_t *address, uint32_t *len)
{
	switch (call->kind) {
	case CALL_CONNECT:
		*address = call->args[1];
		*len = (uint32_t)call->args[2];
		return 0;
	case CALL_SENDTO:
		*address = call->args[4];
		*len = (uint32_t)call->args[5];
		return 0;
	case CALL_SENDMSG:
	case CALL_SENDMMSG:
		return read_message(target, call, address, len);
	default:
		return -EINVAL;
	}
}
