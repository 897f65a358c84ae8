# SPDX-License-Identifier: Apache-2.0
"""The daemon's socket: what methods do, every kind of wrong input, the socket itself."""

import contextlib
import json
import os
import pathlib
import select
import socket
import subprocess
import time

import pytest

from ec2sim import eventually
from rpcclient import RpcClient, RpcError

MEMBERS = {"worker", "state", "phase", "queued", "attached", "building", "generation",
           "since", "instance", "deadline", "last_error"}


def test_life_of_a_worker(daemon, sim):
    with daemon.connect() as rpc:
        worker = rpc.call("worker.show", worker="bot1")
        assert worker["state"] == "not_substantiated"
        assert worker["generation"] == 0 and worker["instance"] is None

        accepted = rpc.call("worker.substantiate", worker="bot1", build="b/1")
        assert accepted["worker"] == "bot1" and accepted["generation"] == 1
        running = rpc.call("worker.substantiate", worker="bot1", wait="running")
        assert running["generation"] == 1
        instance = running["instance"]["id"]
        assert sim.ledger()[instance]["state"] == "running"
        assert rpc.call("worker.check", worker="bot1")["ok"]

        attached = rpc.start("worker.substantiate", worker="bot1", wait="attached")
        assert rpc.call("worker.attached", worker="bot1", generation=1,
                        instance_id=instance) == {}
        assert rpc.finish(attached)["instance"]["id"] == instance
        assert rpc.call("worker.build_started", worker="bot1", build="b/1") == {}
        worker = rpc.call("worker.show", worker="bot1")
        assert worker["state"] == "substantiated" and worker["phase"] == "ready"
        assert worker["attached"] and worker["building"] == 1
        assert rpc.call("worker.build_finished", worker="bot1", building=0) == {}
        assert rpc.call("worker.show", worker="bot1")["building"] == 0
        assert rpc.call("worker.detached", worker="bot1") == {}

        stopped = rpc.call("worker.insubstantiate", worker="bot1", wait="stopped",
                           reason="tea time")
        assert stopped == {"worker": "bot1", "generation": 1}
        assert sim.ledger()[instance]["state"] in ("shutting-down", "terminated")
        worker = rpc.call("worker.show", worker="bot1")
        assert worker["state"] == "not_substantiated"

        records = rpc.call("worker.history", worker="bot1", limit=1000)["records"]
        assert [r["seq"] for r in records] == sorted((r["seq"] for r in records), reverse=True)
        assert {r["type"] for r in records} >= {"phase", "state", "attached", "detached",
                                                "build"}
        assert f"uid {os.getuid()}" in {r["by"] for r in records}
        older = rpc.call("worker.history", worker="bot1", before=records[3]["seq"], limit=2)
        assert older["records"] == records[4:6]


def test_worker_object(daemon):
    with daemon.connect() as rpc:
        listed = rpc.call("worker.list")
        assert [w["worker"] for w in listed["workers"]] == [
            "bot1", "linux-01", "linux-02", "linux-03"]
        assert all(set(w) == MEMBERS for w in listed["workers"])
        shown = rpc.call("worker.show", worker="bot1")
        assert set(shown) == MEMBERS | {"stale", "held", "timeline", "configuration", "owner", "placement"}


def test_list_pages_patterns_and_states(daemon):
    with daemon.connect() as rpc:
        def names(**params):
            return [w["worker"] for w in rpc.call("worker.list", **params)["workers"]]

        assert names(pattern="linux-*") == ["linux-01", "linux-02", "linux-03"]
        assert names(pattern="linux-0[13]") == ["linux-01", "linux-03"]
        assert names(pattern="x*") == []
        rpc.call("worker.substantiate", worker="linux-02")
        assert names(state="substantiating") == ["linux-02"]
        first = rpc.call("worker.list", limit=3)
        assert [w["worker"] for w in first["workers"]] == ["bot1", "linux-01", "linux-02"]
        assert names(limit=3, cursor=first["cursor"]) == ["linux-03"]
        assert "cursor" not in rpc.call("worker.list", limit=4)
        with pytest.raises(RpcError) as error:
            names(cursor="gone")
        assert error.value.code == -32602


def test_secrets_stay_inside(make_daemon):
    daemon = make_daemon({"bot1": {"password": "sekrit-word", "user_data": "x=user-data-word",
                                   "identifier": "AKIDTEST", "secret_identifier": "test"}})
    daemon.start("-vv")
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        shown = json.dumps([rpc.call("worker.show", worker="bot1"), rpc.call("worker.list"),
                            rpc.call("worker.history", worker="bot1"),
                            rpc.call("daemon.version")])
        assert "sekrit-word" not in shown and "user-data-word" not in shown
        assert "secret_identifier" not in shown
        assert rpc.call("worker.password", worker="bot1")["password"] == "sekrit-word"
    assert "sekrit-word" not in daemon.log() and "user-data-word" not in daemon.log()


def test_password(daemon):
    with daemon.connect() as rpc:
        assert rpc.call("worker.password", worker="bot1") == {
            "password": "sekrit", "generation": 0}
        with pytest.raises(RpcError) as error:
            rpc.call("worker.password", worker="linux-01")
        assert error.value.code == -32007
        rpc.call("worker.substantiate", worker="linux-01", wait="running")
        first = rpc.call("worker.password", worker="linux-01")
        assert first["generation"] == 1 and len(first["password"]) >= 16
        assert rpc.call("worker.password", worker="linux-01") == first
        rpc.call("worker.insubstantiate", worker="linux-01", wait="stopped")
        rpc.call("worker.substantiate", worker="linux-01")
        assert rpc.call("worker.password", worker="linux-01")["password"] != first["password"]


def test_version(daemon):
    version = daemon.call("daemon.version")
    assert version["pool"] == "test" and version["protocol"] == 1
    assert version["epoch"] > 1_700_000_000_000
    assert version["started_at"].endswith("Z")


@pytest.mark.parametrize("method, params, code", [
    ("worker.show", {"worker": "nobody"}, -32001),
    ("worker.show", {}, -32602),
    ("worker.show", {"worker": 7}, -32602),
    ("worker.show", {"worker": ""}, -32602),
    ("worker.show", {"worker": None}, -32602),
    ("worker.show", {"worker": "bot1", "verbose": True}, -32602),
    ("worker.list", {"limit": 0}, -32602),
    ("worker.list", {"limit": 1001}, -32602),
    ("worker.list", {"state": "sleeping"}, -32602),
    ("worker.substantiate", {"worker": "bot1", "wait": "stopped"}, -32602),
    ("worker.substantiate", {"worker": "bot1", "timeout": "soon"}, -32602),
    ("worker.substantiate", {"worker": "bot1", "timeout": -1}, -32602),
    ("worker.substantiate", {"worker": "bot1", "build": "x" * 257}, -32602),
    ("worker.insubstantiate", {"worker": "bot1", "fast": "yes"}, -32602),
    ("worker.insubstantiate", {"worker": "bot1", "generation": -1}, -32602),
    ("worker.insubstantiate", {"worker": "bot1", "generation": 7}, -32003),
    ("worker.attached", {"worker": "bot1"}, -32008),
    ("worker.attached", {"worker": "bot1", "generation": 7}, -32003),
    ("worker.build_started", {"worker": "bot1", "building": 1.5}, -32602),
    ("worker.history", {"worker": "nobody"}, -32001),
    ("worker.check", {"worker": "bot1", "fresh": "yes"}, -32602),
    ("worker.sho", {"worker": "bot1"}, -32601),
    ("", {}, -32601),
    ("daemon.version", {"x": 1}, -32602),
])
def test_refusals(daemon, method, params, code):
    with daemon.connect() as rpc:
        with pytest.raises(RpcError) as error:
            rpc.call(method, **params)
        assert error.value.code == code, error.value.message
        assert set(error.value.data) >= {"kind", "worker", "reason", "retryable", "aws"}
        assert rpc.call("worker.show", worker="bot1")["generation"] == 0


def test_positional_parameters(daemon):
    with daemon.connect() as rpc:
        assert rpc.call("worker.show", "bot1")["worker"] == "bot1"
        assert rpc.call("worker.list", "linux-*", "any", 1)["cursor"] == "linux-01"
        with pytest.raises(RpcError) as error:
            rpc.call("worker.show", "bot1", 2)
        assert error.value.code == -32602


@pytest.mark.parametrize("line, code", [
    ("{", -32700),
    ("hello", -32700),
    ("", -32700),
    ('{"jsonrpc":"2.0","method":"worker.list","id":1', -32700),
    ('{"jsonrpc":"2.0","method":"worker.list","id":1,"id":2}', -32700),
    ("[" * 33 + "]" * 33, -32700),
    ("[" * 30000, -32700),
    ('{"a":' * 10000 + "1" + "}" * 10000, -32700),
    ('{"jsonrpc":"2.0","method":"worker.list","id":"\\ud800"}', -32700),
    ('{"jsonrpc":"2.0","method":"worker.list","id":"\\u0000"}', -32700),
    (b'{"jsonrpc":"2.0","method":"worker.list","id":"\xff"}', -32700),
    (b'{"jsonrpc":"2.0","method":"worker.list","id":"\0"}', -32700),
    ('{"jsonrpc":"2.0","method":"worker.list","id":1e400}', -32700),
    ("7", -32600),
    ("[]", -32600),
    ("[1]", [-32600]),
    ('{"jsonrpc":"2.0","method":"worker.list","id":{}}', -32600),
    ("[" + ",".join(['{"jsonrpc":"2.0","method":"daemon.version","id":1}'] * 65) + "]",
     -32600),
])
def test_malformed(daemon, line, code):
    with daemon.connect() as rpc:
        data = line if isinstance(line, bytes) else line.encode()
        reply = rpc.raw(data + b"\n")
        if isinstance(code, list):
            assert [part["error"]["code"] for part in reply] == code
        else:
            assert reply["error"]["code"] == code and reply["id"] is None
        assert rpc.call("daemon.version")["pool"] == "test"


def test_batch_of_64(daemon):
    with daemon.connect() as rpc:
        replies = rpc.raw([{"jsonrpc": "2.0", "method": "worker.show",
                            "params": ["bot1"], "id": n} for n in range(64)])
        assert sorted(r["id"] for r in replies) == list(range(64))
        assert all(r["result"]["worker"] == "bot1" for r in replies)


def test_batch_with_a_wait(daemon):
    with daemon.connect() as rpc:
        replies = rpc.raw([
            {"jsonrpc": "2.0", "method": "worker.substantiate",
             "params": {"worker": "bot1", "wait": "running"}, "id": "up"},
            {"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"]},
            {"jsonrpc": "2.0", "method": "worker.show", "params": ["bot1"], "id": "show"}])
        assert {r["id"] for r in replies} == {"up", "show"}
        by_id = {r["id"]: r["result"] for r in replies}
        assert by_id["up"]["instance"]["state"] == "running"
        assert by_id["show"]["state"] == "substantiating"


def test_line_of_a_megabyte(daemon):
    with daemon.connect() as rpc:
        assert rpc.raw(b"x" * (1 << 20) + b"\n")["error"]["code"] == -32009
        assert rpc.receive() is None
    assert daemon.call("daemon.version")["pool"] == "test"


def test_half_closed(daemon):
    with daemon.connect() as rpc:
        call = rpc.start("worker.substantiate", worker="bot1", wait="running")
        rpc.socket.shutdown(socket.SHUT_WR)
        assert rpc.finish(call)["generation"] == 1
        assert rpc.receive() is None


def test_client_that_leaves_changes_nothing(daemon):
    with daemon.connect() as rpc:
        rpc.start("worker.substantiate", worker="bot1", wait="attached")
        eventually(lambda: daemon.call("worker.show", worker="bot1")["phase"] == "waiting")
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"
    assert daemon.call("worker.attached", worker="bot1") == {}
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiated"


def test_wait_that_is_cancelled(daemon):
    with daemon.connect() as rpc:
        up = rpc.start("worker.substantiate", worker="bot1", wait="attached")
        rpc.call("worker.insubstantiate", worker="bot1")
        with pytest.raises(RpcError) as error:
            rpc.finish(up)
        assert error.value.code == -32005 and error.value.kind == "cancelled"


def test_wait_that_times_out(daemon):
    with daemon.connect() as rpc:
        began = time.monotonic()
        with pytest.raises(RpcError) as error:
            rpc.call("worker.substantiate", worker="bot1", wait="attached", timeout="0.5s")
        assert error.value.code == -32011
        assert 0.4 < time.monotonic() - began < 5
        assert rpc.call("worker.show", worker="bot1")["state"] == "substantiating"


def test_many_waits_on_one_connection(daemon):
    with daemon.connect() as rpc:
        calls = [rpc.start("worker.substantiate", worker="bot1", wait="attached")
                 for _ in range(10000)]
        with pytest.raises(RpcError) as error:
            rpc.call("worker.show", worker="bot1")
        assert error.value.code == -32009
        began = time.monotonic()
        assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"
        assert time.monotonic() - began < 1
        eventually(lambda: daemon.call("worker.show", worker="bot1")["phase"] == "waiting")
        daemon.call("worker.attached", worker="bot1")
        assert all(rpc.finish(call)["generation"] == 1 for call in calls)
        assert rpc.call("worker.show", worker="bot1")["state"] == "substantiated"


def test_connections_of_a_user(daemon):
    clients = [daemon.connect() for _ in range(64)]
    assert all(c.call("daemon.version")["pool"] == "test" for c in clients)
    with daemon.connect() as rpc:
        assert rpc.receive()["error"]["code"] == -32009
        assert rpc.receive() is None
    clients.pop().close()
    eventually(lambda: answers(daemon))
    for client in clients:
        client.close()


def answers(daemon):
    with daemon.connect() as rpc:
        reply = rpc.raw({"jsonrpc": "2.0", "method": "daemon.version", "id": 1})
        return reply is not None and "result" in reply


def test_reload(daemon):
    assert daemon.call("daemon.reload") == {
        "added": [], "removed": [], "changed": [], "stale": [], "warnings": []}
    daemon.config["workers"] = {"bot1": {"password": "sekrit", "missing_timeout": "2m"},
                                "new": {"password": "x"}}
    daemon.write_config()
    changes = {"added": ["new"], "removed": ["linux-01", "linux-02", "linux-03"],
               "changed": ["bot1"], "stale": [], "warnings": []}
    assert daemon.call("daemon.reload", dry_run=True) == changes
    assert len(daemon.call("worker.list")["workers"]) == 4
    assert daemon.call("daemon.reload") == changes
    assert [w["worker"] for w in daemon.call("worker.list")["workers"]] == ["bot1", "new"]


def test_reload_of_a_bad_file(daemon):
    daemon.config["workers"]["bot1"]["missing_timout"] = 20
    daemon.write_config()
    with pytest.raises(RpcError) as error:
        daemon.call("daemon.reload")
    assert error.value.code == -32004 and error.value.data["reason"] == "config"
    assert "did you mean 'missing_timeout'" in error.value.data["diagnostics"]
    assert not error.value.data["retryable"]
    assert daemon.call("worker.show", worker="bot1")["worker"] == "bot1"


def test_reload_of_what_needs_a_restart(daemon):
    daemon.config["state_dir"] += "-elsewhere"
    daemon.write_config()
    with pytest.raises(RpcError) as error:
        daemon.call("daemon.reload")
    assert "state_dir" in error.value.message


def test_stop(daemon):
    assert daemon.call("daemon.stop") == {}
    assert daemon.wait() == 0
    assert not daemon.socket.exists()


def test_restart_keeps_generations(daemon):
    with daemon.connect() as rpc:
        first = rpc.call("worker.substantiate", worker="bot1", wait="running")
        epoch = rpc.call("daemon.version")["epoch"]
    daemon.stop()
    daemon.start()
    with daemon.connect() as rpc:
        shown = rpc.call("worker.show", worker="bot1")
        assert shown["generation"] == 1
        assert shown["instance"]["id"] == first["instance"]["id"]
        assert rpc.call("daemon.version")["epoch"] == epoch
        assert rpc.call("worker.history", worker="bot1")["records"]


# The socket itself.

def test_socket_mode(make_daemon):
    daemon = make_daemon(socket_mode="0600").start()
    assert daemon.socket.stat().st_mode & 0o777 == 0o600


def test_stale_socket_is_replaced(daemon):
    daemon.kill()
    assert daemon.socket.exists()
    daemon.start()
    assert daemon.call("daemon.version")["pool"] == "test"


def test_removed_socket_comes_back(daemon):
    with daemon.connect() as rpc:
        for _ in range(3):
            daemon.socket.unlink()
            eventually(daemon.socket.exists)
            assert daemon.call("daemon.version")["pool"] == "test"
        other = daemon.socket.with_name("other")
        other.write_text("not ours")
        other.rename(daemon.socket)
        eventually(lambda: "the socket was removed: " in daemon.log())
        daemon.socket.unlink()
        eventually(daemon.socket.exists)
        assert rpc.call("daemon.version") == daemon.call("daemon.version")


def test_second_daemon_is_refused(daemon):
    second = subprocess.run([daemon.process.args[0], "-c", daemon.conf_path],
                            capture_output=True, text=True, timeout=20, check=False)
    assert second.returncode == 78, second.stderr
    assert daemon.call("daemon.version")["pool"] == "test"


def test_other_file_in_its_place(make_daemon):
    daemon = make_daemon()
    daemon.socket.write_text("precious")
    daemon.start(wait=False)
    assert daemon.wait() == 78
    assert daemon.socket.read_text() == "precious"


def test_activation(make_daemon, directory):
    """A socket passed as systemd does it, in another place than the configuration's."""
    path = pathlib.Path(directory) / "activated.sock"
    daemon = make_daemon()
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
        listener.bind(str(path))
        listener.listen()
        daemon.start(prefix=["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'],
                     preexec_fn=lambda: os.dup2(listener.fileno(), 3), pass_fds=(3,))
    with RpcClient(path) as rpc:
        assert rpc.call("daemon.version")["pool"] == "test"
    assert not daemon.socket.exists()
    assert f"listening on {path} of the socket unit" in daemon.log()
    daemon.stop()
    assert path.exists()
