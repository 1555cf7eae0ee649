#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: it is all the same where on their way probes are dropped: after
# TCP_KEEPCNT of them without an answer, or TCP_USER_TIMEOUT, the connection
# ends.
#
# Really: what the host's own queue or egress hook drops, behind IP, does not
# count. TCP is told so, takes it for congestion, and tries again after half a
# second instead of TCP_KEEPINTVL, for as long as that lasts. No probe counts
# as unanswered, and without one TCP_USER_TIMEOUT does not end the connection
# either; for data it does. A drop in the output hook counts as one on the way.
#
# Seen with Linux 6.18 and nftables 1.0.6, TCP_KEEPIDLE 1, TCP_KEEPINTVL 1,
# TCP_KEEPCNT 3, for 10 s:
#   output hook: ETIMEDOUT after 4 s, 4 packets
#   egress hook: still open, 18 packets
#   egress hook, TCP_USER_TIMEOUT 2 s: still open, 18 packets
#   egress hook, TCP_USER_TIMEOUT 2 s, data: ETIMEDOUT after 2 s, 5 packets
#   tbf without room: still open, 18 packets
#
# Why it matters: who tries keepalive with a drop in tc or in nft's egress hook
# finds it without effect; and behind a shaper that is full, a connection whose
# peer is gone stays, with two probes a second. Needs root, iproute2, nftables
# and python3; takes 40 seconds.
set -eu

cat <<'END' | timeout 90 unshare --net python3 -
import errno
import socket
import subprocess
import sys
import time

LIMIT_S = 10
TABLE = ("add table {0} t;"
         "add chain {0} t c {{ type filter hook {1} priority 0; }};"
         "add rule {0} t c tcp dport 7000 counter drop")
OUTPUT = ["nft", TABLE.format("ip", "output")]
EGRESS = ["nft", TABLE.format("netdev", "egress device lo")]
TBF = "tc qdisc add dev lo root tbf rate 8bit burst 10 limit 1".split()


def run(*words):
    return subprocess.run(words, check=True, capture_output=True,
                          text=True).stdout.split()


def dropped():
    rules, queue = run("nft", "list", "ruleset"), run(*"tc -s qdisc".split())
    if "packets" in rules:
        return int(rules[rules.index("packets") + 1])
    return int(queue[queue.index("(dropped") + 1].rstrip(","))


def ends(what, drop, user_timeout_s=0, data=False):
    client = socket.create_connection(("127.0.0.1", 7000))
    peer = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT,
                      user_timeout_s * 1000)
    run(*drop)
    begin = time.monotonic()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if data:
        client.send(b"x")
    client.settimeout(LIMIT_S)
    try:
        client.recv(1)
        result = "closed"
    except OSError as error:
        after = round(time.monotonic() - begin)
        result = (f"{errno.errorcode[error.errno]} after {after} s"
                  if error.errno else "still open")
    packets = dropped()
    print(f"{what}: {result}, {packets} packets", flush=True)
    run("nft", "flush", "ruleset")
    if drop == TBF:
        run(*"tc qdisc del dev lo root".split())
    client.close()
    peer.close()
    return result, packets > 12


run("ip", "link", "set", "lo", "up")
listener = socket.create_server(("127.0.0.1", 7000))
seen = [ends("output hook", OUTPUT),
        ends("egress hook", EGRESS),
        ends("egress hook, TCP_USER_TIMEOUT 2 s", EGRESS, 2),
        ends("egress hook, TCP_USER_TIMEOUT 2 s, data", EGRESS, 2, True),
        ends("tbf without room", TBF)]
still = ("still open", True)
sys.exit(seen != [("ETIMEDOUT after 4 s", False), still, still,
                  ("ETIMEDOUT after 2 s", False), still])
END
