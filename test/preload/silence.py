#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A connection that has been silent for a while when a program gets it.

silence.py hand WHAT PROGRAM...  gives it to PROGRAM, as descriptor 0, as the
                                 3 of socket activation (activated), by
                                 SCM_RIGHTS (sent, on descriptor 0), or from
                                 the queue of its own listener (queued: on port
                                 7000); prints "in-time" if no more than 50 s
                                 lie between what was heard last and the next
                                 probe, how many, or "off"
silence.py keep                  lives on with what it has
silence.py receive               takes what is sent, and lives on
silence.py accept                listens, accepts after the silence, lives on
"""
import array
import os
import re
import socket
import subprocess
import sys
import time

SILENCE_S = 1.5
IDLE_S = 50
PATIENCE_S = 10
ADDRESS = ("127.0.0.1", 7000)


def keep():
    print("ready", flush=True)
    time.sleep(60)


def receive():
    with socket.socket(fileno=0) as ours:
        data = ours.recvmsg(1, socket.CMSG_SPACE(4))[1][0][2]
        kept = socket.socket(fileno=array.array("i", data)[0])
        keep()
        kept.close()


def accept():
    with socket.create_server(ADDRESS) as listener:
        print("listens", flush=True)
        time.sleep(SILENCE_S)
        with listener.accept()[0]:
            keep()


def seconds_to_probe(port):
    """By ss, of the end that the program has; None if no timer runs."""
    line = subprocess.run(
        ["ss", "-tnoiOH", "state", "established", "dport", "=", f":{port}"],
        capture_output=True, text=True, check=True).stdout
    timer = re.search(r"keepalive,(?:(\d+)min)?(?:(\d+)sec)?,", line)
    if not timer:
        return None
    heard_ms = min(int(number) for number in
                   re.findall(r"last(?:rcv|ack):(\d+)", line))
    minutes, seconds = (int(number or 0) for number in timer.groups())
    return 60 * minutes + seconds + heard_ms / 1000


def start(what, server, program):
    if what == "queued":
        return subprocess.Popen(program, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE)
    if what == "sent":
        ours, theirs = socket.socketpair()
        socket.send_fds(ours, [b"."], [server.fileno()])
        return subprocess.Popen(program, stdin=theirs, stdout=subprocess.PIPE)
    if what == "0":
        return subprocess.Popen(program, stdin=server, stdout=subprocess.PIPE)
    os.dup2(server.fileno(), 3)
    return subprocess.Popen(
        ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", *program],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=(3,))


def hand(what, *program):
    if what == "queued":
        child = start(what, None, program)
        child.stdout.readline()
        client = socket.create_connection(ADDRESS)
    else:
        with socket.create_server(ADDRESS) as listener:
            client = socket.create_connection(ADDRESS)
            server = listener.accept()[0]
        time.sleep(SILENCE_S)
        child = start(what, server, program)
    child.stdout.readline()
    port = client.getsockname()[1]
    # A supervisor may come when the program has it already.
    deadline = time.monotonic() + (PATIENCE_S if "run" in program else 0)
    while (least := seconds_to_probe(port)) is None:
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    child.kill()
    if least is None:
        print("off")
    else:
        print("in-time" if least <= IDLE_S else f"after {least} s")


globals()[sys.argv[1]](*sys.argv[2:])
