#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach and detach: the rules on each connection of a control group, set
# by the kernel. BUILD names the build directory. Control groups, and programs
# in the kernel, are the machine's own: all that is attached here is attached
# below a control group of the test's own, and goes with this mount namespace.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount --net
begin
# shellcheck source=test/command/cgroup.sh
. "$here/cgroup.sh"
own_cgroup kashim-test.

# Numbers that hang on this run.
plain() {
	sed -e "s|$own|OWN|g; s|$work|WORK|g; s|group [0-9][0-9]*|group N|;
		s|process [0-9][0-9]*|process N|"
}

cat >conf <<'END'
app-settings = respect
interval     = "3s"

rule ignored { destination = { "127.0.0.9" } action = ignore }
rule v4 {
	direction    = connect
	destination  = { "127.0.0.0/8" }
	port         = { "7000-7099" }
	idle         = "11s"
	count        = 4
	user-timeout = "9s"
}
rule peer { direction = accept source = { "127.0.0.2" } idle = "13s" }
rule chosen {
	direction   = connect
	source      = { "127.0.0.1" }
	destination = { "127.0.0.3" }
	idle        = "17s"
}
rule v6 { destination = { "::1" } idle = "19s" }
END
export KASHIM_CONFIG="$work/conf" KASHIM_CACHE="$work"

# What is wrong is said, and nothing is attached.

umount /sys/fs/bpf || exit 2
check 'no BPF file system' 2 "$kashim" attach --cgroup "$own/a" <<'END'
! kashim: /sys/fs/bpf is no BPF file system: mount -t bpf -o mode=700 bpf /sys/fs/bpf
END
mount -t bpf bpf /sys/fs/bpf || exit 2
check 'a user' 2 setpriv --reuid 65533 --clear-groups \
	"$kashim" attach --cgroup "$own/a" <<'END'
! kashim: the kernel takes programs from root alone (CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN), and not in a user namespace
END
same 'which leaves nothing there' "$(find /sys/fs/bpf -name kashim)" ''
check 'to nothing' 2 "$kashim" attach <<'END'
! kashim: to what? --all, --slice, --unit or --cgroup
! Try 'kashim attach --help'.
END
check 'to two' 2 "$kashim" attach --all --cgroup "$own" <<'END'
! kashim: one of --unit, --slice, --cgroup and --all
! Try 'kashim attach --help'.
END
check 'an argument' 2 "$kashim" attach "$own" <<'END'
! kashim: attach takes options only, not 'OWN'
! Try 'kashim attach --help'.
END
check 'no control group' 2 "$kashim" attach --cgroup "$work" <<'END'
! kashim: WORK is no control group of version 2
END
check 'nothing there' 2 "$kashim" attach --cgroup "$own/c" <<'END'
! kashim: OWN/c: No such file or directory
END
echo 'rule a { action = ignore }' >harmless
check 'rules that only ignore' 0 \
	"$kashim" attach --cgroup "$own/a" --config harmless --dry-run <<'END'
OWN/a: the kernel would get 1 rule of WORK/harmless
END
check 'nothing is attached' 1 "$kashim" attach --list <<'END'
! kashim: nothing is attached
END
check 'nothing is to be detached' 1 "$kashim" detach <<'END'
! kashim: nothing is attached
END

# host [WHERE]: what connections have, of a program in a control group.
host() {
	inside "${1:-$own}" /usr/bin/python3 "$here/attach_host.py" \
		127.0.0.1,7001,127.0.0.1,,later 127.0.0.1,7101,127.0.0.1 \
		127.0.0.1,7102,127.0.0.1,127.0.0.2 \
		127.0.0.3,7103,127.0.0.3 127.0.0.9,7009,127.0.0.9 \
		::,7002,::1 ::,7003,::ffff:127.0.0.1 \
		::,7104,::ffff:127.0.0.1,::ffff:127.0.0.2
}
bare='127.0.0.1 7001: 0 66 75 9 0 / 0 7200 75 9 0
later: 0 77 75 9 0 / 0 77 75 9 0
127.0.0.1 7101: 0 66 75 9 0 / 0 7200 75 9 0
127.0.0.1 7102: 0 66 75 9 0 / 0 7200 75 9 0
127.0.0.3 7103: 0 66 75 9 0 / 0 7200 75 9 0
127.0.0.9 7009: 0 66 75 9 0 / 0 7200 75 9 0
::1 7002: 0 66 75 9 0 / 0 7200 75 9 0
::ffff:127.0.0.1 7003: 0 66 75 9 0 / 0 7200 75 9 0
::ffff:127.0.0.1 7104: 0 66 75 9 0 / 0 7200 75 9 0'
by_rule='127.0.0.1 7001: 1 11 3 4 9000 / 0 7200 75 9 0
later: 1 77 3 4 9000 / 0 77 75 9 0
127.0.0.1 7101: 0 66 75 9 0 / 0 7200 75 9 0
127.0.0.1 7102: 0 66 75 9 0 / 1 13 3 9 0
127.0.0.3 7103: 1 17 3 9 0 / 0 7200 75 9 0
127.0.0.9 7009: 0 66 75 9 0 / 0 7200 75 9 0
::1 7002: 1 19 3 9 0 / 1 19 3 9 0
::ffff:127.0.0.1 7003: 1 11 3 4 9000 / 0 7200 75 9 0
::ffff:127.0.0.1 7104: 0 66 75 9 0 / 1 13 3 9 0'

# Without IPv6 the kernel has no such address.
if ! needs ipv6 'connections of IPv6'; then
	host() {
		inside "${1:-$own}" /usr/bin/python3 "$here/attach_host.py" \
			127.0.0.1,7001,127.0.0.1,,later \
			127.0.0.1,7101,127.0.0.1 \
			127.0.0.1,7102,127.0.0.1,127.0.0.2 \
			127.0.0.3,7103,127.0.0.3 127.0.0.9,7009,127.0.0.9
	}
	bare=$(printf '%s\n' "$bare" | grep -v ::)
	by_rule=$(printf '%s\n' "$by_rule" | grep -v ::)
fi

# Each connection, from its begin on.

same 'before' "$(host "$own/a")" "$bare"
check 'attach' 0 "$kashim" attach --cgroup "$own/a" <<'END'
OWN/a: the kernel has 5 rules of WORK/conf
END
same 'a program there' "$(host "$own/a")" "$by_rule"
same 'below' "$(host "$own/a/below")" "$by_rule"
same 'beside' "$(host "$own/b")" "$bare"
same 'above' "$(host "$own")" "$bare"
printf 'app-settings = respect\nrule all { idle = "300s" }\n' >long
check 'a static program: attach' 0 \
	"$kashim" attach --cgroup "$own/b" --config long <<'END'
OWN/b: the kernel has 1 rule of WORK/long
END
# What the static program says, which connects twice.
static() {
	inside "$own/b" "$build/test/connects_static" 0 |
		grep -o 'connect 0 idle.*' | uniq
}
same 'a static program' "$(static)" \
	'connect 0 idle 300 on 1, accept idle 300 on 1'
cp "$build/test/connects_static" setuid && chmod u+s setuid || exit 2
same 'a setuid program' "$(inside "$own/b" setpriv --reuid 65533 \
	--clear-groups ./setuid 0 | sed 's/^connect 0 //' | uniq)" \
	'secure 1
idle 300 on 1, accept idle 300 on 1'
check 'what is attached' 0 "$kashim" attach --list <<'END'
OWN/a: 5 rules of WORK/conf
OWN/b: 1 rule of WORK/long
END

check 'to one control group' 0 "$kashim" attach --list --cgroup "$own/b" <<'END'
OWN/b: 1 rule of WORK/long
END
check 'not to that' 1 "$kashim" attach --list --cgroup "$own/a/below" <<'END'
! kashim: nothing is attached to OWN/a/below
END

# One above it is asked after it, and what that names it sets.

check 'above it' 0 "$kashim" attach --cgroup "$own" --config long <<'END'
OWN: the kernel has 1 rule of WORK/long
END
same 'both' "$(host "$own/a" | sed -n 1p)" \
	'127.0.0.1 7001: 1 300 3 4 9000 / 1 300 75 9 0'
check 'no longer above it' 0 "$kashim" detach --cgroup "$own" <<'END'
OWN: detached
END

# New rules, in place.

cp conf first
sed 's/"11s"/"12s"/; s/"19s"/"20s"/; /^rule ignored/d' first >conf
check 'attach once more' 0 "$kashim" attach --cgroup "$own/a" <<'END'
OWN/a: the kernel has now 4 rules of WORK/conf
END
renewed=$(printf '%s\n' "$by_rule" |
	sed 's/ 1 11 / 1 12 /; s/ 1 19 / 1 20 /g; s|^\(.* 7009: \).*/|\11 12 3 4 9000 /|')
same 'the new rules' "$(host "$own/a")" "$renewed"
cp first conf
policy=$(echo "$work/conf" | tr / % | cut -c 2-)
check 'reload' 0 "$kashim" reload <<END
WORK/$policy.policy: written, $("$kashim" compile | grep -o '[0-9]* bytes')
WORK/$policy.shared: generation 2 is in force
OWN/a: the kernel has now 5 rules
END
same 'the reloaded rules' "$(host "$own/a")" "$by_rule"
same 'those of another file stay' "$(static)" \
	'connect 0 idle 300 on 1, accept idle 300 on 1'

# A reload that fails changes nothing, anywhere.

ls -l --time-style=full-iso ./*.policy ./*.shared >files
printf 'rule all { program = { "%064d" } }\n' 0 >conf
check 'reload of what the kernel can not do' 2 "$kashim" reload <<END
! kashim: WORK/conf:1: rule all $too_long
! kashim: programs keep the policy that they have, as the kernel does
END
same 'the files stay' \
	"$(ls -l --time-style=full-iso ./*.policy ./*.shared)" "$(cat files)"
same 'the kernel has the old rules' "$(host "$own/a")" "$by_rule"
echo 'rule all {' >conf
fails "$kashim" reload >out 2>&1
same 'a mistake' "$(host "$own/a")" "$by_rule"
cp first conf

# Beside another tool's program.

mkfifo in
cc -o other_tool "$here/other_tool.c" -lbpf || exit 2
# other WHERE HOW...: starts it.
other() {
	./other_tool "$@" <in >other 2>&1 &
	exec 9>in
	until_true 20 grep -q . other
}
other "$own/a" multi
same 'another tool beside' "$(cat other)" attached
same 'both work: the rules' "$(host "$own/a")" "$by_rule"
exec 9>&-
wait
same 'both work: what it counts' "$(tail -n 1 other)" \
	"$(printf '%s\n' "$by_rule" | grep -vc later)"
check 'detach one' 0 "$kashim" detach --cgroup "$own/a" <<'END'
OWN/a: detached
END
same 'detached' "$(host "$own/a")" "$bare"
check 'nothing there' 1 "$kashim" detach --cgroup "$own/a" <<'END'
! kashim: nothing is attached to OWN/a
END
other "$own/a" alone
check 'one that admits no other, above' 2 \
	"$kashim" attach --cgroup "$own/a/below" <<'END'
! kashim: OWN/a/below: a program that admits no other is attached to OWN/a
END
exec 9>&-
wait

# A control group that is removed.

check 'below' 0 "$kashim" attach --cgroup "$own/a/below" <<'END'
OWN/a/below: the kernel has 5 rules of WORK/conf
END
rmdir "$own/a/below"
# The kernel lets go of it a while later.
is_gone() {
	"$kashim" attach --list | grep -q gone
}
holds 'gone' until_true 20 is_gone
mkdir "$own/a/below"
same 'a new one of this name' "$(host "$own/a/below")" "$bare"
check 'it is said' 1 "$kashim" attach --list <<'END'
control group N, which is gone: 5 rules of WORK/conf
OWN/b: 1 rule of WORK/long
END
check 'reload passes it over' 0 "$kashim" reload <<END
WORK/$policy.policy: written, $(stat -c %s "$policy.policy") bytes
WORK/$policy.shared: generation 3 is in force
END
check 'detach all' 0 "$kashim" detach <<'END'
control group N, which is gone: detached
OWN/b: detached
END
check 'nothing is left' 1 "$kashim" attach --list <<'END'
! kashim: nothing is attached
END

# What a command has left that was killed between its two links.

mkdir killed
cp conf killed/conf
sed 's/= respect/= override/' killed/conf >conf
holds 'one that holds' "$kashim" attach --cgroup "$own/a"
left=$(stat -c %i "$own/a")
rm "/sys/fs/bpf/kashim/$left"
holds 'half of it' test -e "/sys/fs/bpf/kashim/$left-hold"
check 'it is not listed' 1 "$kashim" attach --list <<'END'
! kashim: nothing is attached
END
holds 'the next one' "$kashim" attach --cgroup "$own/b"
same 'the half is gone' "$(find /sys/fs/bpf/kashim -name "$left*")" ''
rm "/sys/fs/bpf/kashim/$(stat -c %i "$own/b")"
check 'detach, without a whole one' 1 "$kashim" detach <<'END'
! kashim: nothing is attached
END
same 'detach removes it, too' "$(ls /sys/fs/bpf/kashim)" ''
cp killed/conf conf

# A directory that somebody else has made.

rmdir /sys/fs/bpf/kashim
mkdir /sys/fs/bpf/kashim && chown 65533 /sys/fs/bpf/kashim
check 'untrusted' 2 "$kashim" attach --cgroup "$own/a" <<'END'
! kashim: /sys/fs/bpf/kashim is not trusted: you have to own it, and nobody else may write it
END
rmdir /sys/fs/bpf/kashim

# The whole host is what the root of the control groups has below it; here that
# of a namespace.
cat >all <<'END'
umount --lazy "$1/cg"
mkdir "$1/root" && mount -t cgroup2 cgroup2 "$1/root" || exit
[ "$(grep -c ' cgroup2 ' /proc/self/mounts)" -eq 1 ] &&
	[ -d "$1/root/below" ] || exit
"$2" attach --all
END
check 'the whole host' 0 inside "$own/a" unshare --cgroup --mount \
	sh all "$work" "$kashim" <<'END'
WORK/root: the kernel has 5 rules of WORK/conf
END
same 'in it' "$(host "$own/a/below")" "$by_rule"
same 'outside of it' "$(host "$own/b")" "$bare"
holds 'detach' "$kashim" detach

# Against what the program sets itself.

# hooks: how many hold rules.
hooks() {
	find /sys/fs/bpf/kashim -name '*-hold' | wc -l
}
cat >conf <<'END'
idle     = "300s"
interval = "30s"
count    = 5

rule first   { destination = { "127.0.0.2" } idle = "10s" }
rule tight   { destination = { "127.0.0.3" } app-settings = tighten user-timeout = "9s" }
rule free    { destination = { "127.0.0.4" } app-settings = respect }
rule ignored { destination = { "127.0.0.5" } action = ignore }
rule one-way { destination = { "127.0.0.6" } direction = accept action = ignore }
rule rest    { port = { "7777" } }
END
cc -static -o attach_hold "$here/attach_hold.c" || exit 2
set -- 127.0.0.1 127.0.0.3 127.0.0.4 127.0.0.5 127.0.0.6
needs ipv6 'held connections of IPv6' && set -- "$@" ::1
inside "$own" ./attach_hold "$@" >bare.out
check 'rules that hold' 0 "$kashim" attach --cgroup "$own/a" <<'END'
OWN/a: the kernel has 6 rules of WORK/conf
END
inside "$own/a" ./attach_hold "$@" >held.out
same 'each call is answered as without' \
	"$(grep -v ^has held.out)" "$(grep -v ^has bare.out)"
holds 'and what is no connection has the same' \
	sh -c "grep -E '^has (unc|UDP|raw|unix|net|no|cl)' held.out >held.others &&
		grep -E '^has (unc|UDP|raw|unix|net|no|cl)' bare.out |
			cmp - held.others"
# expect ADDRESS BEFORE-CONNECTED BEFORE-ACCEPTED CONNECTED ACCEPTED
expect() {
	same "held: $1" "$(grep "^has $1 " held.out)" \
		"has $1 set before, connected: $2
has $1 set before, accepted: $3
has $1 connected: $4
has $1 accepted: $5
has $1 a copy: $4
has $1 listener: 0 7000 10 50 1234"
}
by_rule='1 300 30 5 1234' by_program='0 7000 10 50 1234'
tighter='1 300 10 5 1234'
expect 127.0.0.1 "$by_rule" "$by_rule" "$by_rule" "$by_rule"
expect 127.0.0.3 "$tighter" "$tighter" "$tighter" "$tighter"
expect 127.0.0.4 "$by_rule" "$by_rule" "$by_program" "$by_program"
expect 127.0.0.5 "$by_program" "$by_program" "$by_program" "$by_program"
expect 127.0.0.6 "$by_rule" "$by_program" "$by_rule" "$by_program"
case $* in
*::1*) expect ::1 "$by_rule" "$by_rule" "$by_rule" "$by_rule" ;;
esac
same 'connects twice' "$(grep -E '^has (refused|set bet|the sec)' held.out)" \
	'has refused: 1 10 30 5 0
has set between: 1 10 9 5 0
has the second time: 1 300 9 5 9000'

# Reload: what a connection was begun under is not what holds, but what is in
# force; and the hook is there only while a rule holds.

cat >talker.py <<'END'
import socket
import sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 7777))
listener.listen()
connection = socket.create_connection(listener.getsockname())
accepted = listener.accept()[0]
print("open", flush=True)
for line in sys.stdin:
	connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(line))
	print(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
	    flush=True)
END
exec_inside "$own/a" /usr/bin/python3 talker.py <in >talker.out 2>&1 &
talker=$!
exec 9>in
until_true 20 grep -q open talker.out
# sets SECONDS: what it has when it has set that.
sets() {
	: >talker.out
	echo "$1" >&9
	until_true 20 grep -q . talker.out
	cat talker.out
}
# reloaded SED: the configuration, changed so.
reloaded() {
	sed -i "$1" conf
	holds "reload: $1" "$kashim" reload
}
same 'an open connection' "$(sets 66)" 300
reloaded s/300s/200s/
same 'the rules of now' "$(sets 67)" 200
# CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, as a container may have them: the kernel
# gives no program or map by its number.
few() {
	setpriv --bounding-set -all,+cap_39,+cap_38,+net_admin "$@"
}
sed -i s/200s/150s/ conf
few "$kashim" attach --cgroup "$own/a" >out 2>&1
same 'few rights: attach, but what is open' \
	"$? $(sed -n 's/\(right, 3\) .*/\1/; $p' out)" \
	'1 0 sockets changed, 0 were right, 3'
same 'few rights: the connection is still held' "$(sets 66)" 150
holds 'few rights: list' few "$kashim" attach --list --cgroup "$own/a"
reloaded s/150s/100s/
holds 'apply' "$kashim" apply --pid $talker
same 'what apply has set stays' "$(sets 68)" 100
sed -i '/^rule tight/d; s/^rule rest .*/rule rest { app-settings = respect }/
	s/^rule first.*//' conf
reloaded ''
same 'no rule holds any more' "$(sets 69)" 69
same 'no hook is left' "$(hooks)" 0
reloaded 's/^rule rest .*/rule rest { app-settings = tighten }/'
same 'the hook is back' "$(hooks)" 1
exec 9>&-
wait
inside "$own/a" ./attach_hold 127.0.0.1 >held.out
same 'a new connection is held' "$(grep '127.0.0.1 connected' held.out |
	grep ^has)" 'has 127.0.0.1 connected: 1 100 10 5 1234'

few "$kashim" attach --cgroup "$own/b" >out 2>&1
holds 'few rights: a group' [ $? -le 1 ]
holds 'few rights: detach' few "$kashim" detach --cgroup "$own/b"

# A part that is lost is noticed, and comes back.

rm /sys/fs/bpf/kashim/*-hold
check 'a part is lost' 1 "$kashim" attach --list <<'END'
OWN/a: 4 rules of WORK/conf, not held against what programs set: attach again
END
check 'attach again' 0 "$kashim" attach --cgroup "$own/a" <<'END'
OWN/a: the kernel has now 4 rules of WORK/conf
END
check 'whole again' 0 "$kashim" attach --list <<'END'
OWN/a: 4 rules of WORK/conf
END

# Beside another tool's program for setsockopt(2).

cat >priority.py <<'END'
import socket
sock = socket.socket()
sock.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 5)
print(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY))
END
other "$own/a" multi setsockopt
same 'what the other one changes' \
	"$(inside "$own/a" /usr/bin/python3 priority.py)" 3
exec 9>&-
wait
holds 'detach both' "$kashim" detach
same 'both are gone' "$(ls /sys/fs/bpf/kashim)" ''
other "$own" alone setsockopt
check 'one that admits no other' 2 "$kashim" attach --cgroup "$own/a" <<'END'
! kashim: OWN/a: a program that admits no other is attached to OWN
END
same 'nothing is attached then' "$(ls /sys/fs/bpf/kashim)" ''
exec 9>&-
wait
other "$own" alone
fails "$kashim" attach --cgroup "$own/a" 2>out
same 'nor one of the two' "$(ls /sys/fs/bpf/kashim)" ''
exec 9>&-
wait
sed -i 's/tighten/respect/' conf
holds 'a policy that does not hold' "$kashim" attach --cgroup "$own/a"
holds 'its file' "$kashim" reload
other "$own" alone setsockopt
ls -l --time-style=full-iso ./*.policy ./*.shared >files
sed -i 's/respect/override/' conf
check 'one that does is refused' 2 "$kashim" reload <<'END'
! kashim: OWN/a: a program that admits no other is attached to OWN
! kashim: programs keep the policy that they have, as the kernel does
END
same 'the files stay then' \
	"$(ls -l --time-style=full-iso ./*.policy ./*.shared)" "$(cat files)"
exec 9>&-
wait

# Of two, the one above has the last word.

printf 'rule all { idle = "150s" }\n' >above
holds 'the one below' "$kashim" attach --cgroup "$own/a"
holds 'the one above' "$kashim" attach --cgroup "$own" --config above
inside "$own/a" ./attach_hold 127.0.0.1 >held.out
same 'both hold' "$(grep '127.0.0.1 connected' held.out | grep ^has)" \
	'has 127.0.0.1 connected: 1 150 30 5 1234'

# Whatever the moment of a reload, what the program sets is overruled.

cat >often.py <<'END'
import os
import socket
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
idle = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE
seen = set()
while not os.path.exists("enough"):
	with socket.create_connection(listener.getsockname()) as connection:
		accepted = listener.accept()[0]
		for sock in connection, accepted:
			sock.setsockopt(*idle, 7000)
			seen.add(sock.getsockopt(*idle))
		connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
		    b"\1\0\0\0\0\0\0\0")
		accepted.close()
	open("begun", "w").close()
print(*seen - {100, 101})
END
holds 'without the one above' "$kashim" detach --cgroup "$own"
inside "$own/a" /usr/bin/python3 often.py >often.out 2>&1 &
often=$!
holds 'it has begun' until_true 20 test -e begun
turn=0
while [ $turn -lt 15 ]; do
	turn=$((turn + 1))
	sed -i 's/"100s"/"101s"/; t
		s/"101s"/"100s"/' conf
	"$kashim" reload >out 2>&1 || break
done
same 'reloads' "$turn" 15
: >enough
wait $often
same 'what connections had besides' "$(cat often.out)" ''

# A program in Go, which sets 15 or 30 s itself.

cat >silent.py <<'END'
import socket
import sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 7777))
listener.listen()
print("open", flush=True)
sys.stdin.read()
END
# timer: of a connection to it.
timer() {
	ss -Htno state established dport = :7777 |
		sed -n 's/.*timer:(keepalive,\([^,]*\),.*/\1/p' | head -n 1
}
has_timer() {
	[ -n "$(timer)" ]
}
# go WHERE: the timer of restic's connection there.
go() {
	exec_inside "$1" env RESTIC_PASSWORD=x \
		RESTIC_CACHE_DIR="$work/restic" \
		restic -r rest:http://127.0.0.1:7777/ snapshots \
		>restic.out 2>&1 9>&- &
	restic=$!
	until_true 20 has_timer
	timer
	kill -9 $restic
	wait $restic 2>/dev/null
}
if found command:restic 'Go, in restic'; then
	/usr/bin/python3 silent.py <in >silent.out 2>&1 &
	exec 9>in
	until_true 20 grep -q open silent.out
	has=$(go "$own/b")
	holds "its own: $has" expr "$has" : '[0-9.]*sec$'
	has=$(go "$own/a")
	holds "the rule's: $has" expr "$has" : '1min[34][0-9]sec$'
	exec 9>&-
	wait
fi
holds 'detach all of it' "$kashim" detach
rmdir /sys/fs/bpf/kashim

# What is open already, in the control group and below, is set as apply would:
# where the socket was made counts, not where its program is now, nor who listens.

tcp() {
	where=$1
	shift
	exec_inside "$where" /usr/bin/python3 "$here/tcp_host.py" "$@" \
		<in >>open.out 2>&1 9>&- &
}
mkdir "$own/c" "$own/c/below"
: >open.out
tcp "$own/b" listen,127.0.0.1,7801 listen,127.0.0.1,7802 \
	connect,127.0.0.1,7801
exec 9>in
until_true 20 grep -q ready open.out
: >open.out
tcp "$own/c" connect,127.0.0.1,7801 listen,127.0.0.1,7803
until_true 20 grep -q ready open.out
: >open.out
tcp "$own/c/below" connect,127.0.0.1,7802 connect,127.0.0.1,7803
moved=$!
until_true 20 grep -q ready open.out
echo $moved >"$own/b/cgroup.procs"
cat >open <<'END'
rule out { direction = connect idle = "30s" interval = "3s" count = 4 }
rule in  { direction = accept  idle = "40s" interval = "3s" count = 4 }
END
# ends: the lines of sockets, without what hangs on this run, in some order.
ends() {
	grep '127[.]0' | sed 's/:[1-6][0-9]\{4\}/:N/g; s/  */ /g' | sort
}
cat >ends <<'END'
 127.0.0.1:7803 <- 127.0.0.1:N off 40s/3s/4 in
 127.0.0.1:7803 listens off 40s/3s/4 in
 127.0.0.1:N -> 127.0.0.1:7801 off 30s/3s/4 out
 127.0.0.1:N -> 127.0.0.1:7802 off 30s/3s/4 out
 127.0.0.1:N -> 127.0.0.1:7803 off 30s/3s/4 out
END
for try in '--dry-run' ''; do
	# shellcheck disable=SC2086 # nothing, or an option
	"$kashim" attach --cgroup "$own/c" --config open $try >opened 2>&1
	same "open, $try: status" $? 0
	ends <opened >opened.ends
	holds "open, $try: which" diff ends opened.ends
	plain <opened | sed -n '1p;$p'
done >said
holds 'open: what is said' diff - said <<'END'
OWN/c: the kernel would get 2 rules of WORK/open
5 sockets would be changed, 0 are right
OWN/c: the kernel has 2 rules of WORK/open
5 sockets changed, 0 were right
END
check 'again' 0 "$kashim" attach --cgroup "$own/c" --config open <<'END'
OWN/c: the kernel has now 2 rules of WORK/open
0 sockets changed, 5 were right
END
exec 9>&-
wait
holds 'detach what is open' "$kashim" detach
rmdir /sys/fs/bpf/kashim

# The kernel's look-up is match.c's.

if found header:check.h 'the look-up in the kernel'; then
	lookups=${LOOKUPS:-1000000}
	holds 'no answer differs' "$build/test/lookups" "$lookups"
	holds 'damaged policies' \
		"$build/test/lookups" damaged $((lookups / 1000))
	# Those that the fuzzer of images begins with, also without programs.
	mkdir seeds images
	for seed in "$root"/test/fuzz/seeds/config/*.conf; do
		cat "$seed" >"seeds/${seed##*/}"
		grep -v program "$seed" >"seeds/any-${seed##*/}"
	done
	for seed in seeds/*; do
		KASHIM_CACHE="$work/images" "$kashim" compile "$seed" \
			>/dev/null 2>&1
	done
	holds 'images of the fuzzer' \
		"$build/test/lookups" images images/*.policy
fi
finish
