#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: getauxval(AT_EXECFN) is what the kernel put there: the name of the file
# that execve(2) was given. So in a program that a loader was told to start
# ("ld-linux-x86-64.so.2 ./program", as bundles with a C library of their own
# do) it is the loader's name, and it is what /proc/PID/auxv points to.
#
# Really: glibc's loader overwrites that entry with the program's name in the
# process's own copy. The kernel's copy, which /proc/PID/auxv shows, keeps the
# loader. musl's loader overwrites nothing, so that there getauxval() tells the
# loader, too. The same source gets another answer by the C library, and who
# looks from outside gets one that differs from the program's own.
#
# Seen with libc6 2.36-9+deb12u14 and musl 1.2.3-1 (Debian 12; glibc 2.31, 2.41
# and 2.43 as 2.36), Linux 6.18:
#   glibc: getauxval ./program, /proc/self/auxv the loader
#   musl: getauxval the loader, /proc/self/auxv the loader
#
# Why it matters: rules by program name, in a library inside and in a tool
# outside, go by different names for the same process. Needs apt-get and gcc.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
chmod 755 .
for package in libc6=2.36-9+deb12u14 musl=1.2.3-1; do
	apt-get download "$package" >/dev/null 2>&1
	mkdir "${package%%=*}"
	dpkg -x "${package%%=*}"_*.deb "${package%%=*}"
done

# Without start files, so that one program is for both C libraries.
cat >program.c <<'END'
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <stdio.h>

static const char *name(unsigned long at)
{
	return strstr((const char *)at, "program") ? "./program" : "the loader";
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	unsigned long pair[2];
	int fd = open("/proc/self/auxv", O_RDONLY);

	while (read(fd, pair, sizeof(pair)) == sizeof(pair) &&
	       pair[0] != AT_EXECFN)
		;
	dprintf(1, "getauxval %s, /proc/self/auxv %s\n",
	    name(getauxval(AT_EXECFN)), name(pair[1]));
	_exit(0);
}
END
gcc -nostartfiles -fno-stack-protector -o program program.c
glibc=$(timeout 10 "$(find libc6 -name 'ld-linux-x86-64.so.2' | head -n 1)" \
	--library-path "$(dirname "$(find libc6 -name libc.so.6 | head -n 1)")" \
	./program)
musl=$(timeout 10 "$(find musl -name 'ld-musl-x86_64.so.1' | head -n 1)" ./program)
echo "glibc: $glibc"
echo "musl: $musl"
[ "$glibc" = 'getauxval ./program, /proc/self/auxv the loader' ]
[ "$musl" = 'getauxval the loader, /proc/self/auxv the loader' ]
