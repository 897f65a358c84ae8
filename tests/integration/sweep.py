# SPDX-License-Identifier: Apache-2.0
"""
The kill sweep: a stretch of the daemon's life (a window) is run again and again under
strace, which kills it with SIGKILL at the n-th call of one system call, for each of them and
each n, or lets that call fail. Then it is started again if need be, and the two ledgers are
judged. Counted is per system call and from the window's beginning, as strace counts.
"""

import collections
import contextlib
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import threading
import traceback

import ec2sim
import judge
import smtpd
from daemon import BUILD, Daemon, preloaded
from ec2sim import eventually
from lives import has_phase, is_down, show
from rpcclient import RpcError

STARTED = re.compile(r"^\d+ +(\w+)\(")
GONE = (OSError, AssertionError)  # what a client sees of a daemon that is killed
KILL = "signal=SIGKILL"
LATER = "is tried again later"


class Lane:
    """A simulator, and a daemon that dies and comes back."""

    tried = None  # by the daemon with this process number

    def __init__(self, workers, **config):
        self.stack = contextlib.ExitStack()
        self.sim = self.stack.enter_context(ec2sim.running(pending="0", shutdown="0"))
        self.directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="e2w-"))
        self.daemon = Daemon(self.directory, self.sim.url, workers, **config)
        self.stack.callback(self.end)

    def end(self):
        if self.daemon.process is not None:
            self.daemon.kill()

    def close(self):
        self.stack.close()

    def attach(self, *options):
        """strace on the running daemon; returns when nothing escapes it any more."""
        tracer = subprocess.Popen(
            ["strace", "-f", *options, "-p", str(self.daemon.process.pid)],
            stderr=subprocess.PIPE, text=True)
        line = tracer.stderr.readline()
        assert "attached" in line, line
        return tracer

    def has_ended(self, patience):
        """Whether the daemon has come to its end."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.daemon.process.wait(patience)
        return self.daemon.process.poll() is not None


def end_tracer(tracer):
    tracer.terminate()
    tracer.wait()
    tracer.stderr.close()


class Window:
    """What is done between two moments, and what must be true of it after any death in it."""

    name = None
    workers = {"bot1": {"password": "generated", "user_data": "{{ password }}"}}
    config = {}
    passing = ("unavailable",)  # kinds of errors after which one asks again

    def shares_with(self, other):
        """Whether a lane that was made for the one serves the other."""
        return self.workers is other.workers and self.config is other.config

    def equip(self, lane):
        """What the lane needs besides, before its daemon is started."""

    def prepare(self, lane):
        """Brings the daemon to the beginning of the window."""

    def act(self, lane, said):
        """The window. said gets each reply, which is a promise from then on."""
        raise NotImplementedError

    def judge(self, lane):
        """Waits until nothing moves any more, and compares the ledgers."""
        judge.check_rest(lane.daemon, lane.sim)

    def check(self, lane, said):
        """After the restart, at rest."""

    def repeat(self, lane):
        """The client asks once more, and must get what it wanted."""

    # How it is run; other than by attaching for the windows of a start.

    def count(self, lane):
        """How often each system call is made in the window."""
        self.prepare(lane)
        with tempfile.NamedTemporaryFile("r", encoding="ascii", errors="replace") as trace:
            tracer = lane.attach("-o", trace.name)
            self.act(lane, {})
            end_tracer(tracer)
            calls = collections.Counter(
                match[1] for line in trace if (match := STARTED.match(line)))
        self.repeat(lane)
        return {call: range(1, n + 1) for call, n in calls.items()}

    def hit(self, lane, how, call, n, said):
        """The window with one call that does not go well. Whether the daemon ended of it."""
        self.prepare(lane)
        tracer = lane.attach("-o", "/dev/null", "-e", f"trace={call}",
                             "-e", f"inject={call}:{how}:when={n}")
        self.run(lane, said)
        ended = lane.has_ended(1 if how == KILL else 0)
        end_tracer(tracer)
        return ended

    def run(self, lane, said):
        """The window, with a daemon that may end in it."""
        eventually(lambda: self.try_act(lane, said), 60)

    def try_act(self, lane, said):
        """As a patient client does: what is refused for now, or cut off, is asked again."""
        try:
            self.act(lane, said)
        except GONE:
            return lane.has_ended(0.2)
        except RpcError as error:
            if error.kind not in self.passing:
                raise
            return False
        return True


def is_up(lane):
    return show(lane.daemon)["state"] == "substantiated"


def bring_up(lane):
    with lane.daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        rpc.call("worker.attached", worker="bot1")
    eventually(lambda: has_phase(lane.daemon, "ready"))


def take_down(lane):
    lane.daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    assert not judge.live(lane.sim)


class Launch(Window):
    name = "launch"

    def prepare(self, lane):
        if show(lane.daemon)["state"] != "not_substantiated":
            take_down(lane)
        lane.sim.control("POST", "reset")

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            said["accepted"] = rpc.call("worker.substantiate", worker="bot1")
            said["running"] = rpc.call("worker.substantiate", worker="bot1", wait="running")
            said["attached"] = rpc.call("worker.attached", worker="bot1")

    def check(self, lane, said):
        worker = show(lane.daemon)
        if "accepted" in said:
            assert worker["state"] in ("substantiating", "substantiated"), f"I4: {worker}"
            assert worker["generation"] == said["accepted"]["generation"], f"I4: {worker}"
        if "running" in said:
            assert worker["instance"]["id"] == said["running"]["instance"]["id"], f"I4: {worker}"
        if "attached" in said:
            assert worker["attached"] and worker["phase"] == "ready", f"I4: {worker}"

    def repeat(self, lane):
        bring_up(lane)
        assert len(judge.live(lane.sim)["bot1"]) == 1
        assert len(lane.sim.ledger()) == 1, "a second machine was started for one wish"


class Equip(Launch):
    """A launch whose machine gets an address and a volume."""

    name = "equip"
    ip, volume = "203.0.113.7", "vol-0123456789abcdef0"
    workers = {"bot1": {"password": "generated", "placement": "a", "elastic_ip": ip,
                        "volumes": [[volume, "/dev/sdh"]]}}

    def equip(self, lane):
        lane.sim.control("POST", "scenario", {
            "pending": "0", "shutdown": "0", "volume_delay": "0.05",
            "addresses": [{"public_ip": self.ip}],
            "volumes": [{"id": self.volume, "zone": "us-east-1a"}]})

    def check(self, lane, said):
        super().check(lane, said)
        if "running" in said:
            self.check_things(lane, said["running"]["instance"]["id"])

    def check_things(self, lane, instance):
        ec2 = lane.sim.client()
        [address] = ec2.describe_addresses(PublicIps=[self.ip])["Addresses"]
        [volume] = ec2.describe_volumes(VolumeIds=[self.volume])["Volumes"]
        [attachment] = volume["Attachments"]
        assert address["InstanceId"] == attachment["InstanceId"] == instance, "L15"
        assert attachment["State"] == "attached", "L15"

    def repeat(self, lane):
        super().repeat(lane)
        self.check_things(lane, show(lane.daemon)["instance"]["id"])


class Stop(Window):
    name = "stop"

    def prepare(self, lane):
        if not is_up(lane):
            bring_up(lane)

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            said["accepted"] = rpc.call("worker.insubstantiate", worker="bot1")
            said["stopped"] = rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")

    def check(self, lane, said):
        if "accepted" in said:
            assert show(lane.daemon)["state"] == "not_substantiated", "I4"
        if "stopped" in said:
            assert not judge.live(lane.sim), "I4"

    def repeat(self, lane):
        take_down(lane)
        assert {i["state"] for i in lane.sim.ledger().values()} == {"terminated"}


def is_launched(lane):
    return show(lane.daemon)["phase"] not in (None, "queued", "placing")


def let_try(lane):
    """A process tries what its keys may do with its first launch; those that follow leave at once."""
    if lane.tried == lane.daemon.process.pid:
        return
    lane.daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: is_launched(lane), 30)
    take_down(lane)
    lane.tried = lane.daemon.process.pid


class Cancel(Window):
    """A wish that is withdrawn while its launch is under way."""

    name = "cancel"

    def prepare(self, lane):
        if show(lane.daemon)["state"] != "not_substantiated":
            take_down(lane)
        let_try(lane)
        lane.sim.control("POST", "reset")

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            said["accepted"] = rpc.call("worker.substantiate", worker="bot1")
            said["cancelled"] = rpc.call("worker.insubstantiate", worker="bot1")
            said["stopped"] = rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")

    def check(self, lane, said):
        if "cancelled" in said:
            eventually(lambda: is_down(lane.daemon), 30)
        if "stopped" in said:
            assert not judge.live(lane.sim), "I4"

    def repeat(self, lane):
        take_down(lane)
        assert {i["state"] for i in lane.sim.ledger().values()} <= {"terminated"}


class Build(Window):
    """Its worker attaches, builds, and has built."""

    name = "attach and build"

    def prepare(self, lane):
        if show(lane.daemon)["state"] != "not_substantiated":
            take_down(lane)
        lane.sim.control("POST", "reset")
        lane.daemon.call("worker.substantiate", worker="bot1", wait="running")

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            said["attached"] = rpc.call("worker.attached", worker="bot1")
            said["started"] = rpc.call("worker.build_started", worker="bot1", building=1, build="b/1")
            said["finished"] = rpc.call("worker.build_finished", worker="bot1", building=0)

    def check(self, lane, said):
        worker = show(lane.daemon)
        assert worker["instance"]["id"] in lane.sim.ledger(), f"I3: {worker}"
        if "attached" in said:
            assert worker["attached"] and worker["phase"] == "ready", f"I4: {worker}"
        if "finished" in said:
            assert worker["building"] == 0 and worker["deadline"]["kind"] == "build_wait_timeout", f"I4: {worker}"
        elif "started" in said:
            assert worker["building"] == 1 or worker["deadline"]["kind"] == "build_wait_timeout", f"I4: {worker}"

    def repeat(self, lane):
        self.act(lane, {})
        [instance] = lane.sim.ledger().values()
        assert instance["state"] == "running", "I3"


class Start(Window):
    """A start that finds a launch whose answer was lost, with its machine running."""

    name = "start"
    aside = 0  # so often a ledger was given up

    def prepare(self, lane):
        if show(lane.daemon)["state"] != "not_substantiated":
            take_down(lane)
        for path in (lane.daemon.directory / "state").glob("*.damaged-*"):
            path.unlink()
        lane.sim.control("POST", "reset")
        lane.sim.fault(action="RunInstances", effect="delay", delay="60s", after=True, count=1)
        lane.daemon.call("worker.substantiate", worker="bot1")
        eventually(lane.sim.ledger)
        lane.daemon.kill()

    def traced(self, lane, *options):
        lane.daemon.start(prefix=["strace", "-f", *options], wait=False)

    def run(self, lane, said):
        lane.daemon.start(wait=False)
        eventually(lambda: lane.has_ended(0.1) or answers(lane.daemon), 60)

    def count(self, lane):
        """From the moment that the configuration is opened: before that it is the linker's."""
        self.prepare(lane)
        with tempfile.NamedTemporaryFile("r", encoding="ascii", errors="replace") as trace:
            self.traced(lane, "-o", trace.name)
            eventually(lambda: answers(lane.daemon), 30)
            kill_traced(lane.daemon)
            before, all_calls, begun = collections.Counter(), collections.Counter(), False
            for line in trace:
                if not (match := STARTED.match(line)):
                    continue
                begun = begun or "ec2workerd.yaml" in line and match[1] == "openat"
                all_calls[match[1]] += 1
                before[match[1]] += not begun
                if match[1] == "epoll_wait":
                    break
        lane.daemon.start()
        return {call: range(before[call] + 1, n + 1) for call, n in all_calls.items()}

    def hit(self, lane, how, call, n, said):
        self.prepare(lane)
        self.traced(lane, "-o", "/dev/null", "-e", f"trace={call}",
                    "-e", f"inject={call}:{how}:when={n}")
        ended = lane.has_ended(2)
        if not ended:
            kill_traced(lane.daemon)
        return ended

    def judge(self, lane):
        """A ledger that cannot be read is set aside, and made anew from the tags (P19)."""
        aside = list((lane.daemon.directory / "state").glob("*.damaged-*"))
        if aside:
            eventually(lambda: show(lane.daemon)["instance"] or not judge.live(lane.sim), 60)
        judge.check_rest(lane.daemon, lane.sim, adopted=bool(aside))
        self.aside += bool(aside)

    def check(self, lane, said):
        [instance] = lane.sim.ledger()
        assert show(lane.daemon)["instance"]["id"] == instance

    def repeat(self, lane):
        bring_up(lane)
        assert len(lane.sim.ledger()) == 1, "a second machine was started for one wish"
        take_down(lane)


def answers(daemon):
    try:
        return daemon.call("daemon.version")
    except GONE:
        return None


def kill_traced(daemon):
    """The daemon below strace, which ends with it."""
    pid = daemon.process.pid
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        for child in children.read().split():
            os.kill(int(child), signal.SIGKILL)
    daemon.process.wait(30)
    daemon.kill()


class Fresh(Start):
    """The first start of all: directory, key, schema."""

    name = "first start"

    def prepare(self, lane):
        if lane.daemon.process is not None:
            lane.daemon.kill()
        lane.sim.control("POST", "reset")
        state = lane.daemon.directory / "state"
        if state.exists():
            for path in state.iterdir():
                path.unlink()
            state.rmdir()

    def judge(self, lane):
        judge.check_rest(lane.daemon, lane.sim)

    def check(self, lane, said):
        assert show(lane.daemon)["generation"] == 0
        assert not lane.sim.ledger()


class Reload(Window):
    """A reload while a worker is up, which changes it and brings another one."""

    name = "reload"
    passing = ("unavailable", "failed")

    def prepare(self, lane):
        lane.daemon.config["workers"] = dict(self.workers)
        lane.daemon.write_config()
        lane.daemon.call("daemon.reload")
        if not is_up(lane):
            bring_up(lane)
        self.before = show(lane.daemon)["instance"]

    def act(self, lane, said):
        lane.daemon.config["workers"] = {
            "bot1": self.workers["bot1"] | {"ami": "ami-87654321"},
            "bot2": {"password": "x"}}
        lane.daemon.write_config()
        said["reloaded"] = lane.daemon.call("daemon.reload")

    def check(self, lane, said):
        worker = show(lane.daemon)
        assert worker["state"] == "substantiated" and worker["attached"]
        assert worker["configuration"]["ami"] == "ami-87654321"
        assert show(lane.daemon, "bot2")["state"] == "not_substantiated"
        assert judge.live(lane.sim) == {"bot1": [worker["instance"]["id"]]}

    def repeat(self, lane):
        assert is_up(lane)


class Missing(Window):
    """A worker that never attaches: its mail is spooled, leaves, and is crossed off."""

    name = "missing"
    workers = {"bot1": {"password": "x", "missing_timeout": 1,
                        "notify_on_missing": "ops@example.org"}}

    def equip(self, lane):
        lane.mail = lane.stack.enter_context(smtpd.running())
        lane.daemon.config["mail"] = {"smtp_url": lane.mail.url, "from": "pool@example.org"}
        lane.daemon.write_config()

    def prepare(self, lane):
        """Anew, or the next mail to the same recipient would wait for company."""
        lane.daemon.kill()
        with contextlib.closing(sqlite3.connect(lane.daemon.directory / "state/ledger.db")) as ledger:
            ledger.execute("DELETE FROM mail")
            ledger.commit()
        lane.daemon.start()
        lane.later = lane.daemon.log().count(LATER)
        lane.sim.control("POST", "reset")
        lane.mail.messages.clear()
        lane.before = show(lane.daemon)["generation"]

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            said["accepted"] = rpc.call("worker.substantiate", worker="bot1")
            with contextlib.suppress(RpcError):
                rpc.call("worker.substantiate", worker="bot1", wait="attached")
            rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        eventually(lambda: lane.has_ended(0) or self.is_put_off(lane) or lane.mail.messages
                   and not judge.rows(lane.daemon, "SELECT 1 FROM mail"), 30)

    def is_put_off(self, lane):
        """It could not be sent, and stays in the spool for a minute or more."""
        return lane.daemon.log().count(LATER) > lane.later and judge.rows(
            lane.daemon, "SELECT 1 FROM mail")

    def judge(self, lane):
        """What waits to be missing is not at rest."""
        eventually(lambda: is_down(lane.daemon), 30)
        super().judge(lane)

    def check(self, lane, said):
        """I8: each missing worker has its mail, and copies of it are seen to be copies."""
        generation = show(lane.daemon)["generation"]
        if generation == lane.before:
            assert "accepted" not in said, "I4"
            return
        events = [r for r in lane.daemon.call("worker.history", worker="bot1")["records"]
                  if r["type"] == "missing" and r["generation"] == generation]
        if "accepted" in said:
            assert generation == said["accepted"]["generation"] and len(events) == 1
        if events and not self.is_put_off(lane):
            eventually(lambda: lane.mail.messages, 30)
            eventually(lambda: not judge.rows(lane.daemon, "SELECT 1 FROM mail"), 30)
            assert len({mail["Message-ID"] for _, mail in lane.mail.messages}) == 1
            assert len(lane.mail.messages) <= 2

    def repeat(self, lane):
        assert not judge.live(lane.sim)


# The sweep itself

class Sweep:
    """
    Points of windows, run by several lanes at once. how: what strace injects; calls: only at
    these system calls; program: in place of the daemon. failures: texts.
    """

    places = "system calls"

    def __init__(self, windows, how=KILL, calls=None, lanes=8, program=None):
        self.windows = windows
        self.how = how
        self.calls = calls
        self.lanes = lanes
        self.program = program
        self.failures = []
        self.ended = collections.Counter()
        self.points = {}

    def new_lane(self, window):
        lane = Lane(window.workers, **window.config)
        self.furnish(lane)
        lane.window = window
        window.equip(lane)
        lane.daemon.start()
        return lane

    def furnish(self, lane):
        """What the daemon of a lane needs for it."""
        if self.program is not None:
            lane.daemon.program = self.program

    def count(self, lane, window):
        """The points of a window: numbers by what is counted."""
        return window.count(lane)

    def hit(self, lane, window, call, n, said):
        """Goes through a window with one point in it that is not well. Whether the daemon has ended."""
        return window.hit(lane, self.how, call, n, said)

    def find_points(self):
        for window in self.windows:
            lane = self.new_lane(window)
            try:
                counts = self.count(lane, window)
            finally:
                lane.close()
            self.points[window.name] = [
                (window, call, n) for call, numbers in sorted(counts.items()) for n in numbers
                if self.calls is None or call in self.calls]
        return sum(len(points) for points in self.points.values())

    def thin_out(self, most):
        """Keeps at most so many, evenly spread over each window."""
        total = sum(len(points) for points in self.points.values())
        for name, points in self.points.items():
            keep = max(1, len(points) * most // total)
            step = max(1, len(points) / keep)
            self.points[name] = [points[int(i * step)] for i in range(keep) if i * step < len(points)]

    def hit(self, lane, window, call, n, said):
        """Whether the daemon has ended there."""
        return window.hit(lane, self.how, call, n, said)

    def run_point(self, lane, window, call, n):
        said = {}
        ended = self.hit(lane, window, call, n, said)
        self.ended[window.name] += ended
        if ended or self.how == KILL:
            lane.end()
        if lane.daemon.process is None:
            lane.daemon.start()
        try:
            self.judge_point(lane, window, said)
        except GONE:
            if self.how == KILL or not lane.has_ended(1):
                raise
            lane.end()  # the error has come to light later, and ended it
            lane.daemon.start()
            self.judge_point(lane, window, said)

    def judge_point(self, lane, window, said):
        window.judge(lane)
        window.check(lane, said)
        window.repeat(lane)
        window.judge(lane)

    def run_lane(self, queue):
        lane = None
        while True:
            try:
                window, call, n = queue.popleft()
            except IndexError:
                break
            try:
                if lane is None or not lane.window.shares_with(window):
                    if lane is not None:
                        lane.close()
                    lane = self.new_lane(window)
                self.run_point(lane, window, call, n)
            except Exception:  # whatever it is: this point has failed
                log = lane.daemon.log()[-3000:] if lane is not None else ""
                self.failures.append(
                    f"{window.name}, {call} number {n}:\n{traceback.format_exc()}\n{log}")
                if lane is not None:
                    lane.close()
                lane = None
        if lane is not None:
            lane.close()

    def run(self):
        """All windows' points, taken in turn, so that the end of one is the beginning of another."""
        lists = [collections.deque(points) for points in self.points.values()]
        queue = collections.deque()
        while any(lists):
            queue.extend(points.popleft() for points in lists if points)
        threads = [threading.Thread(target=self.run_lane, args=(queue,))
                   for _ in range(self.lanes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def report(self, seconds):
        lines = [f"sweep with {self.how}, {seconds:.0f} s, {len(self.failures)} violations"]
        for name, points in self.points.items():
            calls = len({call for _, call, _ in points})
            lines.append(f"  {name}: {len(points)} points at {calls} {self.places},"
                         f" {self.ended[name]} ends of the daemon")
        return "\n".join(lines)


class OrderedSweep(Sweep):
    """
    A sweep whose daemons do not need a tracer: what is to happen to them is written into a
    file, whose name they have in a variable.
    """

    variable = None
    environment = {}

    def new_lane(self, window):
        lane = super().new_lane(window)
        lane.orders = lane.daemon.directory / "orders"
        lane.daemon.environment |= {self.variable: str(lane.orders)} | self.environment
        lane.daemon.kill()
        lane.daemon.start()
        return lane

    def run_with(self, lane, window, orders, said):
        """The window, with the orders in force from its beginning to its end."""
        window.prepare(lane)
        lane.orders.write_text(orders)
        window.run(lane, said)


class ShortSweep(OrderedSweep):
    """Each write in a window is a short one once: nobody notices."""

    places = "functions"
    variable = "SHORT_IO"
    environment = preloaded(BUILD / "tests/preload/short_io.so")

    def __init__(self, windows, **how):
        super().__init__(windows, how="short writes", **how)
        self.shortened = 0

    def find_points(self):
        for window in self.windows:
            lane = self.new_lane(window)
            try:
                self.run_with(lane, window, "count\n", {})
                _, *calls = lane.orders.read_text().split()
            finally:
                lane.close()
            self.points[window.name] = [
                (window, call, n) for call, count in sorted(collections.Counter(calls).items())
                for n in range(1, count + 1)]

    def hit(self, lane, window, call, n, said):
        self.run_with(lane, window, f"{call} {n}\n", said)
        self.shortened += not lane.orders.exists()
        lane.orders.unlink(missing_ok=True)
        assert not lane.has_ended(0), "ended by a short write"
        return False
