# SPDX-License-Identifier: Apache-2.0
"""What becomes of instances, and of the daemon that waits for them: they fail, stick, resist."""

import pytest

import judge
from ec2client import run
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show
from rpcclient import RpcError

BY_PASSWORD = {"fixed": "sekrit", "generated": "generated"}


def quick(sim, **more):
    sim.control("POST", "scenario", {"pending": 0.1, "shutdown": 0.1, **more})


def test_a_launch_that_fails(daemon, sim):
    """Pending, and then terminated: the reason is EC2's, and the next start is another (A10)."""
    sim.fault(action="RunInstances", effect="fail", code="Client.VolumeLimitExceeded", count=1)
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker="bot1", wait="attached", timeout=30)
    assert caught.value.data["reason"] == "instance_died"
    assert "Client.VolumeLimitExceeded" in str(caught.value)
    eventually(lambda: is_down(daemon))
    [dead] = sim.ledger().values()
    assert dead["billed_seconds"] == 0
    bring_to(daemon, "ready")
    assert len(sim.ledger()) == 2
    finish(daemon, sim)


@pytest.mark.parametrize("password", BY_PASSWORD)
def test_shutting_down_for_hours(make_daemon, sim, password):
    """The name stays taken, but where the old machine can no longer hurt (A11, L11)."""
    daemon = make_daemon({"bot1": {"password": BY_PASSWORD[password]}}).start()
    quick(sim)
    sim.fault(action="RunInstances", effect="stick", state="shutting-down", count=1)
    bring_to(daemon, "ready")
    [stuck] = sim.ledger()
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: sim.ledger()[stuck]["state"] == "shutting-down")
    daemon.call("worker.substantiate", worker="bot1")
    if password == "generated":
        eventually(lambda: has_phase(daemon, "waiting"), 20)
        assert sim.ledger()[stuck]["state"] == "shutting-down"
    else:
        eventually(lambda: show(daemon)["queued"])
        assert len(sim.ledger()) == 1
    sim.control("POST", "instance", {"id": stuck, "state": "terminated"})
    eventually(lambda: has_phase(daemon, "waiting"), 30)
    assert len(sim.ledger()) == 2
    finish(daemon, sim)


def test_protected_from_termination(daemon, sim):
    """The terminate is refused, said aloud and tried again, until it is let through (A13)."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    ec2 = sim.client()
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    daemon.call("worker.insubstantiate", worker="bot1")
    error = eventually(lambda: show(daemon)["last_error"])
    assert error["aws"]["code"] == "OperationNotPermitted"
    eventually(lambda: sim.calls("TerminateInstances") >= 2, 30)
    assert has_phase(daemon, "condemned") and judge.live(sim)["bot1"] == [instance]
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    eventually(lambda: is_down(daemon), 90)
    finish(daemon, sim)


def test_outbid(make_daemon, sim):
    """A spot instance is taken away from a build: lost, with EC2's reason, and no second kill (A21)."""
    quick(sim, prices=[{"type": "m5.large", "zone": "us-east-1a", "price": 0.04, "ago": "20h"}])
    daemon = make_daemon({"bot1": {"password": "sekrit", "spot_instance": True,
                                   "max_spot_price": 0.05, "placement": "a"}}).start()
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.call("worker.build_started", worker="bot1")
    sim.control("POST", "prices", {"type": "m5.large", "zone": "us-east-1a", "price": 0.06})
    daemon.call("worker.check", worker="bot1", fresh=True)
    eventually(lambda: is_down(daemon), 30)
    [lost] = [r for r in daemon.call("worker.history", worker="bot1")["records"]
              if r["type"] == "lost"]
    assert "Server.SpotInstanceTermination" in lost["reason"] and lost["instance"] == instance
    finish(daemon, sim)


def test_a_page_token_that_ends(daemon, sim):
    """A listing of two pages whose second is refused starts again, and is whole or nothing (A31)."""
    run(sim.client(), MinCount=1001, MaxCount=1001, TagSpecifications=[
        {"ResourceType": "instance", "Tags": [{"Key": "ec2workerd:pool", "Value": "test"}]}])
    sim.fault(action="DescribeInstances", params={"NextToken": "*"}, effect="error",
              code="InvalidPaginationToken", count=2)
    bring_to(daemon, "waiting")
    [rule] = sim.control("GET", "faults")
    assert rule["fired"] == 2
    pages = [r for r in sim.requests() if r["action"] == "DescribeInstances"
             and "NextToken" in r["params"]]
    assert len(pages) >= 3 and pages[-1]["code"] == ""
    [ours] = [i for i in sim.ledger().values() if i["worker"] == "bot1"]
    assert ours["state"] == "running"
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped", timeout=30)
    assert judge.leak_cost(daemon, sim).keys().isdisjoint({ours["id"]})


def test_tags_come_with_the_launch(daemon, sim):
    """
    From its first moment an instance says whose it is, for the tags are in the request that
    makes it: no second call that could come too late, or never (A28).
    """
    sim.fault(action="RunInstances", effect="drop", after=True, count=1)
    daemon.call("worker.substantiate", worker="bot1")
    [born] = eventually(lambda: list(sim.ledger().values()))
    assert {key: born["tags"][f"ec2workerd:{key}"] for key in (
        "pool", "worker", "generation")} == {"pool": "test", "worker": "bot1", "generation": "1"}
    assert {"ec2workerd:launch", "ec2workerd:lineage", "ec2workerd:epoch", "Name"} <= set(born["tags"])
    bring_to(daemon, "ready")
    [launch] = judge.rows(daemon, "SELECT launch FROM launch")
    assert sim.ledger()[born["id"]]["tags"] == born["tags"]
    assert born["tags"]["ec2workerd:launch"] == launch["launch"]
    finish(daemon, sim)
    assert sim.calls("CreateTags") == 0
