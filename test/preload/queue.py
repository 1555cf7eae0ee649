#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A listener in whose queue connections wait, and a program that gets it.

queue.py hand HOW NUMBER COUNT PROGRAM [ARGUMENT...]
    makes a listener at 127.0.0.1:PORT, of environment variable PORT, and COUNT
    connections to it, and becomes PROGRAM. It has the listener as descriptor
    NUMBER; HOW is "as-is", "fastopen", "reuse" (SO_REUSEPORT), "activated"
    (LISTEN_FDS and LISTEN_PID are set), "sent" (NUMBER is a unix(7) socket
    that the listener is to be received from), "offered" (another process
    sends it to who connects to ./offer) or "kept" (SO_REUSEPORT; another
    process keeps it until there is a file ./leave).

queue.py serve HOW NUMBER COUNT
    gets the listener and accepts COUNT connections, then one that it makes
    itself, and prints a line: what each of them has, and at last the listener.
    HOW is what it does before, separated by commas: "as-is" (nothing), "wait"
    (for a line of standard input), "receive", "fetch" (from ./offer), "listen"
    (again), "share" (makes another listener with SO_REUSEPORT), "slowly" (the
    same, but it listens only two seconds later), "close" (the first one).
    PATIENCE: so many seconds a connection has time to get its options.

queue.py call
    connects, as soon as somebody listens, and stays until the other end closes.
"""
import array
import fcntl
import os
import signal
import socket
import sys
import time


def here():
    return ("127.0.0.1", int(os.environ["PORT"]))


def listener(how, pause=0):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if how in ("reuse", "kept"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if how == "fastopen":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 16)
    sock.bind(here())
    time.sleep(pause)
    sock.listen(64)
    return sock


def connect():
    return socket.create_connection(here())


def call():
    deadline = time.monotonic() + 20
    while True:
        try:
            return connect().recv(1)
        except ConnectionResetError:
            return None
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def accepted(sock):
    """The number of connections that have been made and wait."""
    # tcpi_unacked, of a listener.
    return int.from_bytes(sock.getsockopt(6, socket.TCP_INFO, 104)[24:28],
                          sys.byteorder)


def wait_for(what):
    while not what():
        time.sleep(0.01)


def keep(sock):
    """It stays open in what we become, out of the way."""
    os.set_inheritable(fcntl.fcntl(sock.detach(), fcntl.F_DUPFD, 100), True)


def elsewhere(what):
    """In another process, which is no child of what we become."""
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            what()
        os._exit(0)
    os.waitpid(child, 0)


def offer(sock):
    unix = socket.socket(socket.AF_UNIX)
    unix.bind("offer")
    unix.listen()
    elsewhere(lambda: socket.send_fds(unix.accept()[0], [b"x"],
                                      [sock.fileno()]))
    return unix


def fetch():
    unix = socket.socket(socket.AF_UNIX)
    unix.connect("offer")
    return receive(unix)


def hand(how, number, count, *program):
    sock = listener(how)
    clients = [connect() for _ in range(int(count))]
    wait_for(lambda: accepted(sock) >= len(clients))
    for client in clients:
        keep(client)
    given = sock
    if how == "offered":
        given = offer(sock)
    if how == "kept":
        elsewhere(lambda: wait_for(lambda: os.path.exists("leave")))
        given = socket.socket(socket.AF_UNIX)
    if how == "sent":
        ours, given = socket.socketpair()
        socket.send_fds(ours, [b"x"], [sock.fileno()])
        keep(ours)
    if how == "activated":
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    os.dup2(given.fileno(), int(number))
    os.set_inheritable(int(number), True)
    os.execvp(program[0], program)


def receive(unix):
    _, control, _, _ = unix.recvmsg(1, socket.CMSG_SPACE(4))
    numbers = array.array("i")
    numbers.frombytes(control[0][2])
    return socket.socket(fileno=numbers[0])


def take(how, number):
    sock = None
    for step in how.split(","):
        if step == "wait":
            sys.stdin.readline()
        elif step == "fetch":
            sock = fetch()
        elif step == "share":
            sock = listener("reuse")
        elif step == "slowly":
            sock = listener("reuse", 2)
        elif step == "close":
            os.close(number)
        else:
            sock = sock or socket.socket(fileno=number)
            if step == "receive":
                sock = receive(sock)
            if step == "listen":
                sock.listen(64)
    return sock or socket.socket(fileno=number)


def has(sock, patience=float(os.environ.get("PATIENCE", 0))):
    deadline = time.monotonic() + patience
    on = (socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    while not sock.getsockopt(*on) and time.monotonic() < deadline:
        time.sleep(0.01)
    if not sock.getsockopt(*on):
        return "off"
    return "/".join(str(sock.getsockopt(socket.IPPROTO_TCP, option))
                    for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL,
                                   socket.TCP_KEEPCNT))


def serve(how, number, count):
    sock = take(how, int(number))
    queued = [sock.accept()[0] for _ in range(int(count))]
    client = connect()
    queued.append(sock.accept()[0])
    print(" ".join([has(one) for one in queued] + [has(sock, 0)]), flush=True)
    client.close()


signal.alarm(60)
{"call": call, "hand": hand, "serve": serve}[sys.argv[1]](*sys.argv[2:])
