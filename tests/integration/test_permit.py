# SPDX-License-Identifier: Apache-2.0
"""What may not be ended is not started: policies that lack something, and how that ends (A36)."""

import pytest

import judge
from ec2sim import eventually
from lives import bring_to, finish, show
from rpcclient import RpcError

WORKERS = {"bot1": {"password": "x", "notify_on_missing": "ci@localhost"},
           "far": {"password": "x", "region": "eu-west-1"},
           "other": {"password": "x", "identifier": "AKIDOTHER", "secret_identifier": "test"}}
NOBODY = "i-00000000000000000"


def policy(sim, *denied, **more):
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "denied": [
        {"action": action, "key": "AKIDTEST"} for action in denied]} | more)


def fail(daemon, worker):
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker=worker, wait="running", timeout=30)
    return caught.value


def tried(sim, action):
    return [r for r in sim.requests() if r["action"] == f"DryRun:{action}"]


@pytest.mark.parametrize("denied", ["TerminateInstances", "RunInstances"])
def test_a_permission_that_is_missing(make_daemon, sim, denied):
    policy(sim, denied)
    daemon = make_daemon(WORKERS).start()
    with daemon.connect() as rpc:
        rpc.call("events.subscribe", types=["pool"])
        for worker in ("bot1", "bot1", "far"):  # the same keys are refused everywhere
            error = fail(daemon, worker)
            assert (error.data["reason"], error.data["aws"]["code"]) == (
                "auth", "UnauthorizedOperation")
            assert f"must allow ec2:{denied}" in error.message
            assert "--print-policy" in error.message
        assert not sim.ledger() and sim.calls("RunInstances") == 0
        [trouble] = rpc.call("pool.status")["degraded"]
        assert (trouble["kind"], trouble["about"]) == ("authorization", "keys:AKIDTEST")
        assert f"ec2:{denied}" in trouble["message"]
        event = rpc.event()
        assert (event["from"], event["to"]) == ("running", "authorization")
        assert f"ec2:{denied}" in event["reason"]
        assert daemon.log().count("keys:AKIDTEST: authorization: nothing is launched") == 1
        daemon.call("worker.substantiate", worker="other", wait="running", timeout=30)
        policy(sim)
        rpc.call("daemon.reload")
        event = rpc.event()
        assert (event["from"], event["to"]) == ("authorization", "running")
        assert not rpc.call("pool.status")["degraded"]
    for worker in ("bot1", "far"):
        bring_to(daemon, "ready", worker)
    finish(daemon, sim)


def test_ends_by_itself(make_daemon, sim):
    policy(sim, "TerminateInstances")
    daemon = make_daemon(WORKERS).start()
    fail(daemon, "bot1")
    assert [r["params"]["InstanceId.1"] for r in tried(sim, "TerminateInstances")] == [NOBODY]
    policy(sim)
    eventually(lambda: not daemon.call("pool.status")["degraded"], 90)
    bring_to(daemon, "ready")
    finish(daemon, sim)


def test_asked_once_and_about_the_launch(make_daemon, sim):
    daemon = make_daemon({"bot[1-4]": {"password": "x", "user_data": "{{ password }}"}}).start()
    assert not tried(sim, "*") and not sim.calls("DryRun:RunInstances")
    for n in range(1, 5):
        bring_to(daemon, "ready", f"bot{n}")
    [trial] = tried(sim, "RunInstances")
    launch = next(r for r in sim.requests() if r["action"] == "RunInstances")
    assert trial["code"] == "DryRunOperation"
    # All that a policy can be about.
    only = {key for key in launch["params"].items() ^ trial["params"].items()
            if not key[0].startswith("TagSpecification")}
    assert {key for key, _ in only} == {"ClientToken", "DryRun", "UserData"}
    assert "ec2workerd:pool" in trial["params"].values()
    # On nobody first, then on the first instance.
    assert [r["params"]["InstanceId.1"] for r in tried(sim, "TerminateInstances")] == [
        NOBODY, show(daemon)["instance"]["id"]]
    finish(daemon, sim)


@pytest.mark.parametrize("fault", [
    {"effect": "error", "code": "RequestLimitExceeded", "status": 503},
    {"effect": "error", "code": "InternalError", "status": 500},
    {"effect": "error", "code": "InvalidParameterValue", "status": 400},
    {"effect": "drop"},
    {"effect": "garbage"},
])
def test_no_answer_blocks_nothing(make_daemon, sim, fault):
    sim.fault(action="DryRun:*", **fault)
    daemon = make_daemon(WORKERS).start()
    bring_to(daemon, "ready")
    assert not daemon.call("pool.status")["degraded"]
    finish(daemon, sim)


def test_silence_is_borne_for_ten_seconds(make_daemon, sim):
    sim.fault(action="DryRun:*", effect="delay", delay="25s", after=True)
    daemon = make_daemon(WORKERS).start()
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: show(daemon)["phase"] == "waiting", 20)
    finish(daemon, sim)


def test_the_first_instance_may_not_be_ended(make_daemon, sim):
    """It stays, for it works; no second one is started; its end is tried on until it succeeds."""
    policy(sim, "TerminateInstances")
    sim.fault(action="DryRun:TerminateInstances", params={"InstanceId.1": NOBODY},
              effect="error", code="InvalidInstanceID.NotFound", status=400)
    daemon = make_daemon({"bot[1-2]": {"password": "x"}}).start()
    bring_to(daemon, "ready")
    eventually(lambda: daemon.call("pool.status")["degraded"])
    assert NOBODY not in fail(daemon, "bot2").message
    assert show(daemon)["state"] == "substantiated"
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: sim.calls("TerminateInstances") >= 2)
    assert list(judge.live(sim)) == ["bot1"]
    policy(sim)
    eventually(lambda: not judge.live(sim), 60)
    eventually(lambda: not daemon.call("pool.status")["degraded"])
    bring_to(daemon, "ready", "bot2")
    finish(daemon, sim)
