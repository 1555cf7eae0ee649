#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs the hostile hosts, and a friendly one (hostile_plain.c) in hostile
# company: sanitizers, valgrind, other allocators, other preload libraries, and
# places where things are missing. There each output must be the same as that
# of a bare run. $1 is the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin
dir=$work
ours="$build/libkashim.so"
plain="$build/test/hostile_plain"
config="$dir/kashim.conf"

# program NAME: one that judges itself, host.h.
program()
{
	printf '%s: ' "$1"
	if "$build/test/$1" "$build"; then
		pass
	else
		fail "$1"
	fi
}

# start LIBRARIES COMMAND...: with these preloaded and nothing else.
start()
{
	libraries=$1
	shift
	timeout 60 env LD_PRELOAD="$libraries" KASHIM_CONFIG="$config" "$@"
}

# alike WHAT BARE SHIMMED COMMAND...: the command's output is the same with the
# preload list SHIMMED as with BARE, it succeeds with both, and the first one
# is as quiet as the second.
alike()
{
	what=$1
	bare=$2
	shimmed=$3
	shift 3
	start "$bare" "$@" >"$dir/bare" 2>"$dir/bare.err"
	status=$?
	start "$shimmed" KASHIM_TEST_SHIMMED=1 "$@" >"$dir/shimmed" \
	    2>"$dir/shimmed.err"
	status="$status $?"
	if [ "$status" != '0 0' ]; then
		fail "$what: status $status" "$dir/bare.err" "$dir/shimmed.err"
	elif ! cmp -s "$dir/bare" "$dir/shimmed"; then
		diff "$dir/bare" "$dir/shimmed" >"$dir/diff"
		fail "$what: not as in the bare run" "$dir/diff"
	elif [ -s "$dir/shimmed.err" ]; then
		fail "$what: not quiet" "$dir/shimmed.err"
	else
		pass
	fi
}

# built PROGRAM WHAT: as "found", of what make could not build.
built()
{
	[ -e "$build/test/$1" ] && return
	skip "$2" "$1 is not built: no compiler for it"
	return 1
}

for name in hostile hostile_names hostile_malloc hostile_confuse hostile_jail \
    hostile_stack hostile_limits; do
	program "$name"
done

printf 'rule lo { destination = { "127.0.0.0/8", "::1" }\n%s }\n' \
    'idle = 300 interval = 30 count = 5' >"$config"
sed 's/rule lo {/& program = "hostile_p*"/' "$config" >"$dir/name.conf"
printf 'rule lo { idle = "300\n' >"$dir/broken.conf"
chmod go-w "$dir"/*.conf

# As it is linked.
alike 'lazy binding' '' "$ours" "$plain"
alike 'LD_BIND_NOW' '' "$ours" LD_BIND_NOW=1 "$plain"
alike '-z now' '' "$ours" "$build/test/plain_now"
! built plain_static 'static-pie' ||
    alike 'static-pie is not reached' '' "$ours" "$build/test/plain_static" default

# Sanitizers. That of gcc wants to be first, or to be told not to mind.
if built plain_gcc_asan 'gcc, AddressSanitizer'; then
	asan=$(gcc -print-file-name=libasan.so)
	alike 'gcc, AddressSanitizer first' '' "$asan $ours" \
	    "$build/test/plain_gcc_asan"
	alike 'gcc, AddressSanitizer not first' '' "$ours" \
	    ASAN_OPTIONS=verify_asan_link_order=0 "$build/test/plain_gcc_asan"
fi
! built plain_clang_asan 'clang, AddressSanitizer' ||
    alike 'clang, AddressSanitizer' '' "$ours" "$build/test/plain_clang_asan"
! built plain_gcc_tsan 'gcc, ThreadSanitizer' ||
    alike 'gcc, ThreadSanitizer' '' "$ours" \
    setarch -R "$build/test/plain_gcc_tsan"
! built plain_clang_tsan 'clang, ThreadSanitizer' ||
    alike 'clang, ThreadSanitizer' '' "$ours" \
    setarch -R "$build/test/plain_clang_tsan"

# Other allocators.
debug=libc_malloc_debug.so.0 # since glibc 2.34
ldconfig -p | grep -qF "	$debug " || debug=
for library in libjemalloc.so.2 libtcmalloc_minimal.so.4 $debug; do
	found "library:$library" "$library" || continue
	alike "$library before" "$library" "$library $ours" \
	    MALLOC_CHECK_=3 "$plain"
	alike "$library after" "$library" "$ours $library" \
	    MALLOC_CHECK_=3 "$plain"
done
! found library:libjemalloc.so.2 'jemalloc with a thread of its own' ||
    alike 'jemalloc with a thread of its own' libjemalloc.so.2 \
    "libjemalloc.so.2 $ours" MALLOC_CONF=background_thread:true,junk:true \
    "$plain"
alike 'the C library fills memory' '' "$ours" MALLOC_PERTURB_=165 "$plain"

# Other preload libraries.
faketime=$(find /usr/lib /usr/lib64 -name libfaketimeMT.so.1 2>/dev/null |
    head -n 1)
for at in -1d '+10y x60'; do
	[ -n "$faketime" ] || {
		skip "libfaketime $at" 'no libfaketimeMT.so.1'
		continue
	}
	alike "libfaketime $at, before" "$faketime" "$faketime $ours" \
	    FAKETIME="$at" "$plain"
	alike "libfaketime $at, after" "$faketime" "$ours $faketime" \
	    FAKETIME="$at" "$plain"
done
# It sets the same options, of every socket; but for a rule ours hold. The
# bare run is one without it, since that expects the kernel's own values.
keepalive=$(find /usr/lib /usr/lib64 -name libkeepalive.so.0 2>/dev/null |
    head -n 1)
export KEEPIDLE=77 KEEPINTVL=7 KEEPCNT=3
if [ -n "$keepalive" ]; then
	alike 'libkeepalive before' '' "$keepalive $ours" "$plain"
	alike 'libkeepalive after' '' "$ours $keepalive" "$plain"
fi
# It was there, and this test can fail.
if [ -z "$keepalive" ]; then
	skip libkeepalive 'no libkeepalive.so.0'
elif start "$keepalive" KASHIM_TEST_SHIMMED=1 "$plain" >/dev/null \
    2>"$dir/error" || ! grep -q 'idle 77 ' "$dir/error"; then
	fail 'libkeepalive alone' "$dir/error"
else
	pass
fi
unset KEEPIDLE KEEPINTVL KEEPCNT

# A library behind ours that has sockets of its own.
for side in source destination; do
	printf 'rule r { %s = "127.0.0.0/8" idle = 300 }\n' $side >"$dir/stack.conf"
	same "a stack in user space, $side" "$(
	    LD_PRELOAD="$ours $build/test/lib_stack.so" \
	    KASHIM_CONFIG="$dir/stack.conf" python3 -c '
import os, socket
own = socket.socket()
own.bind(("127.0.0.1", 0))
own.listen()
made = socket.socket()
made.connect(own.getsockname())
accepted, _ = own.accept()
print(made.fileno() >= 100000, accepted.fileno() >= 100000)
for s in made, accepted:
	print(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), flush=True)
os._exit(0)' 2>&1 | paste -sd ' ')" 'True True 300 300'
done

# Ours more than once: the same file, and another that is just like it.
mkdir "$dir/copy" "$dir/alone" "$dir/text" "$dir/other" || exit 2
cp "$build"/libkashim*.so "$dir/copy" || exit 2
alike 'twice in the list' '' "$ours:$ours" "$plain"
alike 'two copies' '' "$ours $dir/copy/libkashim.so" "$plain"
! built plain_gcc_asan 'two copies, AddressSanitizer' ||
    alike 'two copies, AddressSanitizer' '' "$ours $dir/copy/libkashim.so" \
    ASAN_OPTIONS=verify_asan_link_order=0 "$build/test/plain_gcc_asan"

# What belongs to it is missing or damaged: the host runs on without a policy.
for place in alone text other; do
	cp "$ours" "$dir/$place" || exit 2
done
printf 'not a library\n' >"$dir/text/libkashim-config.so"
cp "$build/test/lib_hostile_behind.so" "$dir/other/libkashim-config.so" ||
    exit 2
alike 'no parser' '' "$dir/alone/libkashim.so" "$plain" default
alike 'a text as parser' '' "$dir/text/libkashim.so" "$plain" default
alike 'another library as parser' '' "$dir/other/libkashim.so" "$plain" default
for file in broken.conf none .; do
	alike "configuration $file" '' "$ours" "KASHIM_CONFIG=$dir/$file" \
	    "$plain" default
done

# Where the host is. $0 is for the shells that are started.
alike 'a locale' '' "$ours" LC_ALL=C.UTF-8 "$plain"
# shellcheck disable=SC2016
{
	alike 'without descriptors 0 and 2' '' "$ours" \
	    sh -c 'exec "$0" 0<&- 2<&-' "$plain"
	alike 'without them, broken file' '' "$ours" \
	    KASHIM_CONFIG="$dir/broken.conf" \
	    sh -c 'exec "$0" default 0<&- 2<&-' "$plain"
	: >"$dir/trace"
	alike 'without them, broken file, traced' '' "$ours" \
	    KASHIM_CONFIG="$dir/broken.conf" KASHIM_TRACE="$dir/trace" \
	    sh -c 'exec "$0" default 0<&- 2<&-' "$plain"
	alike 'without /proc and /dev/log' '' "$ours" \
	    KASHIM_CONFIG="$dir/name.conf" unshare -rm sh -c \
	    'mount -t tmpfs none /proc && mount -t tmpfs none /dev &&
	    exec "$0"' "$plain"
}
if grep -q 'without a policy' "$dir/trace"; then
	pass
else
	fail 'a broken file is traced' "$dir/trace"
fi

# memcheck WHAT CONFIG COMMAND...: under valgrind, no error and nothing lost.
# Debian 12's valgrind can't read what clang writes for debuggers.
mkdir "$dir/stripped" || exit 2
for file in libkashim.so libkashim-config.so; do
	strip -g -o "$dir/stripped/$file" "$build/$file" || exit 2
done
strip -g -o "$dir/host" "$plain" || exit 2
memcheck()
{
	found command:valgrind "valgrind, $1" || return
	what=$1
	settings=$2
	shift 2
	alike "valgrind, $what" '' "$dir/stripped/libkashim.so" \
	    KASHIM_CONFIG="$settings" \
	    valgrind -q --error-exitcode=99 --leak-check=full \
	    --show-leak-kinds=all \
	    --errors-for-leak-kinds=definite,indirect,possible "$@"
}
memcheck 'a host' "$config" "$dir/host"
memcheck 'a broken file' "$dir/broken.conf" "$dir/host" default
memcheck 'no file' "$dir/none" "$dir/host" default

finish
