# SPDX-License-Identifier: Apache-2.0
"""What EC2 does to its clients, as boto3 sees ec2sim do it: lag, outages, instances that stick."""

import datetime
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


# --- RequestSpotInstances: held, and filled late

def ask(ec2, price="0.05", **more):
    [made] = ec2.request_spot_instances(
        SpotPrice=price, LaunchSpecification={"ImageId": "ami-12345", "InstanceType": "m5.large",
                                              **more})["SpotInstanceRequests"]
    return made["SpotInstanceRequestId"]


def request(ec2, name):
    [found] = ec2.describe_spot_instance_requests(SpotInstanceRequestIds=[name])[
        "SpotInstanceRequests"]
    return found


def status(ec2, name):
    return request(ec2, name)["Status"]["Code"]


def test_a_request_is_filled(sim, ec2):
    made = ec2.request_spot_instances(
        SpotPrice="0.05", InstanceCount=2, Type="one-time",
        TagSpecifications=[{"ResourceType": "spot-instances-request",
                            "Tags": [{"Key": "pool", "Value": "p"}]}],
        LaunchSpecification={"ImageId": "ami-12345", "InstanceType": "m5.large",
                             "KeyName": "key", "SecurityGroups": ["builders"],
                             "Placement": {"AvailabilityZone": "us-east-1b"},
                             "UserData": "IyEvYmluL3NoCg=="})["SpotInstanceRequests"]
    assert [(r["State"], r["Status"]["Code"]) for r in made] == [
        ("open", "pending-evaluation")] * 2
    ids = [r["SpotInstanceRequestId"] for r in made]
    waiter = ec2.get_waiter("spot_instance_request_fulfilled")
    waiter.wait(SpotInstanceRequestIds=ids, WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    found = request(ec2, ids[0])
    assert (found["State"], found["Status"]["Code"], found["SpotPrice"]) == (
        "active", "fulfilled", "0.05")
    assert found["Tags"] == [{"Key": "pool", "Value": "p"}]
    assert found["LaunchSpecification"]["Placement"]["AvailabilityZone"] == "us-east-1b"
    [instance] = listed(ec2, InstanceIds=[found["InstanceId"]])
    assert instance["SpotInstanceRequestId"] == ids[0]
    assert instance["InstanceLifecycle"] == "spot"
    assert (instance["KeyName"], instance["SecurityGroups"][0]["GroupName"]) == (
        "key", "builders")
    assert "Tags" not in instance
    everything = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    assert [r["SpotInstanceRequestId"] for r in everything] == ids
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert (request(ec2, ids[0])["State"], status(ec2, ids[0])) == (
        "closed", "instance-terminated-by-user")


def test_a_request_is_filled_late(sim, ec2):
    """Whoever has given up by then and not cancelled has an instance that nobody knows."""
    sim.control("POST", "scenario", {"spot_fulfillment": 0.3})
    late, cancelled = ask(ec2), ask(ec2)
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[cancelled])
    assert sim.ledger() == {}
    assert (request(ec2, late)["State"], status(ec2, cancelled)) == (
        "open", "canceled-before-fulfillment")
    eventually(sim.ledger)  # by itself, when its time has come
    assert list(sim.ledger()) == [request(ec2, late)["InstanceId"]]
    ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=[late])
    assert status(ec2, late) == "request-canceled-and-instance-running"
    [instance] = sim.ledger().values()
    assert instance["state"] in ("pending", "running")
    assert {r["id"]: (r["open"], r["cancelled"], r["instance"])
            for r in sim.control("GET", "ledger")["spot_requests"]} == {
        late: (False, True, instance["id"]), cancelled: (False, True, None)}


def test_a_request_is_held(sim, ec2):
    sim.control("POST", "scenario", {
        "capacity": [{"type": "m5.large", "market": "spot", "available": 1}],
        "prices": [{"type": "m5.large", "zone": f"us-east-1{letter}", "price": 0.1}
                   for letter in "abcdef"]})
    poor = ask(ec2, "0.05", Placement={"AvailabilityZone": "us-east-1c"})
    assert status(ec2, poor) == "price-too-low"
    rich = ask(ec2, "0.2")
    assert status(ec2, rich) == "fulfilled"
    waiting = ask(ec2, "0.2")
    assert status(ec2, waiting) == "capacity-not-available"
    sim.control("POST", "prices", {"type": "m5.large", "zone": "us-east-1c", "price": 0.04})
    assert status(ec2, poor) == "capacity-not-available"
    ec2.terminate_instances(InstanceIds=[request(ec2, rich)["InstanceId"]])
    assert status(ec2, poor) == "fulfilled"
    assert request(ec2, poor)["LaunchedAvailabilityZone"] == "us-east-1c"


def test_requests_that_are_refused(sim, ec2):
    sim.control("POST", "scenario", {"images": [{"id": "ami-12345"}],
                                     "denied": [{"action": "PassRole"}]})
    assert code(ask, ec2, ImageId="ami-00000009") == "InvalidAMIID.NotFound"
    assert code(ask, ec2, UserData="#!/bin/sh") == "InvalidParameterValue"
    assert code(ask, ec2, IamInstanceProfile={"Name": "p"}) == "UnauthorizedOperation"
    for params, code_of_it in [
            ({"Action": "RequestSpotInstances"}, b"MissingParameter"),
            ({"Action": "RequestSpotInstances", "LaunchSpecification.ImageId": "ami-12345",
              "LaunchSpecification.MetadataOptions.HttpTokens": "required"}, b"UnknownParameter"),
            ({"Action": "RequestSpotInstances", "LaunchSpecification.ImageId": "ami-12345",
              "LaunchSpecification.Colour": "red"}, b"UnknownParameter"),
            ({"Action": "RequestSpotInstances", "LaunchSpecification.ImageId": "ami-12345",
              "Type": "persistent"}, b"InvalidParameterValue"),
            ({"Action": "RequestSpotInstances", "LaunchSpecification.ImageId": "ami-12345",
              "DryRun": "true"}, b"DryRunOperation")]:
        got, _, body = sim.post(params)
        assert (got >= 400, code_of_it in body) == (True, True), body
    assert sim.control("GET", "ledger")["spot_requests"] == []


def test_tokens_and_ends_of_requests(sim, ec2):
    spec = {"SpotPrice": "1", "LaunchSpecification": {"ImageId": "ami-12345"}}
    sim.control("POST", "scenario", {"spot_fulfillment": 60})
    first, again, other = (ec2.request_spot_instances(**spec, ClientToken=token)[
        "SpotInstanceRequests"][0]["SpotInstanceRequestId"] for token in ("a", "a", "b"))
    assert first == again != other
    assert code(request, sim.client(region="eu-west-1"), first) == (
        "InvalidSpotInstanceRequestID.NotFound")
    ends = ec2.request_spot_instances(
        **spec, ValidUntil=datetime.datetime.now(datetime.timezone.utc))[
            "SpotInstanceRequests"][0]["SpotInstanceRequestId"]
    eventually(lambda: status(ec2, ends) == "schedule-expired")
    assert request(ec2, ends)["State"] == "closed"
    sim.control("POST", "reset")
    assert ec2.describe_spot_instance_requests()["SpotInstanceRequests"] == []
