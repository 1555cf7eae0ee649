#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: whoever is probed need not probe. RFC 1122, 4.2.3.6: probes only if
# neither data nor acknowledgements came in for an interval, and a probe is an
# acknowledgement. So with keepalive on both ends only the one with the shorter
# idle time sends probes.
#
# Really: both do, each by its own idle time. Linux answers a probe, but throws
# it away for its old sequence number before it notes that something came; of
# what the peer sends only data, and answers to own probes, begin the idle time
# anew.
#
# Seen with Linux 6.18, with an idle time of 3 s, in 11 s:
#   the peer sends nothing: 0 probes come in, 3 go out
#   the peer sends a probe each second: 10 probes come in, 3 go out
#   the peer sends a byte each second: 0 probes come in, 0 go out
#
# Why it matters: keepalive on the server too saves the client nothing, but
# costs twice the packets; and who reads one end's idle time off a capture has
# to tell probes from their answers. Needs root, iproute2 and python3; takes 33
# seconds.
set -eu

cat <<'END' | timeout 60 unshare --net python3 -
import select
import socket
import struct
import subprocess
import sys
import time

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(("lo", 0))
listener = socket.create_server(("127.0.0.1", 0))


def keepalive(connection, idle_s):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, idle_s)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def probes(what, peer_probes=False, peer_sends=False):
    """The peer's and the own probes in 11 s, with an own idle time of 3 s."""
    peer = socket.create_connection(listener.getsockname())
    own = listener.accept()[0]
    ports = peer.getsockname()[1], own.getsockname()[1]
    keepalive(own, 3)
    if peer_probes:
        keepalive(peer, 1)
    begin, sent = time.monotonic(), 0
    following, count = {}, dict.fromkeys(ports, 0)
    while time.monotonic() < begin + 11:
        if peer_sends and time.monotonic() > begin + sent:
            peer.send(b"x")
            sent += 1
        if not select.select([wire], [], [], 0.1)[0]:
            continue
        packet, address = wire.recvfrom(65536)
        port, to, number = struct.unpack(">HHI", packet[34:42])
        if address[2] == socket.PACKET_OUTGOING or {port, to} != set(ports):
            continue
        number = (number + 1) & 0xffffffff
        if packet[47] & 2:  # SYN
            following[port] = number
        elif number == following[port]:
            count[port] += 1
    own.close()
    peer.close()
    theirs, ours = (count[port] for port in ports)
    print(f"{what}: {theirs} probes come in, {ours} go out", flush=True)
    return theirs, ours


seen = [probes("the peer sends nothing"),
        probes("the peer sends a probe each second", peer_probes=True),
        probes("the peer sends a byte each second", peer_sends=True)]
silent, probed, busy = seen
sys.exit(silent != (0, 3) or probed[0] < 8 or probed[1] != 3 or busy != (0, 0))
END
