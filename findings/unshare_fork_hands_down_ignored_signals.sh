#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: "unshare --fork PROGRAM" starts PROGRAM with the signal actions that
# unshare itself was started with, as env(1), nice(1) and setsid(1) do.
#
# Really: unshare of util-linux 2.36.1 ignores SIGINT and SIGTERM while it waits
# for its child, and the child inherits that. POSIX forbids a shell to take back
# what was ignored at its start, so in a script that runs this way a plain
# "kill $!" does nothing, and no trap for these two is ever run. In 2.38.1 the
# child gets its own actions back.
#
# Seen, /proc/self/status of the child, with util-linux 2.36.1-8+deb11u2 (Debian
# 11) and 2.38.1-5+deb12u3 (Debian 12):
#   2.36.1 SigIgn: 0000000000004002
#   2.38.1 SigIgn: 0000000000000000
#
# Why it matters: whoever tests services in a PID namespace waits for ever, or
# finds the process that it ended still at work; "env --default-signal=INT,TERM"
# in between (coreutils 8.31) helps. Needs apt-get with a mirror of Debian.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
# shellcheck disable=SC2016 # for apt-get
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
	grep '/debian/*$' | head -n 1)
mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"

# ignored SUITE VERSION: the mask of the child's ignored signals
ignored()
{
	echo "deb $uri $1 main" >"$dir/sources.list"
	set -- "$@" -qq -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o Acquire::Check-Valid-Until=false
	version=$2
	shift 2
	(mkdir "$dir/$version" && cd "$dir/$version" &&
		apt-get "$@" update &&
		apt-get "$@" download "util-linux=$version" &&
		dpkg -x util-linux_*.deb .) >"$dir/log" 2>&1 || {
		cat "$dir/log" >&2
		exit 1
	}
	"$dir/$version/usr/bin/unshare" --user --map-root-user --pid --fork \
		sed -n 's/^SigIgn:[[:blank:]]*//p' /proc/self/status
}

old=$(ignored bullseye 2.36.1-8+deb11u2)
new=$(ignored bookworm 2.38.1-5+deb12u3)
echo "2.36.1 SigIgn: $old"
echo "2.38.1 SigIgn: $new"
# Bits 1 and 14: SIGINT and SIGTERM. Others are whatever this script has.
[ $((0x$old & 0x4002)) -eq $((0x4002)) ] && [ $((0x$new & 0x4002)) -eq 0 ]
