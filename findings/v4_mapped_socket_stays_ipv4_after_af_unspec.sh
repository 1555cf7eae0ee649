#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: connect(2) with AF_UNSPEC makes a TCP socket as new, so that an AF_INET6
# socket, which was connected to an IPv4 address by its mapped form, can connect
# to an IPv6 address next.
#
# Really: the socket stays one of IPv4 within (tcp_v6_connect() in
# net/ipv6/tcp_ipv6.c puts IPv4's operations in, and nobody takes them out
# again). connect() to IPv6 is begun without an error, ss shows SYN-SENT with
# the right addresses, and nobody answers: ETIMEDOUT. The other order works, and
# IPv4 once more works.
#
# Seen with Linux 6.18 and ss of iproute2 6.1.0-3 (Debian 12):
#   ::1, then ::1: connected
#   ::1, then ::ffff:127.0.0.1: connected
#   ::ffff:127.0.0.1, then ::ffff:127.0.0.1: connected
#   ::ffff:127.0.0.1, then ::1: SYN-SENT from [::1], ETIMEDOUT
#
# Why it matters: a program that keeps its socket, and goes from one address of
# a name to the next with AF_UNSPEC, as connect(2) says, reaches an IPv6 address
# never if an IPv4 one came before. Needs unshare(1), python3, and apt-get for the
# pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
(cd "$dir" && apt-get download iproute2=6.1.0-3 >/dev/null 2>&1 &&
	dpkg -x iproute2_6.1.0-3_*.deb .)

cat >"$dir/look.py" <<'EOF'
import ctypes, errno, select, socket, subprocess, sys

libc = ctypes.CDLL(None, use_errno=True)
listener = socket.socket(socket.AF_INET6)
listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
listener.bind(("::", 0))
listener.listen()
port = listener.getsockname()[1]

def disconnect(sock):
    unspec = (ctypes.c_uint16 * 8)(socket.AF_UNSPEC)
    if libc.connect(sock.fileno(), ctypes.byref(unspec), 16) != 0:
        raise OSError(ctypes.get_errno(), "AF_UNSPEC")

def connect(sock, address):
    error = sock.connect_ex((address, port))
    shown = ""
    if error == errno.EINPROGRESS:
        if not select.select([], [sock], [], 0.5)[1]:
            line = subprocess.run(
                [sys.argv[1], "-tnH", "state", "syn-sent", "dport", "=",
                 f":{port}"], capture_output=True, text=True,
                check=True).stdout.split()
            shown = f"SYN-SENT from {line[2].rpartition(':')[0]}, "
            select.select([], [sock], [], 60)
        error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return shown + (errno.errorcode[error] if error else "connected")

seen = {}
for first, second in (("::1", "::1"), ("::1", "::ffff:127.0.0.1"),
                      ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
                      ("::ffff:127.0.0.1", "::1")):
    sock = socket.socket(socket.AF_INET6)
    sock.setblocking(False)
    # Two tries are enough.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1)
    if connect(sock, first) != "connected":
        sys.exit("the first connect() fails")
    disconnect(sock)
    seen[first, second] = connect(sock, second)
    print(f"{first}, then {second}: {seen[first, second]}")
lost = seen.pop(("::ffff:127.0.0.1", "::1"))
sys.exit(lost != "SYN-SENT from [::1], ETIMEDOUT" or
         set(seen.values()) != {"connected"})
EOF
unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
	timeout 60 python3 "$dir/look.py" "$(find "$dir" -path '*bin/ss' | head -n 1)"
