#!/bin/sh
# SPDX-License-Identifier: ISC
#
# Connections that have been silent already when a program gets them: the first
# probe goes out when idle is over since something was heard last, and not since
# SO_KEEPALIVE was switched on. By preload and by supervision. BUILD names the
# build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net --pid --fork --kill-child --mount-proc
begin
ip link set lo up || exit 2
PATH=$PATH:/usr/sbin:/sbin
# Of connections without a time of their own.
echo 50 >/proc/sys/net/ipv4/tcp_keepalive_time || exit 2
silence="/usr/bin/python3 $here/silence.py"
export KASHIM_CONFIG="$work/conf"

# under WAY PROGRAM...: the words of a command that runs it.
under() {
	way_=$1
	shift
	case $way_ in
	bare) echo "$*" ;;
	preload) echo "env LD_PRELOAD=$build/libkashim.so $*" ;;
	supervision) echo "$build/kashim run -S -- $*" ;;
	esac
}

# reckons WAY RULE EXPECTED WHAT TAKE: the seconds from what was heard last to
# the probe; ss rounds them down.
reckons() {
	printf 'rule r { source = "127.0.0.0/8" %s }\n' "$2" >conf
	# shellcheck disable=SC2046,SC2086 # words
	same "$1, $2: $4" \
		"$($silence hand "$4" $(under "$1" $silence $5))" "$3"
}

long='idle = 50 interval = 7 count = 4'
for what in '0 keep' 'activated keep' 'sent receive'; do
	# shellcheck disable=SC2086 # two words
	reckons bare "$long" off $what
	for rule in "$long" 'idle = 50' 'interval = 7' \
		"$long app-settings = tighten"; do
		# shellcheck disable=SC2086
		reckons preload "$rule" in-time $what
	done
	# A supervisor is not told of what is received.
	[ "$what" != 'sent receive' ] || continue
	for rule in "$long" 'idle = 50' 'interval = 7'; do
		# shellcheck disable=SC2086
		reckons supervision "$rule" in-time $what
	done
done
# A program's own listener, in whose queue it waited.
reckons bare "$long" off queued accept
reckons preload "$long" in-time queued accept
reckons supervision "$long" in-time queued accept

finish
