# shellcheck shell=sh disable=SC2154 # host and what are the script's
# SPDX-License-Identifier: ISC
# Read by the scripts that count system calls with strace: runs a host for one
# action under the library and compares the calls between its two getppid()
# markers. The script sets host, a program in the build directory's test/, and
# what, the policy in words; it writes the policy to $dir/conf and ends with
# finish. $1 of the script is the build directory.

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs ptrace
begin
dir=$work

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
	same "$what, $1" "$(calls "$1")" "$2"
}
