#!/bin/sh
# SPDX-License-Identifier: ISC
# What the built library may call, export and be, held against what
# docs/DESIGN.md promises of it, and the sources' includes against its table.
# It looks at files and runs none of them. "audit.sh BUILD OBJECT...": the
# build directory, and the objects that the library is linked from; $CC is the
# compiler. The status is 1 if a check failed.
set -u

[ $# -gt 1 ] || {
	echo 'usage: audit.sh BUILD OBJECT... (see the Makefile)' >&2
	exit 2
}
build=$1
shift
objects=$*
cc=${CC:-cc}
tree=$(cd "$(dirname "$0")/.." && pwd) || exit 2
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

shim=$build/libkashim.so
parser=$build/libkashim-config.so
for file in "$shim" "$parser"; do
	[ -r "$file" ] || {
		echo "audit: $file is not there; run make first" >&2
		exit 2
	}
done

# What a hook may refer to: nothing that allocates, locks or keeps a
# descriptor. All are async-signal-safe (signal-safety(7)), or, as syscall(2),
# nothing but the call itself; environ is only looked at.
hot='__errno_location environ fstat getpid getsockname getsockopt memchr
	memcmp memcpy memset strlen strnlen syscall'

# What a compiler itself may put in: helpers for arithmetic and
# position-independent code, how an exception gets through a frame, and what is
# made of memcpy(3) and memcmp(3) by _FORTIFY_SOURCE, which ends a program that
# writes too far, and by clang.
compiler='_GLOBAL_OFFSET_TABLE_ __popcountdi2 __stack_chk_fail
	_Unwind_Resume __gcc_personality_v0 __memcpy_chk bcmp'

# What may be referred to besides before main(), by the constructor.
startup='__environ access close environ getauxval geteuid lstat memmove mmap
	mprotect munmap open read readlink stat strchr strcmp strcspn strncmp
	strrchr strspn strstr'

# Before glibc 2.33 this is made of fstat(2), and before 2.34 dlopen(3) is in a
# library of its own.
libdl=
minor=$(printf '#include <features.h>\n#ifdef __GLIBC__\n__GLIBC_MINOR__\n#endif\n' |
	$cc -E -P -)
if [ "${minor:-34}" -lt 34 ]; then
	hot="$hot __fxstat"
	libdl=libdl.so.2
fi

# What start-up takes if it is there, by weak references. The last four are
# those of the compiler's start files.
weak='__libc_dlopen_mode __libc_dlsym dladdr dlclose dlerror dlopen dlsym
	_ITM_deregisterTMCloneTable _ITM_registerTMCloneTable __cxa_finalize
	__gmon_start__'

# The newest version of glibc that either object may ask for, so that what is
# built on a new release does not end the programs of an older one. On other
# machines than these, lib/shim/loader.c knows no older one; and in a 32-bit program
# the parser's stat(2) is for late times.
case $($cc -dumpmachine):$(echo __LP64__ | $cc -E -P -) in
x86_64-*:1 | aarch64-*) newest='2.17 2.22' ;;
i?86-* | x86_64-*) newest='2.17 2.34' ;;
*) newest='2.34 2.34' ;;
esac

# Past these functions it is start-up, also where a hooked call is what comes
# first: the first call reads the policy, and an unresolved one looks itself
# up.
gates='policy_read too_early real_symbol'

# What the parser object defines besides its two entry points, so that its
# libconfuse gets nothing of the kind from the host, or from the C library.
private='__assert_fail abort bindtextdomain calloc dcgettext exit free malloc
	realloc reallocarray strdup strndup'

passed=0 failed=0 skipped=0

# check WHAT COMMAND...: the check passes if the command prints nothing.
check()
{
	what=$1
	shift
	"$@" >"$dir/out" 2>&1 || echo "status $?" >>"$dir/out"
	if [ -s "$dir/out" ]; then
		printf 'FAIL %s:\n' "$what"
		sed 's/^/    /' "$dir/out"
		failed=$((failed + 1))
	else
		passed=$((passed + 1))
	fi
}

# The words of a text, one to a line, sorted.
words()
{
	printf '%s' "$*" | tr -s '[:space:]' '\n' | grep . | LC_ALL=C sort -u
}

# same NAME FILE NAME FILE: what only one of the two files has.
same()
{
	LC_ALL=C comm -23 "$2" "$4" | sed "s/^/only in the $1: /"
	LC_ALL=C comm -13 "$2" "$4" | sed "s/^/only in the $3: /"
}

exports()
{
	nm -D --defined-only "$1" | awk '{ print $NF }' | LC_ALL=C sort -u
}

imports()
{
	nm -D --undefined-only "$1" | awk -v kind="$2" '$1 == kind { print $NF }' |
		sed 's/@.*//' | LC_ALL=C sort -u
}

# Walks from the exported functions through the objects' relocations, section
# by section (each function has one), and prints "SYMBOL FUNCTION" for every
# outer symbol that a function refers to, and "gate NAME" for every gate that
# it found closed.
reached()
{
	# shellcheck disable=SC2086 # a list of words
	readelf -W -S -s -r $objects |
		awk -v roots="$(exports "$shim" | tr '\n' ' ')" \
			-v gates="$gates" -f "$tree/test/audit.awk"
}

hot_calls()
{
	reached >"$dir/reached"
	[ "$(grep -vc '^gate ' "$dir/reached")" -gt 5 ] ||
		echo 'the walk through the objects has found nothing'
	for gate in $gates; do
		grep -qx "gate $gate" "$dir/reached" ||
			echo "no function $gate was met; inlined or renamed?"
	done
	words "$hot" "$compiler" >"$dir/allowed"
	grep -v '^gate ' "$dir/reached" | LC_ALL=C sort -u |
		LC_ALL=C join -v 1 - "$dir/allowed" |
		awk '{ print $2 " refers to " $1 }'
}

# What libc.h lists must not be imported: a host may have that name.
shim_calls()
{
	sed -n 's/^[[:blank:]]X(\([a-z0-9_]*\), .*/\1/p' "$tree/lib/base/libc.h" |
		LC_ALL=C sort -u >"$dir/wrapped"
	[ -s "$dir/wrapped" ] || echo 'no name was found in libc.h'
	words "$hot" "$compiler" "$startup" |
		LC_ALL=C comm -23 - "$dir/wrapped" >"$dir/allowed"
	imports "$shim" U | LC_ALL=C comm -23 - "$dir/allowed" |
		sed 's/^/refers to /'
	words "$weak" >"$dir/allowed"
	imports "$shim" w | LC_ALL=C comm -23 - "$dir/allowed" |
		sed 's/^/refers weakly to /'
}

# versions OBJECT NEWEST: what it asks of glibc, and of that what is newer.
versions()
{
	{
		readelf -VW "$1" | sed -n 's/.*Name: GLIBC_\([^ ]*\) .*/\1/p'
		echo "$2"
	} | LC_ALL=C sort -uV | sed "1,/^$2\$/d; s/^/asks for GLIBC_/"
}

hook_names()
{
	{
		printf '#include "shim/hooks.h"\n'
		printf '#define NAME(name, ...) @name@\nHOOKS(NAME)\n'
	} >"$dir/hooks.c"
	# shellcheck disable=SC2086 # a compiler and its options
	$cc -E -P -D_GNU_SOURCE -I"$tree/lib" "$dir/hooks.c" |
		grep -o '@[a-z0-9_]*@' | tr -d '@'
	echo __connect
}

# Without the names that only 32-bit programs import.
map_names()
{
	sed -n '/^global:/,/^local:/s/^[[:blank:]]*\([a-z0-9_]*\);.*/\1/p' \
		"$tree/lib/shim/libkashim.map" | grep -v '^__[a-z]*64$'
}

shim_exports()
{
	hook_names | LC_ALL=C sort -u >"$dir/hooks"
	map_names | LC_ALL=C sort -u >"$dir/map"
	exports "$shim" >"$dir/exports"
	same map "$dir/map" hooks.h "$dir/hooks"
	same library "$dir/exports" map "$dir/map"
}

parser_exports()
{
	words "$private" kashim_config_load kashim_config_release >"$dir/want"
	exports "$parser" >"$dir/exports"
	same object "$dir/exports" list "$dir/want"
}

# needs OBJECT LIBRARY...: no other library than these, each of them.
needs()
{
	object=$1
	shift
	words "$@" >"$dir/want"
	readelf -dW "$object" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
		LC_ALL=C sort -u >"$dir/needed"
	same object "$dir/needed" list "$dir/want"
	readelf -dW "$object" | grep -E '\((RPATH|RUNPATH|AUXILIARY|FILTER)\)'
	return 0
}

hardened()
{
	readelf -dW "$1" >"$dir/dynamic"
	readelf -lW "$1" >"$dir/segments"
	grep -q BIND_NOW "$dir/dynamic" || echo 'not bound at once'
	! grep -q TEXTREL "$dir/dynamic" || echo 'its code is relocated'
	grep -q GNU_RELRO "$dir/segments" || echo 'no RELRO'
	grep -q 'GNU_STACK.* RW ' "$dir/segments" || echo 'executable stack'
	! grep -Eq 'LOAD.* (RWE|WE) ' "$dir/segments" ||
		echo 'a segment that can be written and executed'
}

# One constructor: ours. The other entry of each is the compiler's own.
constructors()
{
	readelf -dW "$1" >"$dir/dynamic"
	pointer=$(readelf -hW "$1" | awk '/Class:/ { print $2 == "ELF64" ? 8 : 4 }')
	for array in INIT:2 FINI:1; do
		bytes=$(sed -n "s/.*(${array%:*}_ARRAYSZ) *\([0-9]*\).*/\1/p" \
			"$dir/dynamic")
		[ "${bytes:-0}" -le $((${array#*:} * pointer)) ] ||
			echo "more than ${array#*:} functions in ${array%:*}_ARRAY"
	done
	! grep PREINIT "$dir/dynamic"
}

# A thread-local variable of a preloaded object takes memory, or a call of
# malloc(3), in every thread of the host.
thread_local()
{
	! readelf -lW "$1" | grep '^ *TLS '
}

# The folders of lib/ and tools/ in the order of docs/DESIGN.md: each includes
# its own headers and those of folders above it.
includes()
{
	sed -n 's/^| \(lib\|tools\)\/\([a-z]*\) |.*/\2/p' \
		"$tree/docs/DESIGN.md" >"$dir/folders"
	(cd "$tree" && grep -H '^#include "' lib/*/*.[ch] tools/*/*.[ch]) |
		sed 's|:#include "| |; s|"$||' |
		awk 'NR == FNR { row[$1] = NR; next }
			{
				split($1, from, "/")
				split($2, to, "/")
				met++
			}
			!(from[2] in row) || !(to[1] in row) {
				print $1 " includes " $2 ": a folder that" \
					" is not in docs/DESIGN.md"
				next
			}
			row[to[1]] > row[from[2]] {
				print $1 " includes " $2 ", which is below" \
					" it in docs/DESIGN.md"
			}
			END { if (met < 300) print "few includes: " met + 0 }' \
			"$dir/folders" -
	# Only proc.c reads /proc of another process.
	grep -l '"/proc/%' "$tree"/lib/*/*.[ch] "$tree"/tools/*/*.[ch] |
		grep -v '/tools/host/proc\.c$'
	# Only config.c knows libconfuse. Where the library is in a process, the
	# command knows, but it has none of the hooks.
	grep -l '<confuse\.h>' "$tree"/lib/*/*.[ch] "$tree"/tools/*/*.[ch] |
		grep -v '/lib/config/config\.c$'
	grep -E '#include "shim/' "$tree"/tools/*/*.[ch] |
		grep -v '"shim/status_note\.h"$'
	return 0
}

case $($cc -dumpmachine) in
*musl*) libc=libc.so ;;
*) libc=libc.so.6 ;;
esac

# With -flto there is no code in the objects, which are walked.
# shellcheck disable=SC2086 # a list of words
if readelf -W -S $objects 2>&1 | grep -q '\.gnu\.lto_\|LLVM bitcode'; then
	echo 'skip hooks call only what is async-signal-safe: built with -flto'
	skipped=$((skipped + 1))
else
	check 'hooks call only what is async-signal-safe' hot_calls
fi
check 'the library imports only what start-up needs' shim_calls
check 'the library exports what it interposes' shim_exports
# shellcheck disable=SC2086 # a word or none
check 'the library needs libc alone' needs "$shim" "$libc" $libdl
check 'the library loads under older C libraries' versions "$shim" \
	"${newest% *}"
check 'the library is hardened' hardened "$shim"
check 'the library has one constructor' constructors "$shim"
check 'the library has no thread-local memory' thread_local "$shim"
check 'the parser exports its entry points and allocator' parser_exports
check 'the parser needs libconfuse and libc' needs "$parser" libconfuse.so.2 \
	"$libc"
check 'the parser loads under older C libraries' versions "$parser" \
	"${newest#* }"
check 'the parser is hardened' hardened "$parser"
check 'the parser has no constructor' constructors "$parser"
check 'the parser has no thread-local memory' thread_local "$parser"
check 'folders include what is above them in docs/DESIGN.md' includes

printf 'all: %d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ]
