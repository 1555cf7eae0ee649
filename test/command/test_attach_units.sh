#!/bin/sh
# SPDX-License-Identifier: ISC
#
# kashim attach by unit and slice, after a boot, and at each start of a service,
# with a real systemd. Needs root. BUILD names the build directory. What is
# attached is in that systemd's own control groups and BPF file system, and goes
# with it.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
all_needs bpf
apart --mount

cleanup() {
	systemd_down
}
begin
export LC_ALL=C
# shellcheck source=test/command/systemd.sh
. "$here/systemd.sh"
if ! ldd "$build/kashim" | grep -q libbpf; then
	skip "${0##*/}" 'kashim was built without libbpf'
	finish
	exit
fi

systemd_tree && systemd_install || exit 1
units=$SYSTEMD_ROOT/etc/systemd/system
mkdir -p "$SYSTEMD_ROOT/var/cache/kashim"
cat >"$SYSTEMD_ROOT/etc/kashim.conf" <<'CONF'
rule all { port = "7000-7099" idle = 300 }
CONF
cat >"$SYSTEMD_ROOT/usr/local/bin/connects" <<'CONNECTS'
#!/usr/bin/python3
"""Says what its connection has in the first moment, and keeps it."""
import os
import socket
import sys

connection = socket.create_connection(("127.0.0.1", 7001))
idle = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
print(sys.argv[1], idle, flush=True)
if sys.argv[1] == "forking" and os.fork():
    sys.exit()
manager = os.environ.get("NOTIFY_SOCKET")
if manager:
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.sendto(b"READY=1", manager.replace("@", "\0", 1))
if sys.argv[1] != "before":
    connection.recv(1)
CONNECTS
cat >"$SYSTEMD_ROOT/usr/local/bin/listens" <<'LISTENS'
#!/usr/bin/python3
"""Accepts at 7001, and is ready then."""
import os
import socket

listener = socket.create_server(("127.0.0.1", 7001), backlog=100)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
open_ones = []
while True:
    open_ones.append(listener.accept())
LISTENS
chmod 755 "$SYSTEMD_ROOT/usr/local/bin/connects" \
	"$SYSTEMD_ROOT/usr/local/bin/listens"
printf '[Service]\nType=notify\nExecStart=/usr/local/bin/listens\n' \
	>"$units/listens.service"
said=$SYSTEMD_ROOT/var/log/said
: >"$said"

# service NAME LINE...: one that connects.
service() {
	name=$1
	shift
	printf '%s\n' '[Unit]' Wants=listens.service After=listens.service \
		'[Service]' StandardOutput=append:/var/log/said \
		"ExecStart=/usr/local/bin/connects $name" "$@" \
		>"$units/$name.service"
}

# Numbers that hang on this run.
plain() {
	sed 's/process [0-9][0-9]*/process N/; s/:[1-6][0-9]\{4\} /:N /'
}

systemctl() {
	systemd_run systemctl "$@"
}

kashim() {
	systemd_run /usr/local/bin/kashim "$@"
}

# doctor NAME: what it says of the unit, and of its process, each finding on a
# line of its own.
doctor() {
	kashim doctor "$1.service" >"$work/doctor"
	status=$?
	awk -v RS= '{ gsub(/\n */, " "); gsub(/  +/, " "); print }' \
		"$work/doctor" | sed 's/process [0-9][0-9]*/process N/g
		s/--pid [0-9]*/--pid N/g; s/port [0-9]* to/port N to/'
	return $status
}

# started NAME: what it says when it is started anew.
started() {
	: >"$said"
	systemctl restart "$1" 2>"$work/start" || cat "$work/start"
	until_true 20 grep -q "^${1%.service} " "$said"
	cat "$said"
}

service plain
service inner Slice=units-inner.slice
service before "ExecStartPre=/usr/local/bin/connects before"
# At each start, whatever kind of service it is.
service user User=nobody
service dynamic DynamicUser=yes
service shut User=nobody NoNewPrivileges=yes ProtectSystem=strict \
	ProtectHome=yes PrivateTmp=yes PrivateDevices=yes \
	ProtectControlGroups=yes ProtectKernelTunables=yes \
	CapabilityBoundingSet= MemoryDenyWriteExecute=yes \
	RestrictNamespaces=yes RestrictAddressFamilies="AF_INET AF_UNIX" \
	SystemCallArchitectures=native SystemCallFilter=@system-service \
	'SystemCallFilter=~@privileged @resources' \
	'InaccessiblePaths=/sys/fs/bpf /usr/local/bin/kashim'
service delegated Delegate=yes
service notify Type=notify NotifyAccess=all
service forking Type=forking
# What is for its program alone.
service surroundings Environment=LD_LIBRARY_PATH=/srv/none \
	Environment=PATH=/none Environment=KASHIM_CONFIG=/none
mkdir -p "$SYSTEMD_ROOT/srv/none"
echo none >"$SYSTEMD_ROOT/srv/none/libbpf.so.1"
service failing Restart=on-failure RestartSec=0
service template@
service rooted RootDirectory=/srv
service theirs EnvironmentFile=-/var/lib/theirs/environment
service owned EnvironmentFile=/etc/owned
echo X=1 >"$SYSTEMD_ROOT/etc/owned"
chown 65534 "$SYSTEMD_ROOT/etc/owned"
service asked StandardInput=socket
service later
printf '[Service]\nType=oneshot\n%s\n%s\n' SystemCallFilter=@system-service \
	'ExecStart=/usr/local/bin/kashim run /bin/true' >"$units/filtered.service"
mkdir -p "$units/default.target.wants" "$units/later.service.d"
printf '[Service]\nExecCondition=\n' >"$units/later.service.d/zzz.conf"

systemd_boot || exit 1

# By slice and by unit, by hand.

same 'before' "$(started plain)" 'plain 7200'
check 'no such slice' 2 kashim attach --slice none.slice <<'END'
! kashim: none.slice has no control group now, since nothing runs in it: 'systemctl start none.slice' makes one
END
check 'no name of a slice' 2 kashim attach --slice a--b.slice <<'END'
! kashim: 'a--b.slice' cannot be the name of a slice
END
check 'no such unit' 2 kashim attach --unit none <<'END'
! kashim: there is no unit 'none'
END
check 'a unit that does not run' 2 kashim attach --unit inner <<'END'
! kashim: inner.service does not run, and has no control group now: 'kashim enable --kernel inner.service' attaches it at each start
END
check 'from a unit that does not run' 1 kashim detach --unit inner <<'END'
! kashim: nothing is attached to inner.service, which has no control group now
END
check 'nor is it listed' 1 kashim attach --list --unit inner <<'END'
! kashim: nothing is attached to inner.service, which has no control group now
END
check 'from no such slice' 1 kashim detach --slice none <<'END'
! kashim: nothing is attached to none.slice, which has no control group now
END
check 'from no such unit' 2 kashim detach --unit none <<'END'
! kashim: there is no unit 'none'
END
check 'two at once' 2 kashim attach --unit plain --all <<'END'
! kashim: one of --unit, --slice, --cgroup and --all
! Try 'kashim attach --help'.
END
check 'a unit that runs' 0 kashim attach --unit plain <<'END'
/sys/fs/cgroup/system.slice/plain.service: the kernel has 1 rule of /etc/kashim.conf
It goes when plain.service stops: 'kashim enable --kernel' attaches it at each start.
  CONNECTION                                  BEFORE  AFTER       RULE
connects, process N, plain.service
  127.0.0.1:N -> 127.0.0.1:7001              off  300s/75s/9  all
1 socket changed, 0 were right
END
check 'what is attached' 0 kashim attach --list <<'END'
/sys/fs/cgroup/system.slice/plain.service: 1 rule of /etc/kashim.conf
END
check 'what is attached to it' 0 kashim attach --list --unit plain.service <<'END'
/sys/fs/cgroup/system.slice/plain.service: 1 rule of /etc/kashim.conf
END
systemctl stop plain
is_passed() {
	kashim attach --list 2>&1 | grep -q 'nothing is attached'
}
holds 'it goes, and nobody misses it' until_true 20 is_passed
same 'a new start' "$(started plain)" 'plain 7200'
same 'in a slice, before' "$(started inner)" 'inner 7200'
check 'a slice in a slice' 0 kashim attach --slice units-inner <<'END'
/sys/fs/cgroup/units.slice/units-inner.slice: the kernel has 1 rule of /etc/kashim.conf
  CONNECTION                                  BEFORE  AFTER       RULE
connects, process N, inner.service
  127.0.0.1:N -> 127.0.0.1:7001              off  300s/75s/9  all
1 socket changed, 0 were right
END
# Under a filter that kills who asks for what it does not name.
mkdir -p "$SYSTEMD_ROOT/var/lib/prometheus/node-exporter"
holds 'metrics of what is attached' systemctl start kashim-metrics
holds 'metrics: it is said' grep -q '^kashim_attached_control_groups.* 1$' \
	"$SYSTEMD_ROOT/var/lib/prometheus/node-exporter/kashim.prom"
holds 'run under such a filter' systemctl start filtered
same 'what was left is removed' "$(systemd_run ls /sys/fs/bpf/kashim |
	sed 's/-.*//' | uniq | wc -l)" 1
same 'in that slice' "$(started inner)" 'inner 300'
same 'in another one' "$(started plain)" 'plain 7200'
systemctl stop inner
same 'the slice stays' "$(started inner)" 'inner 300'
check 'detach it' 0 kashim detach --slice units-inner.slice <<'END'
/sys/fs/cgroup/units.slice/units-inner.slice: detached
END
same 'detached' "$(started inner)" 'inner 7200'
holds 'the slice once more' kashim attach --slice units-inner
systemctl stop inner units-inner.slice
is_gone() {
	kashim attach --list | grep -q 'is gone'
}
holds 'a slice that is stopped is missed' until_true 20 is_gone
holds 'detach all' kashim detach
same 'nothing is left' "$(systemd_run ls /sys/fs/bpf/kashim)" ''

# After a boot.

check 'what can not be after a boot' 2 kashim attach --boot --unit plain <<'END'
! kashim: --boot takes --all or --slice
! Try 'kashim attach --help'.
END
check 'nor by another file' 2 kashim attach --boot --all --config /etc/b <<'END'
! kashim: --boot goes by /etc/kashim.conf, without --config
! Try 'kashim attach --help'.
END
same 'it is disabled at first' \
	"$(systemctl is-enabled 'kashim-attach@-.slice.service')" disabled
holds 'all, also after a boot' kashim attach --all --boot
same 'all' "$(started plain)" 'plain 300'
check 'detach says what is enabled' 0 kashim detach <<'END'
! kashim: after a boot it is attached again, until 'systemctl disable kashim-attach@-.slice.service'
/sys/fs/cgroup: detached
END
# The services wait, however long it takes.
mkdir "$units/kashim-attach@.service.d"
printf '[Service]\nExecStartPre=/usr/bin/sleep 1\n' \
	>"$units/kashim-attach@.service.d/late.conf"
ln -s ../plain.service ../inner.service "$units/default.target.wants"
systemd_down
: >"$said"
systemd_boot || exit 1
holds 'the services of the boot' until_true 20 sh -c \
	"test \$(grep -c . '$said') -eq 2"
same 'what they have' "$(sort "$said")" 'inner 300
plain 300'
check 'what is attached then' 0 kashim attach --list <<'END'
/sys/fs/cgroup: 1 rule of /etc/kashim.conf
END
systemctl disable 'kashim-attach@-.slice.service' 2>log
check 'detach, and nothing is enabled' 0 kashim detach --all <<'END'
/sys/fs/cgroup: detached
END
holds 'a slice, also after a boot' kashim attach --slice units --boot
check 'another one is none of it' 1 kashim detach --all <<'END'
! kashim: nothing is attached to /sys/fs/cgroup
END
systemd_down
: >"$said"
systemd_boot || exit 1
holds 'the services of this boot' until_true 20 sh -c \
	"test \$(grep -c . '$said') -eq 2"
same 'what they have then' "$(sort "$said")" 'inner 300
plain 7200'
same 'the unit has done it' "$(systemctl show -P Result \
	kashim-attach@units.slice.service)" success
systemctl disable kashim-attach@units.slice.service 2>log
unit='kashim-attach@.service'
systemd_run systemd-analyze security --no-pager "kashim-attach@a.slice.service" \
	>exposure 2>&1
got=$(sed -n 's/.*exposure level .*: \([0-9.]*\) .*/\1/p' exposure)
limit=$(sed -n 's/.*systemd-analyze security \(.*\)\.$/\1/p' \
	"$root/tools/package/$unit")
holds "$unit: $got, at most $limit" \
	awk "BEGIN { exit !(${got:-99} <= ${limit:-0}) }"
kashim detach >log

# At each start.

check 'what would be written' 0 kashim enable --kernel --dry-run plain <<'END'
! kashim: /etc/systemd/system/plain.service.d/zz-kashim.conf would hold:
# Made by "kashim enable", removed by "kashim disable".
# kashim attach, at each start and before anything of it runs. Whatever
# comes of that, the service starts.
[Service]
ExecCondition=+-/usr/bin/env -i /bin/sh -c 'exec "$$@" >/dev/null' sh /usr/local/bin/kashim attach --unit=%n --config=/etc/kashim.conf
END
check 'both ways' 2 kashim enable --kernel --supervise plain <<'END'
! kashim: --supervise or --kernel, not both
! Try 'kashim enable --help'.
END
check 'a root directory' 1 kashim enable --kernel rooted <<'END'
! kashim: rooted.service cannot be attached at its start: RootDirectory= and RootImage= hide kashim from it; 'kashim attach --slice' reaches it
END
for name in theirs owned; do
	check "what others write: $name" 1 kashim enable --kernel $name <<-END
	! kashim: $name.service cannot be attached at its start: others than root may write its EnvironmentFile=; 'kashim attach --slice' reaches it
	END
done
systemd_run chown 0 /etc/owned
holds 'what root writes' kashim enable --kernel owned
holds 'and back' kashim disable owned
check 'a connection that systemd has made' 1 kashim enable --kernel asked <<'END'
! kashim: asked.service cannot be attached at its start: its connection was made by systemd, and a message would be sent there; 'kashim attach --slice' reaches it
END
check 'a drop-in that comes later' 1 kashim enable --kernel later <<'END'
! kashim: a drop-in of later.service whose name comes after zz-kashim.conf has an empty ExecCondition=, which takes it away
END
for name in plain user dynamic shut delegated notify forking surroundings; do
	same "$name, before" "$(started $name)" "$name 7200"
	holds "$name, enable" kashim enable --kernel $name
done
holds 'a template, enable' kashim enable --kernel template@
holds 'systemd reads it' systemctl daemon-reload
check 'doctor, of a service that runs from before' 1 doctor plain <<'END'
plain.service: process N (connects): the preload is NOT in effect
ok at each start the kernel gets the rules of /etc/kashim.conf for its connections (/etc/systemd/system/plain.service.d/zz-kashim.conf)
It runs:
process N (connects): the preload is NOT in effect
no libkashim.so is not in process N 'kashim apply --pid N' mends the connections that are open now.
no it was started without LD_PRELOAD It has what 'kashim enable --kernel' wrote: 'systemctl daemon-reload' and a restart of plain.service help.
warn 127.0.0.1 port N to 127.0.0.1 port 7001: off, rule all
warn 1 TCP connection: 1 off 'kashim status --pid N' shows them all, 'kashim apply --pid N' mends them.
END
for name in plain user dynamic shut delegated notify forking surroundings; do
	same "$name" "$(started $name)" "$name 300"
done
same 'an instance' "$(started template@a)" 'template@ 300'
check 'doctor' 0 doctor plain <<'END'
plain.service: the kernel looks after its connections
ok at each start the kernel gets the rules of /etc/kashim.conf for its connections (/etc/systemd/system/plain.service.d/zz-kashim.conf)
It runs:
process N (connects): the kernel looks after its connections
ok the kernel sets the rules on connections of what is in /sys/fs/cgroup/system.slice/plain.service: 1 rule of /etc/kashim.conf
ok 1 TCP connection: 1 ok
END
check 'what is enabled is said' 0 kashim detach --unit plain <<'END'
! kashim: at its next start it is attached again, until 'kashim disable plain.service'
/sys/fs/cgroup/system.slice/plain.service: detached
END
same 'again' "$(started plain)" 'plain 300'
systemctl daemon-reload
systemctl daemon-reexec
holds 'the manager reads all anew: it stays' kashim attach --list --unit plain

# Its own ExecStartPre= is reached, too.

holds 'before, enable' kashim enable --kernel before
holds 'systemd reads that' systemctl daemon-reload
started before >log
holds 'it has both' until_true 20 sh -c \
	"test \$(grep -c . '$said') -eq 2"
same 'what comes before' "$(cat "$said")" 'before 300
before 300'

# A reload reaches it; a connection of the next start has the new rules.

sed -i s/300/400/ "$SYSTEMD_ROOT/etc/kashim.conf"
kashim reload >reloaded 2>&1
in_file 'reload' reloaded 'plain.service: the kernel has now 1 rule'
# shellcheck disable=SC2016 # the inner shell expands
same 'the new rules' "$(systemd_run sh -c 'echo $$ >"$0/cgroup.procs" &&
	exec timeout 1 /usr/local/bin/connects other' \
	/sys/fs/cgroup/system.slice/plain.service)" 'other 400'

# Killed and started again by systemd.

holds 'failing, enable' kashim enable --kernel failing
systemctl daemon-reload
same 'failing' "$(started failing)" 'failing 400'
: >"$said"
systemctl kill --signal=KILL failing
holds 'it starts again' until_true 20 grep -q . "$said"
same 'and has them' "$(cat "$said")" 'failing 400'

# Services that have stopped are not missed, and leave nothing.

for name in plain user dynamic shut delegated notify forking surroundings \
	failing before template@a; do
	systemctl stop $name
done
holds 'none is missed' until_true 20 is_passed
same 'the next start' "$(started user)" 'user 400'
same 'nothing is left of the others' "$(systemd_run ls /sys/fs/bpf/kashim |
	sed 's/-.*//' | uniq | wc -l)" 1

# If kashim fails, or is not there, the service starts all the same.

cp "$SYSTEMD_ROOT/etc/kashim.conf" good.conf
echo 'rule {' >"$SYSTEMD_ROOT/etc/kashim.conf"
same 'a mistake' "$(started plain)" \
	'kashim: /etc/kashim.conf:1: a rule without a name; write rule NAME { ... }
plain 7200'
same 'how that went' "$(systemctl show -P Result plain)" success
check 'doctor, of the mistake' 1 doctor plain <<'END'
plain.service: process N (connects): the preload is NOT in effect
warn /etc/kashim.conf:1: a rule without a name; write rule NAME { ... }
ok at each start the kernel gets the rules of /etc/kashim.conf for its connections (/etc/systemd/system/plain.service.d/zz-kashim.conf)
It runs:
process N (connects): the preload is NOT in effect
no libkashim.so is not in process N 'kashim apply --pid N' mends the connections that are open now.
no it was started without LD_PRELOAD It has what 'kashim enable --kernel' wrote: 'systemctl daemon-reload' and a restart of plain.service help.
warn 127.0.0.1 port N to 127.0.0.1 port 7001: off, rule all
warn 1 TCP connection: 1 off 'kashim status --pid N' shows them all, 'kashim apply --pid N' mends them.
END
cp good.conf "$SYSTEMD_ROOT/etc/kashim.conf"
mv "$SYSTEMD_ROOT/usr/local/bin/kashim" "$work/kashim"
same 'no kashim' "$(started plain | tail -n 1)" 'plain 7200'
same 'how that goes' "$(systemctl show -P Result plain)" success
mv "$work/kashim" "$SYSTEMD_ROOT/usr/local/bin"
same 'it is back' "$(started plain)" 'plain 400'
cp "$units/plain.service.d/zz-kashim.conf" dropin
sed 's|/usr/local/bin/kashim|/opt/kashim|' dropin \
	>"$units/plain.service.d/zz-kashim.conf"
printf '[Service]\nEnvironmentFile=-/run/plain\n' \
	>"$units/plain.service.d/later.conf"
check 'doctor, of a command that is gone, and a file of others' 1 \
	doctor plain <<'END'
plain.service: the kernel does NOT look after its connections
no it would start without its rules: /opt/kashim, which attaches it (/etc/systemd/system/plain.service.d/zz-kashim.conf): No such file or directory 'kashim enable --kernel plain.service' writes where kashim is now.
warn others than root may write its EnvironmentFile=, which is the environment of a program of root's that attaches it 'kashim disable plain.service', and 'kashim attach --slice'.
It runs:
process N (connects): the kernel looks after its connections, but not all is well
warn /sys/fs/cgroup/system.slice/plain.service: the kernel has other rules than generation 1 of /etc/kashim.conf, which is in force 'kashim reload /etc/kashim.conf' brings the new ones.
ok the kernel sets the rules on connections of what is in /sys/fs/cgroup/system.slice/plain.service: 1 rule of /etc/kashim.conf
ok 1 TCP connection: 1 ok
END
rm "$units/plain.service.d/later.conf"
cp dropin "$units/plain.service.d/zz-kashim.conf"

# Nor does it wait for a command that hangs.

systemd_run flock /sys/fs/bpf/kashim sh -c 'echo locked; exec sleep 600' \
	>"$work/locked" &
locker=$!
holds 'locked' until_true 20 grep -q . "$work/locked"
same 'it starts' "$(started plain | tail -n 1)" 'plain 7200'
kill "$(pgrep -P "$locker" -x flock || echo "$locker")"
systemd_run pkill -x sleep
wait "$locker"
same 'unlocked' "$(started plain)" 'plain 400'

# Another file, and back.

echo 'rule other { idle = 500 }' >"$SYSTEMD_ROOT/etc/other 50%n file.conf"
holds 'another file' kashim enable --kernel -c '/etc/other 50%n file.conf' plain
holds 'systemd reads the other one' systemctl daemon-reload
same 'by the other file' "$(started plain)" 'plain 500'
kashim attach --list --unit plain >log
in_file 'which file' log '/etc/other 50%n file.conf'
doctor plain >log
in_file 'doctor knows which' "$work/doctor" 'the rules of /etc/other 50%n file.conf'
echo 'rule some { program = { "nc" } }' >"$SYSTEMD_ROOT/etc/names.conf"
holds 'disable' kashim disable plain
holds 'systemd reads that it is disabled' systemctl daemon-reload
same 'disabled' "$(started plain)" 'plain 7200'
kashim detach >log 2>&1
finish
