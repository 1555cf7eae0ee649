#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: where the network has several paths, probes without an answer try
# another one, as data without an answer does: Linux takes another IPv6 flow
# label for each retransmission, by which routers choose the path (RFC 6438).
#
# Really: all probes of a connection have the same flow label, and so go the
# way of the first one.
#
# Seen with Linux 6.18 and nftables 1.0.6, flow labels in 5 s without an
# answer:
#   data: 6 packets, 5 labels
#   probes: 5 packets, 1 label
#
# Why it matters: one broken path of several ends connections that are silent,
# by keepalive, while those that send find a way around it; TCP_KEEPCNT should
# then last as long as the network takes to mend the path. Needs root,
# iproute2, nftables and python3; takes 12 seconds.
set -eu

cat <<'END' | timeout 60 unshare --net python3 -
import select
import socket
import struct
import subprocess
import sys
import time

DROP = ("add table ip6 t;"
        "add chain ip6 t c { type filter hook input priority 0; };"
        "add rule ip6 t c tcp dport 7000 drop")


def labels(data):
    """The flow labels of what is sent in 5 s to a peer that is gone."""
    client = socket.create_connection(("::1", 7000))
    peer, (_, own, *_) = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 100)
    subprocess.run(["nft", DROP], check=True)
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                         socket.htons(0x86dd))
    wire.bind(("lo", 0))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if data:
        client.send(b"x")
    found, end = [], time.monotonic() + 5.5
    while select.select([wire], [], [], max(0, end - time.monotonic()))[0]:
        packet, address = wire.recvfrom(65536)
        port = struct.unpack(">H", packet[54:56])[0]
        if address[2] != socket.PACKET_OUTGOING and port == own:
            found.append(struct.unpack(">I", packet[14:18])[0] & 0xfffff)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    for one in client, peer, wire:
        one.close()
    several = len(set(found)) > 1
    print(f"{'data' if data else 'probes'}: {len(found)} packets, "
          f"{len(set(found))} label{'s' if several else ''}", flush=True)
    return len(found) >= 3, several


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server(("::1", 7000), family=socket.AF_INET6)
sys.exit([labels(True), labels(False)] != [(True, True), (True, False)])
END
