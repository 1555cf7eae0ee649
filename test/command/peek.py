#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the TCP sockets of a process really have, for the tests of the command:
read by pidfd_getfd(2) and getsockopt(2), with nothing of kashim.

peek.py PID prints a line for each: LOCAL REMOTE ON IDLE/INTERVAL/COUNT+TIMEOUT,
listeners with "-" for REMOTE, in order of descriptors; "-" also for what the
kernel does not tell.
"""
import ctypes
import os
import socket
import sys

PIDFD_GETFD = 438
libc = ctypes.CDLL(None, use_errno=True)


def endpoint(address):
    host, port = address[:2]
    host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def told(sock, option):
    try:
        return sock.getsockopt(socket.IPPROTO_TCP, option)
    except OSError:
        return "-"


def show(sock):
    local = endpoint(sock.getsockname())
    try:
        remote = endpoint(sock.getpeername())
    except OSError:
        remote = "-"
    on = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    idle, interval, count, timeout = (
        told(sock, option)
        for option in (
            socket.TCP_KEEPIDLE,
            socket.TCP_KEEPINTVL,
            socket.TCP_KEEPCNT,
            socket.TCP_USER_TIMEOUT,
        )
    )
    print(f"{local} {remote} {on} {idle}/{interval}/{count}+{timeout}")


def main():
    pid = int(sys.argv[1])
    pidfd = os.pidfd_open(pid)
    for fd in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
        if not os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
            continue
        ours = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if ours < 0:
            sys.exit(f"peek: {fd}: {os.strerror(ctypes.get_errno())}")
        with socket.socket(fileno=ours) as sock:
            if sock.family in (socket.AF_INET, socket.AF_INET6) and (
                sock.type == socket.SOCK_STREAM
            ):
                show(sock)


main()
