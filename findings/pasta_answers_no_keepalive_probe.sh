#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: pasta, which connects a network namespace without privileges, ends TCP
# itself, as slirp4netns does: it answers keepalive probes of a program inside,
# whether the peer outside lives or not.
#
# Really: it answers no probe, whether the peer lives or not. Each connection
# from inside that has keepalive on, and is silent for long enough, ends with
# ETIMEDOUT; one without keepalive goes on.
#
# Seen with passt 0.0~git20230309.7c7625d-1 (Debian 12) on Linux 6.18; the peer
# is a server that answers whatever is sent, TCP_KEEPIDLE is 2, TCP_KEEPINTVL 1
# and TCP_KEEPCNT 3, and each connection is used, silent for 8 s, and used again:
#   outside, keepalive on: answered
#   in pasta, keepalive off: answered
#   in pasta, keepalive on: Connection timed out
#
# Why it matters: keepalive, turned on so that connections last, is what ends
# them here, and with two hours, the default, it takes that long to be seen.
# Needs root, /usr/bin/python3, iproute2, a kernel with TUN, and apt-get for the
# pinned package.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$dir"
cd "$dir"
apt-get download passt=0.0~git20230309.7c7625d-1 >/dev/null 2>&1
dpkg -x passt_*.deb .

cat >server.py <<'END'
import selectors
import socket

ready = selectors.DefaultSelector()
listener = socket.create_server(("10.77.0.1", 7000))
ready.register(listener, selectors.EVENT_READ)
while True:
    for key, _ in ready.select():
        if key.fileobj is listener:
            ready.register(listener.accept()[0], selectors.EVENT_READ)
        elif data := key.fileobj.recv(9):
            key.fileobj.send(data)
        else:
            ready.unregister(key.fileobj)
            key.fileobj.close()
END
cat >client.py <<'END'
import socket
import sys
import time


def connect():
    for _ in range(50):
        try:
            return socket.create_connection(("10.77.0.1", 7000), timeout=5)
        except OSError:
            time.sleep(0.1)
    raise SystemExit("no server")


def ask(connection):
    try:
        connection.send(b"x")
        return "answered" if connection.recv(9) == b"x" else "ended"
    except OSError as error:
        return error.strerror


connections = {}
for what in sys.argv[2:]:
    connection = connections[what] = connect()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, what == "on")
    if ask(connection) != "answered":
        raise SystemExit(f"{sys.argv[1]}: nothing comes through")
time.sleep(8)
for what, connection in connections.items():
    print(f"{sys.argv[1]}, keepalive {what}: {ask(connection)}")
END

# Outside is a network with two ends. pasta does not run as root, and wants a
# default route, whose gateway is its own name for the host.
cat >apart <<'END'
set -eu
mount -t tmpfs none /dev/net
mknod -m 666 /dev/net/tun c 10 200
unshare --net sh -c 'echo up; exec sleep 60' >far &
far=$!
until [ -s far ]; do sleep 0.1; done
ip link add near0 type veth peer name far0 netns "$far"
ip address add 10.77.0.9/24 dev near0
ip link set near0 up
ip route add default via 10.77.0.77
nsenter -t "$far" -n ip address add 10.77.0.1/24 dev far0
nsenter -t "$far" -n ip link set far0 up
nsenter -t "$far" -n /usr/bin/python3 server.py &
/usr/bin/python3 client.py outside on
setpriv --reuid 65534 --regid 65534 --clear-groups \
	usr/bin/pasta --config-net --foreground -- \
	/usr/bin/python3 client.py 'in pasta' off on 2>pasta.log ||
	cat pasta.log >&2
END
timeout 60 unshare --net --mount --pid --fork --kill-child --mount-proc \
	sh apart >seen
cat seen
diff - seen <<'END'
outside, keepalive on: answered
in pasta, keepalive off: answered
in pasta, keepalive on: Connection timed out
END
