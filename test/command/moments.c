/* SPDX-License-Identifier: ISC */
/*
 * Preloaded, something happens in the middle of what the command does: before
 * the change of number MOMENT, a shell runs MOMENT_DOES, whose parent is the
 * command. If the shell fails, so does the change, for want of memory. A change
 * is a new name in the file systems, one that goes, or a link of bpf(2). If
 * there were so many, the file "moment" is made.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARGUMENTS 6

static long left;
static const char *does;

__attribute__((constructor)) static void
begin(void)
{
	const char *moment = getenv("MOMENT");

	left = moment ? strtol(moment, NULL, 10) : 0;
	does = getenv("MOMENT_DOES");
	unsetenv("LD_PRELOAD");
	unsetenv("MOMENT");
}

static bool
happens(void)
{
	if (left == 0 || --left > 0)
		return false;
	close(open("moment", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	/* NOLINTNEXTLINE(cert-env33-c): of the test's own */
	if (system(does) == 0)
		return false;
	errno = ENOMEM;
	return true;
}

static bool
is_change(long command)
{
	return command == BPF_OBJ_PIN || command == BPF_LINK_CREATE ||
	       command == BPF_LINK_UPDATE || command == BPF_LINK_DETACH;
}

long
syscall(long number, ...)
{
	static long (*real)(long, ...);
	long argument[ARGUMENTS];
	va_list list;

	va_start(list, number);
	for (int n = 0; n < ARGUMENTS; n++)
		argument[n] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf && is_change(argument[0]) && happens())
		return -1;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	return real(number, argument[0], argument[1], argument[2], argument[3],
	    argument[4], argument[5]);
}

int
unlink(const char *path)
{
	return happens() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int
unlinkat(int directory, const char *path, int flags)
{
	return happens() ? -1
	                 : (int)syscall(SYS_unlinkat, directory, path, flags);
}

int
rename(const char *from, const char *to)
{
	return happens() ? -1 : renameat(AT_FDCWD, from, AT_FDCWD, to);
}
