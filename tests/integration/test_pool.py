# SPDX-License-Identifier: Apache-2.0
"""Looking after a pool: its status, pausing it, holding a machine, consoles, watches."""

import contextlib
import os
import sqlite3
import time

import pytest

import ec2sim
from daemon import Daemon
from ec2sim import eventually
from rpcclient import RpcError

UID = f"uid {os.getuid()}"
WORKERS = {"bot1": {"password": "sekrit"}, "bot2": {"password": "sekrit"},
           "linux-[01-03]": {"password": "generated"}}


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(WORKERS).start()


def bring_up(rpc, worker="bot1"):
    instance = rpc.call("worker.substantiate", worker=worker, wait="running")["instance"]
    rpc.call("worker.attached", worker=worker)
    return instance["id"]


def shown(rpc, worker="bot1"):
    return rpc.call("worker.show", worker=worker)


def types_of(rpc, worker="bot1"):
    return [r["type"] for r in rpc.call("worker.history", worker=worker)["records"]]


def failure(rpc, method, **params):
    with pytest.raises(RpcError) as error:
        rpc.call(method, **params)
    return error.value


def calls_of(cloud, action):
    return next(c["count"] for c in cloud["calls"] if c["action"] == action)


def test_status(daemon, sim):
    with daemon.connect() as rpc, daemon.connect() as waiting:
        bring_up(rpc)
        rpc.call("worker.substantiate", worker="bot2", wait="running")
        waiting.start("worker.substantiate", worker="bot2", wait="attached")
        status = eventually(lambda: (s := rpc.call("pool.status"))["queues"]["waiting"] and s)
        assert status["pool"] == "test"
        assert status["workers"] == {"not_substantiated": 3, "substantiating": 1,
                                     "substantiated": 1, "insubstantiating": 0}
        assert status["queues"] == {"placing": 0, "launches": 2, "instances": 2,
                                    "waiting": 1, "mails": 0}
        assert status["paused"] is None and status["hold"] is False
        assert status["degraded"] == []
        cloud, = status["clouds"]
        assert cloud["region"] == "us-east-1" and cloud["listed_at"] is not None
        assert sim.url in cloud["cloud"] and "keys:AKIDTEST" in cloud["credentials"]
        assert sim.calls("RunInstances") == 2
        tried = sim.calls("DryRun:RunInstances")  # which is a request like any other
        assert tried == 1 and calls_of(cloud, "RunInstances") == 2 + tried
        assert calls_of(cloud, "DescribeInstances") >= 1
        assert cloud["run_instances"]["window"] >= 5
        assert "sekrit" not in str(status)


def test_status_of_a_pool_in_trouble(daemon, sim):
    with daemon.connect() as rpc:
        bring_up(rpc)
        sim.fault(action="RunInstances", effect="throttle", count=2)
        rpc.call("worker.substantiate", worker="bot2", wait="running")
        assert rpc.call("pool.status")["clouds"][0]["throttled"] == 2
        sim.fault(action="DescribeInstances", effect="error", code="AuthFailure", status=401)
        rpc.call("worker.substantiate", worker="linux-01")
        trouble = eventually(lambda: rpc.call("pool.status")["degraded"])
        assert [t["kind"] for t in trouble] == ["credentials"]
        assert "AuthFailure" in trouble[0]["message"]
        assert trouble[0]["cloud"] == rpc.call("pool.status")["clouds"][0]["cloud"]
        sim.control("POST", "reset", {})
        eventually(lambda: not rpc.call("pool.status")["degraded"], timeout=60)


def test_endpoint_that_does_not_answer(make_daemon):
    daemon = make_daemon(WORKERS, aws={
        "region": "us-east-1", "identifier": "AKIDTEST", "secret_identifier": "test",
        "endpoint_url": "http://127.0.0.1:9"}).start()
    with daemon.connect() as rpc:
        trouble = eventually(lambda: rpc.call("pool.status")["degraded"])
        assert [t["kind"] for t in trouble] == ["endpoint"]
        assert rpc.call("pool.status")["clouds"][0]["listed_at"] is None


def test_pause_and_resume(daemon, sim):
    with daemon.connect() as rpc:
        bring_up(rpc)
        assert rpc.call("pool.pause") == {}
        assert rpc.call("pool.pause") == {}
        accepted = rpc.call("worker.substantiate", worker="bot2")
        assert accepted["generation"] == 1 and accepted["instance"] is None
        worker = shown(rpc, "bot2")
        assert (worker["state"], worker["phase"]) == ("substantiating", "placing")
        assert worker["deadline"]["kind"] == "missing_timeout"
        assert worker["last_error"]["kind"] == "unavailable"
        assert f"paused by {UID}" in worker["last_error"]["message"]
        daemon.kill()
    daemon.start()
    with daemon.connect() as rpc:
        assert rpc.call("pool.status")["paused"]["by"] == UID
        assert shown(rpc, "bot2")["phase"] == "placing"
        assert rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        assert sim.calls("RunInstances") == 1
        assert rpc.call("pool.resume") == {}
        rpc.call("worker.substantiate", worker="bot2", wait="running")
        assert rpc.call("pool.status")["paused"] is None
        assert shown(rpc, "bot2")["last_error"] is None
        assert rpc.call("pool.resume") == {}


def test_start_that_a_pause_outlasts(make_daemon):
    daemon = make_daemon({"bot1": {"password": "sekrit", "missing_timeout": 1}}).start()
    with daemon.connect() as rpc:
        rpc.call("pool.pause")
        error = failure(rpc, "worker.substantiate", worker="bot1", wait="running")
        assert (error.code, error.kind) == (-32004, "failed")
        assert "never launched" in error.message and "paused" in error.message
        assert error.data["retryable"]


def test_resume_ends_hold(daemon, sim):
    """It is on again after a start, and ends by order over one; no listing can agree before."""
    daemon.stop()
    with contextlib.closing(sqlite3.connect(daemon.directory / "state/ledger.db")) as ledger:
        ledger.execute("UPDATE meta SET hold = 1")
        ledger.commit()
    sim.fault(action="DescribeInstances", effect="drop")
    daemon.start()
    with daemon.connect() as rpc:
        rpc.call("events.subscribe", types=["pool"])
        assert rpc.call("pool.status")["hold"] is True
        rpc.call("pool.resume")
        while rpc.event()["from"] != "hold":
            pass  # that there is no listing is a condition of its own
        assert rpc.call("pool.status")["hold"] is False
        daemon.kill()
    daemon.start()
    assert daemon.call("pool.status")["hold"] is False


def test_hold(make_daemon, sim):
    daemon = make_daemon({"bot1": {"password": "sekrit", "build_wait_timeout": 1}}).start()
    with daemon.connect() as rpc:
        assert failure(rpc, "worker.hold", worker="bot1").code == -32007
        instance = bring_up(rpc)
        assert rpc.call("worker.hold", worker="bot1") == {}
        worker = shown(rpc)
        assert worker["held"] and worker["deadline"] is None
        daemon.kill()
    daemon.start()
    with daemon.connect() as rpc:
        time.sleep(1.5)
        worker = shown(rpc)
        assert worker["held"] and worker["state"] == "substantiated"
        assert sim.ledger()[instance]["state"] == "running"
        assert rpc.call("worker.release", worker="bot1") == {}
        assert not shown(rpc)["held"]
        eventually(lambda: shown(rpc)["state"] == "not_substantiated")
        types = types_of(rpc)
        assert types.count("hold") == types.count("release") == 1


def test_stop_of_a_held_worker(daemon, sim):
    with daemon.connect() as rpc:
        instance = bring_up(rpc)
        rpc.call("worker.hold", worker="bot1")
        rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        assert not shown(rpc)["held"]
        assert sim.ledger()[instance]["state"] in ("shutting-down", "terminated")
        assert "release" in types_of(rpc)


def test_console(directory):
    script = "#!/bin/sh\nprintf 'password is {{ password }}\\nattached\\n'"
    with ec2sim.running("--run-user-data") as sim:
        daemon = Daemon(directory, sim.url, {
            "bot1": {"password": "sekrit-word", "user_data": script},
            "bot2": {"password": "generated", "user_data": script}}).start()
        with daemon.connect() as rpc:
            assert failure(rpc, "worker.console", worker="bot1").code == -32007
            for worker in ("bot1", "bot2"):
                bring_up(rpc, worker)
                console = eventually(lambda w=worker: (
                    c := rpc.call("worker.console", worker=w, latest=True))["output"] and c)
                secret = rpc.call("worker.password", worker=worker)["password"]
                assert secret not in console["output"]
                assert f"password is {'*' * len(secret)}\nattached" in console["output"]
                assert console["at"].endswith("Z")
            sim.fault(action="GetConsoleOutput", effect="error", code="UnsupportedOperation",
                      status=400)
            error = failure(rpc, "worker.console", worker="bot1")
            assert error.code == -32004
            assert error.data["aws"]["code"] == "UnsupportedOperation"
        daemon.stop()


def test_console_of_an_instance_that_ec2_has_forgotten(daemon, sim):
    with daemon.connect() as rpc:
        bring_up(rpc)
        sim.fault(action="GetConsoleOutput", effect="error",
                  code="InvalidInstanceID.NotFound", status=400)
        assert failure(rpc, "worker.console", worker="bot1").code == -32007


def test_check_of_this_moment(daemon, sim):
    """In the steady state, a minute before the next listing, only EC2 itself knows."""
    with daemon.connect() as rpc:
        instance = bring_up(rpc)
        eventually(lambda: shown(rpc)["phase"] == "ready")
        time.sleep(2)
        fresh = rpc.call("worker.check", worker="bot1", fresh=True)
        assert fresh["ok"] and fresh["message"] == f"{instance} is running"
        sim.control("POST", "instance", {"id": instance, "state": "terminated"})
        assert rpc.call("worker.check", worker="bot1")["ok"]
        gone = rpc.call("worker.check", worker="bot1", fresh=True)
        assert not gone["ok"] and instance in gone["message"] and gone["at"] > fresh["at"]
        assert shown(rpc)["state"] != "substantiated"


def launch_in_watch(rpc, worker):
    eventually(lambda: shown(rpc, worker)["phase"] == "watch")
    return next(r["launch"] for r in rpc.call("worker.history", worker=worker)["records"]
                if r.get("to") == "watch")


def test_abandon(daemon, sim):
    with daemon.connect() as rpc:
        sim.fault(action="RunInstances", effect="error", count=1, status=400,
                  code="IdempotentParameterMismatch")
        rpc.call("worker.substantiate", worker="bot1")
        launch = launch_in_watch(rpc, "bot1")
        error = failure(rpc, "worker.abandon", worker="bot2", launch=launch)
        assert error.code == -32602 and "bot2 has no launch" in error.message
        assert rpc.call("worker.abandon", worker="bot1", launch=launch) == {}
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        assert failure(rpc, "worker.abandon", worker="bot1", launch=launch).code == -32602
        record = next(r for r in rpc.call("worker.history", worker="bot1")["records"]
                      if r.get("from") == "watch")
        assert (record["to"], record["by"]) == ("gone", UID)
        assert f"launch {launch}: abandoned by order" in daemon.log()


def test_log_level(daemon):
    with daemon.connect() as rpc:
        assert rpc.call("daemon.log_level") == {"level": "info"}
        assert rpc.call("daemon.log_level", level="debug") == {"level": "debug"}
        failure(rpc, "worker.show", worker="nobody")
        assert "there is no worker 'nobody'" in daemon.log()
        rpc.call("daemon.reload")
        assert rpc.call("daemon.log_level") == {"level": "info"}
        error = failure(rpc, "daemon.log_level", level="loud")
        assert error.code == -32602 and "level" in error.message


@pytest.mark.parametrize("method, params", [
    ("worker.console", {}), ("worker.hold", {}), ("worker.release", {}),
    ("worker.abandon", {"launch": "x"})])
def test_unknown_workers(daemon, method, params):
    with daemon.connect() as rpc:
        error = failure(rpc, method, worker="nobody", **params)
        assert (error.code, error.kind) == (-32001, "worker_unknown")



def test_zone_outage(make_daemon, sim):
    """EC2 lists nothing, but shows what is in the other zones by its id; nothing ends for that."""
    daemon = make_daemon({"bot1": {"password": "x", "placement": "a"},
                          "bot2": {"password": "x", "placement": "b"}}).start()
    with daemon.connect() as rpc:
        inside = bring_up(rpc, "bot1")
        sim.control("POST", "scenario", {"impaired_zones": ["us-east-1a"], "pending": "2s"})
        reply = rpc.call("worker.substantiate", worker="bot2", wait="running", timeout=30)
        rpc.call("worker.attached", worker="bot2")
        status = eventually(lambda: (s := rpc.call("pool.status"))["degraded"] and s)
        assert status["degraded"][0]["kind"] == "listing"
        zone = eventually(lambda: rpc.call("pool.status")["degraded"][1:])[0]
        assert (zone["kind"], zone["about"]) == ("zone", "us-east-1a")
        assert shown(rpc, "bot1")["state"] == "substantiated"
        rpc.call("worker.insubstantiate", worker="bot2", wait="stopped", timeout=30)
        assert sim.ledger()[inside]["state"] == "running"
        assert sim.ledger()[reply["instance"]["id"]]["state"] == "terminated"
        sim.control("POST", "scenario", {})
        eventually(lambda: not rpc.call("pool.status")["degraded"], timeout=60)
        assert shown(rpc, "bot1")["instance"]["id"] == inside
