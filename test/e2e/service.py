#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A service that ends its connections, or speaks on them, by itself:
service.py WAY SECONDS ADDRESS PORT.

close, reset    a FIN or a reset, so long after the connection began
forget-close, forget-reset
                the same, when nothing has come in for so long, be it a probe:
                as some firewalls and load balancers do
keepalive       has keepalive of its own
"""

import socket
import struct
import sys
import time

SEGS_IN_AT = 140  # tcpi_segs_in in struct tcp_info of linux/tcp.h


def segments(connection):
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=I", info, SEGS_IN_AT)[0]


def end(connection, way):
    if way.endswith("reset"):
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    connection.close()


def main():
    way, seconds = sys.argv[1], float(sys.argv[2])
    address = (sys.argv[3], int(sys.argv[4]))
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.create_server(address, family=family, backlog=100)
    listener.settimeout(0.01)
    connections = {}  # to the time that counts, and the segments by then
    while True:
        try:
            connection = listener.accept()[0]
        except socket.timeout:
            pass
        else:
            if way == "keepalive":
                for option, value in (
                    (socket.TCP_KEEPINTVL, 1),
                    (socket.TCP_KEEPIDLE, int(seconds)),
                ):
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
                connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1
                )
            connections[connection] = (time.monotonic(), segments(connection))
        now = time.monotonic()
        for connection, (since, before) in list(connections.items()):
            if way == "keepalive":
                continue
            seen = segments(connection)
            if way.startswith("forget") and seen != before:
                connections[connection] = (now, seen)
            elif now - since >= seconds:
                end(connection, way)
                del connections[connection]


main()
