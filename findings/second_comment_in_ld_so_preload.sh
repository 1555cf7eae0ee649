#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: glibc's loader takes "#" in /etc/ld.so.preload for the beginning of a
# comment, as its source says, on each line alike; as ldconfig does in
# /etc/ld.so.conf.
#
# Really: a comment counts only if at least as many bytes follow it as stand
# before the end of the comment above it. Of two lines with a comment each the
# second is mostly taken for names of libraries, and then every program of the
# host complains at its start, on its standard error. A line more at the end of
# the file makes the same comment one again; a line more at its beginning can
# unmake one. (do_preload's caller in elf/rtld.c goes on with the size of what
# is left, but from the beginning of the file.)
#
# Seen with libc6 2.36-9+deb12u14 (Debian 12), and the same with
# libc6 2.31-13+deb11u11 (Debian 11):
#   one comment: 0 complaints
#   two comments: 2 complaints: # short
#   two comments, longer lines behind them: 0 complaints
#
# Why it matters: what a package writes for itself at the beginning of this
# file, or a comment that says who did, changes how the lines of others are
# read. A line without a comment, at the end, is safe, and taking it away again
# leaves the file as it was read before. Needs root, and apt-get with a mirror of
# Debian.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
chmod 755 .
# shellcheck disable=SC2016 # for apt-get
uri=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
	grep '/debian/*$' | head -n 1)

# apt SUITE ARGUMENT...: apt-get with the packages of that release
apt()
{
	of=$1
	shift
	apt-get -qq -o Dir::Etc::SourceList="$dir/$of.list" \
		-o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$dir/$of.lists" -o Dir::Cache="$dir/$of.cache" \
		-o Acquire::Check-Valid-Until=false "$@"
}

# try SUITE VERSION: the C library of a release, as a root directory of its own.
try()
{
	mkdir -p "$1" "$1.lists/partial" "$1.cache/archives/partial"
	echo "deb $uri $1 main" >"$1.list"
	(cd "$1" && apt "$1" update && apt "$1" download "libc6=$2" &&
		dpkg -x ./*.deb .) >log 2>&1 || {
		cat log >&2
		exit 1
	}
	mkdir -p "$1/etc"
	cp empty "$1/"
	echo "libc6 $2"
	saw 'one comment' "$1" '# why it is here, and since when' "$libm"
	saw 'two comments' "$1" '# why it is here, and since when' "$libm # short"
	saw 'two comments, longer lines behind them' "$1" \
		'# why it is here, and since when' "$libm # short" \
		"$libm" "$libm"
}

# saw WHAT SUITE LINE...: what a program that does nothing says, with these lines
saw()
{
	what=$1
	suite=$2
	shift 2
	printf '%s\n' "$@" >"$suite/etc/ld.so.preload"
	chroot "$suite" /empty >out 2>&1 || {
		cat out >&2
		exit 1
	}
	objects=$(sed -n "s/.*object '\([^']*\)' from.*/\1/p" out | tr '\n' ' ')
	printf '  %s: %d complaints%s\n' "$what" "$(grep -c ERROR out)" \
		"${objects:+: ${objects% }}"
}

libm=/lib/x86_64-linux-gnu/libm.so.6
echo 'void _exit(int); void _start(void) { _exit(0); }' |
	gcc -nostartfiles -o empty -x c -
for release in 'bookworm 2.36-9+deb12u14' 'bullseye 2.31-13+deb11u11'; do
	# shellcheck disable=SC2086 # two words
	try $release
done >seen
cat seen
sed '/^libc6/d' seen | sort | uniq -c | sed 's/^ *//' >twice
printf '%s\n' '2   one comment: 0 complaints' \
	'2   two comments, longer lines behind them: 0 complaints' \
	'2   two comments: 2 complaints: # short' | diff - twice
