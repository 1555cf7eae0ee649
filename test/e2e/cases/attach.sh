#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A static program, busybox's nc, in a control group that kashim attach has
# given to the kernel: it dies outside of it, and lives inside; connecting,
# accepting, and accepting under a rule that looks at who connects.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
# shellcheck source=/dev/null
. "$e2e/attached.sh"
attached_begin "$0" attach busybox readelf

! readelf -l "$(command -v busybox)" | grep -q INTERP ||
	rig_skip 'attach: busybox is not static'

reach() {
	reach_in=$1 reach_id=$2
	shift 2
	if [ "$reach_id" = source.server ]; then
		attached "$reach_in" "$reach_id" source "$@"
	elif is_reached "$reach_id"; then
		attached "$reach_in" "$reach_id" all "$@"
	else
		start "$reach_in" "$reach_id" - "$@"
	fi
}

flow_open() {
	flow_pair "$1" "$3" "busybox nc -l -p $3" "busybox nc $2 $3"
}

flow plain "$(rig_address 1)" 7001 dies - none none \
	a static program, outside
flow connect "$(rig_address 2)" 7002 lives client "$CASE_IDLE" none \
	attached, connecting side
flow accept "$(rig_address 3)" 7003 lives server none "$CASE_IDLE" \
	attached, accepting side
flow source "$(rig_address 4)" 7004 lives server none "$CASE_IDLE" \
	attached, accepting side, rule by source
if [ -n "$RIG_6" ]; then
	flow plain6 "$(rig_address6 5)" 7005 dies - none none \
		a static program, outside, IPv6
	flow connect6 "$(rig_address6 6)" 7006 lives client "$CASE_IDLE" none \
		attached, connecting side, IPv6
	flow accept6 "$(rig_address6 7)" 7007 lives server none "$CASE_IDLE" \
		attached, accepting side, IPv6
fi
case_run
case_end
