#!/bin/sh
# SPDX-License-Identifier: ISC
# What kashim attach costs, in control groups, a BPF file system and a network
# of its own. The build directory is $1; BENCH_ROUNDS, 31, is how often each
# thing is measured. It needs root.
set -u

build=$(cd "${1:-build}" && pwd) || exit 2
here=$(cd "$(dirname "$0")" && pwd) || exit 2
rounds=${BENCH_ROUNDS:-31}
if [ -z "${KASHIM_ATTACHED_INSIDE:-}" ]; then
	exec env KASHIM_ATTACHED_INSIDE=yes unshare -mn sh "$0" "$build"
fi
# shellcheck source=test/cgroups.sh
. "$here/../cgroups.sh"
# shellcheck source=test/bench/rules.sh
. "$here/rules.sh"
ip link set lo up || exit 2
dir=$(mktemp -d "${TMPDIR:-/tmp}/kashim-bench.XXXXXX") || exit 2
group=$dir/cg/kashim-bench.$$
trap '
	rmdir "$group/bare" "$group/kernel" "$group/hold" "$group"
	cd / && umount -R "$dir" && rmdir "$dir"' EXIT
trap 'exit 1' HUP INT TERM
mount -t tmpfs tmpfs "$dir" && cd "$dir" && mkdir cache &&
	cgroups_mount cg || exit 2
mkdir "$group" "$group/bare" "$group/kernel" "$group/hold" || exit 2
export KASHIM_CACHE="$dir/cache"

timers='interval = 30 count = 5 app-settings ='
printf '\nAttached: the whole cycle of socket, connect, accept, close\n'
for n in 10 10000 100000; do
	printf '%d rules\n' "$n"
	rules "$n" "$timers respect" >respect.conf
	rules "$n" "$timers override" >override.conf
	# At rest, or reload waits for the clock of files.
	touch -d '1 hour ago' respect.conf override.conf
	{
		"$build/kashim" reload respect.conf &&
			"$build/kashim" attach -g "$group/kernel" \
				-c respect.conf &&
			"$build/kashim" attach -g "$group/hold" \
				-c override.conf
	} >said 2>&1 || {
		cat said
		exit 2
	}
	sides='connect accept accept-peer setsockopt memory'
	[ "$n" -lt 100000 ] || sides=connect
	for side in ${BENCH_SIDES:-$sides}; do
		"$build/test/attached" "$build" "$dir/respect.conf" "$group" \
			"$side" "$rounds" || exit 2
	done
done
