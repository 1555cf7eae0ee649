/* SPDX-License-Identifier: ISC */
/*
 * kernel_calls: system calls that the C library, or that of an older release,
 * does not declare: made by their numbers. On a kernel that does not have one
 * it fails with ENOSYS. Results and errno are as in the manual pages.
 */
#ifndef KASHIM_KERNEL_CALLS_H
#define KASHIM_KERNEL_CALLS_H

#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* For the kernel's headers of before Linux 5.10, on x86 and aarch64. */
#ifndef __NR_pidfd_send_signal
#define __NR_pidfd_send_signal 424
#endif
#ifndef __NR_pidfd_open
#define __NR_pidfd_open 434
#endif
#ifndef __NR_close_range
#define __NR_close_range 436
#endif
#ifndef __NR_openat2
#define __NR_openat2 437
#endif
#ifndef __NR_pidfd_getfd
#define __NR_pidfd_getfd 438
#endif

/* For kernel_pidfd_open(): of a thread, not a process. Linux 6.9. */
#define KERNEL_PIDFD_THREAD O_EXCL

/* pidfd_open(2), Linux 5.3 */
static inline int
kernel_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)syscall(__NR_pidfd_open, pid, flags);
}

/* pidfd_getfd(2), Linux 5.6 */
static inline int
kernel_pidfd_getfd(int pidfd, int fd)
{
	return (int)syscall(__NR_pidfd_getfd, pidfd, fd, 0);
}

/*
 * pidfd_send_signal(2), Linux 5.1, with signal 0: sends nothing. Returns 0 if
 * it could be sent.
 */
static inline int
kernel_pidfd_probe(int pidfd)
{
	return (int)syscall(__NR_pidfd_send_signal, pidfd, 0, NULL, 0);
}

/* close_range(2), Linux 5.9 */
static inline int
kernel_close_range(unsigned int first, unsigned int last)
{
	return (int)syscall(__NR_close_range, first, last, 0);
}

/* openat2(2), Linux 5.6: struct open_how and its resolve. */
struct kernel_open_how {
	uint64_t flags;
	uint64_t mode;
	uint64_t resolve;
};

#define KERNEL_RESOLVE_NO_MAGICLINKS 0x02
#define KERNEL_RESOLVE_NO_SYMLINKS   0x04
#define KERNEL_RESOLVE_IN_ROOT       0x10

static inline int
kernel_openat2(
    int directory, const char *path, const struct kernel_open_how *how)
{
	return (int)syscall(__NR_openat2, directory, path, how, sizeof(*how));
}

/* capget(2), of the caller: sets as in capabilities(7), a bit for each. */
struct kernel_capabilities {
	uint64_t effective;
	uint64_t inheritable;
};

static inline int
kernel_capget(struct kernel_capabilities *sets)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	int result = (int)syscall(SYS_capget, &header, data);

	sets->effective = data[0].effective | (uint64_t)data[1].effective << 32;
	sets->inheritable = data[0].inheritable | (uint64_t)data[1].inheritable
	                                              << 32;
	return result;
}

/* Is it among the effective ones? */
static inline bool
kernel_has_capability(unsigned int capability)
{
	struct kernel_capabilities sets;

	return kernel_capget(&sets) == 0 && (sets.effective >> capability & 1);
}

#endif
