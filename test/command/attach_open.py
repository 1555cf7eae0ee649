#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A program for test_attach_open.sh, with a connection to itself.

It says "open", and does what the lines of its input say: tell, and prints the
idle times of both sides, the connecting one first; set SECONDS on both, and
then tells; child SECONDS: another program, ./other, sets them; again: it connects once
more with the same socket, and prints what that has; new: the idle times of a
new connection; listener SECONDS: sets that of the listener, and prints it.

With "mptcp" its sockets are of MPTCP.
With "unsure" it has closed its listener, so that nobody knows who sent the SYN.
With "waits" the connection is accepted when the listener has another idle time
than at first; with "back" the connecting side gets 7000 s, once, as soon as it
has another one, and there are other connections to be set behind it.
"""
import ctypes
import os
import socket
import subprocess
import sys

IDLE = socket.IPPROTO_TCP, socket.TCP_KEEPIDLE


def idle(*sockets):
    return " ".join(str(sock.getsockopt(*IDLE)) for sock in sockets)


def set_idle(sockets, seconds):
    try:
        for sock in sockets:
            sock.setsockopt(*IDLE, seconds)
    except OSError:
        return "refused "
    return ""


def new_socket(how):
    protocol = 262 if how == "mptcp" else 0  # IPPROTO_MPTCP
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol)


def connect_to(listener, how):
    connecting = new_socket(how)
    connecting.connect(listener.getsockname())
    return connecting, listener.accept()[0]


def connect_again(listener, sock):
    # AF_UNSPEC ends the connection, connect(2); Python has no such address.
    if ctypes.CDLL(None).connect(sock.fileno(), bytes(16), 16) != 0:
        raise OSError("connect")
    sock.connect(listener.getsockname())
    return idle(sock)


def child(sockets, seconds):
    numbers = [sock.fileno() for sock in sockets]
    subprocess.run(
        ["./other", "sets", seconds, *map(str, numbers)],
        pass_fds=numbers,
        check=True,
    )


def until_other(sock):
    before = idle(sock)
    while idle(sock) == before:
        pass


def main(how=""):
    listener = new_socket(how)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    if how == "waits":
        connecting = new_socket(how)
        connecting.connect(listener.getsockname())
        print("open", flush=True)
        until_other(listener)
        both = connecting, listener.accept()[0]
        print("accepted", flush=True)
    else:
        both = connect_to(listener, how)
        if how == "unsure":
            listener.close()
        others = [connect_to(listener, how) for _ in range(300 * (how == "back"))]
        print("open", flush=True)
    if how == "back":
        until_other(both[0])
        set_idle(both[:1], 7000)
        print("back", flush=True)
    for line in sys.stdin:
        what, *seconds = line.split()
        said = ""
        if what == "set":
            said = set_idle(both, int(seconds[0]))
        elif what == "child":
            child(both, seconds[0])
        elif what == "again":
            print(connect_again(listener, both[0]), flush=True)
            continue
        elif what == "new":
            print(idle(*connect_to(listener, how)), flush=True)
            continue
        elif what == "listener":
            set_idle([listener], int(seconds[0]))
            print(idle(listener), flush=True)
            continue
        print(said + idle(*both), flush=True)


if sys.argv[1:2] == ["sets"]:
    for number in sys.argv[3:]:
        socket.socket(fileno=os.dup(int(number))).setsockopt(
            *IDLE, int(sys.argv[2])
        )
else:
    main(*sys.argv[1:])
