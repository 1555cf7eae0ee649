#!/bin/sh
# SPDX-License-Identifier: ISC
#
# netcat to netcat, over IPv4 and IPv6: the plainest program there is.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" netcat nc

flow_open() {
	case $1 in
	accept*) server=kashim.conf client=- ;;
	connect*) server=- client=kashim.conf ;;
	*) server=- client=- ;;
	esac
	start server "$1.server" $server nc -l "$2" "$3"
	rig_wait 10 listening_at "$2" ||
		die "no server: $(cat "$1.server.out")"
	start client "$1" $client nc "$2" "$3"
}

listening_at() {
	rig_in server ss -tlnH | grep -qF "$1"
}

flow_ask() {
	echo "request $2" >"$1.in"
}

# The request has gone one way and the answer goes the other.
flow_answered() {
	grep -q "^request $2\$" "$1.server.out" || return 1
	[ -e "$1.$2" ] || echo "answer $2" >"$1.server.in"
	: >"$1.$2"
	grep -q "^answer $2\$" "$1.out"
}

flow plain "$(rig_address 1)" 7000 dies - none none \
	without kashim
flow connect "$(rig_address 2)" 7000 lives client "$CASE_IDLE" none \
	with kashim, connecting side
flow accept "$(rig_address 3)" 7000 lives server none "$CASE_IDLE" \
	with kashim, accepting side
if [ -n "$RIG_6" ]; then
	flow plain6 "$(rig_address6 4)" 7000 dies - none none \
		IPv6, without kashim
	flow connect6 "$(rig_address6 5)" 7000 lives client "$CASE_IDLE" none \
		IPv6, with kashim, connecting side
	flow accept6 "$(rig_address6 6)" 7000 lives server none "$CASE_IDLE" \
		IPv6, with kashim, accepting side
else
	step 'cannot run here: ipv6:' 'flows by IPv6'
fi
case_run
case_end
