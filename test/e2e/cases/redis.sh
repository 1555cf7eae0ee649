#!/bin/sh
# SPDX-License-Identifier: ISC
#
# redis-server, which with tcp-keepalive 0 sets nothing, is asked by netcat;
# and redis-cli, which sets a time of its own, 15 s, by setsockopt after it has
# connected: too late for this firewall, so here the rule has to win, or to
# yield where it says so.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" redis redis-server redis-cli nc

policy respect.conf <<-EOF
	rule all {
		idle         = "${CASE_IDLE}s"
		interval     = "${CASE_INTERVAL}s"
		app-settings = respect
	}
EOF

server() {
	start server "$1" "$2" redis-server --port "$3" --bind 0.0.0.0 :: \
		--protected-mode no --save '' --tcp-keepalive "$4"
}
server redis - 6379 0
server redis.accept kashim.conf 6380 0
server redis.own - 6381 300
server redis.own-accept kashim.conf 6382 300
wait_listening 6379 6380 6381 6382

flow_open() {
	policy=-
	case $1 in
	connect*) policy=kashim.conf ;;
	respect*) policy=respect.conf ;;
	esac
	case $1 in
	*own) start client "$1" $policy redis-cli -h "$2" -p "$3" ;;
	*) start client "$1" $policy nc "$2" "$3" ;;
	esac
}

# redis takes a line as a request, and from netcat wants the carriage return.
flow_ask() {
	printf 'echo answer-%d\r\n' "$2" >"$1.in"
}

flow_answered() {
	tr -d '\r' <"$1.out" | grep -q "^answer-$2\$"
}

flow plain "$(rig_address 1)" 6379 dies - none none \
	without kashim
flow connect "$(rig_address 2)" 6379 lives client "$CASE_IDLE" none \
	with kashim, connecting side
flow accept "$(rig_address 3)" 6380 lives server none "$CASE_IDLE" \
	with kashim, accepting side
flow plain-own "$(rig_address 4)" 6381 dies - 15 300 \
	own times of 15 s and 300 s, without kashim
flow connect-own "$(rig_address 5)" 6381 lives client "$CASE_IDLE" 300 \
	own times of 15 s and 300 s, with kashim, connecting side
flow accept-own "$(rig_address 6)" 6382 lives server 15 "$CASE_IDLE" \
	own times of 15 s and 300 s, with kashim, accepting side
flow respect-own "$(rig_address 7)" 6381 dies - 15 300 \
	own times of 15 s and 300 s, with kashim told to respect them
case_run
case_end
