#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Programs with TCP sockets on loopback, for test_apply.sh. Each prints "ready"
when it has them, and ends after 300 s at the latest.

own PORT FROM...        listens, and connects from each port FROM. What each
                        connection sets by itself hangs on the last digit:
                        1 nothing; 2 keepalive; 3 keepalive and short times;
                        4 keepalive and long times; 5 some short, some long.
mptcp PORT FROM         the same for one connection by MPTCP.
late-own PORT...        one connection to each, with keepalive and no times.
late-mptcp PORT...      the same, by MPTCP.
silent PORT             one connection, with keepalive and idle of 300 s since
                        it was silent for 2.5 s.
many PORT N             N connections, accepted by another process.
forked PORT FROM        like own, and has a child with the same sockets.
foreign PORT FROM       like own, in a network namespace that it then leaves.
busy PORT               accepts all that comes, which a child sends, without
                        end.
churn PORT OTHER        connects to PORT and OTHER by turns and closes soon,
                        so that descriptors are used again and again, and looks
                        at each connection to OTHER before that: none may have
                        changed. Prints the sums when it gets SIGTERM, with
                        status 1 if one had.
"""
import ctypes
import itertools
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

HOST = "127.0.0.1"
CLONE_NEWNET = 0x40000000
CHURNING = 100
CHURN_PAUSE_S = 0.0002
IPPROTO_MPTCP = 262  # socket has it since Python 3.10
OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
)
OWN = {1: (), 2: (1,), 3: (1, 20, 5, 3), 4: (1, 900, 90, 9), 5: (1, 20, 90, 9)}
kept = []


def ready():
    print("ready", flush=True)
    signal.pause()


def new(protocol=0):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.append(sock)
    return sock


def listen(port, protocol=0, backlog=4096):
    sock = new(protocol)
    sock.bind((HOST, port))
    sock.listen(backlog)
    return sock


def own(port, *sources, protocol=0):
    listener = listen(port, protocol)
    for source in sources:
        sock = new(protocol)
        for option, value in zip(OPTIONS, OWN[source % 10]):
            sock.setsockopt(*option, value)
        sock.bind((HOST, source))
        sock.connect((HOST, port))
        kept.append(listener.accept()[0])


def mptcp(port, source):
    own(port, source, protocol=IPPROTO_MPTCP)


def late(*ports, protocol=0):
    for port in ports:
        own(port, 40002 + port * 10 % 1000, protocol=protocol)


def silent(port):
    own(port, 40801)
    time.sleep(2.5)
    kept[1].setsockopt(*OPTIONS[1], 300)
    kept[1].setsockopt(*OPTIONS[0], 1)


def many(port, count):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    listener = listen(port)
    if os.fork() == 0:
        for _ in range(count):
            kept.append(listener.accept()[0])
        signal.pause()
    listener.close()
    for _ in range(count):
        new().connect((HOST, port))


def forked(port, source):
    own(port, source)
    if os.fork() == 0:
        signal.pause()


def foreign(port, source):
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    if libc.unshare(CLONE_NEWNET) != 0:
        sys.exit("unshare: " + os.strerror(ctypes.get_errno()))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    own(port, source)
    if libc.setns(home, CLONE_NEWNET) != 0:
        sys.exit("setns: " + os.strerror(ctypes.get_errno()))


def busy(port):
    # What waits is accepted in no time, also on a machine that is busy itself.
    listener = listen(port, backlog=32)
    if os.fork() == 0:
        listener.close()
        while len(kept) < 9000:
            new().connect((HOST, port))
        signal.pause()

    def accept():
        while True:
            kept.append(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()


def churn(port, other):
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    listeners = [listen(port), listen(other)]
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            for listener in listeners:
                listener.accept()[0].close()
    print("ready", flush=True)
    counts = {port: [0, 0], other: [0, 0]}
    for turn in itertools.count():
        where = (port, other)[turn % 2]
        sock = socket.socket()
        # Its end leaves nothing behind that uses up ports.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
        sock.connect((HOST, where))
        kept.append((where, sock))
        # So that it lives about as long as one is read and set.
        time.sleep(CHURN_PAUSE_S)
        # An even number, so that a descriptor, which is free one turn later,
        # is used for both by turns.
        if turn < CHURNING:
            continue
        where, sock = kept.pop(2)
        on = sock.getsockopt(*OPTIONS[0])
        on |= sock.getsockopt(*OPTIONS[1]) != 7200
        counts[where][0] += 1
        counts[where][1] += on
        sock.close()
        if ended:
            break
    seen, changed = counts[other]
    set_from_outside = counts[port][1]
    print(seen, changed, set_from_outside, flush=True)
    sys.exit(changed > 0)


signal.alarm(300)
what, _, how = sys.argv[1].partition("-")
kinds = {"mptcp": {"protocol": IPPROTO_MPTCP}}
globals()[what](*map(int, sys.argv[2:]), **kinds.get(how, {}))
ready()
