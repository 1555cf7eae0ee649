#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim reload, again and again, while a program connects and accepts in a
# control group that kashim attach has given to the kernel: the program is
# test/preload/reloads.c. BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashim-reload.

timeout 300 "$build/test/reloads" "$build" 8 "$own/a" >out 2>&1
same 'status' $? 0
in_file 'reloads' out '1 passed, 0 failed'
sed 1q out
finish
