#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim probe as a command: its arguments, its words, and how it ends, on
# loopback, where nothing forgets. Through firewalls: test/e2e/cases/probe.sh.
# BUILD names the build directory.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
apart --mount --net
children=
group=
cleanup() {
	[ -z "$group" ] || rmdir "$group"
	for child in $children; do
		kill "$child" 2>/dev/null
	done
}
begin
export LC_ALL=C COLUMNS=80
PATH=$build:$PATH
export PATH
ip link set lo up || exit 2
cat >kashim.conf <<'END'
rule all { idle = 1 }
END
export KASHIM_CONFIG="$work/kashim.conf"

# Round trips and passed times differ.
plain() {
	sed -E 's/round trip [0-9.]+ ms/round trip N ms/
		s/^Interrupted after [0-9.]+ s/Interrupted after N s/
		s/ends connections after [0-9.]+ s/ends connections after N s/
		s/(^|[. ])[0-9]+\.[0-9] s of silence/\1N s of silence/'
}

# Wrong use.

check 'no arguments' 2 kashim probe <<'END'
! kashim: probe needs a host and a port
! Try 'kashim probe --help'.
END
check 'no port' 2 kashim probe localhost <<'END'
! kashim: probe needs a host and a port
! Try 'kashim probe --help'.
END
check 'a host to listen at' 2 kashim probe --listen 7000 localhost 7000 <<'END'
! kashim: with --listen there is no host
! Try 'kashim probe --help'.
END
check 'no time' 2 kashim probe --from soon localhost 7000 <<'END'
! kashim: probe: --from "soon": not a duration; write a whole number and ms, s, min or h, such as 90s or 5min
END
check 'too short' 2 kashim probe --to 10ms localhost 7000 <<'END'
! kashim: probe: --to "10ms": out of range; write 1s to 168h
END
check 'an end before the beginning' 2 kashim probe --to 20s localhost 7000 <<'END'
! kashim: --to is before --from
! Try 'kashim probe --help'.
END
check 'too few connections' 2 kashim probe -n 5 localhost 7000 <<'END'
! kashim: probe needs 6 connections
! Try 'kashim probe --help'.
END
check 'too many' 2 kashim probe -n 65 localhost 7000 <<'END'
! kashim: probe: --connections "65": out of range; write 1 to 64
END
check 'no rate' 2 kashim probe --rate 0 localhost 7000 <<'END'
! kashim: probe: --rate "0": out of range; write 1 to 100
END
check 'no port to listen at' 2 kashim probe --listen 65536 <<'END'
! kashim: probe: --listen "65536": out of range; write 1 to 65535
END

check 'a rule to listen for' 2 kashim probe --listen 7000 --rule all <<'END'
! kashim: --listen has no use for a rule or a unit
! Try 'kashim probe --help'.
END
check 'no such rule' 2 kashim probe --rule none localhost 7000 <<END
! kashim: there is no rule 'none' in $work/kashim.conf
END
check 'no connection of the rule' 2 kashim probe --rule all <<'END'
! kashim: no live connection that this side began has rule all; give HOST and PORT
END
check 'no connection of the unit' 2 kashim probe --unit none <<'END'
! kashim: no live connection that this side began is of unit none; give HOST and PORT
END

# No connection.

check 'nobody listens' 2 kashim probe 127.0.0.1 7000 <<'END'
! kashim: 127.0.0.1 port 7000: Connection refused
END
check 'no such host' 2 kashim probe nobody.invalid 7000 <<END
! kashim: nobody.invalid port 7000: $(python3 -c 'import socket
try:
	socket.getaddrinfo("nobody.invalid", 7000)
except OSError as error:
	print(error.strerror)')
END

# Two listeners of it, of which one sees its port taken.

listening() {
	ss -tlnH "sport = :$1" | grep -q .
}

kashim probe --listen 7000 >listen.out 2>&1 &
listener=$!
children=$listener
until_true 20 listening 7000 || exit 2
until_true 20 test -s listen.out
same 'it says so' "$(cat listen.out)" 'listening at port 7000; probe it from the other side; a signal, such as Ctrl-C, ends it'
check 'a port that is taken' 2 kashim probe --listen 7000 <<'END'
! kashim: listen: Address already in use
END

# What survives; also with the library, which would set keepalive.

survives() {
	cat <<END
$1 port 7000: probes are answered, round trip N ms
N s of silence were survived: the path does not forget sooner. That holds for
what is sent from this side. What the service sends first after a long silence
may still be lost, where a firewall takes up what it has forgotten from one side
only; and if there is a proxy, this was the way to it.
For longer silences try --to.
END
}

quick='--from 1s --to 2s --connections 6 --rate 50'
# shellcheck disable=SC2086
survives 127.0.0.1 | check 'it survives' 0 kashim probe $quick 127.0.0.1 7000
# shellcheck disable=SC2086
survives ::1 | check 'IPv6' 0 kashim probe $quick ::1 7000
# shellcheck disable=SC2086
survives 127.0.0.1 | check 'under the library' 0 \
	kashim run kashim probe $quick 127.0.0.1 7000
# Anybody may.
cp "$build/kashim" . || exit 2
# shellcheck disable=SC2086
survives 127.0.0.1 | check 'not as root' 0 setpriv --reuid=65533 --regid=65533 \
	--clear-groups ./kashim probe $quick 127.0.0.1 7000
if needs ptrace 'under the supervisor'; then
	# shellcheck disable=SC2086
	check 'under the supervisor' 2 \
		kashim run -S kashim probe $quick 127.0.0.1 7000 <<-'END'
		! kashim: something in this process sets keepalive on its sockets, so none is silent: run it without that (LD_PRELOAD, kashim run)
	END
fi
# Where the kernel sets it.
if needs bpf 'under kashim attach'; then
	umount --lazy /sys/fs/bpf 2>/dev/null
	mount -t bpf bpf /sys/fs/bpf && mkdir cg &&
		mount -t cgroup2 cgroup2 cg || exit 2
	group=$work/cg/kashim-test.$$
	mkdir "$group" || exit 2
	echo 'rule all { idle = 1 app-settings = respect }' >attach.conf
	if KASHIM_CACHE=$work kashim attach -c attach.conf \
		--cgroup "$group" >attached 2>&1; then
		# shellcheck disable=SC2086,SC2016
		survives 127.0.0.1 | check 'under kashim attach' 0 sh -c '
			echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
			kashim probe $quick 127.0.0.1 7000
	else
		skip 'under kashim attach' "$(cat attached)"
	fi
fi
# Of those that are closed, nothing is left.
left() {
	[ -z "$(ss -tnH state established)" ]
}
holds 'nothing is left' until_true 20 left

# A rule that fits.

cat >fits.conf <<'END'
rule fits { idle = 1 interval = 1 }
END
# shellcheck disable=SC2086
{
	survives 127.0.0.1 | sed '$d'
	echo 'For longer silences try --to.'
	echo 'Rule fits fits: at least two probes come in time.'
} | check 'a rule' 0 kashim probe --from 1s --to 4s --connections 6 --rate 50 \
	-c fits.conf --rule fits 127.0.0.1 7000

# JSON holds what the manual page says of it.

# shellcheck disable=SC2086
kashim probe --json $quick localhost 7000 >result 2>err
/usr/bin/python3 - >keys <<'END'
import json
result = json.load(open("result"))
for key in ("verdict", "lost_seconds", "firewall_timeout_seconds", "host",
	    "port", "connections", "refused", "profiles"):
	print(key, json.dumps(result[key]))
assert 2 <= result["survived_seconds"] <= result["took_seconds"]
END
same 'JSON' "$(cat keys err)" 'verdict "survives"
lost_seconds null
firewall_timeout_seconds null
host "localhost"
port 7000
connections 6
refused 0
profiles []'

# Interrupted: what is known so far, and how to go on.

# was_asked: a silent one, besides the one with keepalive.
was_asked() {
	[ "$(ss -tinH state established 'sport = :7000' |
		grep -cE 'segs_in:([3-9]|[0-9]{2,})( |$)')" -ge 2 ]
}

kashim probe --from 1s --precise 127.0.0.1 7000 >out 2>err &
running=$!
children="$children $running"
until_true 60 was_asked || fail 'none was asked' out err
kill -TERM $running
wait $running
same 'interrupted: the status' $? 130
plain <out | sed 's/--from [0-9]*s/--from Ns/' >text
same 'interrupted' "$(cat text err)" '127.0.0.1 port 7000: probes are answered, round trip N ms
Interrupted after N s.
N s of silence were survived so far.
To go on:
	kashim probe --from Ns --precise 127.0.0.1 7000'

# The line is for a terminal only.

if found command:script 'a terminal'; then
	# shellcheck disable=SC2086
	script -qec "kashim probe $quick 127.0.0.1 7000 2>&1 >/dev/null" \
		/dev/null </dev/null >terminal
	in_file 'a line on the terminal' terminal \
		'of 1 min at most, survived: '
	same 'it is erased' "$(tail -c 4 terminal | od -An -c | tr -d ' ')" \
		'\r033[K'
fi

kill -INT "$listener" 2>/dev/null
kill -TERM "$listener"
wait "$listener"
same 'the listener ends' $? 0

finish
