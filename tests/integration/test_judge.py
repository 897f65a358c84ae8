# SPDX-License-Identifier: Apache-2.0
"""The judge itself: what it must find, it finds."""

import sqlite3

import pytest

import judge
from ec2client import run
from ec2sim import eventually
from lives import bring_to, has_phase, take_down


def write(daemon, statement, *values):
    """Falsifies the daemon's books, behind its back."""
    with sqlite3.connect(daemon.directory / "state" / "ledger.db", timeout=10) as ledger:
        ledger.execute(statement, values)


def test_a_good_life_costs_nothing(daemon, sim):
    bring_to(daemon, "ready")
    assert judge.leak_cost(daemon, sim) == {}
    take_down(daemon)
    judge.check_agreement(daemon, sim)
    [entry] = sim.ledger().values()
    assert judge.leak_cost(daemon, sim) == {} and entry["billed_seconds"] > 0
    spans = judge.owned_spans(daemon)
    began, ended = spans[entry["tags"]["ec2workerd:launch"], entry["id"]]
    assert {instance for _, instance in spans} == {None, entry["id"]}
    assert began <= judge.ms(entry["launched_at"])
    assert judge.ms(entry["ended_at"]) <= ended


def test_an_instance_that_nobody_knows(daemon, sim):
    instance = run(sim.client())["InstanceId"]
    eventually(lambda: sim.ledger()[instance]["billed_seconds"] > 0.2)
    assert 0.2 < judge.leak_cost(daemon, sim)[instance] < 10
    with pytest.raises(AssertionError, match="I2, I6"):
        judge.check_agreement(daemon, sim)
    sim.client().terminate_instances(InstanceIds=[instance])
    cost = judge.leak_cost(daemon, sim)[instance]
    assert cost == pytest.approx(sim.ledger()[instance]["billed_seconds"], abs=0.01)
    with pytest.raises(AssertionError, match="billed without an owner"):
        judge.check_agreement(daemon, sim)


def test_a_volume_that_is_left_behind(daemon, sim):
    bring_to(daemon, "waiting")
    take_down(daemon)
    judge.check_agreement(daemon, sim)
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "ec2workerd:launch", "Value": "l"}]}]
    sim.client().create_volume(AvailabilityZone="us-east-1a", Size=1)
    judge.check_agreement(daemon, sim)
    volume = sim.client().create_volume(AvailabilityZone="us-east-1a", Size=1, TagSpecifications=tags)
    eventually(lambda: judge.left_behind(sim) == [volume["VolumeId"]])
    with pytest.raises(AssertionError, match=f"left behind: .*{volume['VolumeId']}"):
        judge.check_agreement(daemon, sim)


def test_what_is_billed_after_the_books_are_closed(daemon, sim):
    bring_to(daemon, "waiting")
    take_down(daemon)
    [entry] = sim.ledger().values()
    early = judge.ms(entry["ended_at"]) - 50
    write(daemon, "UPDATE history SET at = ? WHERE to_state = 'gone'", early)
    assert judge.leak_cost(daemon, sim)[entry["id"]] == pytest.approx(0.05, abs=0.002)


def test_a_twin(daemon, sim):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "ec2workerd:worker", "Value": "bot1"}]}]
    run(sim.client(), TagSpecifications=tags)
    judge.check_no_twin(sim)
    run(sim.client(), TagSpecifications=tags)
    with pytest.raises(AssertionError, match="I1"):
        judge.check_no_twin(sim)


@pytest.mark.parametrize("by, good", [
    ("uid 1000", True), ("EC2", True), ("on_stop", True), ("owner_build_timeout", True),
    ("missing_timeout", False), ("build_wait_timeout", False)])
def test_a_build_that_was_killed(daemon, sim, by, good):
    bring_to(daemon, "ready")
    daemon.call("worker.build_started", worker="bot1")
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: not has_phase(daemon, "ready"))
    judge.check_no_killed_build(daemon)
    write(daemon, "UPDATE history SET by = ? WHERE to_state = 'condemned'", by)
    if good:
        judge.check_no_killed_build(daemon)
        return
    with pytest.raises(AssertionError, match="I3"):
        judge.check_no_killed_build(daemon)
    write(daemon, "UPDATE history SET to_state = '0' WHERE type = 'build'")
    judge.check_no_killed_build(daemon)
