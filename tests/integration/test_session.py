# SPDX-License-Identifier: Apache-2.0
"""Sessions: whose facts a daemon believes, and how long they outlive their connection."""

import time

import pytest

from ec2sim import eventually
from rpcclient import RpcError

WORKERS = {"bot1": {"password": "sekrit", "build_wait_timeout": -1},
           "bot2": {"password": "sekrit", "build_wait_timeout": -1}}


def bring_up(rpc, worker="bot1"):
    rpc.call("worker.substantiate", worker=worker, wait="running")
    rpc.call("worker.attached", worker=worker)


def shown(daemon, worker="bot1"):
    return daemon.call("worker.show", worker=worker)


def is_down(daemon, worker="bot1"):
    return shown(daemon, worker)["state"] in ("insubstantiating", "not_substantiated")


def condemned_by(daemon, worker="bot1"):
    records = daemon.call("worker.history", worker=worker)["records"]
    return [r["by"] for r in records if r.get("to") == "condemned"]


def test_open(daemon):
    with daemon.connect() as rpc:
        reply = rpc.call("session.open", owner="master:/srv/bb")
        version = rpc.call("daemon.version")
        assert {k: reply[k] for k in ("version", "protocol", "epoch")} == {
            k: version[k] for k in ("version", "protocol", "epoch")}
        assert reply["workers"] == rpc.call("worker.list")["workers"]
        assert rpc.call("session.open", "master:/srv/bb") == reply
        with pytest.raises(RpcError) as error:
            rpc.call("session.open", owner="another")
        assert error.value.code == -32602


def test_two_owners(make_daemon):
    daemon = make_daemon(WORKERS).start()
    with daemon.connect() as one, daemon.connect() as two, daemon.connect() as nobody:
        one.call("session.open", owner="one")
        two.call("session.open", owner="two")
        bring_up(one)
        assert shown(daemon)["owner"] == "one"
        for method in ("worker.attached", "worker.detached", "worker.build_started",
                       "worker.build_finished", "worker.substantiate",
                       "worker.insubstantiate"):
            with pytest.raises(RpcError) as error:
                two.call(method, worker="bot1")
            assert (error.value.code, error.value.kind) == (-32010, "owned")
            assert not error.value.data["retryable"]
        assert nobody.call("worker.substantiate", worker="bot1")["generation"] == 1
        one.close()
        eventually(lambda: shown(daemon)["deadline"] is not None)
        assert shown(daemon)["deadline"]["kind"] == "owner_timeout"
        assert two.call("worker.attached", worker="bot1") == {}
        worker = shown(daemon)
        assert worker["owner"] == "two" and worker["deadline"] is None


def test_an_old_connection_that_does_not_answer(make_daemon):
    """The same owner comes back while the kernel still holds its dead connection."""
    daemon = make_daemon(WORKERS, owner_timeout=0.5).start()
    with daemon.connect() as old, daemon.connect() as new:
        old.call("session.open", owner="one")
        bring_up(old)
        assert new.call("session.open", owner="one")["workers"][0]["attached"]
        assert new.call("worker.build_started", worker="bot1", building=1) == {}
        old.close()
        time.sleep(1)
        worker = shown(daemon)
        assert worker["state"] == "substantiated" and worker["deadline"] is None


def test_idle_workers_follow_their_owner(make_daemon, sim):
    daemon = make_daemon(WORKERS, owner_timeout=1, owner_build_timeout="1h").start()
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc, "bot1")
        bring_up(rpc, "bot2")
        rpc.call("worker.build_started", worker="bot2", building=1)
        time.sleep(1.5)
        assert not is_down(daemon)
    eventually(lambda: is_down(daemon), timeout=20)
    assert condemned_by(daemon) == ["owner_timeout"]
    assert shown(daemon)["last_error"] is None
    worker = shown(daemon, "bot2")
    assert worker["state"] == "substantiated" and worker["building"] == 1
    assert worker["deadline"]["kind"] == "owner_build_timeout"
    eventually(lambda: sorted(i["state"] for i in sim.ledger().values())
               == ["running", "terminated"])


def test_a_build_counts_as_idle_in_the_end(make_daemon):
    daemon = make_daemon(WORKERS, owner_timeout=0.2, owner_build_timeout=1.5).start()
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc)
        rpc.call("worker.build_started", worker="bot1", building=1)
    time.sleep(0.7)
    assert not is_down(daemon)
    eventually(lambda: is_down(daemon), timeout=20)
    assert condemned_by(daemon) == ["owner_build_timeout"]


def test_facts_without_a_session_never_lapse(make_daemon):
    daemon = make_daemon(WORKERS, owner_timeout=0.2, owner_build_timeout=0.2).start()
    with daemon.connect() as rpc:
        bring_up(rpc)
        rpc.call("worker.build_started", worker="bot1", building=1)
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc, "bot2")
    eventually(lambda: is_down(daemon, "bot2"), timeout=20)
    worker = shown(daemon)
    assert worker["state"] == "substantiated" and worker["owner"] is None


def test_master_outlives_the_daemon(make_daemon, sim):
    """kill -9 of the daemon: its master opens a session again and finds all as it was."""
    daemon = make_daemon(WORKERS, owner_timeout="30s").start()
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc)
        rpc.call("worker.build_started", worker="bot1", building=2)
        daemon.kill()
    daemon.start()
    assert shown(daemon)["deadline"]["kind"] == "owner_build_timeout"
    with daemon.connect() as rpc:
        worker = rpc.call("session.open", owner="one")["workers"][0]
        assert worker["attached"] and worker["building"] == 2 and worker["deadline"] is None
    assert [i["state"] for i in sim.ledger().values()] == ["running"]


def test_neither_comes_back(make_daemon, sim):
    """The daemon's end is the end of all sessions, and the time runs from its next start."""
    daemon = make_daemon(WORKERS, owner_timeout=1).start()
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc)
        daemon.kill()
    daemon.start()
    assert not is_down(daemon)
    eventually(lambda: is_down(daemon), timeout=20)
    assert condemned_by(daemon) == ["owner_timeout"]
    eventually(lambda: {i["state"] for i in sim.ledger().values()} == {"terminated"})


def test_reload_changes_the_time(make_daemon):
    daemon = make_daemon(WORKERS).start()
    with daemon.connect() as rpc:
        rpc.call("session.open", owner="one")
        bring_up(rpc)
    eventually(lambda: shown(daemon)["deadline"] is not None)
    daemon.config["owner_timeout"] = 0.5
    daemon.write_config()
    daemon.call("daemon.reload")
    eventually(lambda: is_down(daemon), timeout=20)
