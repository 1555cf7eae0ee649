#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: "conntrack -U" with a filter changes the entries that "conntrack -L"
# shows for it, and "conntrack -D" deletes.
#
# Really: without an address or "-f ipv4" in the filter it ends at the first
# entry with "Operation not supported". It asks the kernel for an entry of no
# address family in particular, which is what the kernel does not support; the
# change itself it does.
#
# Seen with conntrack 1:1.4.7-1+b2 (Debian 12) on Linux 6.18, one connection:
#   -L -p tcp --dport 7000: 1 flow entries have been shown.
#   -U -p tcp --dport 7000 -t 5000: Operation failed: Operation not supported
#   -U -p tcp --dport 7000 -m 5: Operation failed: Operation not supported
#   -U -f ipv4 -p tcp --dport 7000 -t 5000: 1 flow entries have been updated.
#   -U -d 127.0.0.1 -p tcp --dport 7000 -t 5000: 1 flow entries have been updated.
#   -D -p tcp --dport 7000: 1 flow entries have been deleted.
#
# Why it matters: who wants to give open, idle connections of a port a longer time
# in the firewall is told that this cannot be done. Needs root, nftables,
# iproute2, python3, and apt-get for the pinned packages.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
apt-get download conntrack=1:1.4.7-1+b2 libnetfilter-conntrack3=1.0.9-3 \
	>/dev/null 2>&1
for package in *.deb; do
	dpkg -x "$package" .
done

cat >update.py <<'END'
import os
import socket
import subprocess

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["nft", "-f", "-"], check=True, text=True, input="""
table ip t {
	chain c {
		type filter hook output priority 0
		ct state new counter
	}
}
""")
listener = socket.create_server(("127.0.0.1", 7000))
client = socket.create_connection(("127.0.0.1", 7000))
peer = listener.accept()[0]
environment = dict(os.environ, LD_LIBRARY_PATH=os.path.join(
    os.getcwd(), "usr/lib/x86_64-linux-gnu"))
for words in ("-L -p tcp --dport 7000",
              "-U -p tcp --dport 7000 -t 5000",
              "-U -p tcp --dport 7000 -m 5",
              "-U -f ipv4 -p tcp --dport 7000 -t 5000",
              "-U -d 127.0.0.1 -p tcp --dport 7000 -t 5000",
              "-D -p tcp --dport 7000"):
    said = subprocess.run(["usr/sbin/conntrack", *words.split()], text=True,
                          stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          env=environment).stderr.splitlines()[-1]
    print(f"{words}: {said.split('): ')[1]}", flush=True)
END
timeout 30 unshare --net python3 update.py | tee seen
diff - seen <<'END'
-L -p tcp --dport 7000: 1 flow entries have been shown.
-U -p tcp --dport 7000 -t 5000: Operation failed: Operation not supported
-U -p tcp --dport 7000 -m 5: Operation failed: Operation not supported
-U -f ipv4 -p tcp --dport 7000 -t 5000: 1 flow entries have been updated.
-U -d 127.0.0.1 -p tcp --dport 7000 -t 5000: 1 flow entries have been updated.
-D -p tcp --dport 7000: 1 flow entries have been deleted.
END
