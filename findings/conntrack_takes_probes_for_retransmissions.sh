#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: a keepalive probe that passes a Linux firewall begins the time of its
# connection tracking entry anew, nf_conntrack_tcp_timeout_established, five days
# by default, whether the peer answers or not.
#
# Really: a probe has the sequence number of the one before, so connection
# tracking takes it for a retransmission. At the fourth without an answer, and at
# each after it, the entry gets nf_conntrack_tcp_timeout_max_retrans instead, 300
# seconds by default; an answer gives it the whole time again. With probes more
# than 300 seconds apart the fifth finds no entry, though the peer was away for a
# few minutes only.
#
# Seen with Linux 6.18 and conntrack 1.4.7-1+b2, seconds left right after each
# probe, with an established time of 1000 s and max_retrans of 300:
#   answered: 999
#   1 to 3 without an answer: 999 999 999
#   4 and 5: 299 299
#   answered again: 999
#
# Why it matters: an interval of more than 300 seconds, with which one would
# give a peer time to come back, loses the connection in the firewall instead.
# Needs root, iproute2, nftables, conntrack and python3; takes 15 seconds.
set -eu

cat >"${TMPDIR:-/tmp}/conntrack.$$" <<'END'
set -eu
ip link set lo up
holder=
trap 'kill $holder $watch 2>/dev/null || :' EXIT
watch=
unshare --net sleep 60 &
holder=$!
# The peer is in a network of its own, and this is the firewall and the client.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(readlink /proc/self/ns/net)" = "$(readlink /proc/$holder/ns/net)" ] ||
		break
	sleep 0.1
done
ip link add there type veth peer name here netns $holder
ip address add 192.0.2.1/24 dev there
ip link set there up
nsenter --target $holder --net ip address add 192.0.2.2/24 dev here
nsenter --target $holder --net ip link set here up
nft 'add table ip t; add chain ip t in { type filter hook input priority 0; };
	add rule ip t in ct state new accept'
cd /proc/sys/net/netfilter
echo 1000 >nf_conntrack_tcp_timeout_established
echo 1000 >nf_conntrack_tcp_timeout_unacknowledged
nsenter --target $holder --net python3 -c 'import socket
server = socket.create_server(("", 7000))
connection = server.accept()[0]
connection.recv(1)' &
watch=$!
python3 - <<'PY'
import socket
import subprocess
import sys
import time


def left():
    text = subprocess.run(["conntrack", "-L", "-p", "tcp"], text=True,
                          capture_output=True).stdout
    return int(text.split()[2])


def rule(*words):
    subprocess.run(["nft", *words], check=True)


for _ in range(50):
    try:
        client = socket.create_connection(("192.0.2.2", 7000))
        break
    except OSError:
        time.sleep(0.1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 20)
client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def unanswered():
    words = subprocess.run(["ss", "-tnoH", "dport", "7000"], text=True,
                           capture_output=True).stdout
    return int(words.rsplit(",", 1)[1].split(")")[0])


def after(probes):
    """What is left of the entry when so many have no answer."""
    end = time.monotonic() + 15
    while unanswered() != probes and time.monotonic() < end:
        time.sleep(0.02)
    return left()


time.sleep(2.5)
seen = [left()]
print("answered:", seen[0])
# Only what comes back is dropped, behind connection tracking.
rule("add chain ip t back { type filter hook input priority 10; }; "
     "add rule ip t back tcp sport 7000 drop")
rule("add table ip d; add chain ip d raw { type filter hook prerouting "
     "priority -400; }; add rule ip d raw tcp sport 7000 drop")
seen += [after(probes) for probes in range(1, 6)]
print("1 to 3 without an answer:", *seen[1:4])
print("4 and 5:", *seen[4:6])
rule("delete table ip d")
rule("flush chain ip t back")
after(0)
time.sleep(1.5)
seen.append(left())
print("answered again:", seen[6])
whole = [value > 990 for value in seen]
sys.exit(whole != [True] * 4 + [False] * 2 + [True] or
         not all(290 < value <= 300 for value in seen[4:6]))
PY
END
trap 'rm -f "${TMPDIR:-/tmp}/conntrack.$$"' EXIT
unshare --net sh "${TMPDIR:-/tmp}/conntrack.$$"
