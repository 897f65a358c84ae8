# SPDX-License-Identifier: Apache-2.0
"""
What a process has to work with, and has not: descriptors, standard streams, a log
that is read, name servers that answer.
"""

import contextlib
import os
import pathlib
import resource
import socket
import subprocess
import time

import pytest

import judge
from daemon import BUILD, clean_environment, preloaded
from ec2sim import eventually
from lives import bring_to, finish

LOOKUPS = 16  # that may be under way at a time
HANGING = BUILD / "tests/preload/hanging.so"
CLOSED = ["sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-']


def descriptors(pid):
    """What each open descriptor of a process is."""
    found = {}
    for path in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found[int(path.name)] = os.readlink(path)
    return found


def has_null_streams(pid):
    found = descriptors(pid)
    return all(found.get(fd) == "/dev/null" for fd in range(3))


def test_daemon_without_standard_streams(make_daemon, sim):
    """Neither ledger nor socket is ever somebody's stderr."""
    daemon = make_daemon().start(prefix=CLOSED)
    pid = daemon.process.pid
    bring_to(daemon, "ready")
    assert has_null_streams(pid)
    others = {fd: what for fd, what in descriptors(pid).items() if fd > 2}
    assert any("ledger.db" in what for what in others.values())
    finish(daemon, sim)


def test_client_without_standard_streams(daemon):
    client = subprocess.Popen([*CLOSED, BUILD / "ec2workerctl", "-s", daemon.socket, "events", "--follow"],
                              env=clean_environment())
    try:
        eventually(lambda: any("socket" in what for what in descriptors(client.pid).values()))
        assert has_null_streams(client.pid)
    finally:
        client.terminate()
        client.wait(10)


def test_simulator_without_standard_streams():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    sim = subprocess.Popen([*CLOSED, BUILD / "ec2sim", "--listen", f"127.0.0.1:{port}"])

    def answers():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
    try:
        eventually(answers)
        assert has_null_streams(sim.pid)
    finally:
        sim.terminate()
        assert sim.wait(10) == 0


def test_soft_limit_is_raised(make_daemon):
    daemon = make_daemon().start(prefix=["prlimit", "--nofile=24:4096"])
    assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE) == (4096, 4096)


def hanging(daemon):
    """getaddrinfo never returns for a name in it, but for localhost."""
    daemon.environment = preloaded(HANGING)


def threads(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def test_resolver_that_hangs(make_daemon, sim):
    """The relay's name servers are dead: EC2 is served meanwhile, and the end is quick."""
    daemon = make_daemon(mail={"smtp_url": "smtp://hangs.invalid:25", "from": "ec2workerd@example.org"},
                         workers={"bot1": {"password": "x"}, "late": {
                             "password": "x", "missing_timeout": 1, "notify_on_missing": ["ops@example.org"]}})
    hanging(daemon)
    daemon.start()
    daemon.call("worker.substantiate", worker="late")
    eventually(lambda: daemon.call("pool.status")["queues"]["mails"] == 1, timeout=20)
    eventually(lambda: threads(daemon.process.pid) > 1)
    bring_to(daemon, "ready")
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 2


def test_endpoint_whose_name_hangs(make_daemon, sim):
    """Everything that is asked of EC2 hangs in a lookup: it is tried on, by few threads."""
    daemon = make_daemon()
    daemon.config["aws"]["endpoint_url"] = f"http://hangs.invalid:{sim.port}"
    daemon.write_config()
    hanging(daemon)
    daemon.start()
    most = 0
    with daemon.connect() as rpc:
        for worker in ("bot1", "linux-01", "linux-02", "linux-03"):
            rpc.call("worker.substantiate", worker=worker)
        until = time.monotonic() + 25
        while time.monotonic() < until:
            began = time.monotonic()
            rpc.call("pool.status")
            assert time.monotonic() - began < 2
            most = max(most, threads(daemon.process.pid))
            time.sleep(0.2)
    assert 1 < most <= LOOKUPS + 1, most
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 2
    assert not judge.live(sim)


def test_log_that_nobody_reads(make_daemon, sim):
    """The loop goes on; how much was lost is said in the log and in pool.status."""
    daemon = make_daemon(log_level="info")
    path = daemon.directory / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(20)
        daemon.process = subprocess.Popen(
            [daemon.program, "-c", daemon.conf_path], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
            env=clean_environment(NOTIFY_SOCKET=str(path)))
        while b"READY=1" not in notify.recv(4096):
            pass
    reader = daemon.process.stderr
    slowest = 0
    with daemon.connect() as rpc:
        for _ in range(1500):
            began = time.monotonic()
            rpc.call("pool.pause")
            rpc.call("pool.resume")
            slowest = max(slowest, time.monotonic() - began)
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        kinds = eventually(lambda: [d for d in rpc.call("pool.status")["degraded"] if d["kind"] == "log"])
        assert "not read" in kinds[0]["meaning"]
    assert slowest < 2
    os.set_blocking(reader.fileno(), False)
    text = b""

    def said():
        nonlocal text
        text += reader.read() or b""
        with daemon.connect() as rpc:
            rpc.call("pool.pause")
            rpc.call("pool.resume")
        return b"dropped: the log was not read" in text
    eventually(said)
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    reader.close()
    daemon.process = None
