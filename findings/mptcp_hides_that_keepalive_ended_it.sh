#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: when keepalive ends the only subflow of an MPTCP connection, the
# program hears what it hears with TCP: ETIMEDOUT, and at once.
#
# Really: the program hears nothing, poll() and send() included, for another
# net.mptcp.close_timeout, 60 s by default, in which a new subflow could come.
# Then recv() fails with ENOTCONN, as if it had never been connected, and
# poll() tells POLLHUP without POLLERR. If the peer does not speak MPTCP, the
# same socket does as with TCP.
#
# Seen with Linux 6.18 and nftables 1.0.6, TCP_KEEPIDLE 1, TCP_KEEPINTVL 1,
# TCP_KEEPCNT 3; with a close_timeout of 60, ENOTCONN after 64 s:
#   TCP: POLLERR, ETIMEDOUT after 4 s
#   MPTCP, close_timeout 2, peer without MPTCP: POLLERR, ETIMEDOUT after 4 s
#   MPTCP, close_timeout 2: send taken after 5 s, POLLHUP alone,
#     ENOTCONN after 6 s
#   MPTCP, close_timeout 8: send taken after 5 s, POLLHUP alone,
#     ENOTCONN after 12 s
#
# Why it matters: mptcpize(8), or GODEBUG=multipathtcp=1, makes each keepalive
# setting a minute slower, and programs that connect again after ETIMEDOUT may
# take ENOTCONN for a fault of their own. Needs root, a kernel with MPTCP and
# that setting, iproute2, nftables and python3; takes 27 seconds.
set -eu

cat <<'END' | timeout 60 unshare --net python3 -
import errno
import select
import socket
import subprocess
import sys
import time

IPPROTO_MPTCP = 262
DROP = ("add table ip t;"
        "add chain ip t c { type filter hook input priority 0; };"
        "add rule ip t c tcp sport 7000 drop")


def ends(what, close_timeout=2, ours=IPPROTO_MPTCP, theirs=IPPROTO_MPTCP):
    with open("/proc/sys/net/mptcp/close_timeout", "w") as setting:
        setting.write(str(close_timeout))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, theirs)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 7000))
    listener.listen()
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, ours)
    client.connect(listener.getsockname())
    peer = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    subprocess.run(["nft", DROP], check=True)
    begin = time.monotonic()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    poll = select.poll()
    poll.register(client, select.POLLIN)
    seen = []
    # The subflow is gone after four seconds.
    if not poll.poll(5000):
        client.send(b"x")
        seen.append("send taken after 5 s")
    events = poll.poll(20000)[0][1]
    seen.append("POLLERR" if events & select.POLLERR else "POLLHUP alone")
    try:
        client.recv(1)
        seen.append("closed")
    except OSError as error:
        after = round(time.monotonic() - begin)
        seen.append(f"{errno.errorcode[error.errno]} after {after} s")
    print(f"{what}: {', '.join(seen)}", flush=True)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    for one in client, peer, listener:
        one.close()
    return seen


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
tcp = ends("TCP", ours=0, theirs=0)
fallback = ends("MPTCP, close_timeout 2, peer without MPTCP", theirs=0)
short = ends("MPTCP, close_timeout 2")
long = ends("MPTCP, close_timeout 8", 8)
hidden = ["send taken after 5 s", "POLLHUP alone"]
sys.exit(tcp != ["POLLERR", "ETIMEDOUT after 4 s"] or fallback != tcp or
         short != hidden + ["ENOTCONN after 6 s"] or
         long != hidden + ["ENOTCONN after 12 s"])
END
