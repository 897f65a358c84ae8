# SPDX-License-Identifier: Apache-2.0
"""What the host does to the daemon: files that are gone, descriptors, a resolver that hangs."""

import contextlib
import os
import pathlib
import signal
import socket
import time

import pytest

import sandbox
from daemon import ROOT
from ec2sim import eventually
from lives import bring_to, finish, has_phase, show

NOBODYS = "http://ec2.nowhere.test:80"


def files(daemon, pattern):
    return sorted(pathlib.Path(daemon.config["state_dir"]).glob(pattern))


def test_write_ahead_log_of_a_crash(daemon, sim):
    """Killed, it leaves its log, and the index of that may be missing: all is found again (P24)."""
    bring_to(daemon, "ready")
    daemon.kill()
    [log] = files(daemon, "ledger.db-wal")
    assert log.stat().st_size > 0
    for index in files(daemon, "ledger.db-shm"):
        index.unlink()
    daemon.start()
    assert show(daemon)["phase"] == "ready" and daemon.call("pool.status")["hold"] is False
    finish(daemon, sim)


def test_write_ahead_log_that_was_deleted(daemon, sim):
    """What was committed last is lost with it: HOLD, and nothing is ended or started (P24)."""
    daemon.stop()
    daemon.start()
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.kill()
    for path in files(daemon, "ledger.db-*"):
        path.unlink()
    daemon.start()
    eventually(lambda: daemon.call("pool.status")["hold"])
    time.sleep(1)
    assert sim.ledger()[instance]["state"] == "running"
    assert len(sim.ledger()) == 1 and sim.calls("TerminateInstances") == 0


def test_without_standard_descriptors(make_daemon, sim):
    """Closed at the start they are no one's: nothing is written into the ledger by accident (P35)."""
    daemon = make_daemon()
    daemon.start(prefix=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    links = [os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}") for fd in range(3)]
    assert links == ["/dev/null"] * 3
    bring_to(daemon, "ready")
    finish(daemon, sim)


def test_few_descriptors(make_daemon, sim):
    """
    Clients take all that the process may have; what runs is ended all the same, and once they
    are gone everybody is served (P16).
    """
    daemon = make_daemon()
    daemon.start(prefix=["prlimit", "--nofile=66:66"])
    bring_to(daemon, "ready")
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(daemon.connect())
        for _ in range(60):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(daemon.socket))
        time.sleep(0.5)
        first.call("worker.insubstantiate", worker="bot1")
        eventually(lambda: sim.calls("TerminateInstances"))
        eventually(lambda: first.call("worker.show", worker="bot1")["state"] == "not_substantiated", 30)
    eventually(lambda: show(daemon)["state"] == "not_substantiated", 30)
    bring_to(daemon, "ready")
    finish(daemon, sim)


@pytest.mark.parametrize("unit", ["ec2workerd.service", "ec2workerd@.service"])
def test_memory_of_the_unit(unit):
    """Of all processes it is not the one that the kernel ends first, and it has a bound (P14)."""
    lines = (ROOT / "systemd" / unit).read_text().splitlines()
    assert {"OOMScoreAdjust=-500", "MemoryMax=512M", "Restart=on-failure"} <= set(lines)


@pytest.fixture
def silent_resolver(directory):
    """The prefix for a program whose only resolver hears, and says nothing."""
    resolv = pathlib.Path(directory) / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(sandbox.own_network(socket.AF_INET))
            silent = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            silent.bind(("127.0.0.1", 53))
        except (sandbox.Unavailable, OSError) as error:
            pytest.skip(f"no network of our own here: {error}")
        yield ["unshare", "--mount", "sh", "-c",
               f'mount --bind {resolv} /etc/resolv.conf && exec "$@"', "sh"], silent


def threads(daemon):
    return len(list(pathlib.Path(f"/proc/{daemon.process.pid}/task").iterdir()))


def test_resolver_that_hangs(silent_resolver, make_daemon):
    """Whoever asks is served meanwhile, the lookups are few, and the end waits for none (P36)."""
    prefix, silent = silent_resolver
    daemon = make_daemon({"linux-[001-200]": {"password": "generated"}})
    daemon.config["aws"]["endpoint_url"] = NOBODYS
    daemon.write_config()
    daemon.start(prefix=prefix)
    silent.settimeout(20)
    assert b"nowhere" in silent.recv(512)
    for n in range(1, 201):
        daemon.call("worker.substantiate", worker=f"linux-{n:03}")
    eventually(lambda: has_phase(daemon, "sending", "linux-001")
               or show(daemon, "linux-001")["last_error"], 20)
    began = time.monotonic()
    assert show(daemon, "linux-200")["state"] == "substantiating"
    assert time.monotonic() - began < 1
    assert threads(daemon) <= 140
    began = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert time.monotonic() - began < 10
