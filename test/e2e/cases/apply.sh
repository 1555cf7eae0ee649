#!/bin/sh
# SPDX-License-Identifier: ISC
#
# No program here is under the library: kashim apply gives their connections,
# or the listeners that these come from, the rules while they run. netcat on
# one side; redis-server, and a Go program that sets 15 s by itself, on the
# other.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
case_begin "$0" apply redis-server prometheus-node-exporter nc

server() {
	start server "$1" - redis-server --port "$2" --bind 0.0.0.0 :: \
		--protected-mode no --save '' --tcp-keepalive 0
	echo $! >"$1.pid"
}
go() {
	start server "$1" - prometheus-node-exporter --collector.disable-defaults \
		--web.listen-address=":$2"
	echo $! >"$1.pid"
}
server redis 6379
server redis.late 6380
server redis.early 6381
go go 9100
wait_listening 6379 6380 6381 9100

# apply_to ID PROCESS: from outside of its network namespace.
apply_to() {
	lib/kashim apply --config "$RIG_DIR/kashim.conf" \
		--pid "$(cat "$2.pid")" >"$1.applied" 2>&1 ||
		die "kashim apply: $(cat "$1.applied")"
}

apply_to early redis.early

flow_open() {
	start client "$1" - nc "$2" "$3"
	echo $! >"$1.pid"
}

flow_ask() {
	case $1 in
	*go) printf 'GET / HTTP/1.1\r\nHost: go\r\n\r\n' >"$1.in" ;;
	*) printf 'echo answer-%d\r\n' "$2" >"$1.in" ;;
	esac
}

flow_answered() {
	case $1 in
	*go) [ "$(grep -c 'HTTP/1.1 200' "$1.out")" -ge "$2" ] || return 1 ;;
	*) tr -d '\r' <"$1.out" | grep -q "^answer-$2\$" || return 1 ;;
	esac
	# Now that it is open, and silent.
	[ ! -e "$1.applied" ] || return 0
	case $1 in
	connect) apply_to "$1" "$1" ;;
	accept) apply_to "$1" redis.late ;;
	accept-go) apply_to "$1" go ;;
	esac
}

flow plain "$(rig_address 1)" 6379 dies - none none \
	redis, without kashim
flow connect "$(rig_address 2)" 6379 lives client "$CASE_IDLE" none \
	redis, apply to the connection, connecting side
flow accept "$(rig_address 3)" 6380 lives server none "$CASE_IDLE" \
	redis, apply to the connection, accepting side
flow inherit "$(rig_address 4)" 6381 lives server none "$CASE_IDLE" \
	redis, apply to its listener, before
flow accept-go "$(rig_address 5)" 9100 lives server none "$CASE_IDLE" \
	Go, with its own 15 s, apply to the connection, accepting side
case_run
case_end
