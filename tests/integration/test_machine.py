# SPDX-License-Identifier: Apache-2.0
"""
A machine of wishes, facts, faults, deaths, reloads, time, and ledgers that are lost or restored,
driven by hypothesis against the real programs, and judged after every step and at rest.
MACHINE_EXAMPLES=N: so many lives instead of the slice that make check takes; a failure prints the
steps that lead to it, which are kept as a life of their own.
"""

import contextlib
import functools
import os
import pathlib
import shutil
import tempfile

import hypothesis
import pytest
from hypothesis import strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

import ec2sim
import judge
from daemon import Daemon
from ec2sim import eventually
from lives import is_down, show
from rpcclient import RpcError
from tempo import Tempo

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "8"))
STEPS = 25
NAMES = ("fixed", "made", "busy")
WORKERS = {"fixed": {"password": "x"}, "made": {"password": "generated", "user_data": "{{ password }}"},
           "busy": {"password": "x", "build_wait_timeout": 30, "missing_timeout": 90}}
RATE = 20
# Less than any timer; the idle and missing ones of "busy"; the pending ones, or a collector's grace.
WAITS = (2, 100, 700)
QUICK = {"interval": 30, "grace": 60}
REFUSALS = {"unavailable", "unexpected_attach", "stale_generation", "cancelled", "failed", "missing"}

workers = strategies.sampled_from(NAMES)
EFFECTS = (
    {"effect": "drop", "after": True}, {"effect": "drop"}, {"effect": "reset", "after": True},
    {"effect": "error", "code": "InternalError", "after": True}, {"effect": "error", "code": "Unavailable"},
    {"effect": "error", "code": "RequestLimitExceeded"},
    {"effect": "error", "code": "InsufficientInstanceCapacity"},
    {"effect": "html"}, {"effect": "cut", "at": 60, "after": True}, {"effect": "delay", "delay": "6s"},
)
ACTIONS = ("RunInstances", "TerminateInstances", "DescribeInstances")
STEPS_OF = {}
# Lives that once ended badly: their steps, with what they were drawn.
LIVES = {
    "a new ledger, and a wish before the first listing": (
        ("want_running", "fixed"), ("begin_anew",), ("want", "fixed"), ("wait", 100)),
    "an old ledger, and a wish before the first listing": (
        ("want_running", "fixed"), ("want_no_more", "fixed", True), ("wait", 100), ("back_up",),
        ("want_running", "fixed"), ("restore",), ("want", "fixed"), ("wait", 100)),
    "a new ledger at the end, and an admin who lets it go on before the first listing": (
        ("want_running", "made"), ("begin_anew",)),
    "an old ledger that asks once more for what was refused": (
        ("trouble", "RunInstances", {"effect": "drop"}, 3), ("want", "fixed"), ("back_up",), ("want_running", "fixed"),
        ("restore",), ("wait", 100)),
}


def step(**drawn):
    """A rule that is remembered, so that a life can be told."""
    def decorate(function):
        @functools.wraps(function)
        def run(self, **params):
            self.steps.append((function.__name__, *params.values()))
            function(self, **params)
        STEPS_OF[function.__name__] = (run, list(drawn))
        return rule(**drawn)(run)
    return decorate


class Machine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.stack = contextlib.ExitStack()
        directory = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="e2w-"))
        self.backup = pathlib.Path(directory, "backup")
        self.lost = ""
        self.steps = []
        self.tempo = Tempo(pathlib.Path(directory, "tempo"), RATE)
        self.sim = self.stack.enter_context(ec2sim.running(pending="1", shutdown="1", **self.tempo.simulator()))
        self.daemon = Daemon(directory, self.sim.url, dict(WORKERS), orphans=QUICK)
        self.daemon.environment = self.tempo.environment()

    @initialize()
    def begin(self):
        self.daemon.start()

    def ask(self, method, **params):
        """As a client does; what is refused is refused for a reason that it may have."""
        try:
            return self.daemon.call(method, **params)
        except RpcError as error:
            assert error.kind in REFUSALS, f"{method} {params}: {error.kind}: {error.message}"
        return None

    @step(worker=workers)
    def want(self, worker):
        reply = self.ask("worker.substantiate", worker=worker)
        if reply is not None:
            assert show(self.daemon, worker)["generation"] >= reply["generation"]

    @step(worker=workers)
    def want_running(self, worker):
        self.ask("worker.substantiate", worker=worker)
        with contextlib.suppress(AssertionError):
            eventually(lambda: show(self.daemon, worker)["phase"] in ("waiting", "ready"), 2)

    @step(worker=workers, fast=strategies.booleans())
    def want_no_more(self, worker, fast):
        self.ask("worker.insubstantiate", worker=worker, fast=fast)

    @step(worker=workers)
    def attach(self, worker):
        self.ask("worker.attached", worker=worker)

    @step(worker=workers)
    def detach(self, worker):
        self.ask("worker.detached", worker=worker)

    @step(worker=workers, building=strategies.integers(0, 2))
    def build(self, worker, building):
        method = "worker.build_started" if building else "worker.build_finished"
        self.ask(method, worker=worker, building=building)

    @step(worker=workers, held=strategies.booleans())
    def hold(self, worker, held):
        self.ask("worker.hold" if held else "worker.release", worker=worker)

    @step(action=strategies.sampled_from(ACTIONS), effect=strategies.sampled_from(EFFECTS),
          count=strategies.integers(1, 3))
    def trouble(self, action, effect, count):
        self.sim.fault(action=action, count=count, **effect)

    @step(state=strategies.sampled_from(("terminated", "stopped", "shutting-down")), which=strategies.integers(0, 2))
    def end_by_other_hands(self, state, which):
        running = sorted(i["id"] for i in self.sim.ledger().values() if i["state"] == "running")
        if running:
            self.sim.control("POST", "instance", {"id": running[which % len(running)], "state": state})

    @step()
    def die(self):
        self.daemon.kill()
        self.daemon.start()

    @step()
    def restart(self):
        self.daemon.stop()
        self.daemon.start()

    @step(seconds=strategies.sampled_from(WAITS))
    def wait(self, seconds):
        self.tempo.sleep(seconds)

    def ledger(self):
        return sorted((self.daemon.directory / "state").glob("ledger.db*"))

    @step()
    def back_up(self):
        self.daemon.kill()
        shutil.rmtree(self.backup, ignore_errors=True)
        self.backup.mkdir()
        for path in self.ledger():
            shutil.copy(path, self.backup)
        self.daemon.start()

    def lose(self):
        self.daemon.kill()
        for path in self.ledger():
            path.unlink()
        self.lost = self.tempo.utc_text()

    @precondition(lambda self: self.backup.exists())
    @step()
    def restore(self):
        """A ledger of some time ago, which knows nothing of what was since (P22)."""
        self.lose()
        for path in self.backup.iterdir():
            shutil.copy(path, self.daemon.directory / "state")
        self.daemon.start()

    @step()
    def begin_anew(self):
        self.lose()
        self.daemon.start()

    @step(ami=strategies.sampled_from(("ami-12345678", "ami-87654321")),
          without=strategies.sampled_from((None, "made")))
    def reload(self, ami, without):
        self.daemon.config["workers"] = {
            name: conf | {"ami": ami} for name, conf in WORKERS.items() if name != without}
        self.daemon.write_config()
        self.daemon.call("daemon.reload")
        if without is not None:  # what it runs goes on; the name comes back for the next steps
            self.daemon.config["workers"] = dict(WORKERS)
            self.daemon.write_config()
            self.daemon.call("daemon.reload")

    @step(pause=strategies.booleans())
    def pause(self, pause):
        self.daemon.call("pool.pause" if pause else "pool.resume")

    @invariant()
    def is_good(self):
        judge.check_no_twin(self.sim)
        if self.daemon.process is not None:
            judge.check_no_killed_build(self.daemon)

    def teardown(self):
        try:
            if self.daemon.process is not None:
                self.come_to_rest()
        except BaseException:
            print("The life that ended so:", self.steps)
            raise
        finally:
            if self.daemon.process is not None:
                self.daemon.kill()
            self.stack.close()

    def is_ended(self):
        """An admin ends each HOLD, and whatever it has adopted, until nothing lives."""
        if self.daemon.call("pool.status")["hold"]:
            self.daemon.call("pool.resume")
        for name in NAMES:
            self.daemon.call("worker.insubstantiate", worker=name)
        return not judge.live(self.sim) and all(is_down(self.daemon, name) for name in NAMES)

    def come_to_rest(self):
        self.sim.control("DELETE", "faults")
        self.daemon.call("pool.resume")
        for name in NAMES:
            self.daemon.call("worker.insubstantiate", worker=name)
        for name in NAMES:
            eventually(lambda n=name: is_down(self.daemon, n), 120)
        if self.lost:  # what no row knows is adopted in a HOLD that begins now, or collected
            eventually(self.is_ended, 60)
        assert not judge.live(self.sim)
        judge.check_agreement(self.daemon, self.sim, since=self.lost)


def test_machine():
    run_state_machine_as_test(Machine, settings=hypothesis.settings(
        max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck)))


@pytest.mark.parametrize("life", LIVES)
def test_lives_that_ended_badly(life):
    machine = Machine()
    try:
        machine.begin()
        for name, *drawn in LIVES[life]:
            run, names = STEPS_OF[name]
            run(machine, **dict(zip(names, drawn, strict=True)))
            machine.is_good()
    finally:
        machine.teardown()
