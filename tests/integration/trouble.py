# SPDX-License-Identifier: Apache-2.0
"""
Clients that are many, or rude: python3 trouble.py KIND SOCKET. Says "ready" when it is at
it, goes on until its standard input ends, and leaves with what it has seen, as JSON. Needs
nothing of the tests, for it may run as a user who cannot read them.
"""

import json
import select
import socket
import sys
import time

CONNECTIONS = 64  # of one user
WAITS = 10_000


def show(id=1):
    return {"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"], "id": id}


def line(call):
    return (json.dumps(call) + "\n").encode()


def connect(path):
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(60)
    connection.connect(path)
    return connection


def receive(connection):
    """One line as JSON, None at the end."""
    data = b""
    while not data.endswith(b"\n"):
        part = connection.recv(1 << 20)
        if not part:
            return None
        data += part
    return json.loads(data)


def ask(connection, call):
    connection.sendall(line(call))
    return receive(connection)


def started():
    print("ready", flush=True)


def is_over(seconds):
    """Waits so long; whether the end has come."""
    return bool(select.select([sys.stdin], [], [], seconds)[0])


def many(path):
    """As many connections as one user may have, each used now and then."""
    connections = [connect(path) for _ in range(CONNECTIONS)]
    good = all("result" in ask(c, show()) for c in connections)
    refused = receive(connect(path))
    started()
    turn = 0
    while not is_over(0.05):
        good = good and "result" in ask(connections[turn % CONNECTIONS], show())
        turn += 1
    return {"good": good, "refused": refused["error"]["code"]}


def idle(path):
    """Connections that do nothing at all."""
    connections = [connect(path) for _ in range(45)]
    started()
    while not is_over(60):
        pass
    return {"good": all("result" in ask(c, show()) for c in connections)}


def silent(path):
    """Asks and asks, and reads nothing."""
    connections = [connect(path) for _ in range(5)]
    sent = 0
    for connection in connections:
        connection.setblocking(False)
    started()
    while not is_over(0.01):
        for connection in connections:
            try:
                sent += connection.send(line(show()) * 10)
            except (BlockingIOError, BrokenPipeError):
                pass
    return {"sent": sent}


def dribble(path):
    """A byte a second, on each of some connections."""
    connections = [connect(path) for _ in range(5)]
    text = line(show())
    started()
    for n in range(len(text)):
        if is_over(1):
            break
        for connection in connections:
            connection.send(text[n:n + 1])
    return {"sent": n}


def waits(path):
    """As many waits as one connection may have."""
    connection = connect(path)
    wait = {"jsonrpc": "2.0", "method": "worker.substantiate", "id": 1,
            "params": {"worker": "bot1", "wait": "attached"}}
    for _ in range(WAITS):
        connection.sendall(line(wait))
    refused = ask(connection, show(id="one more"))
    started()
    while not is_over(60):
        pass
    return {"refused": refused["error"]["code"]}


def half_closed(path):
    """Done with sending, again and again, some of them in the middle of a line."""
    good, turns = True, 0
    started()
    while not is_over(0.02):
        connections = [connect(path) for _ in range(4)]
        for n, connection in enumerate(connections):
            connection.sendall(line(show()) + (b'{"jsonrpc"' if n % 2 else b""))
            connection.shutdown(socket.SHUT_WR)
        for n, connection in enumerate(connections):
            replies = connection.makefile("rb").read().splitlines()
            good = good and b'"result"' in replies[0] and len(replies) == 1 + n % 2
            connection.close()
        turns += 1
    return {"good": good, "turns": turns}


def batches(path):
    """Of 64, which is served, and of 65, which is refused."""
    connection = connect(path)
    whole = refused = 0
    started()
    while not is_over(0.05):
        replies = ask(connection, [show(id=n) for n in range(64)])
        whole += len(replies) == 64 and all("result" in r for r in replies)
        refused += ask(connection, [show(id=n) for n in range(65)])["error"]["code"] == -32600
    return {"whole": whole, "refused": refused}


KINDS = {f.__name__: f for f in (many, idle, silent, dribble, waits, half_closed, batches)}


def main():
    began = time.monotonic()
    report = KINDS[sys.argv[1]](sys.argv[2])
    print(json.dumps(report | {"seconds": round(time.monotonic() - began, 1)}), flush=True)


if __name__ == "__main__":
    main()
