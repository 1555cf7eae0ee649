/* SPDX-License-Identifier: ISC */
/*
 * supervise_call: a system call of a supervised program, as the kernel reports
 * it, in the same form for each machine and for each way to make it.
 */
#ifndef KASHIM_SUPERVISE_CALL_H
#define KASHIM_SUPERVISE_CALL_H

#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

#include "supervise/supervise_target.h"

enum call_kind {
	CALL_NONE, /* none of ours */
	CALL_CONNECT,
	CALL_LISTEN,
	CALL_ACCEPT,
	CALL_SENDTO,
	CALL_SENDMSG,
	CALL_SENDMMSG,
	CALL_SETSOCKOPT,
};

struct call {
	enum call_kind kind;
	bool narrow; /* of a 32-bit program: so are structures in its memory */
	uint64_t args[6];
};

/*
 * What target's request means. Reads the memory of a 32-bit program that calls
 * socketcall(2). Returns 0 or -errno.
 */
int call_read(const struct target *target, const struct seccomp_notif *request,
    struct call *call);

/*
 * Where the address lies that a call connects to, and its length: of connect,
 * or of a send; reads the header of a message from memory. Returns 0 or
 * -errno.
 */
int call_address(const struct target *target, const struct call *call,
    uint64_t *address, uint32_t *len);

#endif
