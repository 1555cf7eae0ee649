#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A program with TCP sockets, for test_attach.sh.

Each argument is a connection, LISTEN,PORT,TO[,FROM[,later]]: it listens at an
address, connects to TO, maybe from FROM, and prints what both sides have, as
getsockopt(2) says: SO_KEEPALIVE, idle, interval, count, user timeout. later:
then it sets an idle time of its own, 77 s, on both, and prints them once more.
"""
import socket
import sys

OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
]


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def has(sock):
    return " ".join(str(sock.getsockopt(*option)) for option in OPTIONS)


def tell(text, connecting, accepting):
    print(f"{text}: {has(connecting)} / {has(accepting)}")


def connection(listen, port, to, source="", later=""):
    listener = socket.socket(family(listen))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family(listen) == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind((listen, int(port)))
    listener.listen()
    # What it had before is replaced by the rule.
    connecting = socket.socket(family(to))
    connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 66)
    if source:
        connecting.bind((source, 0))
    connecting.connect((to, int(port)))
    accepting = listener.accept()[0]
    tell(f"{to} {port}", connecting, accepting)
    if later:
        for sock in connecting, accepting:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 77)
        tell("later", connecting, accepting)


for argument in sys.argv[1:]:
    connection(*argument.split(","))
