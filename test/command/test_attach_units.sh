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

systemctl() {
	systemd_run systemctl "$@"
}

kashim() {
	systemd_run /usr/local/bin/kashim "$@"
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
mkdir -p "$units/default.target.wants"

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
check 'two at once' 2 kashim attach --unit plain --all <<'END'
! kashim: one of --unit, --slice, --cgroup and --all
! Try 'kashim attach --help'.
END
check 'a unit that runs' 0 kashim attach --unit plain <<'END'
/sys/fs/cgroup/system.slice/plain.service: the kernel has 1 rule of /etc/kashim.conf
It goes when plain.service stops: 'kashim enable --kernel' attaches it at each start.
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
END
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
finish
