# shellcheck shell=sh disable=SC2034 # what the scripts use
# SPDX-License-Identifier: ISC
#
# lib: what the test scripts have in common: where things are, a directory to
# work in, the checks, and the last line. To be sourced first. A script then
# calls begin, has its cases, and ends with finish.
#
# $build is the build directory, as BUILD or the script's first argument names
# it; $here is the script's directory, $root that of the sources.

here=$(cd "$(dirname "$0")" && pwd -P) || exit 2
root=$(cd "$here/../.." && pwd -P) || exit 2
build=$(cd "${BUILD:-${1:-build}}" && pwd -P) || exit 2
work=
apart=${KASHIM_APART-}
unset KASHIM_APART
unset KASHIM_CONFIG KASHIM_TRACE KASHIM_CACHE KASHIM_TEST_SHIMMED LD_PRELOAD
# Of test_attach_older.sh.
[ -z "${KASHIM_OLDER-}" ] || export LD_PRELOAD="$KASHIM_OLDER"
umask 022
PATH=$PATH:/usr/sbin:/sbin

# apart FLAG...: the script starts once more, in namespaces as unshare(1) makes
# them with these flags, and goes on there. They end with the script. One of
# them is of mounts: $work is a file system that goes with it, and so is
# /var/cache, where nothing is published yet. (With --fork, util-linux 2.36
# leaves SIGINT and SIGTERM ignored, which a shell can't take back.)
apart() {
	[ -z "$apart" ] || return 0
	all_needs namespaces
	BUILD=$build KASHIM_APART=yes exec unshare "$@" \
		env --default-signal=INT,TERM sh "$here/${0##*/}"
}

# begin: changes to $work, a new directory, which is removed at the end.
# Before that cleanup is called: a script may have its own.
begin() {
	work=$(mktemp -d "${TMPDIR:-/tmp}/kashim-test.XXXXXX") &&
		work=$(cd "$work" && pwd -P) || exit 2
	trap at_exit EXIT
	trap 'exit 2' HUP INT TERM
	if [ -n "$apart" ]; then
		mount -t tmpfs tmpfs "$work" &&
			mount -t tmpfs tmpfs /var/cache || exit 2
	fi
	chmod 755 "$work" && cd "$work" || exit 2
}

cleanup() {
	:
}

at_exit() {
	cleanup
	cd /
	[ -z "$apart" ] || umount --lazy "$work"
	rm -rf --one-file-system "$work"
}

# One letter for each result, in a file: so that those of a subshell count.

pass() {
	printf p >>"$work/.results"
}

# fail WHAT [FILE...]: shows the files.
fail() {
	printf f >>"$work/.results"
	printf 'not ok: %s\n' "$1"
	shift
	for shown_; do
		[ ! -s "$shown_" ] || sed 's/^/	/; 40q' "$shown_"
	done
}

# skip WHAT WHY
skip() {
	[ -z "$work" ] || printf s >>"$work/.results"
	printf 'skipped: %s: %s\n' "$1" "$2"
}

# needs NAME WHAT: 1, after a line that says so, if this machine can't do NAME
# (see can.sh), which WHAT needs, or if that could not be tried.
needs() {
	skipped_=0
	reason_=$(sh "$root/test/can.sh" "$1")
	case $? in
	0) return 0 ;;
	1) printf 'cannot run here: %s: %s: %s\n' "$1" "$2" "$reason_" ;;
	2) skip "$2" "$1: $reason_" && skipped_=1 ;;
	*) exit 2 ;;
	esac
	return 1
}

# all_needs NAME: the whole script needs it. This may come before begin.
all_needs() {
	needs "$1" "${0##*/}" && return
	echo "0 passed, 0 failed, $skipped_ skipped"
	exit 0
}

# found PROBE WHAT: 1, after a line that says so, if what WHAT needs is not there
# (see needs and setup.sh).
found() {
	BUILD=$build sh "$root/test/setup.sh" have "$1" && return
	skip "$2" "no ${1#*:}"
	return 1
}

# c_library PROGRAM: the file of the C library that it is linked to.
c_library() {
	ldd "$1" | sed -n 's|.*=> \(/.*/libc\.so\.[0-9]*\) .*|\1|p'
}

# late_library DIRECTORY: makes a libkashim.so there that asks for a version of
# a C library which no one has yet, and puts that C library beside it.
late_library() {
	echo 'GLIBC_2.99 { future; };' >"$1/map" &&
		echo 'int future(void) { return 0; }' |
		cc -shared -fPIC -nostdlib \
			-Wl,-soname,libc.so.6,--version-script="$1/map" \
			-o "$1/libc.so.6" -x c - &&
		echo 'int future(void); int late(void) { return future(); }' |
		cc -shared -fPIC -o "$1/libkashim.so" -x c - \
			-x none "$1/libc.so.6"
}

count() {
	tr -cd "$1" <"$work/.results" | wc -c
}

# finish: the last line. 1 if a check failed, or if there was none.
finish() {
	touch "$work/.results"
	printf '%d passed, %d failed, %d skipped\n' "$(count p)" "$(count f)" \
		"$(count s)"
	[ "$(count f)" -eq 0 ] && [ -s "$work/.results" ]
}

# same WHAT GOT WANTED
same() {
	if [ "$2" = "$3" ]; then
		pass
	else
		fail "$1: in place of"
		printf '%s\n' "$3" | sed 's/^/	/'
		printf '  it is\n'
		printf '%s\n' "$2" | sed 's/^/	/'
	fi
}

# holds WHAT COMMAND...: it succeeds.
holds() {
	what_=$1
	shift
	if "$@" >"$work/held" 2>&1; then
		pass
	else
		fail "$what_" "$work/held"
	fi
}

fails() {
	! "$@"
}

# quiet WHAT COMMAND...: it succeeds, and prints nothing.
quiet() {
	what_=$1
	shift
	if "$@" >"$work/held" 2>&1 </dev/null && [ ! -s "$work/held" ]; then
		pass
	else
		fail "$what_" "$work/held"
	fi
}

# check WHAT STATUS COMMAND...: it exits with STATUS, and prints what stands on
# standard input: lines on stderr first, and marked with "! ".
check() {
	what_=$1 expected_=$2
	shift 2
	cat >"$work/expected"
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status_=$?
	{
		sed 's/^/! /' "$work/err"
		cat "$work/out"
	} | plain >"$work/actual"
	if [ "$status_" -ne "$expected_" ]; then
		fail "$what_: exit status $status_ in place of $expected_" \
			"$work/actual"
	elif ! diff -u "$work/expected" "$work/actual" >"$work/difference"; then
		fail "$what_" "$work/difference"
	else
		pass
	fi
}

# What check compares, without what hangs on this run: a script may have its
# own.
plain() {
	cat
}

# in_file WHAT FILE TEXT: a line of FILE contains TEXT.
in_file() {
	if grep -qF -- "$3" "$2"; then
		pass
	else
		fail "$1: no '$3' in:" "$2"
	fi
}

# The time in ms since some moment.
clock_ms() {
	IFS=' .' read -r s_ cs_ _ </proc/uptime
	echo $((s_ * 1000 + (1$cs_ - 100) * 10))
}

# until_true SECONDS COMMAND...: until it succeeds; 1 if it never does.
until_true() {
	deadline_=$(($(clock_ms) + $1 * 1000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(clock_ms)" -lt "$deadline_" ] || return 1
		sleep 0.05
	done
}
