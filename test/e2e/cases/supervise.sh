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

# supervised NAMESPACE ID POLICY COMMAND...
supervised() {
	supervised_in=$1 supervised_id=$2 supervised_policy=$3
	shift 3
	start "$supervised_in" "$supervised_id" - \
		env KASHIM_CONFIG="$RIG_DIR/$supervised_policy" \
		"$RIG_DIR/lib/kashim" run --strict "$@"
}

flow_open() {
	case $1 in
	accept) supervised server "$1.server" kashim.conf \
		busybox nc -l -p "$3" ;;
	source) supervised server "$1.server" source.conf \
		busybox nc -l -p "$3" ;;
	*) start server "$1.server" - busybox nc -l -p "$3" ;;
	esac
	wait_listening "$3"
	case $1 in
	connect) supervised client "$1" kashim.conf busybox nc "$2" "$3" ;;
	preload) start client "$1" kashim.conf busybox nc "$2" "$3" ;;
	*) start client "$1" - busybox nc "$2" "$3" ;;
	esac
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
