#!/bin/sh
# SPDX-License-Identifier: ISC
#
# netcat to netcat, over IPv4 and IPv6: the plainest program there is.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" netcat nc

reach() {
	reach_in=$1 reach_id=$2 reach_policy=-
	shift 2
	! is_reached "$reach_id" || reach_policy=kashim.conf
	start "$reach_in" "$reach_id" $reach_policy "$@"
}

flow_open() {
	flow_pair "$1" "$3" "nc -l $2 $3" "nc $2 $3"
}

flow plain "$(rig_address 1)" 7001 dies - none none \
	without kashim
flow connect "$(rig_address 2)" 7002 lives client "$CASE_IDLE" none \
	with kashim, connecting side
flow accept "$(rig_address 3)" 7003 lives server none "$CASE_IDLE" \
	with kashim, accepting side
if [ -n "$RIG_6" ]; then
	flow plain6 "$(rig_address6 4)" 7004 dies - none none \
		IPv6, without kashim
	flow connect6 "$(rig_address6 5)" 7005 lives client "$CASE_IDLE" none \
		IPv6, with kashim, connecting side
	flow accept6 "$(rig_address6 6)" 7006 lives server none "$CASE_IDLE" \
		IPv6, with kashim, accepting side
else
	step 'cannot run here: ipv6:' 'flows by IPv6'
fi
case_run
case_end
