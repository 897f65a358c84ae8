# SPDX-License-Identifier: Apache-2.0
"""
Each allocation of the canonical scenarios fails, once and from there on: the daemon ends and
comes back, or nothing is to be seen of it (FAULTS P13).
"""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import time

import pytest

import ec2sim
import sweep
import torture
from daemon import BUILD, Daemon
from ec2sim import eventually
from lives import bring_to, finish, show, take_down
from memory import Memory
from rpcclient import RpcError

pytestmark = pytest.mark.allocator

LIVES = (sweep.Launch, sweep.Build, sweep.Stop, sweep.Reload, sweep.Missing)
STARTS = (sweep.Start, sweep.Fresh)
# Of check-faults-full, and of check-faults: all of the lives, a tenth of the starts, which are long.
FULL = os.environ.get("FAULTS") == "full"
LIVES_MOST, STARTS_MOST = (None, 4000) if FULL else (100, 60)
FOREIGN_MOST, PROGRAM_MOST = (None, None) if FULL else (60, 1000)
# What has no place for an allocator of ours.
BY_THEMSELVES = {"", "libc.so.6", "ld-linux-x86-64.so.2", "libyaml-0.so.2"}

DAEMON, CLIENT = BUILD / "ec2workerd", BUILD / "ec2workerctl"


def run(capsys, windows, most=None, **options):
    swept = torture.Torture([window() for window in windows], **options)
    began = time.monotonic()
    swept.find_points()
    if most is not None:
        swept.thin_out(most)
    swept.run()
    with capsys.disabled():
        print(f"\n{swept.report(time.monotonic() - began)}")
    assert not swept.failures, "\n\n".join(swept.failures[:5])
    return swept


@pytest.mark.parametrize("windows, most", [(LIVES, 40), (STARTS, 16)])
def test_some_points(capsys, windows, most):
    """An even slice of the others. Nearly all is ours and ends us, if there are as many this time."""
    swept = run(capsys, windows, most, lanes=4)
    points = sum(map(len, swept.points.values()))
    assert points >= 0.8 * most and sum(swept.ended.values()) >= 0.7 * points


@pytest.mark.faults
@pytest.mark.parametrize("windows, most", [(LIVES, LIVES_MOST), (STARTS, STARTS_MOST)])
def test_many_points(capsys, windows, most):
    run(capsys, windows, most)


@pytest.mark.faults
@pytest.mark.parametrize("windows", [LIVES, STARTS])
def test_allocations_of_libraries(capsys, windows):
    """Those that are not made through our allocators: here the process does not end of itself."""
    run(capsys, windows, FOREIGN_MOST, foreign=True)


@pytest.mark.faults
def test_names_of_users(capsys):
    """No role is lost for want of memory, and no start is refused for good."""
    run(capsys, [torture.Names], FOREIGN_MOST, foreign=True)


PROGRAMS = {
    "list": [CLIENT, "-s", "{socket}", "list"],
    "show": [CLIENT, "-s", "{socket}", "--json", "show", "bot1"],
    "check": [DAEMON, "-c", "{conf}", "--check"],
    "check-aws": [DAEMON, "-c", "{conf}", "--check-aws"],
    "policy": [DAEMON, "-c", "{conf}", "--print-policy"],
}


def program(name, daemon):
    return torture.Program(*[str(argument).format(socket=daemon.socket, conf=daemon.conf_path)
                             for argument in PROGRAMS[name]])


def judged(swept, most=None):
    """Whether it is swept with all of its allocations, or at most so many."""
    points = swept.sweep(most)
    assert points >= min(swept.count, most or swept.count) * 0.9
    assert not swept.failures, swept.failures[:5]
    assert swept.ended >= 0.9 * points


@pytest.mark.parametrize("name", PROGRAMS)
def test_some_allocations_of_a_program(daemon, name):
    judged(program(name, daemon), 300)


@pytest.mark.faults
@pytest.mark.parametrize("name", PROGRAMS)
def test_many_allocations_of_a_program(daemon, name):
    judged(program(name, daemon), PROGRAM_MOST)


@pytest.mark.parametrize("name", PROGRAMS)
def test_libraries_of_programs_use_our_allocators(daemon, name):
    assert set(program(name, daemon).callers) <= BY_THEMSELVES


def test_libraries_of_the_daemon_use_our_allocators(make_daemon):
    daemon = make_daemon()
    with Memory() as memory:
        daemon.environment = memory.environment
        with memory.failing():
            daemon.start()
            bring_to(daemon, "ready")
            daemon.call("daemon.reload")
            take_down(daemon)
            daemon.stop()
        assert memory.count > 1000
        assert set(memory.callers()) <= BY_THEMSELVES


def test_libraries_of_the_simulator_use_our_allocators(directory):
    with Memory() as memory, memory.failing():
        with ec2sim.running(env=os.environ | memory.environment) as sim, \
                Daemon(directory, sim.url, {"bot1": {"password": "x"}}) as daemon:
            bring_to(daemon, "waiting")
            take_down(daemon)
        assert memory.count > 1000
        assert set(memory.callers()) <= BY_THEMSELVES


def test_the_allocator_does_what_it_is_told():
    """What is counted, what fails, and who has asked."""
    command = [CLIENT, "--version"]
    with Memory() as memory:
        for first, last, code in (0, 0, 0), (1, 1, -6), (10**6, 10**7, 0):
            with memory.failing(first, last):
                done = subprocess.run(command, env=memory.environment, check=False, capture_output=True)
            assert done.returncode == code, done
            assert memory.failed == (code != 0) and memory.count >= 1
        assert not set(memory.callers()) - {"", "libc.so.6"}


def test_out_of_memory(make_daemon, sim):
    """An allocation fails: that is a death like any other, and the next start goes on."""
    daemon = make_daemon().start()
    bring_to(daemon, "ready")
    running = show(daemon)["instance"]["id"]
    pid = daemon.process.pid
    now = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (now, now))

    def press():
        """Until it dies: wishes, and histories to read."""
        with contextlib.suppress(OSError, AssertionError, RpcError), daemon.connect() as rpc:
            for n in range(100):
                for k in range(64):
                    rpc.start("worker.substantiate", worker="linux-01", request=f"{n}-{k}" + "x" * 50)
                rpc.call("worker.history", worker="bot1", limit=1000)
        return daemon.process.poll() is not None
    eventually(press, timeout=60)
    assert daemon.process.wait() == -signal.SIGABRT
    assert "out of memory" in daemon.log()
    daemon.process = None
    daemon.start()
    assert show(daemon)["instance"]["id"] == running
    assert show(daemon)["state"] == "substantiated"
    finish(daemon, sim)
