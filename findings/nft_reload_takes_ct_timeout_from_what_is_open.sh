#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: a rule "ct timeout set" without "ct state new" holds for each packet.
# So when the same rules are loaded again, an open connection has its time as
# before, and the new one if another time was written into the file.
#
# Really: the time goes to a connection with its first packet only. "flush
# ruleset", with which /etc/nftables.conf begins, takes it away from all open
# connections: from their next packet on they have the host's
# nf_conntrack_tcp_timeout_established. Without the flush another time in the
# file is taken without a word, and changes nothing for anybody. Who flushes
# only the chains keeps the times of open connections.
#
# Seen with Linux 6.18 and nftables 1.0.6-2+deb12u2, seconds left after a
# packet; 100 s for the host, and an open connection that began with 1000 s:
#   2000 s, nothing flushed: open 999, new 999
#   1000 s, chain flushed: open 999, new 999
#   1000 s, ruleset flushed: open 99, new 999
#   2000 s, ruleset flushed: open 99, new 1999
#
# Why it matters: "systemctl reload nftables", with nothing changed, and idle
# connections for which a long time was set up die in the firewall, unless
# keepalive is faster than the host's time. Needs root, iproute2, python3, and
# apt-get for the pinned packages.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
for package in nftables=1.0.6-2+deb12u2 libnftables1=1.0.6-2+deb12u2 \
	libnftnl11=1.2.4-2 conntrack=1:1.4.7-1+b2 \
	libnetfilter-conntrack3=1.0.9-3; do
	apt-get download "$package" >/dev/null 2>&1
	dpkg -x "${package%%=*}"_*.deb .
done

cat >left.py <<'END'
import socket
import subprocess
import sys

RULES = """{}
table ip t {{
	ct timeout long {{
		protocol tcp
		policy = {{ established: {}, unack: 5000 }}
	}}
	chain c {{
		type filter hook output priority 0
		tcp dport 7000 ct timeout set "long"
	}}
}}
"""


def run(*words, text=None):
    return subprocess.run(words, input=text, check=True, text=True,
                          capture_output=True).stdout


def connect():
    client = socket.create_connection(("127.0.0.1", 7000))
    return client, listener.accept()[0]


def left(client, peer):
    for to, at in ((client, peer), (peer, client)):
        to.send(b"x")
        at.recv(1)
    port = str(client.getsockname()[1])
    entry = run("usr/sbin/conntrack", "-L", "-p", "tcp", "--sport", port)
    return int(entry.split()[2])


def load(seconds, begin, what):
    """Seconds left for the open connection, and for one begun after this."""
    run("usr/sbin/nft", "-f", "-", text=RULES.format(begin, seconds))
    values = left(*first), left(*connect())
    print(f"{seconds} s, {what}: open {values[0]}, new {values[1]}", flush=True)
    return [round(value, -1) for value in values]


run("ip", "link", "set", "lo", "up")
run("usr/sbin/nft", "-f", "-", text=RULES.format("", 1000))
with open("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established",
          "w") as file:
    file.write("100")
listener = socket.create_server(("127.0.0.1", 7000))
first = connect()
seen = [load(2000, "", "nothing flushed"),
        load(1000, "flush chain ip t c", "chain flushed"),
        load(1000, "flush ruleset", "ruleset flushed"),
        load(2000, "flush ruleset", "ruleset flushed")]
sys.exit(seen != [[1000, 1000], [1000, 1000], [100, 1000], [100, 2000]])
END
LD_LIBRARY_PATH=$dir/usr/lib/x86_64-linux-gnu timeout 30 \
	unshare --net python3 left.py
