#!/bin/sh
# SPDX-License-Identifier: ISC
#
# The timers that follow from firewall-timeout, however late the kernel's own
# timers are: some hundreds of connections, begun at all fractions of a second,
# are silent for more than two times of a firewall that forgets after 20
# seconds, and not one is lost. Those of the same program without kashim all
# are.

e2e=$(dirname "$0")/..
# shellcheck source=/dev/null
. "$e2e/rig.sh"
rig_enter "$0"
count=300
rig_has python3 || rig_skip 'derived: python3 is not installed'
rig_trap
rig_up 20 || {
	echo 'FAIL derived: the rig cannot be set up here'
	exit 1
}
echo 'rule all { firewall-timeout = "20s" }' >kashim.conf
chmod 644 kashim.conf

cat >server.py <<'EOF'
import select
import socket

server = socket.create_server(("", 7000), backlog=1024)
poll = select.epoll()
poll.register(server, select.EPOLLIN)
sockets = {server.fileno(): server}
while True:
    for fd, _ in poll.poll():
        if fd == server.fileno():
            connection, _ = server.accept()
            sockets[connection.fileno()] = connection
            poll.register(connection, select.EPOLLIN)
            continue
        try:
            data = sockets[fd].recv(100)
            sockets[fd].sendall(data)
        except OSError:
            data = b""
        if not data:
            poll.unregister(fd)
            sockets.pop(fd).close()
EOF
# Prints how many of its connections answer after the silence.
cat >client.py <<'EOF'
import random
import socket
import sys
import time

address, count = sys.argv[1], int(sys.argv[2])
connections = []
for _ in range(count):
    connections.append(socket.create_connection((address, 7000)))
    time.sleep(random.random() * 0.02)
time.sleep(45)
for connection in connections:
    connection.settimeout(0)
    connection.send(b"x")
end = time.monotonic() + 3
alive = 0
for connection in connections:
    connection.settimeout(max(0.01, end - time.monotonic()))
    try:
        alive += connection.recv(1) == b"x"
    except OSError:
        pass
print(alive)
EOF
rig_exec server python3 server.py >server.out 2>&1 &
# shellcheck disable=SC2317 # for rig_wait
listening() {
	rig_in server ss -tlnH | grep -q ':7000'
}
rig_wait 10 listening || {
	echo "FAIL derived: no server: $(cat server.out)"
	exit 1
}
rig_exec client python3 client.py "$(rig_address 1)" 30 >without 2>&1 &
without=$!
rig_in client env LD_PRELOAD="$RIG_BUILD/libkashim.so" \
	KASHIM_CONFIG="$RIG_DIR/kashim.conf" \
	python3 client.py "$(rig_address 2)" $count >with 2>&1
wait $without

failed=
# same WHAT GOT WANTED
same() {
	if [ "$2" = "$3" ]; then
		echo "ok   derived: $1"
	else
		echo "FAIL derived: $1: $2 in place of $3"
		failed=yes
	fi
}
same 'without kashim, 30 connections: none is left' "$(cat without)" 0
same "firewall-timeout = 20s, $count connections: not one is lost" \
	"$(cat with)" $count
echo 'plan 2'
[ -z "$failed" ]
exit
