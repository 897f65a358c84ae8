# SPDX-License-Identifier: Apache-2.0
"""
Every method: a result, and each error that rpc.discover says it may have. tests/rpc.md has
the list.
"""

import time

import pytest

from ec2sim import eventually
from methods import CALLS, OF_A_WORKER, code_of, request
from rpcclient import RpcError

# Their results need more than one daemon and a minute.
ELSEWHERE = {"worker.abandon", "daemon.stop"}


def fails(rpc, code, method, /, **params):
    """The error, which must be this one."""
    with pytest.raises(RpcError) as error:
        rpc.call(method, **params)
    assert error.value.code == code, error.value.message
    return error.value


def test_results(daemon):
    """All in one life of a worker, on one connection."""
    with daemon.connect() as rpc:
        for name, params in CALLS.items():
            if name not in ELSEWHERE:
                assert isinstance(rpc.call(name, **params), dict), name


def test_stop(daemon):
    assert daemon.call("daemon.stop") == {}
    assert daemon.wait() == 0


def test_unknown_worker(daemon):
    with daemon.connect() as rpc:
        for name in OF_A_WORKER:
            error = fails(rpc, -32001, name, **CALLS[name] | {"worker": "bot2"})
            assert error.kind == "worker_unknown" and error.data["worker"] == "bot2"


def test_unknown_parameter(daemon):
    """It is named, and nothing is done."""
    with daemon.connect() as rpc:
        for name, params in CALLS.items():
            error = fails(rpc, -32602, name, **params, nothing=1)
            assert "nothing" in error.message and not error.data["retryable"]
            error = fails(rpc, -32602, name, **params | {"worker": ["bot1"]})
        assert rpc.call("worker.show", worker="bot1")["generation"] == 0
        assert rpc.call("pool.status")["paused"] is None


def test_limit_of_waits(daemon):
    """A connection on which 10,000 calls wait is refused any other."""
    with daemon.connect() as rpc:
        for _ in range(10):
            rpc.send("".join(f'{{"jsonrpc":"2.0","method":"worker.substantiate","params":'
                             f'["bot1","attached"],"id":"wait"}}\n' for _ in range(1000)))
        eventually(lambda: daemon.call("pool.status")["queues"]["waiting"] == 10000)
        for name, params in CALLS.items():
            error = fails(rpc, -32009, name, **params)
            assert error.kind == "limit" and error.data["retryable"]
    eventually(lambda: daemon.call("pool.status")["queues"]["waiting"] == 0)


FACTS = ["worker.attached", "worker.detached", "worker.build_started", "worker.build_finished"]


def test_stale_generation(daemon):
    """Facts of another generation than the running one, stops of one still to come."""
    with daemon.connect() as rpc:
        for _ in range(2):
            rpc.call("worker.substantiate", worker="bot1", wait="running")
            rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        for name in FACTS:
            for generation in (2, 4):
                assert fails(rpc, -32003, name, worker="bot1",
                             generation=generation).kind == "stale_generation"
        fails(rpc, -32003, "worker.insubstantiate", worker="bot1", generation=4)
        assert rpc.call("worker.insubstantiate", worker="bot1", generation=2) == {
            "worker": "bot1", "generation": 3}
        assert rpc.call("worker.show", worker="bot1")["state"] == "substantiating"


def test_unexpected_attach(daemon):
    with daemon.connect() as rpc:
        error = fails(rpc, -32008, "worker.attached", worker="bot1")
        assert error.kind == "unexpected_attach"


@pytest.mark.parametrize("code, reason, retryable", [
    ("InvalidAMIID.NotFound", "config", False),
    ("InvalidParameterValue", "config", False),
])
def test_start_that_fails(daemon, sim, code, reason, retryable):
    """What waiting cannot mend is said at once, with AWS's own words."""
    sim.fault(action="RunInstances", effect="error", code=code)
    with daemon.connect() as rpc:
        error = fails(rpc, -32004, "worker.substantiate", worker="bot1", wait="attached")
        assert error.kind == "failed" and error.data["reason"] == reason
        assert error.data["retryable"] == retryable and error.data["aws"]["code"] == code
        assert error.data["aws"]["request_id"]


def test_start_that_is_cancelled(daemon):
    with daemon.connect() as rpc:
        up = rpc.start("worker.substantiate", worker="bot1", wait="attached")
        rpc.call("worker.insubstantiate", worker="bot1")
        with pytest.raises(RpcError) as error:
            rpc.finish(up)
        assert (error.value.code, error.value.kind) == (-32005, "cancelled")


def test_worker_that_is_missing(make_daemon):
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 1.5}}).start()
    with daemon.connect() as rpc:
        error = fails(rpc, -32006, "worker.substantiate", worker="bot1", wait="attached")
        assert error.kind == "missing" and error.data["retryable"]


@pytest.mark.parametrize("method, params", [
    ("worker.substantiate", {"wait": "attached"}), ("worker.insubstantiate", {"wait": "stopped"})])
def test_own_time_that_runs_out(daemon, sim, method, params):
    """The call ends and the work goes on."""
    with daemon.connect() as rpc:
        if method == "worker.insubstantiate":
            rpc.call("worker.substantiate", worker="bot1", wait="running")
            sim.fault(action="TerminateInstances", effect="delay", delay="2s", count=1)
        began = time.monotonic()
        error = fails(rpc, -32011, method, worker="bot1", timeout="0.3s", **params)
        assert error.kind == "timeout" and error.data["retryable"]
        assert 0.2 < time.monotonic() - began < 10
        eventually(lambda: rpc.call("worker.show", worker="bot1")["state"] in (
            "substantiating", "not_substantiated"), 20)


def test_owned(daemon):
    with daemon.connect() as one, daemon.connect() as two:
        one.call("session.open", owner="one")
        two.call("session.open", owner="two")
        one.call("worker.substantiate", worker="bot1", wait="running")
        one.call("worker.attached", worker="bot1")
        for name in ["worker.substantiate", "worker.insubstantiate", *FACTS]:
            assert fails(two, -32010, name, worker="bot1").kind == "owned"


def test_start_while_stopping(make_daemon, sim):
    daemon = make_daemon(on_stop="terminate").start()
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        sim.fault(action="TerminateInstances", effect="delay", delay="1s", count=1)
        assert rpc.call("daemon.stop") == {}
        error = fails(rpc, -32007, "worker.substantiate", worker="linux-01")
        assert error.kind == "unavailable" and error.data["retryable"]
    assert daemon.wait() == 0


def test_nothing_there_yet(daemon):
    """A generated password, a console and an instance to hold come with a launch."""
    with daemon.connect() as rpc:
        for name in ("worker.password", "worker.console", "worker.hold"):
            assert fails(rpc, -32007, name, worker="linux-01").kind == "unavailable"


def test_console_that_is_refused(daemon, sim):
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        sim.fault(action="GetConsoleOutput", effect="error", code="UnsupportedOperation")
        error = fails(rpc, -32004, "worker.console", worker="bot1")
        assert error.data["aws"]["code"] == "UnsupportedOperation"


def test_check_that_is_refused(daemon, sim):
    """What EC2 answers is said; what the last listing showed is no answer to fresh."""
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        sim.fault(action="DescribeInstances", effect="error", code="UnauthorizedOperation")
        error = fails(rpc, -32004, "worker.check", worker="bot1", fresh=True)
        assert error.data["aws"]["code"] == "UnauthorizedOperation"
        assert rpc.call("worker.check", worker="bot1")["ok"]


def test_reload_of_a_bad_file(daemon):
    daemon.config["workers"]["bot1"]["missing_timout"] = 20
    daemon.write_config()
    with daemon.connect() as rpc:
        error = fails(rpc, -32004, "daemon.reload")
        assert error.data["reason"] == "config" and "did you mean" in error.data["diagnostics"]


def test_methods_that_do_not_exist(daemon):
    with daemon.connect() as rpc:
        for name in ("worker.sho", "WORKER.SHOW", "worker", "rpc.", "", "x" * 1000):
            assert code_of(rpc.raw(request(name))) == -32601, name
