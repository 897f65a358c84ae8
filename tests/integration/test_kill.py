# SPDX-License-Identifier: Apache-2.0
"""
The daemon is killed at each step of a launch and of a stop, and answers are lost: no leak,
no twin, judged by the simulator's ledger and the daemon's own.
"""

import os
import subprocess
import time

import pytest

import judge
import sweep
from daemon import BUILD
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show

# Answers that are lost, or are none

LOST = {
    "drop": {"effect": "drop", "after": True},
    "reset": {"effect": "reset", "after": True},
    "cut-0": {"effect": "cut", "at": 0},
    "cut-1": {"effect": "cut", "at": 1},
    "cut-100": {"effect": "cut", "at": 100},
    "cut-600": {"effect": "cut", "at": 600},
    "length": {"effect": "length", "at": 100000},
    "html": {"effect": "html", "after": True},
    "garbage": {"effect": "garbage", "after": True},
    "empty": {"effect": "empty", "after": True},
    "error": {"effect": "error", "after": True, "code": "InternalError"},
    "twice": {"effect": "twice"},
    "not-done": {"effect": "drop"},
}


@pytest.fixture
def unlucky(make_daemon, sim):
    """A daemon with a worker for each way to lose an answer, which is what its launch meets."""
    for name, fault in LOST.items():
        sim.fault(action="RunInstances", worker=name, count=1, **fault)
    return make_daemon({name: {"password": "generated"} for name in LOST}).start()


def check_tokens(daemon, sim):
    """One launch for each worker, one token for each launch, one machine for each token."""
    launches = judge.rows(daemon, "SELECT worker, token FROM launch ORDER BY worker")
    assert [row["worker"] for row in launches] == sorted(LOST)
    assert sorted(i["client_token"] for i in sim.ledger().values()) == sorted(
        row["token"] for row in launches)
    sent = {r["params"]["ClientToken"] for r in sim.requests() if r["action"] == "RunInstances"}
    assert sent == {row["token"] for row in launches}


@pytest.mark.parametrize("kill", [False, True])
def test_lost_answers_of_launches(unlucky, sim, kill):
    for name in LOST:
        unlucky.call("worker.substantiate", worker=name)
    if kill:
        eventually(lambda: len(sim.ledger()) >= len(LOST) // 2)
        unlucky.kill()
        unlucky.start()
    for name in LOST:
        eventually(lambda n=name: has_phase(unlucky, "waiting", n), 60)
    check_tokens(unlucky, sim)
    judge.check_rest(unlucky, sim)
    finish(unlucky, sim)


def test_cut_at_every_byte(make_daemon, sim):
    """The answer of RunInstances breaks off anywhere: nothing is read out of a part of it."""
    length = 4000
    offsets = range(0, length, 97)
    names = [f"at-{at}" for at in offsets]
    for at, name in zip(offsets, names):
        sim.fault(action="RunInstances", worker=name, count=1, effect="cut", at=at)
    daemon = make_daemon({name: {"password": "generated"} for name in names}).start()
    for name in names:
        daemon.call("worker.substantiate", worker=name)
    for name in names:
        eventually(lambda n=name: has_phase(daemon, "waiting", n), 60)
    assert len(sim.ledger()) == len(names)
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_killed_before_the_answer(daemon, sim):
    """EC2 has done it, the answer is on its way, the daemon is gone: the same machine is found."""
    sim.fault(action="RunInstances", effect="delay", delay="60s", after=True, count=1)
    daemon.call("worker.substantiate", worker="bot1")
    [instance] = eventually(sim.ledger)
    daemon.kill()
    assert judge.rows(daemon, "SELECT phase FROM launch") == [{"phase": "sending"}]
    daemon.start()
    worker = eventually(lambda: has_phase(daemon, "waiting"))
    assert worker["instance"]["id"] == instance and worker["generation"] == 1
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_killed_while_the_effect_is_late(daemon, sim):
    """The first request takes effect after the second one was answered: the token is the same."""
    sim.fault(action="RunInstances", effect="delay", delay="3s", count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "sending"))
    daemon.kill()
    daemon.start()
    eventually(lambda: has_phase(daemon, "waiting"))
    eventually(lambda: [r for r in sim.requests()
                        if r["action"] == "RunInstances" and r["fault"] and r["done"]])
    assert len(sim.ledger()) == 1
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_cancelled_while_the_answer_is_late(daemon, sim):
    """A send is never cancelled, only disowned: what it started is ended (L7, N28)."""
    sim.fault(action="RunInstances", effect="delay", delay="2s", count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "sending"))
    daemon.call("worker.insubstantiate", worker="bot1")
    assert show(daemon)["state"] == "insubstantiating"
    daemon.kill()
    daemon.start()
    eventually(lambda: is_down(daemon), 30)
    assert {i["state"] for i in eventually(sim.ledger).values()} == {"terminated"}
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


@pytest.mark.parametrize("fault", [
    {"effect": "drop", "after": True}, {"effect": "drop"}, {"effect": "reset", "after": True},
    {"effect": "cut", "at": 50}, {"effect": "html", "after": True},
    {"effect": "error", "code": "InternalError"}])
def test_lost_answers_of_stops(daemon, sim, fault):
    instance = bring_to(daemon, "ready")["instance"]["id"]
    sim.fault(action="TerminateInstances", count=1, **fault)
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: sim.calls("TerminateInstances"))
    daemon.kill()
    assert judge.rows(daemon, "SELECT phase FROM instance") == [{"phase": "condemned"}]
    daemon.start()
    eventually(lambda: is_down(daemon), 30)
    assert sim.ledger()[instance]["state"] == "terminated"
    finish(daemon, sim)


def test_killed_again_and_again(make_daemon, sim):
    """Twenty workers, a kill every now and then, all wishes repeated: one machine each, and none."""
    names = [f"bot-{n:02}" for n in range(20)]
    daemon = make_daemon({"bot-[00-19]": {"password": "generated"}}).start()
    sim.fault(action="RunInstances", effect="drop", after=True, every=3)
    for turn in range(6):
        for name in names:
            daemon.call("worker.substantiate", worker=name)
        eventually(lambda t=turn: sim.calls("RunInstances") >= 5 * (t + 1)
                   or len(sim.ledger()) == len(names))
        daemon.kill()
        daemon.start()
    sim.control("DELETE", "faults")
    for name in names:
        eventually(lambda n=name: has_phase(daemon, "waiting", n), 60)
    assert len(sim.ledger()) == len(names)
    judge.check_rest(daemon, sim)
    for name in names:
        daemon.call("worker.insubstantiate", worker=name)
    for turn in range(3):
        eventually(lambda t=turn: sim.calls("TerminateInstances") > 3 * t)
        daemon.kill()
        daemon.start()
    for name in names:
        eventually(lambda n=name: is_down(daemon, n), 60)
    assert not judge.live(sim)
    judge.check_rest(daemon, sim)


# The sweep

@pytest.fixture(scope="module")
def tracing():
    """Containers without CAP_SYS_PTRACE cannot be swept."""
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", "trace=getpid",
                           "-e", "inject=getpid:signal=SIGKILL", "true"],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no strace here: {done.stderr.strip()}")


def run(capsys, windows, most=None, kind=sweep.Sweep, **how):
    swept = kind(windows, **how)
    began = time.monotonic()
    swept.find_points()
    if most is not None:
        swept.thin_out(most)
    swept.run()
    with capsys.disabled():
        print(f"\n{swept.report(time.monotonic() - began)}")
    return swept


def judged(swept):
    assert not swept.failures, "\n\n".join(swept.failures[:5])
    return swept


# The six lives that everything is swept over, and what happens around them.
CANONICAL = (sweep.Launch, sweep.Cancel, sweep.Build, sweep.Stop, sweep.Reload, sweep.Missing)
ALL = CANONICAL + (sweep.Equip, sweep.Start, sweep.Fresh)
# What is swept with calls that fail: by make check-faults-full everything.
FAILING = ALL if os.environ.get("FAULTS") == "full" else (sweep.Launch, sweep.Stop)
# A sanitizer that gets no memory has its own way to end, which is a report.
MEMORY = () if "ASAN_OPTIONS" in os.environ else ("mmap", "brk", "mremap")
ERRORS = [
    ("error=ENOSPC", ("pwrite64", "write", "fallocate", "ftruncate")),
    ("error=EIO", ("pwrite64", "pread64", "fdatasync", "fsync", "ftruncate")),
    ("error=EINTR", ("accept4", "connect", "recvfrom", "sendto", "poll", "epoll_wait", "read",
                     "write")),
    ("error=EMFILE", ("accept4", "socket", "openat")),
    ("error=ENOMEM", (*MEMORY, "socket", "accept4", "epoll_ctl", "openat")),
]


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("windows, most", [
    ((sweep.Launch, sweep.Stop), 60), ((sweep.Start, sweep.Fresh), 24), ((sweep.Equip,), 24),
    ((sweep.Cancel, sweep.Build), 24), ((sweep.Reload, sweep.Missing), 16)])
def test_some_points(capsys, windows, most):
    """An even slice of what check-faults sweeps whole."""
    swept = judged(run(capsys, [window() for window in windows], most))
    points = sum(len(points) for points in swept.points.values())
    assert 0.9 * most <= points <= most
    assert sum(swept.ended.values()) >= 0.8 * points


@pytest.mark.faults
@pytest.mark.usefixtures("tracing")
def test_every_point(capsys):
    swept = judged(run(capsys, [window() for window in ALL]))
    assert sum(swept.ended.values()) >= 0.9 * sum(map(len, swept.points.values()))


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("how, calls", ERRORS)
def test_some_calls_that_fail(capsys, how, calls):
    judged(run(capsys, [window() for window in CANONICAL], 12, how=how, calls=calls))


@pytest.mark.faults
@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("how, calls", ERRORS)
def test_calls_that_fail(capsys, how, calls):
    """It goes on, or it ends and comes back; what was promised holds either way."""
    judged(run(capsys, [window() for window in FAILING], how=how, calls=calls))


@pytest.mark.usefixtures("tracing")
def test_start_on_a_full_disk(capsys):
    """Its ledger is sound, and stays: it ends, and the next start is another chance (P17)."""
    window = sweep.Start()
    judged(run(capsys, [window], how="error=ENOSPC",
               calls=("ftruncate", "pwrite64", "fallocate")))
    assert not window.aside


def shortened(capsys, windows, most=None):
    """All of them went on: what is written is written on, whatever a call takes of it."""
    swept = judged(run(capsys, [window() for window in windows], most, kind=sweep.ShortSweep))
    points = sum(map(len, swept.points.values()))
    assert swept.shortened >= 0.8 * points
    assert not sum(swept.ended.values())
    return points


def test_some_short_writes(capsys):
    assert shortened(capsys, (sweep.Launch, sweep.Stop, sweep.Missing), 24) >= 16


@pytest.mark.faults
def test_every_short_write(capsys):
    assert shortened(capsys, FAILING) > 16


@pytest.mark.faults
@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("mutation, window", [
    ("record_at_the_answer", sweep.Launch), ("new_token", sweep.Start)])
def test_the_sweep_has_teeth(capsys, mutation, window):
    """Daemons with one rule of the launch protocol broken are found out."""
    swept = run(capsys, [window()], program=BUILD / f"tests/mutations/{mutation}-daemon")
    assert any("AssertionError: I2" in failure or "second machine" in failure
               for failure in swept.failures), swept.failures[:1]
