# SPDX-License-Identifier: Apache-2.0
"""Requests under a key: a lost reply costs nothing, whatever dies in between."""

import secrets
import time

import pytest

from ec2sim import eventually
from rpcclient import RpcError

GONE = ("shutting-down", "terminated")


def living(sim):
    return [i for i in sim.ledger().values() if i["state"] not in GONE]


def lose_reply(daemon, method, **params):
    """The daemon is killed when the request is on disk and its reply is not read."""
    with daemon.connect() as rpc:
        rpc.start(method, **params)
        # The reply is sent after the commit, so it has happened when there is one.
        rpc.socket.recv(1, 2)
        daemon.kill()
    daemon.start()


def test_repeated_over_a_kill(daemon, sim):
    lose_reply(daemon, "worker.substantiate", worker="bot1", request="up-1")
    first = daemon.call("worker.substantiate", worker="bot1", request="up-1", wait="running")
    assert first["generation"] == 1
    lose_reply(daemon, "worker.substantiate", worker="bot1", request="up-1", wait="running")
    again = daemon.call("worker.substantiate", worker="bot1", request="up-1", wait="running")
    assert (again["generation"], again["instance"]["id"]) == (1, first["instance"]["id"])
    assert len(sim.ledger()) == 1

    lose_reply(daemon, "worker.insubstantiate", worker="bot1", request="down-1")
    assert daemon.call("worker.substantiate", worker="bot1", request="up-2",
                       wait="running")["generation"] == 2
    stopped = daemon.call("worker.insubstantiate", worker="bot1", request="down-1",
                          wait="stopped")
    assert stopped == {"worker": "bot1", "generation": 1}
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"
    assert len(living(sim)) == 1
    late = daemon.call("worker.substantiate", worker="bot1", request="up-1", wait="running")
    assert (late["generation"], late["instance"]["id"]) == (1, first["instance"]["id"])
    assert late["instance"]["state"] in GONE


def test_the_client_dies_instead(daemon, sim):
    """The work goes on without whoever asked for it; the key finds it again (R9)."""
    with daemon.connect() as rpc:
        rpc.start("worker.substantiate", worker="bot1", request="k", wait="attached")
    eventually(lambda: daemon.call("worker.show", worker="bot1")["phase"] == "waiting")
    with daemon.connect() as rpc:
        waiting = rpc.start("worker.substantiate", worker="bot1", request="k",
                            wait="attached")
        daemon.call("worker.attached", worker="bot1")
        assert rpc.finish(waiting)["generation"] == 1
    assert len(sim.ledger()) == 1


def test_an_error_is_an_outcome(make_daemon, sim):
    daemon = make_daemon({"bot1": {"password": "sekrit", "missing_timeout": 1}}).start()
    errors = []
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", request="k")
        with pytest.raises(RpcError) as error:
            rpc.call("worker.substantiate", worker="bot1", request="k", wait="attached")
        errors.append(error.value)
    daemon.kill()
    daemon.start()
    daemon.call("worker.substantiate", worker="bot1", request="another")
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", request="k", wait="attached")
    errors.append(error.value)
    assert errors[0].code == -32006
    assert [e.message for e in errors] == [errors[0].message] * 2
    assert [e.data for e in errors] == [errors[0].data] * 2
    assert daemon.call("worker.substantiate", worker="bot1", request="k")["generation"] == 1
    eventually(lambda: not living(sim), timeout=30)


def test_a_cancel_is_an_outcome(daemon):
    """A stop while the start waits; both are asked again by somebody who lost the replies."""
    with daemon.connect() as rpc:
        waiting = rpc.start("worker.substantiate", worker="bot1", request="k",
                            wait="attached")
        rpc.call("worker.insubstantiate", worker="bot1", request="d")
        with pytest.raises(RpcError) as error:
            rpc.finish(waiting)
        assert error.value.code == -32005
    lose_reply(daemon, "daemon.version")
    with pytest.raises(RpcError) as again:
        daemon.call("worker.substantiate", worker="bot1", request="k", wait="attached")
    assert (again.value.code, again.value.message) == (-32005, error.value.message)
    assert daemon.call("worker.insubstantiate", worker="bot1", request="d",
                       wait="stopped")["generation"] == 1


def test_another_use_of_the_key(daemon, sim):
    daemon.call("worker.substantiate", worker="bot1", request="k")
    daemon.kill()
    daemon.start()
    for method, params in (
            ("worker.substantiate", {"worker": "linux-01"}),
            ("worker.insubstantiate", {"worker": "bot1"}),
            ("worker.insubstantiate", {"worker": "bot1", "generation": 1})):
        with pytest.raises(RpcError) as error:
            daemon.call(method, request="k", **params)
        assert error.value.code == -32602
    assert daemon.call("worker.show", worker="linux-01")["generation"] == 0
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"
    eventually(lambda: len(living(sim)) == 1)


def test_many_keys(daemon):
    """Pipelined, some of them twice, over a restart: each has its one answer."""
    keys = [secrets.token_hex(8) for _ in range(300)]
    asked = keys + keys[::2]
    with daemon.connect() as rpc:
        calls = [rpc.start("worker.insubstantiate" if n % 2 else "worker.substantiate",
                           worker=f"linux-0{1 + n % 3}", request=key)
                 for n, key in enumerate(keys)]
        answers = dict(zip(keys, (rpc.finish(c) for c in calls)))
    daemon.kill()
    daemon.start()
    with daemon.connect() as rpc:
        for key in asked:
            n = keys.index(key)
            again = rpc.call("worker.insubstantiate" if n % 2 else "worker.substantiate",
                             worker=f"linux-0{1 + n % 3}", request=key)
            assert again["generation"] == answers[key]["generation"]


@pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.01, 0.03])
def test_killed_at_some_moment(daemon, sim, delay):
    """The client repeats until it is told; there is one start and one machine (P1 to P5)."""
    with daemon.connect() as rpc:
        rpc.start("worker.substantiate", worker="bot1", request="k", wait="running")
        time.sleep(delay)
        daemon.kill()
    daemon.start()
    reply = daemon.call("worker.substantiate", worker="bot1", request="k", wait="running")
    assert reply["generation"] == 1
    eventually(lambda: [i["id"] for i in living(sim)] == [reply["instance"]["id"]])
    assert len(sim.ledger()) == 1
