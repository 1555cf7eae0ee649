#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: what getsockopt(TCP_KEEPIDLE) tells is when the first probe leaves. So
# after net.ipv4.tcp_keepalive_time was lowered from 7200 to 300, a connection
# that has SO_KEEPALIVE on and never set a time of its own, and for which
# getsockopt() tells 300 from then on, is probed after 300 s.
#
# Really: the socket reads the setting when it is asked, but the timer was armed
# with the old one when SO_KEEPALIVE was switched on. "ss -o" shows almost two
# hours left. Setting TCP_KEEPIDLE to the very value that getsockopt() tells
# already rearms it.
#
# Seen with Linux 6.18 and ss of iproute2 6.1.0-3 (Debian 12):
#   getsockopt 300, timer 119min
#   getsockopt 300, timer 4min59sec
#
# Why it matters: the usual advice against firewalls is this sysctl; a check
# that asks the socket calls connections covered that were open before, and they
# die. Needs unshare(1), python3, and apt-get for the pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
(cd "$dir" && apt-get download iproute2=6.1.0-3 >/dev/null 2>&1 &&
	dpkg -x iproute2_6.1.0-3_*.deb .)

cat >"$dir/look.py" <<'END'
import re, socket, subprocess, sys

SETTING = "/proc/sys/net/ipv4/tcp_keepalive_time"

def set_idle(seconds):
    with open(SETTING, "w") as setting:
        setting.write(str(seconds))

def look(connection):
    port = connection.getsockname()[1]
    line = subprocess.run([sys.argv[1], "-tonH", "sport", "=", f":{port}"],
                          capture_output=True, text=True, check=True).stdout
    timer = re.search(r"timer:\(keepalive,([^,]*),", line).group(1)
    idle = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    print(f"getsockopt {idle}, timer {timer}")
    return idle, timer

set_idle(7200)
listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
peer, _ = listener.accept()
connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
set_idle(300)
before = look(connection)
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300)
after = look(connection)
as_stated = (before[0] == after[0] == 300 and
             before[1].startswith(("119min", "120min")) and
             after[1].startswith(("4min5", "5min")))
sys.exit(0 if as_stated else 1)
END
unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
	timeout 30 python3 "$dir/look.py" "$(find "$dir" -path '*bin/ss' | head -n 1)"
