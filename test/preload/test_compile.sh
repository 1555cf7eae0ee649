#!/bin/sh
# SPDX-License-Identifier: ISC
# The compiled image and the key inherit, as programs under the library see
# them: when the image is used and when it is not, and what a child inherits.
# $1 is the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs ptrace
apart --mount
begin
# Where there is a place for it, compile makes what can be followed.
mkdir /var/cache/kashim
dir=$work
library=$build/libkashim.so
conf=$dir/kashim.conf
image=$conf.policy

is()
{
	same "$@"
}

# idle: what a connection of a host gets as its idle time, and whether the
# parser was loaded for it: "300 parsed", or "none" without a rule.
idle()
{
	strace -o "$dir/trace" -E KASHIM_CONFIG="$conf" \
	    -E LD_PRELOAD="$library" "$build/test/calls" connect
	# The listener has the rule's too; what connects comes last.
	value=$(sed -n 's/.*TCP_KEEPIDLE, \[\([0-9]*\)\].*/\1/p' "$dir/trace" |
	    tail -n 1)
	if grep -q libkashim-config.so "$dir/trace"; then
		printf '%s parsed\n' "${value:-none}"
	else
		printf '%s\n' "${value:-none}"
	fi
}

rule()
{
	printf 'rule r { destination = "127.0.0.0/8" idle = %s }\n' "$1"
}

rule 300 >"$conf"
is 'without an image' "$(idle)" '300 parsed'
is 'compile' "$("$build/kashim" compile "$conf" | sed 's/, [0-9]* bytes//')" \
    "$image: written"
is 'a fresh image' "$(idle)" 300

rule 301 >"$conf"
is 'an image older than its source' "$(idle)" '301 parsed'
"$build/kashim" compile "$conf" >/dev/null
is 'compiled again' "$(idle)" 301

printf 'include("more.conf")\n' >"$conf"
rule 302 >"$dir/more.conf"
"$build/kashim" compile "$conf" >/dev/null
is 'an image of two files' "$(idle)" 302
rule 303 >"$dir/more.conf"
is 'an image older than an included file' "$(idle)" '303 parsed'

rule 304 >"$conf"
"$build/kashim" compile "$conf" >/dev/null
chmod 666 "$image"
is 'an image that others can write' "$(idle)" '304 parsed'
chmod 644 "$image"
is 'the same, put right' "$(idle)" 304
printf X | dd of="$image" bs=1 seek=8 conv=notrunc 2>/dev/null
is 'a damaged image' "$(idle)" '304 parsed'
: >"$image"
is 'an empty image' "$(idle)" '304 parsed'

"$build/kashim" compile "$conf" >/dev/null
mv "$conf" "$conf.away"
is 'an image without its sources' "$(idle)" 304
mv "$conf.away" "$conf"

echo 'rule r {' >"$conf"
"$build/kashim" compile "$conf" 2>/dev/null
is 'compile of a bad file: status' "$?" 2
is 'a bad file beside an old image' "$(idle)" '304 parsed'
mkdir "$dir/locked"
rule 305 >"$dir/locked/kashim.conf"
mkdir "$dir/locked/kashim.conf.policy"
"$build/kashim" compile "$dir/locked/kashim.conf" 2>/dev/null
is 'compile that cannot write: status' "$?" 2
is 'compile that cannot write: files' "$(ls "$dir/locked")" \
    'kashim.conf
kashim.conf.policy'

# inherit: what a child finds in its environment. The host is sh.
preload()
{
	env KASHIM_CONFIG="$conf" LD_PRELOAD="$1" \
	    sh -c 'env | sed -n s/^LD_PRELOAD=//p'
}

rule 300 >"$conf"
is 'inherited by default' "$(preload "$library")" "$library"
{
	echo 'inherit = true'
	rule 300
} >"$conf"
is 'inherit = true' "$(preload "$library")" "$library"
{
	echo 'inherit = false'
	rule 300
} >"$conf"
other=$build/test/lib_early.so
cp "$library" "$dir/notlibkashim.so"
is 'inherit = false' "$(preload "$library")" ''
is 'another entry before' "$(preload "$other:$library")" "$other"
is 'another entry behind' "$(preload "$library:$other")" "$other"
is 'entries around' "$(preload "$other:$library:$other")" "$other:$other"
is 'blanks between' "$(preload "$other $library")" "$other"
is 'ours twice' "$(preload "$library:$other:$library")" "$other"
is 'not the variable, if empty' "$(env KASHIM_CONFIG="$conf" \
    LD_PRELOAD="$library" sh -c 'env | grep -c LD_PRELOAD')" 0
is 'a name that only ends like ours' "$(preload \
    "$dir/notlibkashim.so:$library" 2>/dev/null)" "$dir/notlibkashim.so"
is 'the rest of the environment' "$(env -i A=1 KASHIM_CONFIG="$conf" \
    LD_PRELOAD="$library" B=2 /usr/bin/env sh -c env |
    grep -E '^(A|B|KASHIM)' | sort | tr '\n' ' ')" \
    "A=1 B=2 KASHIM_CONFIG=$conf "
is 'the host itself has its rule' "$(idle)" '300 parsed'

# A program with functions named like the C library's, on both ways to a
# policy, with rules that need addresses asked for, and with a trace.
names()
{
	env KASHIM_CONFIGURED=/none KASHIM_CONFIG="$conf" \
	    KASHIM_TRACE="$dir/names" \
	    LD_PRELOAD="$library" "$build/test/libc_names" 2>&1
}

echo 'rule r { source = "127.0.0.0/8" idle = 299 }' >"$conf"
is 'names of the C library, bare' "$("$build/test/libc_names")" \
    "$(cat /proc/sys/net/ipv4/tcp_keepalive_time)"
is 'names of the C library, parsed' "$(names)" 299
"$build/kashim" compile "$conf" >/dev/null
is 'names of the C library, compiled' "$(names)" 299
rm -f "$conf" "$image"
is 'names of the C library, no file' "$(names)" \
    "$(cat /proc/sys/net/ipv4/tcp_keepalive_time)"

finish
