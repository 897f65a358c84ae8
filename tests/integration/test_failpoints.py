# SPDX-License-Identifier: Apache-2.0
"""
The daemon dies at each moment that has a name, is told of errors there, or dawdles. The
failpoints are in builds with --enable-failpoints; in others it is shown that they are not.
"""

import contextlib
import re
import socket
import subprocess
import time

import pytest

import judge
import moments
import sweep
from daemon import BUILD, ROOT
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show
from rpcclient import RpcError

NAMES = sorted({name for path in (ROOT / "src").glob("*/*.c")
                for name in re.findall(r'\bFP(?:_FAILS)?\("([^"]+)"\)', path.read_text())})
PROGRAMS = ["ec2workerd", "ec2workerctl", "ec2sim"]
EVERY = "every migration"

# Who comes by where, and which times of it the daemon dies.
HITS = {
    "call.before_parse": [(sweep.Launch, (1, 2)), (sweep.Stop, (1,))],
    "dryrun.after_answer": [(moments.FirstUse, (1, 2))],
    "dryrun.before_question": [(moments.FirstUse, (1, 2))],
    "equip.after_accept": [(sweep.Equip, (1, 2))],
    "equip.before_address": [(sweep.Equip, (1,))],
    "equip.before_record": [(sweep.Equip, (1, 2))],
    "equip.before_volume": [(sweep.Equip, (1,))],
    "file.before_rename": [(sweep.Fresh, (1, 2)), (sweep.Start, (1,))],
    "hold.before_begin": [(moments.Restored, (1,))],
    "hold.before_end": [(moments.Restored, (1,))],
    "launch.after_intent": [(sweep.Launch, (1,)), (sweep.Cancel, (1,))],
    "launch.after_parse": [(sweep.Launch, (1,)), (sweep.Cancel, (1,))],
    "launch.after_send": [(sweep.Launch, (1,)), (sweep.Cancel, (1,))],
    "launch.before_intent": [(sweep.Launch, (1,)), (sweep.Cancel, (1,))],
    "launch.before_reserved": [(sweep.Launch, (1,)), (moments.Keyed, (1,))],
    "lease.after_renewal": [(moments.Lease, (1,))],
    "lease.before_renewal": [(moments.Lease, (1,))],
    "ledger.after_commit": [(sweep.Launch, (1, 2, 3, 4)), (sweep.Cancel, (1, 2, 3)),
                            (sweep.Build, (1, 2, 3)), (sweep.Stop, (1, 2, 3)),
                            (sweep.Reload, (1,)), (moments.Keyed, (1,))],
    "ledger.before_key": [(sweep.Fresh, (1,))],
    "ledger.before_lineage": [(sweep.Fresh, (1,)), (sweep.Start, (1,))],
    "ledger.checkpoint": [(moments.Checkpoint, (1,))],
    "ledger.commit": [(sweep.Launch, (1, 2, 3, 4)), (sweep.Cancel, (1, 2, 3)),
                      (sweep.Build, (1, 2, 3)), (sweep.Stop, (1, 2, 3)),
                      (sweep.Reload, (1,)), (moments.Keyed, (1,))],
    "ledger.no_reserve": [(moments.Full, (1,))],
    "ledger.set_aside": [(moments.Damaged, (1, 2, 3))],
    "mail.after_accept": [(sweep.Missing, (1,))],
    "mail.before_send": [(sweep.Missing, (1,))],
    "mail.before_spooled": [(sweep.Missing, (1,))],
    "migration.after_commit": [(sweep.Fresh, EVERY)],
    "migration.before_version": [(sweep.Fresh, EVERY)],
    "orphan.before_adopt": [(moments.Restored, (1,))],
    "orphan.before_condemn": [(moments.Stray, (1,))],
    "orphan.before_look": [(moments.Stray, (1,)), (moments.Restored, (1,))],
    "pause.before_begin": [(moments.Pause, (1,))],
    "pause.before_end": [(moments.Pause, (1,))],
    "reload.after_swap": [(sweep.Reload, (1,))],
    "reload.before_swap": [(sweep.Reload, (1,))],
    "reload.halfway": [(sweep.Reload, (1,))],
    "request.before_record": [(moments.Keyed, (1,))],
    "rpc.before_reply": [(sweep.Launch, (1, 2, 3)), (sweep.Cancel, (1, 2)), (sweep.Build, (1, 2, 3)),
                         (sweep.Stop, (1, 2)), (sweep.Reload, (1,)), (moments.Keyed, (1,))],
    "shutdown.before_condemn": [(moments.Shutdown, (1,))],
    "start.after_load": [(sweep.Start, (1,)), (sweep.Fresh, (1,))],
    "start.before_ready": [(sweep.Start, (1,)), (sweep.Fresh, (1,))],
    "stop.after_accept": [(sweep.Stop, (1,)), (sweep.Cancel, (1,))],
    "stop.after_condemn": [(sweep.Stop, (1,)), (sweep.Cancel, (1,))],
    "stop.before_condemn": [(sweep.Stop, (1,)), (sweep.Cancel, (1,))],
    "stop.before_proof": [(sweep.Stop, (1,)), (sweep.Cancel, (1,))],
    "turn.before_commit": [(sweep.Launch, (1, 2, 3)), (sweep.Stop, (1, 2))],
    "worker.before_attach": [(sweep.Launch, (1,)), (sweep.Build, (1,))],
    "worker.before_idle_end": [(moments.Idle, (1,))],
    "worker.before_lapse": [(moments.Lapse, (1,))],
    "worker.before_missing": [(sweep.Missing, (1,))],
}


def built_in(program):
    """The names in the section of a program."""
    done = subprocess.run(["readelf", "-p", "failpoints", BUILD / program],
                          capture_output=True, text=True, check=True)
    return sorted(re.findall(r"^ *\[ *[0-9a-f]+\] +(\S+)", done.stdout, re.MULTILINE))


HAS_POINTS = bool(built_in("ec2workerd"))


def test_all_points_or_none():
    """A build has all of them, or nothing that would remind of one."""
    assert len(NAMES) > 40
    assert set(HITS) == set(NAMES), "each point is hit by somebody"
    if HAS_POINTS:
        assert built_in("ec2workerd") == NAMES
    for program in PROGRAMS:
        contents = (BUILD / program).read_bytes()
        left = [text for text in [*NAMES, "EC2WORKERD_FAILPOINTS", "failpoint_pass"]
                if text.encode() in contents]
        assert bool(left) <= HAS_POINTS, f"{program}: {left}"


class Points(sweep.OrderedSweep):
    """A sweep whose deaths have names. Who does not come by has failed."""

    places = "failpoints"
    variable = "EC2WORKERD_FAILPOINTS"

    def __init__(self, windows, **how):
        super().__init__([window() for window in windows], **how)

    def find_points(self):
        for window in self.windows:
            self.points[window.name] = [
                (window, name, n) for name, hits in HITS.items() for kind, numbers in hits
                if type(window) is kind
                for n in (range(1, self.migrations(window) + 1) if numbers is EVERY else numbers)]

    def migrations(self, window):
        lane = self.new_lane(window)
        try:
            return judge.rows(lane.daemon, "PRAGMA user_version")[0]["user_version"]
        finally:
            lane.close()

    def hit(self, lane, window, call, n, said):
        orders = f"{call}=nth:{n},{self.how} {getattr(window, 'orders', '')}\n"
        self.run_with(lane, window, orders, said)
        assert lane.has_ended(5), "nobody comes by"
        assert lane.daemon.process.returncode == -9, lane.daemon.process.returncode
        lane.orders.unlink()
        return True


WINDOWS = sorted({window for hits in HITS.values() for window, _ in hits}, key=lambda w: w.name)


@pytest.mark.failpoints
def test_killed_at_every_point(capsys):
    """Whatever was promised holds, and ledger and cloud agree (I1 to I6)."""
    swept = Points(WINDOWS, how="kill")
    began = time.monotonic()
    swept.find_points()
    swept.run()
    with capsys.disabled():
        print(f"\n{swept.report(time.monotonic() - began)}")
    assert not swept.failures, "\n\n".join(swept.failures[:5])
    assert sum(swept.ended.values()) == sum(map(len, swept.points.values())) > len(NAMES)


# Errors and delays

@pytest.fixture
def armed(make_daemon):
    """armed(workers, **config): a daemon that runs, and daemon.order(text): what its points do."""
    def make(workers=None, **config):
        daemon = make_daemon(workers or {"bot1": {"password": "generated"}}, **config)
        orders = daemon.directory / "failpoints"
        daemon.environment["EC2WORKERD_FAILPOINTS"] = str(orders)
        daemon.order = lambda text: orders.write_text(text + "\n")
        return daemon.start()
    return make


@pytest.mark.failpoints
def test_disk_that_is_full(armed, sim):
    """No intent, no launch and no reply; room again, and all that was asked for happens."""
    daemon = armed({name: {"password": "generated"} for name in ("bot1", "bot2")})
    bring_to(daemon, "ready")
    daemon.order("ledger.commit=err:ENOSPC")
    with daemon.connect() as rpc:
        up = rpc.start("worker.substantiate", worker="bot2")
        eventually(lambda: "error: ledger: " in daemon.log())
        assert daemon.call("pool.status")["degraded"] and not rpc.replies
        assert sim.calls("RunInstances") == 1
        daemon.order("")
        assert rpc.finish(up)["generation"] == 1
    assert "the reserve is given up" in daemon.log() and "ledger is over" in daemon.log()
    eventually(lambda: has_phase(daemon, "waiting", "bot2"), 30)
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


@pytest.mark.failpoints
@pytest.mark.parametrize("orders, code", [
    ("ledger.commit=nth:2,err:EIO", 1), ("launch.after_intent=exit", 99),
    ("launch.after_parse=exit", 99)])
def test_ends_and_comes_back(armed, sim, orders, code):
    """A disk of which nothing is known ends the daemon; the next one reads what is there."""
    daemon = armed()
    daemon.order(orders)
    with contextlib.suppress(*sweep.GONE):
        daemon.call("worker.substantiate", worker="bot1")
    assert daemon.wait() == code
    daemon.order("")
    daemon.start()
    daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert len(sim.ledger()) == 1
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


@pytest.mark.failpoints
def test_reload_is_told_when_it_is_on_disk(armed, sim):
    """Whoever has the reply may rely on what it says of workers (I4)."""
    daemon = armed()
    bring_to(daemon, "ready")
    daemon.config["workers"] = {"bot1": {"password": "generated", "ami": "ami-87654321"}}
    daemon.write_config()
    daemon.order("ledger.commit=err:EIO")
    with pytest.raises(AssertionError, match="connection has ended"):
        daemon.call("daemon.reload")
    assert daemon.wait() == 1
    daemon.order("")
    daemon.start()
    assert show(daemon)["configuration"]["ami"] == "ami-87654321"
    finish(daemon, sim)


def pings(notify, seconds):
    """When the watchdog was fed."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            if b"WATCHDOG=1" in notify.recv(4096):
                found.append(time.monotonic())
    return found


@pytest.mark.failpoints
def test_turn_that_takes_too_long(armed, sim):
    """The ping comes only after a whole turn: who hangs in one is ended by systemd (P32)."""
    daemon = armed()
    daemon.stop()
    daemon.environment |= {"WATCHDOG_USEC": "600000"}
    daemon.start()
    path = daemon.directory / "notify.sock"
    path.unlink()
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notify:
        notify.bind(str(path))
        notify.settimeout(0.1)
        assert len(pings(notify, 2)) >= 2
        daemon.order("turn.before_commit=nth:1,sleep:3")
        times = [time.monotonic(), *pings(notify, 6)]
        gaps = [later - sooner for sooner, later in zip(times, times[1:])]
        assert max(gaps) > 2.9 and len(gaps) > 3, gaps
    bring_to(daemon, "ready")
    finish(daemon, sim)


# The worker attaches as the missing timer fires (A40)

TIMED = {"bot1": {"password": "x", "missing_timeout": 2}}


def outcome(daemon, call):
    """What came of an attach, and of the instance: (error's kind or None, missing events)."""
    kind = None
    try:
        call()
    except RpcError as error:
        kind = error.kind
    records = daemon.call("worker.history", worker="bot1")["records"]
    return kind, [r["type"] for r in records if r["type"] in ("missing", "attached")]


@pytest.mark.failpoints
def test_attach_before_the_timer(armed, sim):
    """In the turn of the attach the deadline passes: it is attached, and stays."""
    daemon = armed(TIMED)
    bring_to(daemon, "waiting")
    daemon.order("worker.before_attach=sleep:3")
    kind, events = outcome(daemon, lambda: daemon.call("worker.attached", worker="bot1"))
    assert kind is None and events == ["attached"]
    time.sleep(1)
    worker = show(daemon)
    assert worker["phase"] == "ready" and worker["generation"] == 1
    assert sim.calls("TerminateInstances") == 0
    finish(daemon, sim)


@pytest.mark.failpoints
def test_timer_before_the_attach(armed, sim):
    """The attach comes in while the end is being written: it is told, and nothing is undone."""
    daemon = armed(TIMED)
    bring_to(daemon, "waiting")
    daemon.order("worker.before_missing=sleep:2")
    with daemon.connect() as rpc:
        eventually(lambda: "missing" in daemon.log(), 30)
        kind, events = outcome(daemon, lambda: rpc.call("worker.attached", worker="bot1"))
    assert kind == "unexpected_attach" and events == ["missing"]
    eventually(lambda: is_down(daemon), 30)
    assert show(daemon)["generation"] == 1 and len(sim.ledger()) == 1
    finish(daemon, sim)


@pytest.mark.failpoints
@pytest.mark.parametrize("point, attached", [
    ("worker.before_attach", False), ("worker.before_missing", True)])
def test_killed_as_it_attaches(armed, sim, point, attached):
    """Neither is on disk: the one generation is missing, or its worker says so once more."""
    daemon = armed(TIMED)
    bring_to(daemon, "waiting")
    daemon.order(f"{point}=kill")
    with contextlib.suppress(*sweep.GONE):
        if not attached:
            daemon.call("worker.attached", worker="bot1")
        eventually(lambda: daemon.process.poll() is not None, 30)
    daemon.kill()
    daemon.order("")
    daemon.start()
    if not attached:
        with contextlib.suppress(RpcError):
            daemon.call("worker.attached", worker="bot1")
    eventually(lambda: is_down(daemon) or has_phase(daemon, "ready"), 30)
    assert show(daemon)["generation"] == 1 and len(sim.ledger()) == 1
    judge.check_rest(daemon, sim)
    finish(daemon, sim)
