# SPDX-License-Identifier: Apache-2.0
"""Where, as what and at what price workers start, and what follows when EC2 refuses."""

import time

import pytest

import judge
from daemon import WORKER
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show, up
from rpcclient import RpcError

TYPES = ["c7i.xlarge", "c6i.xlarge"]
NONE = [{"type": "c7i.*", "available": 0}]
# A mean of 0.06; now it is 0.08.
PRICES = [{"type": "m5.large", "zone": "us-east-1a", "price": 0.04, "ago": "20h"},
          {"type": "m5.large", "zone": "us-east-1a", "price": 0.08, "ago": "1h"},
          {"type": "m5.large", "zone": "us-east-1b", "price": 0.5, "ago": "1h"}]
CHEAP = [PRICES[0], PRICES[1] | {"price": 0.05}]
SPOT = {"password": "sekrit", "spot_instance": True, "placement": "a"}
# The example of the documentation.
RAISES = SPOT | {"price_multiplier": 1.15, "retry": 3, "retry_price_adjustment": 1.1,
                 "max_spot_price": 0.08}
MAX_PRICE = "InstanceMarketOptions.SpotOptions.MaxPrice"


def scenario(sim, **more):
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s"} | more)


def launches(sim):
    """The parameters of all RunInstances so far; each launch has a token of its own."""
    return [r["params"] for r in sim.requests() if r["action"] == "RunInstances"]


def check_tokens(sim):
    tokens = [params["ClientToken"] for params in launches(sim)]
    assert len(tokens) == len(set(tokens))


def reasons(daemon, to, name="bot1"):
    """Why the worker went to that phase each time, in this generation."""
    return [e["reason"] for e in show(daemon, name)["timeline"] if e.get("to") == to]


def fail(daemon, name="bot1"):
    """The error of a start that fails."""
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker=name, wait="running", timeout=30)
    return caught.value


def test_next_type(make_daemon, sim):
    scenario(sim, capacity=NONE)
    daemon = make_daemon({"bot1": {"password": "sekrit", "instance_type": TYPES}}).start()
    whole = bring_to(daemon, "ready")
    assert whole["instance"]["type"] == "c6i.xlarge"
    assert [params["InstanceType"] for params in launches(sim)] == TYPES
    check_tokens(sim)
    assert whole["generation"] == 1
    assert reasons(daemon, "reserved") == [
        "c7i.xlarge, on demand",
        "c6i.xlarge, on demand; not c7i.xlarge: InsufficientInstanceCapacity"]
    assert "InsufficientInstanceCapacity" in reasons(daemon, "gone")[0]
    assert whole["placement"] == {"type": "c6i.xlarge", "subnet": None, "zone": None, "bid": None,
                                  "market": "on-demand", "image": WORKER["ami"]}
    finish(daemon, sim)


def test_many_learn_from_few(make_daemon, sim):
    """What some are refused, the others do not ask for."""
    scenario(sim, capacity=NONE)
    daemon = make_daemon({"bot-[01-40]": {"password": "sekrit", "instance_type": TYPES}}).start()
    code, _, err = daemon.ctl("up", "*", "--wait", "running")
    assert code == 0, err
    asked = [params["InstanceType"] for params in launches(sim)]
    assert asked.count("c6i.xlarge") == 40
    assert 1 <= asked.count("c7i.xlarge") < 20
    check_tokens(sim)
    judge.check_no_twin(sim)
    daemon.ctl("down", "*")
    finish(daemon, sim)


def test_subnets(make_daemon, sim):
    """Each type in all subnets before the next type; zones without capacity rest, not subnets."""
    subnets = {"subnet-000000a1": "us-east-1a", "subnet-000000a2": "us-east-1a",
               "subnet-000000b1": "us-east-1b"}
    scenario(sim, subnets=[{"id": name, "zone": zone} for name, zone in subnets.items()],
             capacity=[{"type": "m5.large", "zone": "us-east-1a", "available": 0}])
    defaults = {key: value for key, value in WORKER.items() if key != "security_name"}
    daemon = make_daemon({"bot1": {"password": "sekrit", "subnet_id": list(subnets)}},
                         worker_defaults=defaults).start()
    whole = bring_to(daemon, "ready")
    assert [params["SubnetId"] for params in launches(sim)] == [
        "subnet-000000a1", "subnet-000000b1"]
    assert all("Placement.AvailabilityZone" not in params for params in launches(sim))
    assert whole["placement"]["subnet"] == "subnet-000000b1"
    assert whole["placement"]["zone"] == "us-east-1b"
    finish(daemon, sim)


def test_unknown_subnet(make_daemon, sim):
    scenario(sim, subnets=[{"id": "subnet-000000b1", "zone": "us-east-1b"}])
    defaults = {key: value for key, value in WORKER.items() if key != "security_name"}
    daemon = make_daemon({"bot1": {"password": "sekrit", "subnet_id": "subnet-00000bad"}},
                         worker_defaults=defaults).start()
    error = fail(daemon)
    assert error.kind == "failed" and error.data["reason"] == "config"
    assert error.data["aws"]["code"] == "InvalidSubnetID.NotFound"
    assert not launches(sim)
    finish(daemon, sim)


def test_spot(make_daemon, sim):
    scenario(sim, prices=CHEAP)
    daemon = make_daemon({"bot1": SPOT}).start()
    whole = bring_to(daemon, "ready")
    [params] = launches(sim)
    assert params[MAX_PRICE] == "0.054"  # 1.2 times 0.045
    assert params["InstanceMarketOptions.MarketType"] == "spot"
    assert params["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert params["InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"] == "terminate"
    assert params["TagSpecification.3.ResourceType"] == "spot-instances-request"
    assert params["Placement.AvailabilityZone"] == "us-east-1a"
    assert whole["instance"]["market"] == "spot"
    assert whole["placement"]["bid"] == "0.054"
    assert reasons(daemon, "reserved") == [
        "m5.large in us-east-1a, spot at 0.054 (the mean of a day is 0.045)"]
    finish(daemon, sim)


def test_raises(make_daemon, sim):
    """The third bid is enough: each request is a launch with a token of its own."""
    scenario(sim, prices=PRICES)
    daemon = make_daemon({"bot1": RAISES}).start()
    began = time.monotonic()
    whole = bring_to(daemon, "ready")
    assert time.monotonic() - began > 1  # two pauses
    assert [params[MAX_PRICE] for params in launches(sim)] == ["0.069", "0.0759", "0.08"]
    check_tokens(sim)
    assert whole["generation"] == 1
    assert "spot at 0.08, request 3 of 3" in reasons(daemon, "reserved")[2]
    assert [r for r in reasons(daemon, "gone") if "SpotMaxPriceTooLow" not in r] == []
    finish(daemon, sim)


def test_price_is_too_high(make_daemon, sim):
    scenario(sim, prices=PRICES)
    sim.control("POST", "prices", [PRICES[1] | {"price": 0.0801, "ago": "1s"}])
    daemon = make_daemon({"bot1": RAISES | {"max_spot_price": 0.07}}).start()
    error = fail(daemon)
    assert error.kind == "failed" and error.data["reason"] == "price"
    assert "3 spot requests, the last bid 0.07" in error.message
    assert error.data["aws"]["code"] == "SpotMaxPriceTooLow"
    assert len(launches(sim)) == 3
    assert show(daemon)["last_error"]["reason"] == "price"
    fail(daemon)  # the next start begins at the first bid again
    bids = [params[MAX_PRICE] for params in launches(sim)]
    assert len(bids) == 6 and bids[:3] == bids[3:]
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_fallback(make_daemon, sim):
    """Spot of all types, then on demand of all types."""
    scenario(sim, prices=PRICES, capacity=[
        {"type": "c5.large", "market": "spot", "available": 0},
        {"type": "m5.large", "market": "on-demand", "available": 0}])
    daemon = make_daemon({"bot1": SPOT | {
        "max_spot_price": 0.05, "on_demand_fallback": True,
        "instance_type": ["m5.large", "c5.large"]}}).start()
    whole = bring_to(daemon, "ready")
    assert [(p["InstanceType"], p.get(MAX_PRICE)) for p in launches(sim)] == [
        ("m5.large", "0.05"), ("c5.large", "0.02"), ("m5.large", None), ("c5.large", None)]
    check_tokens(sim)
    assert whole["instance"]["market"] == "on-demand"
    finish(daemon, sim)


def test_all_rest(make_daemon, sim):
    """It goes on trying, says why, and starts when there is room."""
    scenario(sim, capacity=[{"available": 0}])
    daemon = make_daemon({"bot1": {"password": "sekrit", "instance_type": TYPES}}).start()
    up(daemon)
    eventually(lambda: len(launches(sim)) > 3, 30)
    whole = show(daemon)
    assert whole["state"] == "substantiating"
    assert whole["last_error"]["reason"] == "capacity"
    assert whole["last_error"]["aws"]["code"] == "InsufficientInstanceCapacity"
    assert not daemon.call("pool.status")["degraded"]
    scenario(sim)
    eventually(lambda: has_phase(daemon, "waiting"), 60)
    check_tokens(sim)
    finish(daemon, sim)


def test_never_launched(make_daemon, sim):
    scenario(sim, capacity=[{"available": 0}])
    daemon = make_daemon({"bot1": {"password": "sekrit", "missing_timeout": 4}}).start()
    error = fail(daemon)
    assert error.kind == "failed" and error.data["reason"] == "capacity"
    assert "never launched within missing_timeout" in error.message
    finish(daemon, sim)


def test_cancelled_while_asking(make_daemon, sim):
    """For free: nothing was launched, and nothing is."""
    scenario(sim, prices=PRICES)
    sim.fault(action="DescribeSpotPriceHistory", effect="delay", delay=5)
    daemon = make_daemon({"bot1": SPOT}).start()
    up(daemon)
    eventually(lambda: sim.calls("DescribeSpotPriceHistory") == 1 or has_phase(daemon, "placing"))
    daemon.call("worker.insubstantiate", worker="bot1")
    assert is_down(daemon)
    assert not launches(sim)
    finish(daemon, sim)


def test_history_that_fails(make_daemon, sim):
    """A passing error is shown and asked again."""
    scenario(sim, prices=CHEAP)
    fault = sim.fault(action="DescribeSpotPriceHistory", effect="error", code="InternalError")
    daemon = make_daemon({"bot1": SPOT}).start()
    up(daemon)
    eventually(lambda: show(daemon)["last_error"])
    assert show(daemon)["phase"] == "placing"
    assert show(daemon)["last_error"]["aws"]["code"] == "InternalError"
    sim.control("DELETE", f"faults?id={fault}")
    eventually(lambda: has_phase(daemon, "waiting"), 30)
    finish(daemon, sim)


def test_killed_between_bids(make_daemon, sim):
    """The next process places anew; nothing is left over of either."""
    scenario(sim, prices=[PRICES[0], PRICES[1] | {"price": 0.9}])
    daemon = make_daemon({"bot1": RAISES | {"retry": 50}}).start()
    up(daemon)
    for _ in range(4):
        sent = len(launches(sim))
        eventually(lambda: len(launches(sim)) > sent, 30)
        eventually(lambda: has_phase(daemon, "placing"))  # for half a second at least
        daemon.kill()
        daemon.start()
    sim.control("POST", "prices", [PRICES[1] | {"price": 0.01, "ago": "0s"}])
    eventually(lambda: has_phase(daemon, "waiting"), 30)
    check_tokens(sim)
    judge.check_agreement(daemon, sim)
    finish(daemon, sim)


def test_configuration_rests(make_daemon, sim):
    """Refused once, the row is not tried again until a reload; others are not concerned."""
    daemon = make_daemon({"bot-[1-2]": {"password": "sekrit", "ami": "ami-00000bad"},
                          "other": {"password": "sekrit"}}).start()
    fault = sim.fault(action="RunInstances", effect="error", code="InvalidAMIID.NotFound",
                      count=1)
    error = fail(daemon, "bot-1")
    assert error.data["reason"] == "config"
    error = fail(daemon, "bot-2")
    assert error.data["reason"] == "config"
    assert error.data["aws"]["code"] == "InvalidAMIID.NotFound"
    assert len(launches(sim)) == 1, fault
    [degraded] = daemon.call("pool.status")["degraded"]
    assert degraded["kind"] == "configuration"
    assert "bot-1 and its like" in degraded["message"]
    daemon.call("worker.substantiate", worker="other", wait="running", timeout=30)
    daemon.call("daemon.reload")
    assert not daemon.call("pool.status")["degraded"]
    daemon.call("worker.substantiate", worker="bot-2", wait="running", timeout=30)
    daemon.ctl("down", "*")
    finish(daemon, sim)


def test_refused_credentials(make_daemon, sim):
    """Nothing more is launched with them, terminates go on, a reload tries again."""
    daemon = make_daemon({"bot1": {"password": "sekrit"}, "bot2": {"password": "sekrit"}}).start()
    bring_to(daemon, "ready")
    fault = sim.fault(action="RunInstances", effect="error", code="UnauthorizedOperation")
    for _ in range(2):
        error = fail(daemon, "bot2")
        assert error.data["reason"] == "auth"
        assert error.data["aws"]["code"] == "UnauthorizedOperation"
    assert len(launches(sim)) == 2
    [degraded] = daemon.call("pool.status")["degraded"]
    assert degraded["kind"] == "authorization" and degraded["about"]
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped", timeout=30)
    sim.control("DELETE", f"faults?id={fault}")
    daemon.call("daemon.reload")
    daemon.call("worker.substantiate", worker="bot2", wait="running", timeout=30)
    assert not daemon.call("pool.status")["degraded"]
    daemon.ctl("down", "*")
    finish(daemon, sim)
