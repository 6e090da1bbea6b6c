"""A server that answers MLflow's client at once with what it was given: what a client itself takes, whatever the server.

    python track_canned.py PORT   with a JSON object on standard input: the end of a path → the body of its answer
"""

import json
import socket
import sys

BODIES = {path: body.encode() for path, body in json.load(sys.stdin).items()}


def answer(connection):
    buffered = b""
    while True:
        while b"\r\n\r\n" not in buffered:
            more = connection.recv(1 << 16)
            if not more:
                return
            buffered += more
        head, buffered = buffered.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        while len(buffered) < length:
            buffered += connection.recv(1 << 16)
        buffered = buffered[length:]
        path = lines[0].split(" ")[1].split("?")[0]
        body = next((body for end, body in BODIES.items() if path.endswith(end)), b"{}")
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )


with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection:
            answer(connection)
