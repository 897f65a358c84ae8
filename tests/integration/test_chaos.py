# SPDX-License-Identifier: Apache-2.0
"""
Many workers, every call to EC2 failing with probability 0.3 in all the ways there are, and the
daemon killed every few seconds; then peace, in which ledger and cloud must come to agree.
The length is CHAOS_SECONDS, the number of workers CHAOS_WORKERS.
"""

import contextlib
import os
import random
import time

import judge
from ec2sim import eventually
from lives import take_down
from rpcclient import RpcError

SECONDS = float(os.environ.get("CHAOS_SECONDS", "12"))
WORKERS = int(os.environ.get("CHAOS_WORKERS", "30"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
QUICK = {"interval": 1, "grace": 2}

LOST = ({"effect": "drop"}, {"effect": "drop", "after": True}, {"effect": "reset", "after": True},
        {"effect": "html", "after": True}, {"effect": "cut", "at": 100, "after": True}, {"effect": "garbage"},
        {"effect": "error", "code": "InternalError", "after": True}, {"effect": "error", "code": "Unavailable"},
        {"effect": "error", "code": "RequestLimitExceeded"}, {"effect": "delay", "delay": "1s", "after": True})
REFUSED = {"RunInstances": "InsufficientInstanceCapacity"}
GONE = (OSError, AssertionError, RpcError)


def break_everything(sim):
    """Each action fails in three of ten calls, in each way equally often."""
    for action in ("RunInstances", "TerminateInstances", "DescribeInstances"):
        effects = [*LOST, *([{"effect": "error", "code": REFUSED[action]}] if action in REFUSED else [])]
        for effect in effects:
            sim.fault(action=action, probability=round(0.3 / len(effects), 4), **effect)


def ask(daemon, dice, names):
    """What a master might: wishes and facts of some workers, refused or not."""
    with contextlib.suppress(*GONE), daemon.connect(timeout=5) as rpc:
        for name in dice.sample(names, min(8, len(names))):
            method = dice.choice(("worker.substantiate", "worker.substantiate", "worker.attached",
                                  "worker.insubstantiate"))
            with contextlib.suppress(RpcError):
                rpc.call(method, worker=name)


def is_quiet(daemon):
    """Nothing moves; a launch that cannot be asked for again is watched for half an hour (L8)."""
    return all(w["phase"] in (None, "waiting", "ready", "watch") for w in daemon.call("worker.list")["workers"])


def end_watches(daemon):
    """By order, for half an hour is long; what they watch for would show as an orphan."""
    watches = judge.rows(daemon, "SELECT worker, launch FROM launch WHERE phase = 'watch'")
    for watch in watches:
        daemon.call("worker.abandon", **watch)
    return len(watches)


def test_chaos(make_daemon, sim, capsys):
    dice = random.Random(SEED)
    names = [f"w-{n:03}" for n in range(WORKERS)]
    daemon = make_daemon({f"w-[000-{WORKERS - 1:03}]": {"password": "generated", "user_data": "{{ password }}"}},
                         orphans=QUICK).start()
    break_everything(sim)
    end, kills = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        pause = time.monotonic() + dice.uniform(0.5, 3)
        while time.monotonic() < pause:
            ask(daemon, dice, names)
        daemon.kill()
        kills += 1
        daemon.start()
        judge.check_no_twin(sim)
    sim.control("DELETE", "faults")
    began = time.monotonic()
    eventually(lambda: is_quiet(daemon), 120)
    rest = time.monotonic() - began
    watched = end_watches(daemon)
    judge.check_rest(daemon, sim)
    take_down(daemon)
    judge.check_agreement(daemon, sim)
    assert not judge.live(sim)
    with capsys.disabled():
        print(f"\nchaos: {WORKERS} workers, {SECONDS:g} s, {kills} kills, {len(sim.ledger())} instances,"
              f" {sim.calls('RunInstances')} RunInstances, {watched} watched for; at rest {rest:.1f} s after the"
              " faults stopped")
    assert kills >= 2 and len(sim.ledger()) >= WORKERS / 3
