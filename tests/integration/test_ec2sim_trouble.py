# SPDX-License-Identifier: Apache-2.0
"""What EC2 does to its clients, as boto3 sees ec2sim do it: lag, outages, instances that stick."""

import time

import pytest

from ec2client import code, of, refused, run
from ec2sim import eventually, running


@pytest.fixture
def sim():
    with running("--seed", "1") as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


def listed(ec2, **query):
    return [i for r in ec2.describe_instances(**query)["Reservations"] for i in r["Instances"]]


def tagged(name="v"):
    return {"TagSpecifications": [{"ResourceType": "instance", "Tags": [
        {"Key": "ec2workerd:worker", "Value": name}]}]}


def test_lag(sim, ec2):
    """The listing by tag misses what its id finds, and has no address when it has a state."""
    sim.control("POST", "scenario", {"pending": 0, "lag": {"tags": 1, "address": 1}})
    instance = run(ec2, **tagged())["InstanceId"]
    by_tag = {"Filters": [{"Name": "tag:ec2workerd:worker", "Values": ["v"]}]}
    assert listed(ec2, **by_tag) == []
    [found] = listed(ec2, InstanceIds=[instance])
    assert "PrivateIpAddress" not in found and "Tags" not in found
    eventually(lambda: listed(ec2, **by_tag))
    eventually(lambda: "PublicIpAddress" in listed(ec2, InstanceIds=[instance])[0])


def test_copies_that_go_backwards(sim, ec2):
    sim.control("POST", "scenario", {"pending": 0, "shutdown": 0, "replicas": 2,
                                     "lag": {"state": 60}})
    instance = run(ec2)["InstanceId"]
    ec2.terminate_instances(InstanceIds=[instance])
    eventually(lambda: sim.ledger()[instance]["state"] == "terminated")
    states = [listed(ec2, InstanceIds=[instance])[0]["State"]["Name"] for _ in range(50)]
    assert set(states) == {"pending", "terminated"}
    assert ("terminated", "pending") in zip(states, states[1:])
    # What it was told itself, an action knows.
    [change] = ec2.terminate_instances(InstanceIds=[instance])["TerminatingInstances"]
    assert change["PreviousState"]["Name"] == "terminated"


def test_visible_to_some(sim, ec2):
    sim.control("POST", "scenario", {"replicas": 2, "visible_after": 60})
    instance = run(ec2)["InstanceId"]
    assert {len(listed(ec2)) for _ in range(50)} == {0, 1}
    codes = set()
    for _ in range(50):
        try:
            listed(ec2, InstanceIds=[instance])
        except ec2.exceptions.ClientError as error:
            codes.add(error.response["Error"]["Code"])
    assert codes == {"InvalidInstanceID.NotFound"}


def test_zone_outage(sim, ec2):
    there = run(ec2, Placement={"AvailabilityZone": "us-east-1a"})["InstanceId"]
    here = run(ec2, Placement={"AvailabilityZone": "us-east-1b"})["InstanceId"]
    sim.control("POST", "scenario", {"impaired_zones": ["us-east-1a"]})
    assert refused(listed, ec2)[0] == "Unavailable"
    assert code(listed, ec2, **of(instance_id=[here])) == "Unavailable"
    assert code(listed, ec2, InstanceIds=[here, there]) == "Unavailable"
    assert [i["InstanceId"] for i in listed(ec2, InstanceIds=[here])] == [here]
    assert code(ec2.terminate_instances, InstanceIds=[there]) == "Unavailable"
    assert code(run, ec2, Placement={"AvailabilityZone": "us-east-1a"}) == "Unavailable"
    assert run(ec2)["Placement"]["AvailabilityZone"] == "us-east-1b"
    zones = ec2.describe_availability_zones(**of(state=["impaired"]))["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["us-east-1a"]
    sim.control("POST", "scenario", {})
    assert len(listed(ec2)) == 3


def test_stuck_by_a_rule(sim, ec2):
    sim.fault(action="RunInstances", worker="bot1", effect="stick", count=1)
    sim.fault(action="RunInstances", worker="bot2", effect="stick", state="shutting-down")
    sim.fault(action="RunInstances", worker="bot3", effect="fail",
              code="Client.VolumeLimitExceeded")
    bots = {n: run(ec2, **tagged(f"bot{n}"))["InstanceId"] for n in (1, 2, 3)}
    again = run(ec2, **tagged("bot1"))["InstanceId"]
    eventually(lambda: sim.ledger()[again]["state"] == "running")
    [dead] = listed(ec2, InstanceIds=[bots[3]])
    assert dead["State"]["Name"] == "terminated"
    assert dead["StateReason"]["Code"] == "Client.VolumeLimitExceeded"
    assert sim.ledger()[bots[3]]["billed_seconds"] == 0
    ec2.terminate_instances(InstanceIds=[bots[1], bots[2]])
    eventually(lambda: sim.ledger()[bots[1]]["state"] == "terminated")
    time.sleep(0.3)
    assert sim.ledger()[bots[2]]["state"] == "shutting-down"
    assert [s["state"] for s in sim.ledger()[bots[1]]["states"]] == [
        "pending", "shutting-down", "terminated"]
    rules = sim.control("GET", "faults")
    assert [(r["effect"], r["fired"], r.get("state")) for r in rules] == [
        ("stick", 1, None), ("stick", 1, "shutting-down"), ("fail", 1, None)]


def test_what_is_billed(sim, ec2):
    """Each stretch in running, as the ledger has it."""
    instance = run(ec2)["InstanceId"]

    def is_in(state):
        return sim.ledger()[instance]["state"] == state

    eventually(lambda: is_in("running"))
    assert sim.ledger()[instance]["runs"][0]["to"] is None
    ec2.stop_instances(InstanceIds=[instance])
    eventually(lambda: is_in("stopped"))
    ec2.start_instances(InstanceIds=[instance])
    eventually(lambda: is_in("running"))
    ec2.terminate_instances(InstanceIds=[instance])
    eventually(lambda: is_in("terminated"))
    entry = sim.ledger()[instance]
    assert [s["state"] for s in entry["states"]] == [
        "pending", "running", "stopping", "stopped", "pending", "running", "shutting-down",
        "terminated"]
    times = [s["at"] for s in entry["states"]]
    assert times == sorted(times)
    assert entry["runs"] == [{"from": times[1], "to": times[2]},
                             {"from": times[5], "to": times[6]}]
    assert times[6] == entry["ended_at"]
