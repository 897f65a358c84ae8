# SPDX-License-Identifier: Apache-2.0
"""
Many workers on an EC2 that fails in all ways, the daemon killed every few seconds; then peace,
in which ledger and cloud must come to agree in time, and every launch to rest by itself.
CHAOS_WORKERS, CHAOS_MINUTES, CHAOS_RATE (how fast the time is) and CHAOS_SEED set its size.
"""

import os
import random

import pytest

import chaos
import ec2sim
import judge
from daemon import Daemon
from ec2sim import eventually
from lives import take_down
from tempo import Tempo

FULL = os.environ.get("FAULTS") == "full"
SEED = int(os.environ.get("CHAOS_SEED", "1"))
AWS = {"region": "us-east-1", "identifier": "AKIDTEST", "secret_identifier": "test", "role_arn": chaos.ROLE}


@pytest.fixture(name="run")
def fixture_run(directory, tmp_path):
    """run(workers, minutes, rate, seed): one chaos, from its begin to its rest; says what it was like."""
    def run(workers, minutes, rate, seed):
        workers = int(os.environ.get("CHAOS_WORKERS", workers))
        minutes = float(os.environ.get("CHAOS_MINUTES", minutes))
        tempo = Tempo(tmp_path / "tempo", int(os.environ.get("CHAOS_RATE", rate)))
        with ec2sim.running("--seed", str(seed), **tempo.simulator()) as sim:
            daemon = Daemon(directory, sim.url, chaos.workers(workers), orphans=chaos.ORPHANS, aws=AWS | {
                "endpoint_url": sim.url, "sts_endpoint_url": sim.url})
            daemon.environment = tempo.environment()
            with daemon:
                return weather_it(chaos.Chaos(daemon, sim, tempo, random.Random(seed)), minutes)
    return run


def within(world, seconds, what):
    """Until it is so, which takes that long at most."""
    try:
        eventually(what, seconds / world.tempo.rate)
    except AssertionError:
        raise AssertionError(f"not within {seconds} s: {world.unrest()}") from None


def weather_it(world, minutes):
    world.rage(minutes)
    sim, daemon, tempo = world.sim, world.daemon, world.tempo
    world.end()
    peace = tempo.wall()
    within(world, chaos.CONVERGED, world.agrees)
    agreed = world.since(peace)
    judge.check_no_twin(sim)
    judge.check_no_killed_build(daemon)
    assert not (leaks := judge.leak_cost(daemon, sim)), f"I2: billed without an owner: {leaks}"
    watched = len(world.doubts())
    within(world, chaos.WATCHED, world.is_at_rest)
    rest = world.since(peace)
    judge.check_agreement(daemon, sim)
    take_down(daemon)
    judge.check_agreement(daemon, sim)
    assert not judge.live(sim)
    return (f"{len(world.names)} workers, {minutes:g} min, time x{tempo.rate}, {world.kills} kills,"
            f" {len(sim.ledger())} instances, {sim.calls('RunInstances')} RunInstances; agreed {agreed:.0f} s"
            f" after the faults stopped, {watched} watched for, at rest after {rest / 60:.0f} min")


def test_chaos(run, capsys):
    said = run(workers=40, minutes=3, rate=60, seed=SEED)
    with capsys.disabled():
        print(f"\nchaos: {said}")


@pytest.mark.faults
def test_chaos_of_many(run, capsys):
    seeds = range(SEED, SEED + 3) if FULL else [SEED]
    for seed in seeds:
        said = run(workers=300 if FULL else 100, minutes=30 if FULL else 10, rate=12 if FULL else 20, seed=seed)
        with capsys.disabled():
            print(f"\nchaos, seed {seed}: {said}")
