# shellcheck shell=sh disable=SC2154 # host and what are the script's
# SPDX-License-Identifier: ISC
# Read by the scripts that count system calls with strace: runs a host for one
# action under the library and compares the calls between its two getppid()
# markers. The script sets host, a program in the build directory's test/, and
# what, the policy in words; it writes the policy to $dir/conf and ends with
# finish. $1 of the script is the build directory.

build=$(cd "${1:-build}" && pwd) || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kashim-test.XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
passed=0
failed=0

# calls ACTION: the names of the system calls between the two markers. A pipe
# is descriptor 0, which the start has to look at as well.
calls()
{
	: | env KASHIM_CONFIG="$dir/conf" LD_PRELOAD="$build/libkashim.so" \
	    strace -o "$dir/trace" "$build/test/$host" "$1" || return 1
	sed -n '/^getppid/,/^getppid/{/^getppid/d;s/(.*//p;}' "$dir/trace" |
	    tr '\n' ' ' | sed 's/ $//'
}

# expect ACTION CALLS
expect()
{
	got=$(calls "$1")
	if [ "$got" = "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'failed: %s, %s: "%s", not "%s"\n' \
		    "$what" "$1" "$got" "$2"
	fi
}

finish()
{
	printf '%d passed, %d failed\n' "$passed" "$failed"
	[ "$failed" -eq 0 ]
}
