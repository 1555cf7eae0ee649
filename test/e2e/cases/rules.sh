#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The rules have effect in the field as on paper: netcat to netcat, always
# under the shim, each flow with another file. Where the rule is to ignore the
# connection, or none matches, or the file is not to be believed, it dies as it
# would without the shim; but it is there, the program runs.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" rules nc

# policy_of NAME MATCHER...: a file with one rule that has these matchers.
policy_of() {
	name=$1
	shift
	policy "$name.conf" <<-EOF
		interval = "${CASE_INTERVAL}s"
		count    = $CASE_COUNT
		rule $name {
			$*
			idle = "${CASE_IDLE}s"
		}
	EOF
}

policy ordered.conf <<-EOF
	rule gateway {
		destination = { "$(rig_address 1)" }
		action      = ignore
	}
	rule all {
		idle     = "${CASE_IDLE}s"
		interval = "${CASE_INTERVAL}s"
		count    = $CASE_COUNT
	}
EOF
policy derived.conf <<-EOF
	rule all { firewall-timeout = "${CASE_TIMEOUT}s" }
EOF
policy_of program 'program = { "xyz", "n?*" }'
policy_of other-program 'program = { "sm_*", "stpd" }'
policy_of port 'port = { "1-6999", "7001-65535" }'
policy_of direction 'direction = accept'
policy_of source 'direction = accept source = { "192.0.2.0/24" }'
policy_of other-source 'direction = accept source = { "10.0.0.0/8" }'
policy_of mistake 'destnation = { "0.0.0.0/0" }'
policy_of writable
chmod 666 writable.conf

flow_open() {
	server=- client=-
	case $1 in
	*source) server=$1.conf ;;
	ignore) client=ordered.conf ;;
	*) client=$1.conf ;;
	esac
	start server "$1.server" "$server" nc -l "$2" "$3"
	rig_wait 10 listening_at "$2" ||
		die "no server: $(cat "$1.server.out")"
	case $1 in
	derived)
		start client "$1" - "$RIG_DIR/lib/kashim" run \
			-c "$RIG_DIR/$client" -- nc "$2" "$3"
		;;
	*) start client "$1" "$client" nc "$2" "$3" ;;
	esac
}

listening_at() {
	rig_in server ss -tlnH | grep -qF "$1"
}

flow_ask() {
	echo "request $2" >"$1.in"
}

flow_answered() {
	grep -q "^request $2\$" "$1.server.out"
}

flow ignore "$(rig_address 1)" 7000 dies - none none \
	action = ignore for this destination, before a rule for all
flow ordered "$(rig_address 2)" 7000 lives client "$CASE_IDLE" none \
	the same file, another destination
flow derived "$(rig_address 3)" 7000 lives client "$CASE_IDLE" none \
	"firewall-timeout = ${CASE_TIMEOUT}s, by kashim run"
flow program "$(rig_address 4)" 7000 lives client "$CASE_IDLE" none \
	program = n?\*
flow other-program "$(rig_address 5)" 7000 dies - none none \
	program = sm_\*
flow port "$(rig_address 6)" 7000 dies - none none \
	all ports but this one
flow direction "$(rig_address 7)" 7000 dies - none none \
	direction = accept, while connecting
flow source "$(rig_address 8)" 7000 lives server none "$CASE_IDLE" \
	the source\'s network, while accepting
flow other-source "$(rig_address 9)" 7000 dies - none none \
	another network, while accepting
flow mistake "$(rig_address 10)" 7000 dies - none none \
	a file with a mistake
flow writable "$(rig_address 11)" 7000 dies - none none \
	a file that others may write
case_run
case_end
