# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set while the daemon runs, and a suspend: nobody notices but the calendar."""

import contextlib
import pathlib
import signal
import time

import pytest

import judge
from daemon import Daemon
from ec2sim import eventually
from lives import bring_to, finish, has_phase, show
from tempo import Tempo

DAY = 86400
WORKERS = {"built": {"password": "x"}, "awaited": {"password": "x", "missing_timeout": 600}}


@pytest.fixture(name="tempo")
def fixture_tempo(tmp_path):
    """The daemon's alone: EC2 has the right time."""
    return Tempo(pathlib.Path(tmp_path, "tempo"), 1)


@pytest.fixture(name="daemon")
def fixture_daemon(directory, sim, tempo):
    daemon = Daemon(directory, sim.url, WORKERS)
    daemon.environment = tempo.environment()
    with daemon:
        bring_to(daemon, "ready", "built")
        daemon.call("worker.build_started", worker="built")
        bring_to(daemon, "waiting", "awaited")
        yield daemon
        with contextlib.suppress(AttributeError):
            daemon.process.send_signal(signal.SIGCONT)


def is_fresh(daemon, worker="built"):
    """EC2 answers a question that is asked now."""
    return daemon.call("worker.check", worker=worker, fresh=True)["ok"]


@pytest.mark.parametrize("days", [10, -365])
def test_wall_clock_is_set(daemon, sim, tempo, days):
    """Requests are signed by EC2's time, and no limit is over or begins anew (P25, P26)."""
    tempo.set_wall(days * DAY)
    eventually(lambda: is_fresh(daemon), 30)
    time.sleep(2)
    assert has_phase(daemon, "ready", "built") and has_phase(daemon, "waiting", "awaited")
    assert sim.calls("TerminateInstances") == 0 and len(sim.ledger()) == 2
    daemon.kill()
    daemon.start()
    eventually(lambda: is_fresh(daemon), 30)
    assert has_phase(daemon, "ready", "built")
    assert sim.calls("TerminateInstances") == 0 and len(judge.live(sim)["built"]) == 1
    daemon.call("worker.attached", worker="awaited")
    daemon.call("worker.build_finished", worker="built", building=0)
    with daemon.connect() as rpc:
        rpc.call("worker.insubstantiate", worker="awaited", wait="stopped", timeout=30)
        rpc.call("worker.substantiate", worker="awaited", wait="running", timeout=30)
    assert len(sim.ledger()) == 3
    assert show(daemon, "awaited")["generation"] == 2


def test_suspend(daemon, sim, tempo):
    """Eight hours count: whoever did not come is missing, after a listing; a build goes on (P27)."""
    daemon.process.send_signal(signal.SIGSTOP)
    listings = sim.calls("DescribeInstances")
    tempo.suspend(8 * 3600)
    daemon.process.send_signal(signal.SIGCONT)
    eventually(lambda: is_fresh(daemon), 30)
    eventually(lambda: has_phase(daemon, None, "awaited"), 90)
    assert sim.calls("DescribeInstances") > listings
    assert has_phase(daemon, "ready", "built")
    error = show(daemon, "awaited")["last_error"]
    assert error["kind"] == "missing"
    daemon.call("worker.build_finished", worker="built", building=0)
    finish(daemon, sim)
