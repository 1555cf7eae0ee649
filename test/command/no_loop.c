/* SPDX-License-Identifier: ISC */
/*
 * Preloaded, the kernel passes for one before Linux 5.17: it takes no program
 * that calls bpf_loop(), and no value of a map above 4 MiB. With -DALSO=NUMBER
 * it does not know that call, either.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ALSO
#define ALSO LOOP
#endif

#define ARGUMENTS 6
#define LOOP      181 /* BPF_FUNC_loop in linux/bpf.h */
#define VALUE_MAX (4u << 20)

static long
refuse(int error)
{
	errno = error;
	return -1;
}

/* What its verifier says of a call that it does not know. */
static long
refuse_call(const union bpf_attr *attr, int call)
{
	if (attr->log_level != 0)
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		snprintf((char *)(uintptr_t)attr->log_buf, attr->log_size,
		    "invalid func unknown#%d\n", call);
	return refuse(EINVAL);
}

long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	long argument[ARGUMENTS];
	const union bpf_attr *attr;
	const struct bpf_insn *insns;
	va_list list;

	va_start(list, number);
	for (int n = 0; n < ARGUMENTS; n++)
		argument[n] = va_arg(list, long);
	va_end(list);
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): an argument */
	attr = (const union bpf_attr *)argument[1];
	if (number == SYS_bpf && argument[0] == BPF_MAP_CREATE &&
	    attr->value_size > VALUE_MAX)
		return refuse(E2BIG);
	if (number == SYS_bpf && argument[0] == BPF_PROG_LOAD) {
		/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
		insns = (const struct bpf_insn *)(uintptr_t)attr->insns;
		for (uint32_t n = 0; n < attr->insn_cnt; n++) {
			if (insns[n].code == (BPF_JMP | BPF_CALL) &&
			    insns[n].src_reg == 0 &&
			    (insns[n].imm == LOOP || insns[n].imm == ALSO))
				return refuse_call(attr, insns[n].imm);
		}
	}
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, argument[0], argument[1], argument[2], argument[3],
	    argument[4], argument[5]);
}
