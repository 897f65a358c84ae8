# SPDX-License-Identifier: Apache-2.0
"""What statements of tests/parity.md say of the daemon as a whole, where no other file asks."""

import base64

import pytest

import smtpd
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show, up
from rpcclient import RpcError


def actions(sim):
    return [request["action"] for request in sim.requests()]


def wake(daemon):
    """In the steady state there is a listing a minute; another's start brings one now."""
    daemon.call("worker.substantiate", worker="linux-02")


def test_configuration_asks_aws_for_nothing(make_daemon, sim):
    """C1 to C4: neither start nor reload looks anything up or makes anything."""
    daemon = make_daemon().start()
    daemon.config["workers"]["bot1"]["tags"] = {"team": "ci"}
    daemon.config["workers"]["bot2"] = {"password": "x"}
    daemon.write_config()
    assert daemon.call("daemon.reload")["added"] == ["bot2"]
    eventually(lambda: actions(sim))
    assert set(actions(sim)) <= {"DescribeInstances", "DescribeVolumes"}  # the pool's own


def test_configuration_needs_no_aws(make_daemon):
    """X1: with nobody at the endpoint the daemon starts, reloads and answers."""
    daemon = make_daemon(aws={"region": "us-east-1", "identifier": "AKIDTEST",
                              "secret_identifier": "x", "endpoint_url": "http://127.0.0.1:1"})
    daemon.start()
    daemon.config["workers"]["bot2"] = {"password": "x"}
    daemon.write_config()
    assert daemon.call("daemon.reload")["added"] == ["bot2"]
    assert show(daemon)["state"] == "not_substantiated"


def test_a_life_makes_nothing_but_the_instance(daemon, sim):
    """C1, C2, B4, X13: no key pair, no group, and the tags came with the launch; all else is tried."""
    bring_to(daemon, "ready")
    finish(daemon, sim)
    assert {action for action in actions(sim)
            if not action.startswith(("Describe", "DryRun:"))} == {
                "RunInstances", "TerminateInstances"}


@pytest.mark.parametrize("settings, zone", [
    ({"placement": "c"}, "us-east-1c"),
    ({"placement": "b", "region": "eu-west-1"}, "eu-west-1b"),
])
def test_placement_in_the_effective_region(make_daemon, sim, settings, zone):
    """R3: the original drops a placement that comes without a region."""
    daemon = make_daemon({"bot1": {"password": "x"} | settings}).start()
    assert bring_to(daemon, "waiting")["instance"]["zone"] == zone
    [launch] = [r["params"] for r in sim.requests() if r["action"] == "RunInstances"]
    assert launch["Placement.AvailabilityZone"] == zone
    finish(daemon, sim)


def test_user_data_once_in_base64(make_daemon, sim):
    """S2, X26: the SDK of the original encodes a static text; ours is filled in first."""
    daemon = make_daemon({"bot1": {"password": "sekrit",
                                   "user_data": "{{ worker }} {{ password }}\n"}}).start()
    bring_to(daemon, "waiting")
    [launch] = [r["params"] for r in sim.requests() if r["action"] == "RunInstances"]
    assert base64.b64decode(launch["UserData"]) == b"bot1 sekrit\n"
    finish(daemon, sim)


def test_one_start_at_a_time(daemon, sim):
    """S1, M2: where the original raises "instance active" ours joins what is there."""
    waits = [up(daemon), up(daemon)]
    eventually(lambda: has_phase(daemon, "waiting"))
    daemon.call("worker.attached", worker="bot1")
    results = [eventually(lambda w=wait: w)[0] for wait in waits]
    again = daemon.call("worker.substantiate", worker="bot1", wait="attached")
    assert results[0] == results[1] == again and again["generation"] == 1
    assert again["instance"]["id"] == show(daemon)["instance"]["id"]
    assert sim.calls("RunInstances") == 1
    finish(daemon, sim)


def test_the_terminate_comes_first(daemon, sim):
    """T2 to T4, X9, X10: nothing is asked before it, and nothing that fails is in its way."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    sim.fault(action="Describe*", effect="error", code="InternalError")
    sim.fault(action="TerminateInstances", effect="error", code="InternalError", count=2)
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: sim.ledger()[instance]["state"] == "terminated", 30)
    assert show(daemon)["state"] == "insubstantiating"
    sim.control("DELETE", "faults")
    eventually(lambda: is_down(daemon), 60)
    finish(daemon, sim)


@pytest.mark.parametrize("fast, state", [(True, "shutting-down"), (False, "terminated")])
def test_how_far_a_stop_is_waited_for(make_daemon, sim, fast, state):
    """T5, T6: the caller's wish counts, and the worker is free no sooner than it may be."""
    daemon = make_daemon()
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "2s"})
    daemon.start()
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped", fast=fast)
    assert sim.ledger()[instance]["state"] == state
    finish(daemon, sim)


def test_missing_timeout_of_zero(make_daemon, sim):
    """W1: no timer at all, neither while it starts nor while it waits."""
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 0},
                          "bot2": {"password": "x", "missing_timeout": None}}).start()
    for worker in ("bot1", "bot2"):
        assert bring_to(daemon, "waiting", worker)["deadline"] is None
    finish(daemon, sim)


def test_a_missing_timeout_acts_while_it_starts(make_daemon, sim):
    """W2, X6: the original's timer cannot interrupt a start under way."""
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 2}})
    sim.control("POST", "scenario", {"pending": "1h", "shutdown": "0.1s"})
    daemon.start()
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", wait="attached")
    assert error.value.kind == "missing"
    eventually(lambda: is_down(daemon), 30)
    finish(daemon, sim)


def test_a_start_of_the_daemon_misses_nobody(make_daemon, sim):
    """W3: what nobody asked for is not missing, however short its time is."""
    with smtpd.running() as mail:
        daemon = make_daemon(
            {"bot1": {"password": "x", "missing_timeout": 0.1, "notify_on_missing": "o@x.example"},
             "linux-02": {"password": "x"}},
            mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
        wake(daemon)
        eventually(lambda: has_phase(daemon, "waiting", "linux-02"))
        assert not mail.messages and not mail.attempts
        assert daemon.call("worker.history", worker="bot1")["records"] == []
        finish(daemon, sim)


def test_a_mail_for_each_missing(make_daemon, sim):
    """N1: one, whoever waits and however often EC2 refuses; the original mails at each retry."""
    with smtpd.running() as mail:
        daemon = make_daemon(
            {"bot1": {"password": "x", "missing_timeout": 3, "notify_on_missing": "o@x.example"}},
            mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
        sim.fault(action="RunInstances", effect="error", code="InsufficientInstanceCapacity",
                  count=2)
        waits = [up(daemon), up(daemon)]
        errors = [eventually(lambda w=wait: w, 30)[0] for wait in waits]
        assert [error.kind for error in errors] == ["missing", "missing"]
        eventually(lambda: is_down(daemon), 30)
        eventually(lambda: mail.messages, 30)
        assert len(mail.messages) == 1
        finish(daemon, sim)


def test_one_mail_of_starts_that_fail(make_daemon, sim):
    """N1: of any other reason too, but not at each retry."""
    with smtpd.running() as mail:
        daemon = make_daemon(
            {"bot1": {"password": "x", "elastic_ip": "203.0.113.9",
                      "notify_on_missing": "o@x.example"}},
            mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
        sim.control("POST", "scenario", {"addresses": [
            {"public_ip": "203.0.113.8", "region": "us-east-1"}]})
        for _ in range(2):
            assert eventually(lambda w=up(daemon): w, 30)[0].kind == "failed"
            eventually(lambda: is_down(daemon), 30)
        eventually(lambda: mail.messages, 30)
        eventually(lambda: daemon.call("pool.status")["queues"]["mails"] == 0)
        [(_, message)] = mail.messages
        assert message["Subject"] == "ec2workerd test: worker bot1 does not start: config"
        assert "InvalidAddress.NotFound" in message.get_payload(decode=True).decode()
        finish(daemon, sim)


def test_an_instance_lost_silently_is_told(daemon, sim):
    """X25: an event says so, where the original waits for TCP to notice."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.call("worker.build_started", worker="bot1")
    with daemon.connect() as client:
        client.call("events.subscribe", types=["lost"])
        sim.control("POST", "instance", {"id": instance, "state": "terminated",
                                         "reason": "Server.SpotInstanceTermination"})
        wake(daemon)
        event = client.event()
    assert (event["worker"], event["instance"]) == ("bot1", instance)
    assert "Server.SpotInstanceTermination" in event["reason"]
    finish(daemon, sim)


def test_spot_with_a_filter_has_an_image(make_daemon, sim):
    """X3: the original asks for a spot instance without one."""
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "images": [
        {"id": "ami-00000001", "owner": "111122223333", "name": "ci-9"},
        {"id": "ami-00000002", "owner": "111122223333", "name": "ci-10"}]})
    daemon = make_daemon(
        {"bot1": {"password": "x", "spot_instance": True, "valid_ami_owners": [111122223333],
                  "valid_ami_location_regex": r"\d+/ci-(\d+)"}})
    daemon.config["worker_defaults"] = {
        key: value for key, value in daemon.config["worker_defaults"].items() if key != "ami"}
    daemon.write_config()
    daemon.start()
    bring_to(daemon, "waiting")
    [launch] = [r["params"] for r in sim.requests() if r["action"] == "RunInstances"]
    assert launch["ImageId"] == "ami-00000002"
    assert launch["InstanceMarketOptions.MarketType"] == "spot"
    finish(daemon, sim)
