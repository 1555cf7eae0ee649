#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: TCP_KEEPIDLE takes 1 to 32767 on an MPTCP socket as on one of TCP, and
# getsockopt() tells what keepalive goes by.
#
# Really: before connect() there is no subflow that could refuse a number, so
# that -1 and 32768 are taken, and told from then on. The subflow that connect()
# makes does not take them and keeps the default; "ss -o" shows two hours. Once
# connected the same number is refused with EINVAL.
#
# Seen with Linux 6.18 and ss of iproute2 6.1.0-3 (Debian 12):
#   TCP before connect: EINVAL
#   MPTCP before connect: taken, told 32768
#   MPTCP connected: told 32768, timer 119min
#   MPTCP connected, the same once more: EINVAL
#
# Why it matters: a program or check that reads the value back believes in a
# timer that the connection has not. Needs a kernel with MPTCP, unshare(1),
# python3, and apt-get for the pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
(cd "$dir" && apt-get download iproute2=6.1.0-3 >/dev/null 2>&1 &&
	dpkg -x iproute2_6.1.0-3_*.deb .)

cat >"$dir/look.py" <<'EOF'
import errno, re, socket, subprocess, sys

IPPROTO_MPTCP = 262
IDLE = 32768

def take(sock, what):
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE)
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
        result = f"taken, told {told}"
    except OSError as error:
        result = errno.errorcode[error.errno]
    print(f"{what}: {result}")
    return result

tcp = take(socket.socket(), "TCP before connect")
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
listener.bind(("127.0.0.1", 0))
listener.listen()
connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
before = take(connection, "MPTCP before connect")
connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
connection.connect(listener.getsockname())
peer, _ = listener.accept()
port = connection.getsockname()[1]
line = subprocess.run([sys.argv[1], "-tonH", "sport", "=", f":{port}"],
                      capture_output=True, text=True, check=True).stdout
timer = re.search(r"keepalive,([^,]*),", line).group(1)
told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
print(f"MPTCP connected: told {told}, timer {timer}")
after = take(connection, "MPTCP connected, the same once more")
as_stated = (tcp == after == "EINVAL" and before == f"taken, told {IDLE}" and
             told == IDLE and timer.startswith(("119min", "120min")))
sys.exit(0 if as_stated else 1)
EOF
unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
	timeout 30 python3 "$dir/look.py" "$(find "$dir" -path '*bin/ss' | head -n 1)"
