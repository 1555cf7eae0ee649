# shellcheck shell=sh
# SPDX-License-Identifier: ISC
#
# case: what all end-to-end cases have in common. A case starts servers, names
# its flows, and says how to open one, ask it for something and know the
# answer; case_run then lets them all be silent at once and judges each. To be
# sourced by a case, which has set $e2e to the directory that holds this file.
#
# A case defines, for a flow ID at ADDRESS and PORT:
#   flow_open ID ADDRESS PORT	starts the client, by start
#   flow_ask ID N		sends the Nth request
#   flow_answered ID N		succeeds once the answer is there
# The last two are here for programs that pass lines on, as netcat does.

# shellcheck source=/dev/null
. "${e2e:?}/rig.sh"

CASE_TIMEOUT=5 # what the firewall forgives, in seconds
CASE_QUIET=15  # for how long the flows are left alone
CASE_IDLE=2    # what the rule in kashim.conf says
CASE_INTERVAL=1
CASE_COUNT=5
CASE_PLAN=0
CASE_FLOWS=

# One step, a line for the runner to count. What is about a flow is kept until
# the end, so that all that happens to a flow can be read in one place.
step() {
	if [ -n "${FLOW_ID-}" ]; then
		echo "$1 $CASE: $FLOW_TEXT: $2" >>"$FLOW_ID.steps"
	else
		echo "$1 $CASE: $2"
	fi
}

ok() {
	step "ok  " "$*"
}

# The case goes on, to show the rest as well.
fail() {
	step FAIL "$*"
	CASE_FAILED=yes
}

skip() {
	step skip "$*"
}

die() {
	fail "$*"
	case_end
}

flow_print() {
	cat "$FLOW_ID.steps" 2>/dev/null
}

case_print() {
	each_flow flow_print
}

case_end() {
	[ -z "${CASE_FAILED-}" ]
	exit
}

case_name() {
	CASE=$1
}

# case_needs NAME WHAT: 1, after a line that says so, if this machine can't do
# NAME (see can.sh).
case_needs() {
	CASE_WHY=$(sh "$RIG_TOP/test/can.sh" "$1")
	case $? in
	0) return 0 ;;
	1) step "cannot run here: $1:" "$2: $CASE_WHY" ;;
	*) rig_skip "$CASE: $2: $1: $CASE_WHY" ;;
	esac
	return 1
}

# case_begin SCRIPT NAME COMMAND...: enters the rig; skips the case where a
# command that it needs is missing.
case_begin() {
	rig_enter "$1"
	case_name "$2"
	shift 2
	for CASE_TOOL in "$@"; do
		rig_has "$CASE_TOOL" ||
			rig_skip "$CASE: $CASE_TOOL is not installed"
	done
	[ -e "$RIG_BUILD/test/watch" ] ||
		rig_skip "$CASE: test/watch is not built: no pcap.h"
	for CASE_FILE in libkashim.so libkashim-config.so kashim; do
		[ -e "$RIG_BUILD/$CASE_FILE" ] ||
			die "$RIG_BUILD/$CASE_FILE is missing: run make first"
	done
	rig_trap case_print
	rig_up $CASE_TIMEOUT || die "the rig cannot be set up here"
	# Where everyone may read it, which a home directory may not allow.
	mkdir lib
	cp "$RIG_BUILD/libkashim.so" "$RIG_BUILD/libkashim-config.so" \
		"$RIG_BUILD/kashim" lib/
	chmod 755 lib/*
	policy kashim.conf <<-EOF
		rule all {
			idle     = "${CASE_IDLE}s"
			interval = "${CASE_INTERVAL}s"
			count    = $CASE_COUNT
		}
	EOF
	for CASE_SIDE in client server; do
		rig_watch $CASE_SIDE near.$CASE_SIDE ||
			die "cannot watch the wire: $(cat near.$CASE_SIDE)"
	done
	# What the firewall knows, again and again, for flow_memory.
	# shellcheck disable=SC2016
	rig_exec fw sh -c '
		tick=0
		while [ $((tick += 1)) -lt 2000 ]; do
			read -r up rest </proc/uptime
			echo "tick $up"
			conntrack -L -p tcp
			[ -z "$1" ] || conntrack -L -f ipv6 -p tcp
			sleep 0.2
		done' sh "$RIG_6" >memory 2>/dev/null &
}

# policy FILE: a configuration, from standard input, as the shim believes it.
policy() {
	cat >"$1"
	chmod 644 "$1"
}

# start NAMESPACE ID POLICY COMMAND...: starts a program with its input from
# the FIFO ID.in and its output in ID.out; under the shim with that policy, or
# without where POLICY is "-"; start_as_user for a server that refuses root.
# $! is its process.
start() {
	START_AS=
	start_as "$@"
}

start_as_user() {
	START_AS=$(rig_as_user)
	start_as "$@"
}

start_as() {
	START_IN=$1
	START_ID=$2
	START_POLICY=$3
	shift 3
	[ -p "$START_ID.in" ] || mkfifo "$START_ID.in"
	if [ "$START_POLICY" != - ]; then
		set -- env "LD_PRELOAD=$RIG_DIR/lib/libkashim.so" \
			"KASHIM_CONFIG=$RIG_DIR/$START_POLICY" "$@"
	fi
	# Opened for reading and writing: no wait for a writer, and no end.
	# shellcheck disable=SC2086
	rig_exec "$START_IN" $START_AS "$@" \
		<>"$START_ID.in" >"$START_ID.out" 2>&1 &
}

listening() {
	rig_in server ss -tlnH "sport = :$1" | grep -q .
}

# Waits until every port of the server is open.
wait_listening() {
	for CASE_PORT in "$@"; do
		rig_wait 60 listening "$CASE_PORT" ||
			die "no server on port $CASE_PORT: $(tail -n 5 -- *.out)"
	done
}

# flow_pair ID PORT SERVER CLIENT: opens it by two command lines, of words. The
# case's "reach NAMESPACE ID COMMAND..." starts each, under kashim or without.
flow_pair() {
	# shellcheck disable=SC2086 # words
	reach server "$1.server" $3
	wait_listening "$2"
	# shellcheck disable=SC2086
	reach client "$1" $4
}

# is_reached ID: is that the program of the side that its flow is named after?
is_reached() {
	case $1 in
	accept*.server) ;;
	*.server) return 1 ;;
	connect*) ;;
	*) return 1 ;;
	esac
}

flow_ask() {
	echo "request $2" >"$1.in"
}

# The request has gone one way and the answer goes the other.
flow_answered() {
	flow_passed "$@"
}

flow_passed() {
	grep -q "^request $2\$" "$1.server.out" || return 1
	[ -e "$1.$2" ] || echo "answer $2" >"$1.server.in"
	: >"$1.$2"
	grep -q "^answer $2\$" "$1.out"
}

# flow ID ADDRESS PORT FATE PROBER CLIENT-TIMER SERVER-TIMER TEXT...
#
#   FATE		dies or lives
#   PROBER		client or server, the side under the shim, or "-"
#   CLIENT-TIMER	the keepalive idle time, in seconds, that the socket of
#   SERVER-TIMER	each side has, or "none"; "any" where it is no concern
flow() {
	CASE_FLOWS="$CASE_FLOWS$*
"
	case $4 in
	dies) CASE_PLAN=$((CASE_PLAN + 3)) ;;
	lives) CASE_PLAN=$((CASE_PLAN + 5)) ;;
	esac
}

# Calls the function for each flow: FUNCTION ID ADDRESS PORT FATE ...
each_flow() {
	while read -r FLOW_ID FLOW_ADDR FLOW_PORT FLOW_FATE FLOW_PROBER \
		FLOW_CLIENT FLOW_SERVER FLOW_TEXT; do
		[ -z "$FLOW_ID" ] || "$1"
	done <<-EOF
		$CASE_FLOWS
	EOF
}

flow_open_one() {
	flow_open "$FLOW_ID" "$FLOW_ADDR" "$FLOW_PORT" </dev/null
	rig_wait 60 flow_has_socket </dev/null ||
		die "no connection: $(tail -n 5 "$FLOW_ID.out")"
	flow_ask "$FLOW_ID" 1 </dev/null
	rig_wait 60 flow_answered "$FLOW_ID" 1 </dev/null ||
		die "no answer at first: $(tail -n 5 "$FLOW_ID.out")"
	rig_now >"$FLOW_ID.start"
	# The client's end, for the firewall's other side to be searched for.
	rig_socket client "$FLOW_ADDR" "$FLOW_PORT" </dev/null |
		while read -r _ FLOW_LOCAL _; do
			echo "$FLOW_LOCAL"
		done >"$FLOW_ID.local"
}

flow_has_socket() {
	[ -n "$(rig_socket client "$FLOW_ADDR" "$FLOW_PORT")" ]
}

# seconds_until MS: what is left until then, for rig_wait, but always a while.
# So all flows together wait no longer than one of them may.
seconds_until() {
	echo $((($1 - $(rig_now)) / 1000)) | awk '{ print $1 < 1 ? 1 : $1 }'
}

# timer_is WANTED TIMER: "none", or near enough to the seconds wanted; the
# timer counts down, but not for long yet.
timer_is() {
	[ "$1" != any ] || return 0
	[ "$1" != none ] || [ "$2" = none ] || return 1
	[ "$1" = none ] || echo "$2" | awk -v wanted="$1" '
		$1 != "keepalive" || $2 > wanted { exit 1 }
		$2 < wanted - 60 || wanted >= 10 && $2 <= 2 { exit 1 }'
}

timer_text() {
	echo "$1" | awk '
		$2 >= 60 { printf "%d min\n", $2 / 60; next }
		$1 == "keepalive" { printf "%.1f s\n", $2; next }
		{ print }'
}

flow_timers() {
	CLIENT_TIMER=$(rig_socket client "$FLOW_ADDR" "$FLOW_PORT" | cut -d ' ' -f 4-)
	SERVER_TIMER=$(rig_socket server "$FLOW_ADDR" "$FLOW_PORT" | cut -d ' ' -f 4-)
	timer_is "$FLOW_CLIENT" "$CLIENT_TIMER" &&
		timer_is "$FLOW_SERVER" "$SERVER_TIMER"
}

flow_check_timers() {
	# More than one look, as just now something may be in flight.
	if rig_wait 5 flow_timers </dev/null; then
		ok "open; keepalive timer: client $(timer_text "$CLIENT_TIMER"), server $(timer_text "$SERVER_TIMER")"
	else
		fail "keepalive timer: client $CLIENT_TIMER (not $FLOW_CLIENT), server $SERVER_TIMER (not $FLOW_SERVER)"
	fi
}

# flow_memory: how the firewall saw the flow, up to now: the times in ms of
# the first and the last look that showed it, of the first look thereafter
# ("-" if none), and the number of looks; gaps of one look are forgiven.
flow_memory() {
	awk -v addr="dst=$FLOW_ADDR" -v port="dport=$FLOW_PORT" '
		function look() {
			if (!seen && !first)
				return
			if (!seen) {
				if (++missed == 1)
					gone = now
				return
			}
			if (!first)
				first = now
			last = now
			gone = "-"
			missed = 0
			looks++
		}
		$1 == "tick" {
			look()
			now = int($2 * 1000 + 0.5)
			seen = 0
		}
		$4 == "ESTABLISHED" && $6 == addr && $8 == port { seen = 1 }
		END { print first + 0, last + 0, (missed > 1 ? gone : "-"), looks + 0 }
	' memory
}

flow_check_memory() {
	read -r START <"$FLOW_ID.start"
	read -r _ LAST GONE LOOKS <<-EOF
		$(flow_memory)
	EOF
	if [ "$FLOW_FATE" = lives ]; then
		# What the firewall has forgotten does not come back, so that
		# the last look counts; a busy machine makes few.
		if [ "$GONE" = - ] && [ "$LOOKS" -ge 5 ] &&
			[ $((LAST - START)) -ge $(((CASE_QUIET - 1) * 1000)) ]; then
			ok "ALIVE after $(seconds $((LAST - START))) of silence, in the firewall at each of $LOOKS looks"
		else
			fail "the firewall has forgotten it ($LAST $GONE $LOOKS)"
		fi
		return
	fi
	PROBES=$(flow_segments server | awk -v limit=$CASE_TIMEOUT '
		$6 == "probe" && substr($10, 7) + 0 < limit * 1000' | wc -l)
	if [ "$GONE" = - ]; then
		fail "the firewall still has it after $(seconds $((LAST - START)))"
	elif [ $((GONE - START)) -lt $((CASE_TIMEOUT * 1000 - 700)) ] ||
		[ $((GONE - START)) -gt $((CASE_TIMEOUT * 1000 + 3000)) ]; then
		fail "forgotten after $(seconds $((GONE - START))), which is not the firewall's time"
	elif [ "$PROBES" -ne 0 ]; then
		fail "$PROBES probes in time"
	else
		ok "DEAD after $(seconds $((GONE - START))), no probe in time, forgotten by the firewall"
	fi
}

# Milliseconds in, "5.1 s" out.
seconds() {
	echo "$(($1 / 1000)).$(($1 % 1000 / 100)) s"
}

# flow_segments client|server: the flow's segments on that side of the firewall
flow_segments() {
	awk -v own="$(cat "$FLOW_ID.local")" -v peer="$FLOW_ADDR:$FLOW_PORT" '
		{
			line = $0
			gsub(/[][]/, "")
			if ($2 == own && $4 == peer)
				print "client", line
			else if ($2 == peer && $4 == own)
				print "server", line
		}' "near.$1"
}

# Probes of the silent time, on the far side, to have passed the firewall:
# each an idle time after the last segment, since each has been answered. The
# other side may in the end send one of its own. Some may come while the program
# still begins, if that takes long.
flow_check_probes() {
	case $FLOW_PROBER in
	client) FAR=server ;;
	server) FAR=client ;;
	-) return ;;
	esac
	flow_segments "$FAR" >"$FLOW_ID.far"
	if TIMES=$(awk -v by="$FLOW_PROBER" -v idle=$CASE_IDLE \
		-v wanted=$((CASE_QUIET / (CASE_IDLE + 1))) '
		$6 == "probe" && $1 != by && n >= wanted { exit }
		$6 == "probe" {
			after = substr($10, 7) / 1000
			if (n > 0 && !replied)
				exit bad = 1
			if ($1 != by || after < idle - 0.1 || after > idle + 0.6)
				exit bad = 1
			if (n == 0)
				quiet = $2 / 1000 - after
			n++
			replied = 0
			times = times sprintf(" %.1f", $2 / 1000 - quiet)
			next
		}
		$6 == "reply" { replied = 1; next }
		n >= wanted { exit }
		{ n = replied = 0; times = "" }
		END {
			print times
			exit bad || n < wanted || !replied
		}' "$FLOW_ID.far"); then
		ok "probes at$TIMES s from the $FLOW_PROBER, each one below the expected sequence number, and answered"
	else
		fail "not the probes wanted:$TIMES"
		sed 's/^/     | /' "$FLOW_ID.far" >>"$FLOW_ID.steps"
	fi
}

flow_ask_again() {
	flow_ask "$FLOW_ID" 2 </dev/null
}

# By whoever has it to send.
flow_is_stuck() {
	for CASE_SIDE in client server; do
		rig_socket $CASE_SIDE "$FLOW_ADDR" "$FLOW_PORT" >stuck
		read -r UNSENT _ _ TIMER <stuck && [ "$UNSENT" -gt 0 ] &&
			[ "${TIMER%% *}" = on ] && return
	done
	return 1
}

flow_check_alive() {
	[ "$FLOW_FATE" = lives ] || return 0
	if rig_wait "$(seconds_until "$ANSWER_UNTIL")" flow_answered "$FLOW_ID" 2 \
		</dev/null; then
		ok "the next request is answered"
	else
		fail "the next request is not answered: $(tail -n 3 "$FLOW_ID.out")"
	fi
}

# A stuck request is one that is retransmitted and has no answer, not merely
# one that is slow; flow_check_dead looks again at the very end.
flow_check_stuck() {
	[ "$FLOW_FATE" = dies ] || return 0
	if ! rig_wait "$(seconds_until "$ANSWER_UNTIL")" flow_is_stuck \
		</dev/null; then
		fail "the next request is not on its way: $(cat stuck)"
		echo fail >"$FLOW_ID.dead"
	fi
}

flow_check_dead() {
	[ "$FLOW_FATE" = dies ] && [ ! -e "$FLOW_ID.dead" ] || return 0
	if flow_answered "$FLOW_ID" 2 </dev/null; then
		fail "the next request is answered all the same"
	elif flow_is_stuck </dev/null; then
		ok "the next request gets no answer, $UNSENT bytes are retransmitted in vain"
	else
		fail "the next request is not stuck: $(cat stuck)"
	fi
}

flow_cut() {
	if [ "$FLOW_FATE" = lives ]; then
		rig_cut "$FLOW_ADDR" </dev/null
	fi
}

flow_is_gone() {
	! rig_socket "$FLOW_PROBER" "$FLOW_ADDR" "$FLOW_PORT" |
		grep -qF "$(cat "$FLOW_ID.local")"
}

# With the peer out of reach, idle, interval and count all show on the wire.
flow_check_cut() {
	[ "$FLOW_FATE" = lives ] || return 0
	rig_wait "$(seconds_until "$GONE_UNTIL")" flow_is_gone </dev/null || {
		fail "the connection stays open without its peer"
		return
	}
	flow_segments "$FLOW_PROBER" >"$FLOW_ID.near"
	if TIMES=$(awk -v by="$FLOW_PROBER" -v idle=$CASE_IDLE \
		-v interval=$CASE_INTERVAL -v count=$CASE_COUNT '
		$6 == "rst" { next }
		$6 != "probe" { n = bad = 0; times = ""; next }
		{
			after = substr($10, 7) / 1000
			wanted = n++ ? interval : idle
			if ($1 != by || after < wanted - 0.1 || after > wanted + 0.6)
				bad = 1
			times = times sprintf(" %.1f", after)
		}
		END {
			print times
			exit bad || n != count
		}' "$FLOW_ID.near"); then
		ok "peer cut off: probes after$TIMES s, then the connection is given up"
	else
		fail "peer cut off, and not the probes wanted:$TIMES"
		sed 's/^/     | /' "$FLOW_ID.near" >>"$FLOW_ID.steps"
	fi
}

case_is_quiet_over() {
	[ "$(rig_now)" -ge "$QUIET_UNTIL" ]
}

# True once nothing at all has passed for half a second, so that cutting the
# flows leaves no data of theirs unacknowledged.
case_is_settled() {
	SETTLED=$(wc -l <near.client)-$(wc -l <near.server)
	sleep 0.5
	[ "$SETTLED" = "$(wc -l <near.client)-$(wc -l <near.server)" ]
}

# Opens all flows, lets them be silent, and judges them.
case_run() {
	printf 'plan %s\n' $CASE_PLAN
	each_flow flow_open_one
	QUIET_UNTIL=$(($(rig_now) + CASE_QUIET * 1000))
	each_flow flow_check_timers
	rig_wait $((CASE_QUIET + 10)) case_is_quiet_over
	each_flow flow_check_memory
	each_flow flow_ask_again
	ANSWER_UNTIL=$(($(rig_now) + 15000))
	each_flow flow_check_alive
	each_flow flow_check_stuck
	each_flow flow_check_probes
	rig_wait 10 case_is_settled
	each_flow flow_cut
	GONE_UNTIL=$(($(rig_now) + 15000 +
		(CASE_IDLE + CASE_INTERVAL * CASE_COUNT) * 1000))
	each_flow flow_check_cut
	each_flow flow_check_dead
}
