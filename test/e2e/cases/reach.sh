#!/bin/sh
# SPDX-License-Identifier: ISC
#
# What no preload reaches, but kashim attach does: connections of io_uring, in
# each of its ways; of a setuid program; of programs in Go, which set keepalive
# themselves; and, by a static program, MPTCP, Fast Open with data in the SYN,
# and IPv4 by sockets of IPv6. Each one dies outside of the control group, and
# lives inside, connecting and accepting.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/case.sh"
# shellcheck source=/dev/null
. "$e2e/attached.sh"
attached_begin "$0" reach nc restic prometheus-node-exporter

# shellcheck disable=SC2015 # die is for any of them
cp "$RIG_BUILD/test/passes" . && cp "$(command -v nc)" setuid-nc &&
	chmod 4755 setuid-nc || die 'no programs'
for reach_side in client server; do
	# Data in the SYN without a cookie, both ways.
	# shellcheck disable=SC2016 # the inner shell expands
	rig_in $reach_side sh -c 'echo 519 >/proc/sys/net/ipv4/tcp_fastopen' ||
		die 'no Fast Open'
done

# A setuid program without kashim attach is one that is preloaded: its loader
# does not do so.
reach() {
	reach_in=$1 reach_id=$2
	shift 2
	if is_reached "$reach_id"; then
		attached "$reach_in" "$reach_id" all "$@"
	elif [ "$reach_id" = bare-setuid ]; then
		start "$reach_in" "$reach_id" kashim.conf "$@"
	else
		start "$reach_in" "$reach_id" - "$@"
	fi
}

flow_open() {
	reach_user=$(rig_as_user)
	case ${1#*-} in
	setuid) flow_pair "$1" "$3" "$reach_user ./setuid-nc -l $2 $3" \
		"$reach_user ./setuid-nc $2 $3" ;;
	restic) flow_pair "$1" "$3" "nc -l $2 $3" \
		"env RESTIC_PASSWORD=x restic --no-cache
		-r rest:http://$2:$3/ cat config" ;;
	exporter) flow_pair "$1" "$3" \
		"prometheus-node-exporter --collector.disable-defaults
		--web.listen-address=$2:$3" "nc $2 $3" ;;
	mapped) flow_pair "$1" "$3" "./passes plain listen :: $3" \
		"./passes plain connect ::ffff:$2 $3" ;;
	*) flow_pair "$1" "$3" "./passes ${1#*-} listen $2 $3" \
		"./passes ${1#*-} connect $2 $3" ;;
	esac
}

# Those in Go have words of their own; restic asks by itself, once at first and
# once more when it has an answer.
flow_ask() {
	case $1.$2 in
	*-restic.1) ;;
	*-restic.2) printf 'HTTP/1.1 200 OK\r\nContent-Length: 155\r\n\r\n' \
		>"$1.server.in" ;;
	*-exporter.*) printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n' >"$1.in" ;;
	*) echo "request $2" >"$1.in" ;;
	esac
}

flow_answered() {
	case $1.$2 in
	*-restic.1) grep -q '^HEAD /config' "$1.server.out" ;;
	*-restic.2) grep -q '^GET /keys' "$1.server.out" ;;
	*-exporter.*) [ "$(grep -o 'HTTP/1.1 200' "$1.out" | wc -l)" -ge "$2" ] ;;
	*) flow_passed "$@" ;;
	esac
}

# flows WAY SIDES TEXT...
reach_n=0
flows() {
	reach_way=$1 reach_sides=$2
	shift 2
	for reach_side in $reach_sides; do
		reach_n=$((reach_n + 1))
		# A program in Go has a timer without us, but a longer one.
		reach_other=none
		case $reach_way in restic | exporter) reach_other=any ;; esac
		case $reach_side in
		bare) flow "bare-$reach_way" "$(rig_address $reach_n)" \
			$((7000 + reach_n)) dies - $reach_other $reach_other \
			"$*, outside" ;;
		connect) flow "connect-$reach_way" "$(rig_address $reach_n)" \
			$((7000 + reach_n)) lives client "$CASE_IDLE" none \
			"$*, connecting side" ;;
		accept) flow "accept-$reach_way" "$(rig_address $reach_n)" \
			$((7000 + reach_n)) lives server none "$CASE_IDLE" \
			"$*, accepting side" ;;
		esac
	done
}

if case_needs io-uring 'programs with io_uring'; then
	flows inline 'connect accept' io_uring
	flows async 'connect accept' io_uring, by workers
	flows polled 'bare connect accept' io_uring, polled
fi
flows setuid 'bare connect accept' a setuid program
flows restic 'bare connect' restic
flows exporter 'bare accept' an exporter in Go
flows fastopen 'bare connect accept' data in the SYN
! case_needs mptcp 'MPTCP' || flows mptcp 'bare connect accept' MPTCP
! case_needs ipv6 'mapped addresses' ||
	flows mapped 'bare connect accept' IPv4 by sockets of IPv6
case_run
case_end
