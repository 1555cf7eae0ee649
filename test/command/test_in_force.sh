#!/bin/sh
# SPDX-License-Identifier: ISC
#
# One truth: the library, kashim run by preload and by supervision, match and
# doctor go by the same policy, whatever the states of what is published, what
# is compiled and the text, for root and for another user. BUILD names the build
# directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
begin
export LC_ALL=C
ip link set lo up && mount -t tmpfs tmpfs /run || exit 2
cp "$build/kashim" "$build/libkashim.so" "$build/libkashim-config.so" \
	"$build/test/connects_static" . &&
	cc -o connects "$root/test/preload/connects.c" || exit 2
mkdir root nobody && chown 65534 nobody || exit 2

# be USER COMMAND...
be() {
	user_=$1
	shift
	[ "$user_" = root ] ||
		set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
	"$@"
}

# What is compiled and published of three texts, one after the other: each says
# by its idle time what it is.
prepare() {
	for idle in 201 202 300; do
		rm -f "$config"* "$shared"
		if [ $idle = 300 ]; then
			ln text.right "$config"
		else
			echo "rule all { idle = $idle }" >"$config"
		fi
		if ! { be "$maker" ./kashim reload "$config" >made 2>&1 &&
			cp "$config.policy" compiled.$idle &&
			cp "$shared" published.$idle; }; then
			cat made
			exit 2
		fi
	done
	mv compiled.202 compiled.stale && mv compiled.300 compiled.fresh &&
		mv published.201 published.stale &&
		mv published.300 published.fresh || exit 2
	for what in compiled published; do
		{
			printf XXXX
			tail -c +5 $what.stale
		} >$what.broken
	done
}

# put FILE PLACE: the maker's copy; none, if there is no such file.
put() {
	rm -f "$2"
	[ ! -e "$1" ] || be "$maker" cp "$1" "$2" || exit 2
}

# The rules of source.h, one by one: the idle time that follows.
expected() {
	case "$text $compiled $published" in
	right*) echo 300 ;;
	# A compiled policy whose text can't be seen counts as fresh.
	*' fresh '*) echo 300 ;;
	*' stale '*) echo 202 ;;
	mistake*' stale') echo 201 ;;
	*) echo none ;;
	esac
}

# idle_of COMMAND...: what its connection gets.
idle_of() {
	"$@" >idle.out 2>idle.err
	sed -n 's/^connect 0 idle \([0-9]*\) on 1.*/\1/p' idle.out |
		head -n 1 | grep . || echo none
}

# agree WHAT IDLE: all of them go by it.
agree() {
	same "$1: preload" "$(idle_of be "$user" env KASHIM_CONFIG="$config" \
		LD_PRELOAD="$work/libkashim.so" ./connects 0)" "$2"
	same "$1: run" "$(idle_of be "$user" ./kashim run -c "$config" \
		./connects 0)" "$2"
	same "$1: run, supervised" "$(idle_of be "$user" ./kashim run \
		-c "$config" ./connects_static 0)" "$2"
	be "$user" ./kashim match -c "$config" 127.0.0.1 80 >match.out 2>&1
	same "$1: match" "$(sed -n 's/^TCP_KEEPIDLE *\([0-9]*\) s .*/\1/p' \
		match.out | grep . || echo none)" "$2"
	be "$user" ./kashim doctor -c "$config" ./connects >doctor.out 2>&1
	same "$1: doctor" "$(grep -c 'the preload takes effect' doctor.out)" \
		"$([ "$2" != none ] && echo 1 || echo 0)"
}

echo 'rule all { idle = 300 }' >text.right
echo 'rule all {' >text.mistake
for who in 'root root' 'root nobody' 'nobody nobody'; do
	maker=${who% *} user=${who#* }
	config=$work/$maker/kashim.conf
	shared=/var/cache/kashim
	[ "$maker" = root ] || shared=/run/user/65534/kashim
	mkdir -p "$shared" && { [ "$maker" = root ] ||
		chown -R 65534 /run/user/65534; } || exit 2
	shared=$shared/$(echo "${config#/}" | tr / %).shared
	prepare
	for text in right mistake absent; do
		rm -f "$config"
		[ ! -e text.$text ] || ln text.$text "$config"
		for compiled in fresh stale broken absent; do
			put compiled.$compiled "$config.policy"
			for published in fresh stale broken absent; do
				# Made of a text that is not this one.
				case "$text $compiled $published" in
				mistake*fresh*) continue ;;
				esac
				put published.$published "$shared"
				agree "$who: text $text, compiled $compiled, \
published $published" "$(expected)"
			done
		done
	done
done

finish
