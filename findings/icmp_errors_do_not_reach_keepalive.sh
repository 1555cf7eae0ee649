#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: if a router answers keepalive probes with "host unreachable", the
# connection ends with EHOSTUNREACH, as one with data under way does; and with
# IP_RECVERR it ends, or tells so, at the first of them (ip(7)).
#
# Really: a probe's sequence number is one below the window, so TCP counts the
# ICMP message that quotes it as TcpExtOutOfWindowIcmps and does nothing with
# it. The connection ends after all probes, with ETIMEDOUT, IP_RECVERR or not.
#
# Seen with Linux 6.18 and nftables 1.0.6, TCP_KEEPIDLE 1, TCP_KEEPINTVL 1,
# TCP_KEEPCNT 3; for data TCP_USER_TIMEOUT 4 s:
#   probes: ETIMEDOUT after 4 s, 3 out of window
#   probes, IP_RECVERR: ETIMEDOUT after 4 s, 3 out of window
#   data: EHOSTUNREACH after 5 s, 0 out of window
#   data, IP_RECVERR: EHOSTUNREACH after 0 s, 0 out of window
#
# Why it matters: a firewall that rejects instead of dropping what it does not
# know makes an idle connection end no sooner (a TCP reset would); and the log
# of a program says "timed out" of the very fault that it calls "no route to
# host" when it was sending. Needs root, iproute2, nftables and python3; takes
# 14 seconds.
set -eu

cat <<'END' | timeout 60 unshare --net python3 -
import errno
import socket
import subprocess
import sys
import time

IP_RECVERR = 11
REJECT = ("add table ip t;"
          "add chain ip t c { type filter hook input priority 0; };"
          "add rule ip t c tcp dport 7000 reject with icmp host-unreachable")


def out_of_window():
    with open("/proc/net/netstat") as file:
        names, values = [line.split() for line in file if
                         line.startswith("TcpExt:")]
    return int(values[names.index("OutOfWindowIcmps")])


def ends(what, data, recverr):
    client = socket.create_connection(("127.0.0.1", 7000))
    peer = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT,
                      4000 if data else 0)
    client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, recverr)
    before = out_of_window()
    subprocess.run(["nft", REJECT], check=True)
    begin = time.monotonic()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if data:
        client.send(b"x")
    client.settimeout(20)
    try:
        client.recv(1)
        result = "closed"
    except OSError as error:
        result = errno.errorcode.get(error.errno, "still open")
    after = time.monotonic() - begin
    ignored = out_of_window() - before
    print(f"{what}: {result} after {after:.0f} s, {ignored} out of window",
          flush=True)
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    client.close()
    peer.close()
    return result, after < 2, ignored


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server(("127.0.0.1", 7000))
seen = [ends("probes", False, 0), ends("probes, IP_RECVERR", False, 1),
        ends("data", True, 0), ends("data, IP_RECVERR", True, 1)]
sys.exit(seen != [("ETIMEDOUT", False, 3), ("ETIMEDOUT", False, 3),
                  ("EHOSTUNREACH", False, 0), ("EHOSTUNREACH", True, 0)])
END
