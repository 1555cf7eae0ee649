#!/bin/sh
# SPDX-License-Identifier: ISC
#
# A static program, busybox's nc, in a control group that kashim attach has
# given to the kernel: it dies outside of it, and lives inside; connecting,
# accepting, and accepting under a rule that looks at who connects.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
attach_why=$(sh "$e2e/../can.sh" bpf)
attach_status=$?
if [ $attach_status -eq 1 ]; then
	echo "cannot run here: bpf: $0: $attach_why"
	echo 'plan 0'
	exit 0
fi
[ $attach_status -eq 0 ] || rig_skip "attach: bpf: $attach_why"
ldd "$RIG_BUILD/kashim" | grep -q libbpf ||
	rig_skip 'attach: kashim was built without libbpf'
case_begin "$0" attach busybox readelf

! readelf -l "$(command -v busybox)" | grep -q INTERP ||
	rig_skip 'attach: busybox is not static'

# What is attached goes with this mount namespace; the control groups are left
# by all that the rig ends, and removed behind it.
umount --lazy /sys/fs/bpf 2>/dev/null
umount --lazy --recursive /sys/fs/cgroup 2>/dev/null
attach_top=$RIG_DIR/cg/kashim-case.$$
# shellcheck disable=SC2015 # die is for any of them
mkdir cg && mount -t cgroup2 cgroup2 cg && mount -t bpf bpf /sys/fs/bpf &&
	mkdir "$attach_top" "$attach_top/all" "$attach_top/source" ||
	die 'no control group can be made'
attach_remove() {
	find "$attach_top" -depth -type d -exec rmdir {} +
}
attach_behind() {
	rig_wait 10 attach_remove
}
# shellcheck disable=SC2034 # for the rig
RIG_BEHIND=attach_behind

# attached NAMESPACE ID CGROUP COMMAND...
attached() {
	attached_in=$1 attached_id=$2 attached_to=$attach_top/$3
	shift 3
	# shellcheck disable=SC2016 # the inner shell expands
	start "$attached_in" "$attached_id" - \
		sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' \
		"$attached_to" "$@"
}

policy all.conf <<-EOF2
	idle         = "${CASE_IDLE}s"
	interval     = "${CASE_INTERVAL}s"
	count        = $CASE_COUNT
	rule all { }
EOF2
policy source.conf <<-EOF2
	app-settings = respect
	rule client {
		source   = { "$RIG_CLIENT" }
		idle     = "${CASE_IDLE}s"
		interval = "${CASE_INTERVAL}s"
		count    = $CASE_COUNT
	}
EOF2
for attach_group in all source; do
	"$RIG_DIR/lib/kashim" attach --cgroup "$attach_top/$attach_group" \
		--config "$RIG_DIR/$attach_group.conf" >attach.out 2>&1 ||
		die "not attached: $(cat attach.out)"
done

flow_open() {
	case $1 in
	accept | accept6) attached server "$1.server" all \
		busybox nc -l -p "$3" ;;
	source) attached server "$1.server" source busybox nc -l -p "$3" ;;
	*) start server "$1.server" - busybox nc -l -p "$3" ;;
	esac
	wait_listening "$3"
	case $1 in
	connect | connect6) attached client "$1" all busybox nc "$2" "$3" ;;
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
