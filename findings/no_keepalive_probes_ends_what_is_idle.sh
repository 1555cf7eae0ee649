#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: net.ipv4.tcp_keepalive_probes = 0 is refused, as TCP_KEEPCNT = 0 is,
# or means that no probes are sent, and the connection stays.
#
# Really: it is taken, and no probe is sent; but at the end of the idle time
# none is left to wait for, and the connection is reset, whether the peer lives
# or not.
#
# Seen with Linux 6.18, with TCP_KEEPIDLE 1 and a peer that answers, for 4 s:
#   TCP_KEEPCNT 0: EINVAL
#   tcp_keepalive_probes 1: open, 3 probes; peer: open
#   tcp_keepalive_probes 0: ETIMEDOUT after 1 s, 0 probes; peer: ECONNRESET
#
# Why it matters: what looks like the host's switch for keepalive ends each
# connection with keepalive that is silent for its idle time, be it one of a
# container with that setting. Needs root, iproute2 and python3; takes 6
# seconds.
set -eu

cat <<'END' | timeout 30 unshare --net python3 -
import errno
import socket
import subprocess
import sys
import time


def sent():
    with open("/proc/net/netstat") as file:
        names, values = [line.split() for line in file
                         if line.startswith("TcpExt:")]
    return int(values[names.index("TCPKeepAlive")])


def state(connection, seconds):
    connection.settimeout(seconds)
    try:
        connection.recv(1)
        return "closed"
    except OSError as error:
        return errno.errorcode.get(error.errno, "open")


def idle(count):
    with open("/proc/sys/net/ipv4/tcp_keepalive_probes", "w") as setting:
        setting.write(str(count))
    client = socket.create_connection(listener.getsockname())
    peer = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    before, begin = sent(), time.monotonic()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    own = state(client, 4)
    after = round(time.monotonic() - begin)
    probes, other = sent() - before, state(peer, 0.5)
    client.close()
    peer.close()
    print(f"tcp_keepalive_probes {count}: {own}"
          f"{'' if own == 'open' else f' after {after} s'}, "
          f"{probes} probes; peer: {other}", flush=True)
    return own, after, probes, other


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
listener = socket.create_server(("127.0.0.1", 0))
option = "taken"
try:
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 0)
except OSError as error:
    option = errno.errorcode[error.errno]
print(f"TCP_KEEPCNT 0: {option}")
seen = [idle(1), idle(0)]
sys.exit(option != "EINVAL" or
         seen != [("open", 4, 3, "open"), ("ETIMEDOUT", 1, 0, "ECONNRESET")])
END
