#!/bin/sh
# SPDX-License-Identifier: ISC
# Guess: a keepalive time above 32767 s, the most that the kernel takes for
# TCP_KEEPIDLE, is refused where it is configured, or cut to what is possible.
#
# Really: haproxy takes "srvtcpka-idle 40000s" ("Configuration file is valid"),
# and redis takes tcp-keepalive 40000 and tells it back with CONFIG GET. Neither
# says that the kernel refused it: the connections have keepalive on, with the
# host's default, two hours, and not the eleven hours that were asked for.
#
# Seen with Linux 6.18, haproxy 2.6.12-1+deb12u4 and redis 5:7.0.15-1~deb12u10
# (Debian 12):
#   haproxy: Configuration file is valid; timer 119min, 119min
#   redis: tcp-keepalive 40000; timer 119min
#
# Why it matters: what a program was told to do, and what it tells of itself,
# says nothing of what its sockets have. Needs unshare(1), ss, python3, and
# apt-get for the pinned packages.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cd "$dir"
apt-get download haproxy=2.6.12-1+deb12u4 libopentracing-c-wrapper0=1.1.3-3+b1 \
	libopentracing1=1.6.0-4 redis-server=5:7.0.15-1~deb12u10 \
	redis-tools=5:7.0.15-1~deb12u10 >/dev/null 2>&1
for package in *.deb; do
	dpkg -x "$package" .
done
LD_LIBRARY_PATH=$(find "$dir" -name '*.so.*' -printf '%h\n' | sort -u |
	tr '\n' ':')
export LD_LIBRARY_PATH

cat >haproxy.cfg <<'END'
defaults
	mode tcp
	timeout connect 5s
	timeout client 1h
	timeout server 1h
	option clitcpka
	clitcpka-idle 40000s
	option srvtcpka
	srvtcpka-idle 40000s
frontend clients
	bind 127.0.0.1:7801
	default_backend servers
backend servers
	server one 127.0.0.1:7802
END

cat >look.py <<'END'
import re, socket, subprocess, time

def run(*command):
    return subprocess.run(command, capture_output=True, text=True)

def timers():
    return re.findall(r"keepalive,([^,]*),", run("ss", "-tonH").stdout)

def connect(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"port {port} does not answer")

check = run("usr/sbin/haproxy", "-c", "-f", "haproxy.cfg")
valid = check.returncode == 0 and "Configuration file is valid" in check.stdout
server = socket.create_server(("127.0.0.1", 7802))
server.settimeout(10)
haproxy = subprocess.Popen(["usr/sbin/haproxy", "-f", "haproxy.cfg"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
try:
    client = connect(7801)
    peer, _ = server.accept()
    both = timers()
finally:
    haproxy.terminate()
    words = haproxy.communicate()[1].decode()
client.close()
peer.close()
print(f"haproxy: {check.stdout.strip()}; timer {', '.join(both)}")
silent = not re.search("keepidle|keepalive|tcpka", words, re.I)

redis = subprocess.Popen(["usr/bin/redis-server", "--port", "7803", "--save",
                          "", "--tcp-keepalive", "40000"],
                         stdout=subprocess.PIPE)
try:
    client = connect(7803)
    client.sendall(b"CONFIG GET tcp-keepalive\r\n")
    client.settimeout(10)
    told = client.recv(1000).split()[-1].decode()
    one = timers()
finally:
    redis.terminate()
    words = redis.communicate()[0].decode()
print(f"redis: tcp-keepalive {told}; timer {', '.join(one)}")
silent = silent and "keepalive" not in words.lower()

two_hours = all(timer in ("119min", "120min") for timer in both + one)
raise SystemExit(0 if valid and silent and told == "40000" and two_hours and
                 len(both) == 2 and len(one) == 1 else 1)
END
unshare --map-root-user --net sh -c 'ip link set lo up && exec "$@"' sh \
	timeout 60 python3 look.py
