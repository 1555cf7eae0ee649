#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: "timer:(persist,2.248ms,0)" of ss(8) is a time of about two
# milliseconds, since its unit is ms.
#
# Really: it is two seconds and 248 milliseconds. From one second on, up to ten,
# ss prints seconds, a full stop and milliseconds with three digits, and "ms"
# behind it; below that milliseconds, and above that seconds, with "sec".
#
# Seen with ss of iproute2 6.1.0-3 (Debian 12) on Linux 6.18:
#   timer:(keepalive,4.984ms,0)
#
# Why it matters: who watches the next keepalive probe through ss, and reads the
# unit, takes five seconds for five milliseconds. Needs unshare(1), python3, and
# apt-get for the pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
(cd "$dir" && apt-get download iproute2=6.1.0-3 >/dev/null 2>&1 &&
	dpkg -x iproute2_6.1.0-3_*.deb .)

cat >"$dir/look.py" <<'EOF'
import re, socket, subprocess, sys

listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
peer, _ = listener.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
port = connection.getsockname()[1]
line = subprocess.run([sys.argv[1], "-tonH", "sport", "=", f":{port}"],
                      capture_output=True, text=True, check=True).stdout
print(re.search(r"timer:\S+", line).group(0))
sys.exit(0 if re.search(r"keepalive,4\.\d{3}ms,", line) else 1)
EOF
unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
	timeout 30 python3 "$dir/look.py" "$(find "$dir" -path '*bin/ss' | head -n 1)"
