#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A program with TCP sockets, for the tests of the command.

Each argument is one thing to do, in this order: WHAT,ADDRESS,PORT[,OPTION...]
where WHAT is listen (and accept all that comes), connect, connecting (without
waiting for an answer) or half (listen, and accept nothing), and an OPTION is
on, idle=S, interval=S, count=N, timeout=MS, times=N, from=PORT, mptcp or full
(send until no more goes in). Prints what getsockopt(2) says of each socket when all
is done, a line each, and "ready". Then it lives until its standard input ends,
300 s at most; what comes there makes each connection send a byte.
"""
import select
import signal
import socket
import sys

OPTIONS = {
    "on": (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    "idle": (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    "interval": (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    "count": (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    "timeout": (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
}


def endpoint(address):
    host, port = address[:2]
    host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def value(sock, *option):
    try:
        return sock.getsockopt(*option)
    except OSError:
        return "-"


def tell(sock):
    values = [value(sock, *OPTIONS[name]) for name in OPTIONS]
    try:
        remote = endpoint(sock.getpeername())
    except OSError:
        remote = "-"
    print(sock.fileno(), endpoint(sock.getsockname()), remote, *values)


def fill(sock):
    sock.setblocking(False)
    try:
        while True:
            sock.send(bytes(65536))
    except BlockingIOError:
        pass


def make(argument):
    what, address, port, *rest = argument.split(",")
    options = dict((word + "=1").split("=")[:2] for word in rest)
    times = int(options.pop("times", 1))
    source = int(options.pop("from", 0))
    full = options.pop("full", None)
    protocol = 262 if options.pop("mptcp", None) else 0  # IPPROTO_MPTCP
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(times):
        sock = socket.socket(family, socket.SOCK_STREAM, protocol)
        for name, value in options.items():
            sock.setsockopt(*OPTIONS[name], int(value))
        if what in ("listen", "half"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, int(port)))
            sock.listen(4096)
        else:
            if source:
                sock.bind(("", source))
            sock.setblocking(what == "connect")
            try:
                sock.connect((address, int(port)))
            except BlockingIOError:
                pass
            if full:
                fill(sock)
        yield what, sock


def main():
    signal.alarm(300)
    sockets = [made for argument in sys.argv[1:] for made in make(argument)]
    for _, sock in sockets:
        tell(sock)
    print("ready", flush=True)
    listeners = [sock for what, sock in sockets if what == "listen"]
    accepted = []
    while True:
        for ready in select.select([sys.stdin, *listeners], [], [])[0]:
            if ready is sys.stdin:
                if not sys.stdin.buffer.read1(1):
                    return
                for what, sock in sockets:
                    if what == "connect":
                        sock.send(b".")
            else:
                accepted.append(ready.accept()[0])


main()
