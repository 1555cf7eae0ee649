#!/bin/sh
# SPDX-License-Identifier: ISC
#
# How long an outage ends a connection, as kashim check says it, against the
# kernel: connections whose packets are dropped for a little less, and for a
# little more. In a network namespace of its own; takes ten seconds, and longer
# where the machine is too busy to be in time.
set -u

# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
begin

# The timers of all of them: probes at 2, 3, 4, 5 and 6 s of silence.
cat >"$work/count.conf" <<'EOF'
rule a { idle = 2 interval = 1 count = 3 }
EOF
cat >"$work/user.conf" <<'EOF'
rule a { idle = 2 interval = 1 count = 5 user-timeout = 4 }
EOF

# says FILE TEXT
says() {
	if "$build/kashim" check "$work/$1" 2>&1 | grep -qF -- "$2"; then
		pass
	else
		fail "$1: check does not say: $2"
		"$build/kashim" check "$work/$1" 2>&1 | sed 's/^/	/'
	fi
}

says count.conf 'an outage of 2s can end the connection'
says user.conf 'so 2 lost probes end the connection, and not 5'
echo 'rule a { user-timeout = 15min }' >"$work/pause.conf"
says pause.conf 'a peer that is well and answers, but reads nothing for so long'

cat >"$work/outage.py" <<'EOF'
import errno, socket, subprocess, threading, time

TCP_USER_TIMEOUT = 18
# No probe is nearer than this to what changes before it.
LATE_S = 0.3


def run(*command):
    subprocess.run(command, check=True)


def change(port, how, due):
    """At that moment, or else the probes that are lost are others."""
    time.sleep(max(0, due - time.monotonic()))
    run("nft", how, "element", "ip", "t", "gone", "{ %d }" % port)
    return time.monotonic() - due < LATE_S


def trial(count, user_ms, start, length):
    """Silent at 0, cut off from start on: is the connection over at 8 s?
    None if this machine was too late for that."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    port = listener.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    server = listener.accept()[0]
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 2)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count)
    client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, user_ms)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    begin = time.monotonic()
    in_time = change(port, "add", begin + start)
    in_time &= change(port, "delete", begin + start + length)
    client.settimeout(max(0.1, begin + 8 - time.monotonic()))
    try:
        if not in_time:
            return None
        client.recv(1)
    except OSError as error:
        return error.errno == errno.ETIMEDOUT
    finally:
        server.close()
        client.close()
        listener.close()
    return True


def pause(user_ms, length):
    """A peer that is well, but reads nothing: is the connection over then?"""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client = socket.create_connection(listener.getsockname())
    server = listener.accept()[0]
    if user_ms:
        client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, user_ms)
    client.setblocking(False)
    try:
        while True:
            client.send(bytes(65536))
    except BlockingIOError:
        pass
    time.sleep(length)
    try:
        client.send(b"x")
    except BlockingIOError:
        return False
    except OSError as error:
        return error.errno == errno.ETIMEDOUT
    finally:
        server.close()
        client.close()
        listener.close()
    return False


run("ip", "link", "set", "lo", "up")
run("nft", "add table ip t; add set ip t gone { type inet_service; }; "
    "add chain ip t o { type filter hook output priority 0; }; "
    "add rule ip t o tcp dport @gone drop; "
    "add rule ip t o tcp sport @gone drop")
# From before the probe at 2 s to before or behind the one that decides.
trials = [("count: two probes lost", 3, 0, 1.5, 2.0, False),
          ("count: three probes lost", 3, 0, 1.5, 3.0, True),
          ("count: between probes", 3, 0, 2.4, 2.2, False),
          ("user-timeout: one probe lost", 5, 4000, 1.5, 1.0, False),
          ("user-timeout: two probes lost", 5, 4000, 1.5, 2.0, True)]
pauses = [("a pause: no user-timeout", 0, 8, False),
          ("a pause: a longer user-timeout", 60000, 8, False),
          ("a pause: a shorter user-timeout", 3000, 8, True)]
verdicts = {}


def judge(name, count, user_ms, start, length, over):
    for _ in range(5):
        answer = trial(count, user_ms, start, length)
        if answer is not None:
            break
    verdicts[name] = "ok" if answer is over else "wrong"


def judge_pause(name, user_ms, length, over):
    verdicts[name] = "ok" if pause(user_ms, length) is over else "wrong"


threads = [threading.Thread(target=judge, args=t) for t in trials]
threads += [threading.Thread(target=judge_pause, args=p) for p in pauses]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for name, *_ in trials + pauses:
    print(verdicts.get(name, "none"), name)
EOF
if timeout 120 unshare -rn python3 "$work/outage.py" >"$work/trials"; then
	while read -r verdict trial; do
		if [ "$verdict" = ok ]; then
			pass
		else
			fail "$trial"
		fi
	done <"$work/trials"
else
	fail 'the connections could not be tried'
fi

finish
