#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim probe through paths that are known: for each, a rig of its own, all at
# the same time. The verdict is right, and what the path forgets after lies
# between the bounds. "probe.sh VARIANT" is one of them alone. No variant judges
# how fast the machine is: all bounds are those of the probe.

# The variants are called by their names.
# shellcheck disable=SC2317

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/rig.sh"

TRUTH=10 # what the firewall forgets after, in seconds
PORT=7000
VARIANTS='drop ipv6 reject masquerade fully-random dnat series
	reset-at-expiry fin-at-expiry loose service-closes service-resets
	service-keepalive service-ends proxy-closes limit full cut loss library precise
	rule silent-answer interrupted'

ok() {
	echo "ok   probe: $VARIANT: $*"
}

fail() {
	echo "FAIL probe: $VARIANT: $*"
	tail -n 30 probe.json probe.err 2>/dev/null | sed 's/^/     | /'
	exit 1
}

skip() {
	echo "skip probe: $VARIANT: $*"
	exit 0
}

listening() {
	rig_in server ss -tlnH "sport = :$1" | grep -q .
}

# serve COMMAND...: in the server's namespace, at $PORT.
serve() {
	rig_exec server "$@" >server.out 2>&1 &
	rig_wait 30 listening "$PORT" || fail "no server: $(cat server.out)"
}

serve_silent() {
	serve "$RIG_BUILD/kashim" probe --listen "$PORT"
}

# As the service is told: how, and after how many seconds.
serve_by() {
	serve /usr/bin/python3 "$RIG_TOP/test/e2e/service.py" "$1" "$2" \
		"$(rig_address 1)" "$PORT"
}

# Rules for the firewall, besides its own.
firewall() {
	rig_in fw nft -f -
}

# probe [ARGUMENT...]: with what $WITH puts before it.
probe() {
	# shellcheck disable=SC2086
	rig_in client env $WITH "$RIG_BUILD/kashim" probe --json \
		--from 4s --to 30s "$@" >probe.json 2>probe.err
	STATUS=$?
	[ ! -s probe.err ] || fail 'it says something'
	return "$STATUS"
}

# measure [OPTION...]: at $AT.
measure() {
	probe "$@" "$AT" "$PORT"
}

# value KEY: of what it says.
value() {
	sed -n "s/^  \"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" probe.json
}

# is VERDICT STATUS [LOST-BY]
is() {
	[ "$(value verdict)" = "$1" ] || fail "not $1"
	[ "$STATUS" -eq "$2" ] || fail "status $STATUS in place of $2"
	[ -z "${3-}" ] || [ "$(value lost_by)" = "$3" ] ||
		fail "lost by $(value lost_by), not by $3"
}

# holds_truth SECONDS: it lies between the bounds, and the advice is below it.
holds_truth() {
	awk -v truth="$1" -v survived="$(value survived_seconds)" \
		-v lost="$(value lost_seconds)" \
		-v advice="$(value firewall_timeout_seconds)" 'BEGIN {
		exit !(survived + 0 > 0 && survived + 0 <= truth &&
		    truth <= lost + 0 && advice + 0 > 0 && advice + 0 <= truth)
		}' || fail "$1 s is not between the bounds"
	ok "$(value verdict) ($(value lost_by)), $(value survived_seconds) to" \
		"$(value lost_seconds) s, really $1 s, advice" \
		"$(value firewall_timeout_seconds) s," \
		"in $(value took_seconds) s"
}

# survived LEAST MOST: so many seconds.
survived() {
	awk -v survived="$(value survived_seconds)" -v least="$1" -v most="$2" '
		BEGIN { exit !(survived + 0 >= least && survived + 0 <= most) }' ||
		fail "not $1 to $2 s were survived"
	ok "$(value verdict), $(value survived_seconds) s survived," \
		"in $(value took_seconds) s"
}

# Of what the path still knows, nothing is open.
nothing_left() {
	rig_wait 10 all_closed || fail "left open: $(rig_flows)"
	ok 'what the path still knows is closed'
}

all_closed() {
	[ -z "$(rig_flows)" ]
}

drop() {
	serve_silent
	measure
	is path-forgets 0 no-answer
	holds_truth "$TRUTH"
	nothing_left
}

ipv6() {
	[ -n "$RIG_6" ] || skip 'no IPv6 here'
	AT=$(rig_address6 1)
	drop
}

precise() {
	serve_silent
	measure --precise --connections 10
	is path-forgets 0 no-answer
	holds_truth "$TRUTH"
	awk -v survived="$(value survived_seconds)" \
		-v lost="$(value lost_seconds)" 'BEGIN {
		exit lost - survived > 1.1 }' || fail 'not precise'
	ok 'to a second'
}

reject() {
	firewall <<-'EOF'
		add rule inet firewall forward meta l4proto tcp reject with tcp reset
	EOF
	serve_silent
	measure
	is path-forgets 0 reset-when-asked
	holds_truth "$TRUTH"
}

masquerade() {
	firewall <<-'EOF'
		table ip nat {
			chain after {
				type nat hook postrouting priority srcnat
				oifname "server" masquerade
			}
		}
	EOF
	serve_silent
	measure
	is path-forgets 0 no-answer
	holds_truth "$TRUTH"
}

# It takes up what it has forgotten, but at another port, and the service
# knows nothing of that.
fully_random() {
	rig_in fw sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose'
	firewall <<-'EOF'
		add rule inet firewall forward iifname "client" accept
		table ip nat {
			chain after {
				type nat hook postrouting priority srcnat
				oifname "server" masquerade fully-random
			}
		}
	EOF
	serve_silent
	measure
	is path-forgets 0 reset-when-asked
	holds_truth "$TRUTH"
}

# A balancer, that answers for itself where it knows no connection.
dnat() {
	firewall <<-EOF
		table ip nat {
			chain before {
				type nat hook prerouting priority dstnat
				ip daddr 192.0.2.1 tcp dport $PORT dnat to \
					numgen inc mod 2 map { \
					0 : $(rig_address 1), 1 : $(rig_address 2) }
			}
		}
	EOF
	serve_silent
	AT=192.0.2.1
	measure
	is path-forgets 0 reset-when-asked
	holds_truth "$TRUTH"
}

# The server has one of its own, which forgets earlier.
series() {
	rig_in server nft -f - <<-'EOF'
		table inet own {
			chain input {
				type filter hook input priority filter
				policy drop
				iifname "lo" accept
				meta l4proto icmpv6 accept
				ct state established,related accept
				tcp flags & (fin | syn | rst | ack) == syn ct state new accept
			}
		}
	EOF
	# shellcheck disable=SC2016
	rig_in server sh -ec '
		cd /proc/sys/net/netfilter
		echo 0 >nf_conntrack_tcp_loose
		for name in established unacknowledged max_retrans; do
			echo 7 >nf_conntrack_tcp_timeout_$name
		done' || fail 'no second firewall'
	serve_silent
	measure
	is path-forgets 0 no-answer
	holds_truth 7
}

reset_at_expiry() {
	serve_by forget-reset 8
	measure
	is path-forgets 0 reset
	holds_truth 8
}

fin_at_expiry() {
	serve_by forget-close 8
	measure
	is path-forgets 0 fin
	holds_truth 8
}

# What it has forgotten, it takes up again.
loose() {
	rig_in fw sh -c 'echo 1 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose'
	firewall <<-'EOF'
		add rule inet firewall forward iifname "client" accept
	EOF
	serve_silent
	measure --to 14s
	is survives 0
	survived 14 20
}

service_closes() {
	serve_by close 7
	measure
	is service-closes 1
	survived 4 8
}

service_resets() {
	serve_by reset 7
	measure
	is service-closes 1
	survived 4 8
}

service_keepalive() {
	serve_by keepalive 3
	measure
	is never-silent 1
	survived 2 4
}

# All connections at the same moment, whatever their age.
service_ends() {
	serve_silent
	SERVICE=$!
	measure &
	RUNS=$!
	rig_wait 60 was_asked || fail 'none was asked'
	kill "$SERVICE"
	wait "$RUNS"
	STATUS=$?
	is outage 1
	survived 4 10
}

proxy_closes() {
	rig_has haproxy || skip 'haproxy is not installed'
	cat >haproxy.cfg <<-EOF
		defaults
			mode tcp
			timeout client  7s
			timeout server  7s
			timeout connect 5s
		listen proxy
			bind $(rig_address 1):$PORT
			server behind $(rig_address 2):7001
	EOF
	rig_exec server "$RIG_BUILD/kashim" probe --listen 7001 \
		>behind.out 2>&1 &
	rig_wait 30 listening 7001 || fail 'no service behind the proxy'
	serve haproxy -db -f haproxy.cfg
	measure
	is service-closes 1
	survived 4 8
}

# serve_sshd NUMBER: which takes so many that have not logged in.
serve_sshd() {
	rig_has /usr/sbin/sshd || skip 'no sshd'
	rig_has ssh-keygen || skip 'no ssh-keygen'
	ssh-keygen -q -t ed25519 -N '' -f hostkey || fail 'no key'
	rig_give_user hostkey
	cat >sshd.conf <<-EOF
		Port $PORT
		HostKey $RIG_DIR/hostkey
		StrictModes no
		UsePAM no
		PidFile none
		MaxStartups $1:100:$1
	EOF
	# shellcheck disable=SC2046
	serve $(rig_as_user) /usr/sbin/sshd -D -e -f "$RIG_DIR/sshd.conf"
}

limit() {
	serve_sshd 6
	measure
	is path-forgets 0 no-answer
	[ "$(value refused)" -gt 0 ] || fail 'none was refused'
	holds_truth "$TRUTH"
}

# Only the one with keepalive.
full() {
	serve_sshd 1
	measure
	is service-closes 1
	[ "$(value refused)" -eq "$(value connections)" ] ||
		fail 'not all were refused'
	ok "$(value verdict), all $(value refused) refused"
}

# When the first was asked.
cut() {
	serve_silent
	measure &
	RUNS=$!
	rig_wait 60 was_asked || fail 'none was asked'
	rig_cut "$(rig_address 1)"
	wait "$RUNS"
	STATUS=$?
	is outage 1
	survived 4 10
}

# One that is silent, besides the one with keepalive: at the service, a third
# segment has come in.
was_asked() {
	[ "$(rig_in server ss -tinH state established "sport = :$PORT" |
		grep -cE 'segs_in:([3-9]|[0-9]{2,})( |$)')" -ge 2 ]
}

# Each way loses a tenth, one before the firewall, the other behind it.
loss() {
	firewall <<-'EOF'
		table inet loss {
			chain before {
				type filter hook prerouting priority -300
				iifname "client" numgen random mod 100 < 10 drop
			}
			chain after {
				type filter hook postrouting priority 300
				oifname "client" numgen random mod 100 < 10 drop
			}
		}
	EOF
	serve_silent
	measure
	is path-forgets 0
	holds_truth "$TRUTH"
}

# The library would switch keepalive on.
library() {
	cat >kashim.conf <<-'EOF'
		rule all { idle = 1 }
	EOF
	WITH="LD_PRELOAD=$RIG_BUILD/libkashim.so KASHIM_CONFIG=$RIG_DIR/kashim.conf"
	serve_silent
	measure
	is path-forgets 0 no-answer
	holds_truth "$TRUTH"
}

# Where its live connections go to, and whether it fits.
rule() {
	rig_has nc || skip 'no nc'
	cat >kashim.conf <<-EOF
		rule other { destination = { "$(rig_address 2)" } idle = 2 }
		rule late  { destination = { "$AT" } firewall-timeout = "40s" }
	EOF
	serve_silent
	for at in "$(rig_address 2)" "$AT" "$AT"; do
		rig_exec client nc -d "$at" "$PORT" >/dev/null 2>&1 &
	done
	rig_wait 30 are_connected || fail 'no connections'
	probe --config "$RIG_DIR/kashim.conf" --rule late
	is path-forgets 1 no-answer
	[ "$(value address)/$(value rule)/$(value rule_fit)" = \
		"$AT/late/too-late" ] || fail 'not that it is too late'
	holds_truth "$TRUTH"
}

are_connected() {
	[ "$(rig_in server ss -tnH state established "sport = :$PORT" |
		wc -l)" -eq 3 ]
}

# The other side has no keepalive probes to answer: a firewall drops what
# carries no data.
silent_answer() {
	firewall <<-'EOF'
		insert rule inet firewall forward iifname "client" tcp flags & (syn | fin | rst) == 0 meta length <= 80 ct packets > 3 drop
	EOF
	serve_silent
	measure
	is unanswered 1
	ok "$(value verdict)"
}

interrupted() {
	serve_silent
	rig_exec client "$RIG_BUILD/kashim" probe --json --from 4s --to 30s \
		--connections 9 "$AT" "$PORT" >probe.json 2>probe.err &
	RUNS=$!
	rig_wait 60 was_asked || fail 'none was asked'
	kill -TERM "$RUNS"
	wait "$RUNS"
	STATUS=$?
	is interrupted 130
	value again | grep -qE "^kashim probe --from [4-9]s --to 30s --connections 9 --json $AT $PORT\$" ||
		fail 'not how to go on'
	ok "$(value verdict), to go on: $(value again)"
}

VARIANT=${1-}
if [ -n "$VARIANT" ]; then
	rig_enter "$0" "$VARIANT"
	rig_trap
	rig_up "$TRUTH" || fail 'the rig cannot be set up here'
	AT=$(rig_address 1) WITH=
	"$(echo "$VARIANT" | tr - _)"
	exit 0
fi

dir=$(mktemp -d) || exit 1
jobs=
finish() {
	trap '' INT TERM HUP PIPE
	trap - EXIT
	for job in $jobs; do
		kill "${job#*:}" 2>/dev/null
	done
	wait
	rm -rf "$dir"
	exit "$1"
}
trap 'finish $?' EXIT
trap 'finish 130' INT
trap 'finish 143' TERM
trap 'finish 129' HUP
trap 'finish 141' PIPE
for VARIANT in $VARIANTS; do
	sh "$0" "$VARIANT" >"$dir/$VARIANT" 2>&1 &
	jobs="$jobs $VARIANT:$!"
done
bad=0
for job in $jobs; do
	wait "${job#*:}"
	status=$?
	out=$dir/${job%%:*}
	jobs=${jobs#" $job"}
	cat "$out"
	if ! grep -qE '^(ok  |skip|FAIL|cannot run here:) ' "$out" ||
		{ [ $status -ne 0 ] && ! grep -q '^FAIL ' "$out"; }; then
		echo "FAIL probe: ${job%%:*}: ended with status $status"
	fi
	! grep -q '^FAIL ' "$out" || bad=1
done
echo "plan $(cat "$dir"/* | grep -c '^ok  ')"
exit $bad
