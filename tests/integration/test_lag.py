# SPDX-License-Identifier: Apache-2.0
"""The daemon on an EC2 whose copies are behind, go backwards, or do not answer for a zone."""

import time

import pytest

import judge
from daemon import WORKER
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show, take_down

# All behind by the same; by each alone; and with copies that go backwards.
LAGS = {
    "state": {"lag": {"state": 1}},
    "tags": {"lag": {"tags": 1}},
    "address": {"lag": {"address": 1}},
    "id": {"visible_after": 1},
    "backwards": {"replicas": 3, "visible_after": 1,
                  "lag": {"state": 1.5, "tags": 1, "address": 2}},
}
# Two subnets, each in a zone.
BESIDE = {"pending": 0.1, "shutdown": 0.1, "subnets": [
    {"id": "subnet-000000a1", "zone": "us-east-1a"}, {"id": "subnet-000000b1", "zone": "us-east-1b"}]}


@pytest.mark.parametrize("lag", LAGS)
def test_a_life_behind_time(daemon, sim, lag):
    """One instance a life; nothing is started twice, forgotten or ended too early."""
    sim.control("POST", "scenario", {"pending": 0.2, "shutdown": 0.2, **LAGS[lag]})
    for _ in range(2):
        bring_to(daemon, "ready")
        daemon.call("worker.build_started", worker="bot1")
        time.sleep(0.5)
        assert has_phase(daemon, "ready")
        daemon.call("worker.build_finished", worker="bot1")
        take_down(daemon)
    assert len(sim.ledger()) == 2 and sim.calls("RunInstances") == 2
    finish(daemon, sim)


def test_killed_behind_time(daemon, sim):
    """A new daemon finds less than there is, and believes its own books."""
    sim.control("POST", "scenario", {"pending": 0.2, "shutdown": 0.2, "replicas": 3,
                                     "visible_after": 2, "lag": {"state": 2, "tags": 2}})
    for phase in ("pending", "waiting"):
        bring_to(daemon, phase)
        daemon.kill()
        daemon.start()
        eventually(lambda: has_phase(daemon, "waiting"), 20)
        take_down(daemon)
    assert len(sim.ledger()) == 2
    finish(daemon, sim)


def test_what_was_dead_stays_dead(daemon, sim):
    """A copy that shows a terminated instance running does not bring it back (A5)."""
    bring_to(daemon, "waiting")
    sim.control("POST", "scenario", {"pending": 0.1, "shutdown": 0.1, "replicas": 2,
                                     "lag": {"state": 60}})
    [instance] = sim.ledger()
    sim.control("POST", "instance", {"id": instance, "state": "terminated"})
    eventually(lambda: is_down(daemon), 30)
    time.sleep(1)
    assert is_down(daemon) and show(daemon)["instance"] is None
    assert not judge.live(sim)


def test_a_zone_that_is_out(make_daemon, sim):
    """The listing fails: nothing is killed, nothing is started there, and all comes back (A32)."""
    defaults = {key: value for key, value in WORKER.items() if key != "security_name"}
    named = {"password": "x", "security_name": "group"}
    daemon = make_daemon({"bot1": named | {"placement": "a"}, "bot2": named | {"placement": "b"},
                          "bot3": named | {"placement": "a"},
                          "bot4": {"password": "x",
                                   "subnet_id": ["subnet-000000a1", "subnet-000000b1"]}},
                         worker_defaults=defaults).start()
    sim.control("POST", "scenario", BESIDE)
    for worker in ("bot1", "bot2"):
        bring_to(daemon, "ready", worker)
    sim.control("POST", "scenario", BESIDE | {"impaired_zones": ["us-east-1a"]})
    time.sleep(2)
    assert has_phase(daemon, "ready", "bot1") and has_phase(daemon, "ready", "bot2")
    daemon.call("worker.insubstantiate", worker="bot2", wait="stopped", timeout=30)
    eventually(lambda: "zone" in [d["kind"] for d in daemon.call("pool.status")["degraded"]])
    launched = sim.calls("RunInstances")
    daemon.call("worker.substantiate", worker="bot3")
    waiting = eventually(lambda: (w := show(daemon, "bot3"))["last_error"] and w)
    assert waiting["phase"] == "placing"
    assert "zone us-east-1a is impaired" in waiting["last_error"]["message"]
    daemon.call("worker.substantiate", worker="bot4", wait="running", timeout=30)
    assert show(daemon, "bot4")["instance"]["zone"] == "us-east-1b"
    assert sim.calls("RunInstances") == launched + 1
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: sim.calls("TerminateInstances") >= 3, 30)
    assert judge.live(sim)["bot1"]
    sim.control("POST", "scenario", BESIDE)
    eventually(lambda: is_down(daemon, "bot1"), 60)
    eventually(lambda: has_phase(daemon, "waiting", "bot3"), 60)
    finish(daemon, sim)
