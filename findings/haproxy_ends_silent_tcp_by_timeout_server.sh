#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: HAProxy in TCP mode ends a connection on which neither side sends
# anything after the shorter of "timeout client" and "timeout server".
#
# Really: after "timeout server", whichever is shorter. "timeout client" alone
# ends no silent connection, with or without data before. (Its manual only
# recommends that both are equal in TCP mode, "to avoid complex situations".)
#
# Seen with haproxy 2.6.12-1+deb12u4 (Debian 12); seconds, rounded:
#   client 2, server 5, no data before: ends after 5
#   client 2, server 5, data both ways before: ends after 5
#   client 5, server 2, no data before: ends after 2
#   client 5, server 2, data both ways before: ends after 2
#
# Why it matters: who looks for the proxy that ends silent connections finds a
# time in its configuration that has no effect, and who raises "timeout client"
# changes nothing. Keepalive on either leg does not help against either. Needs
# root, python3, and apt-get with a mirror of Debian.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
for package in haproxy=2.6.12-1+deb12u4 liblua5.3-0=5.3.6-2 \
	libopentracing1=1.6.0-4 libopentracing-c-wrapper0=1.1.3-3+b1; do
	apt-get download "$package" >/dev/null 2>&1
	dpkg -x "${package%%=*}"_*.deb .
done

cat >ends.py <<'END'
import select
import socket
import subprocess
import time

CONFIGURATION = """
defaults
	mode tcp
	timeout client {}s
	timeout server {}s
	timeout connect 5s
listen proxy
	bind 127.0.0.1:7000
	server behind 127.0.0.1:7001
"""


def connect():
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", 7000))
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise SystemExit("haproxy does not listen")


def ends(client, server, data):
    with open("haproxy.cfg", "w") as file:
        file.write(CONFIGURATION.format(client, server))
    behind = socket.create_server(("127.0.0.1", 7001))
    proxy = subprocess.Popen(
        ["usr/sbin/haproxy", "-db", "-f", "haproxy.cfg"],
        stderr=subprocess.DEVNULL,
    )
    try:
        near = connect()
        far = behind.accept()[0]
        for to, at in ((near, far), (far, near)):
            if data:
                to.send(b"x")
                at.recv(1)
        began = time.monotonic()
        select.select([near], [], [], 20)
        return round(time.monotonic() - began)
    finally:
        proxy.kill()
        proxy.wait()
        behind.close()


for client, server in ((2, 5), (5, 2)):
    for data in (False, True):
        print(
            f"client {client}, server {server}, "
            f"{'data both ways' if data else 'no data'} before: "
            f"ends after {ends(client, server, data)}",
            flush=True,
        )
END
LD_LIBRARY_PATH=$(dirname "$(find "$dir/usr/lib" -name 'liblua5.3.so.0')") \
	unshare --net sh -c 'ip link set lo up && exec python3 ends.py' | tee seen
diff - seen <<'END'
client 2, server 5, no data before: ends after 5
client 2, server 5, data both ways before: ends after 5
client 5, server 2, no data before: ends after 2
client 5, server 2, data both ways before: ends after 2
END
