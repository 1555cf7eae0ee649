#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A static program, busybox's nc, which no preload reaches: it dies with the
# library in LD_PRELOAD as it does without, and lives under kashim run, which
# supervises it from outside; connecting, accepting, and accepting under a rule
# that looks at who connects, so that nothing is inherited.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" supervise busybox readelf

! readelf -l "$(command -v busybox)" | grep -q INTERP ||
	rig_skip 'supervise: busybox is not static'

policy source.conf <<-EOF2
	rule client {
		source   = { "$RIG_CLIENT" }
		idle     = "${CASE_IDLE}s"
		interval = "${CASE_INTERVAL}s"
		count    = $CASE_COUNT
	}
EOF2

reach() {
	reach_in=$1 reach_id=$2 reach_policy=kashim.conf
	shift 2
	[ "$reach_id" != source.server ] || reach_policy=source.conf
	if [ "$reach_id" = preload ]; then
		start "$reach_in" "$reach_id" $reach_policy "$@"
	elif is_reached "$reach_id" || [ "$reach_id" = source.server ]; then
		start "$reach_in" "$reach_id" - \
			env KASHIM_CONFIG="$RIG_DIR/$reach_policy" \
			"$RIG_DIR/lib/kashim" run --strict "$@"
	else
		start "$reach_in" "$reach_id" - "$@"
	fi
}

flow_open() {
	flow_pair "$1" "$3" "busybox nc -l -p $3" "busybox nc $2 $3"
}

flow plain "$(rig_address 1)" 7001 dies - none none \
	a static program, without kashim
flow preload "$(rig_address 2)" 7002 dies - none none \
	a static program, preloaded
flow connect "$(rig_address 3)" 7003 lives client "$CASE_IDLE" none \
	supervised, connecting side
flow accept "$(rig_address 4)" 7004 lives server none "$CASE_IDLE" \
	supervised, accepting side
flow source "$(rig_address 5)" 7005 lives server none "$CASE_IDLE" \
	supervised, accepting side, rule by source
case_run
case_end
