/* SPDX-License-Identifier: ISC */
/*
 * older NUMBER FLAGS PROGRAM [ARGUMENT...]: runs a program as if on an older
 * kernel: system calls from NUMBER on do not exist (ENOSYS), and seccomp(2)
 * knows none of FLAGS (EINVAL). From 424 on the numbers are the same on all
 * machines, in the order of the releases.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(what)       BPF_STMT(BPF_RET | BPF_K, what)
#define IF(test, value, n) BPF_JUMP(BPF_JMP | BPF_K | (test), value, 0, n)

int
main(int argc, char *argv[])
{
	struct sock_filter filter[] = {
	    LOAD(nr),
	    IF(BPF_JGE, argc > 3 ? (unsigned)atoi(argv[1]) : 0, 1),
	    ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
	    IF(BPF_JEQ, SYS_seccomp, 3),
	    LOAD(args[1]),
	    IF(BPF_JSET, argc > 3 ? (unsigned)atoi(argv[2]) : 0, 1),
	    ANSWER(SECCOMP_RET_ERRNO | EINVAL),
	    ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {
	    .len = sizeof(filter) / sizeof(*filter), .filter = filter};

	if (argc < 4 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
		perror("older");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 127;
}
