#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: with TCP_KEEPIDLE = 30 the first probe comes after 30 seconds of
# silence, and a few milliseconds for the timer's tick.
#
# Really: since Linux 4.8 a timer lies in a wheel whose slots get eight times
# coarser from level to level, and runs out at the end of its slot
# (kernel/time/timer.c). With HZ=250 a slot is 2.048 s long for times from 16 to
# 129 s, 16.4 s up to 17 min, and 131 s above: each connection is late by another
# amount, up to about an eighth of its idle time, and none by the same amount the
# next time.
#
# Seen with Linux 6.18, HZ=250, 40 connections begun within three seconds:
#   30 s: 30.03 to 32.02 s, so up to 2.02 s late
#
# Why it matters: a firewall that forgets after 350 s and TCP_KEEPIDLE = 340 are
# too close together: 340.8 to 355.8 s were seen. Needs root and python3; takes
# 40 seconds.
set -eu

cat <<'END' | unshare --net python3 -
import select
import socket
import struct
import subprocess
import sys
import time

hz = round(1 / time.clock_getres(6))  # CLOCK_MONOTONIC_COARSE
idle_s = 30
ticks, level = idle_s * hz, 0
while ticks >= 63 << 3 * level:
    level += 1
slot_s = (1 << 3 * level) / hz

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
wire.bind(("lo", 0))
wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
server = socket.create_server(("127.0.0.1", 0), backlog=64)
last, first, ours = {}, {}, set()


def watch(seconds):
    end = time.monotonic() + seconds
    while select.select([wire], [], [], max(0, end - time.monotonic()))[0]:
        packet, address = wire.recvfrom(65536)
        if address[2] == socket.PACKET_OUTGOING:
            continue
        now, tcp = time.monotonic(), 14 + (packet[14] & 15) * 4
        ports = struct.unpack(">HH", packet[tcp:tcp + 4])
        for port in ours.intersection(ports):
            if port == ports[0] and now - last.get(port, now) > 1:
                first.setdefault(port, now - last[port])
            if port not in first:
                last[port] = now


keep = []
for _ in range(40):
    client = socket.socket()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.bind(("127.0.0.1", 0))
    ours.add(client.getsockname()[1])
    client.connect(server.getsockname())
    keep += [client, server.accept()[0]]
    watch(0.07)
watch(idle_s + slot_s + 1)
late = sorted(value - idle_s for value in first.values())
print("HZ %d: %d s: %.2f to %.2f s, so up to %.2f s late; a slot is %.3f s" % (
    hz, idle_s, idle_s + late[0], idle_s + late[-1], late[-1], slot_s))
if len(late) != 40 or late[0] < 0 or not slot_s / 2 < late[-1] < slot_s + 0.3:
    sys.exit(1)
END
