# SPDX-License-Identifier: Apache-2.0
"""Wrong input, wherever it comes from: a clear message, the right code, a daemon that goes on."""

import contextlib
import json
import re
import socket
import subprocess

import pytest

import ec2sim
from daemon import BUILD, Daemon, clean_environment
from ec2sim import eventually
from lives import bring_to, finish, is_down, show
from rpcclient import RpcError

FAILED, USAGE, CONFIG = 1, 2, 78

# Configuration files

HEAD = """\
pool: test
socket: DIR/rpc.sock
state_dir: DIR/state
aws: { region: us-east-1, identifier: AKIDTEST, secret_identifier: hidden-key, endpoint_url: "URL" }
worker_defaults: { keypair_name: key, security_name: group, instance_type: m5.large, ami: ami-12345678 }
workers:
"""
GOOD = "  bot1: { password: hidden-word }\n"

# What follows HEAD, which ends in line 6; then LINE:COLUMN and words of each problem.
WRONG = {
    "unknown key": (
        "  bot1: { missing_timout: 20, password: hidden-word }\n",
        [(7, 11, "workers.bot1.missing_timout: unknown key; did you mean 'missing_timeout'?")]),
    "unknown top-level key": (
        GOOD + "pools: x\n",
        [(8, 1, "pools: unknown key; did you mean 'pool'?")]),
    "wrong type": (
        "  bot1: { missing_timeout: [1, 2], tags: 7, password: hidden-word }\n",
        [(7, 28, "workers.bot1.missing_timeout:"), (7, 42, "workers.bot1.tags:")]),
    "wrong value": (
        "  bot1: { missing_timeout: soon, ami: debian, password: hidden-word }\n",
        [(7, 28, "expected seconds, or a duration"), (7, 39, "expected an image id")]),
    "duplicate worker": (
        GOOD + "  bot1: { password: hidden-word }\n",
        [(8, 3, "bot1: this key is there already, in line 7")]),
    "duplicate worker in ranges": (
        "  bot[1-3]: { password: generated }\n  bot2: { password: hidden-word }\n",
        [(8, 3, "makes the worker bot2, as line 7 does already")]),
    "no YAML": (
        "  bot1: [\n", [(8, 1, "did not find expected node content")]),
    "all at once": (
        "  bot1: { pasword: hidden-word, region: Mars }\n  b?t: { password: hidden-word }\n",
        [(7, 11, "did you mean 'password'?"), (7, 41, "expected a region"), (8, 3, "b?t")]),
}


@pytest.fixture
def configured(make_daemon, sim):
    """A daemon whose file is HEAD and what the test writes below it."""
    daemon = make_daemon()

    def write(text, mode=0o600):
        head = HEAD.replace("DIR", str(daemon.directory)).replace("URL", sim.url)
        daemon.conf_path.write_text(head + text)
        daemon.conf_path.chmod(mode)
    daemon.write = write
    write(GOOD)
    return daemon


def check(daemon):
    done = subprocess.run([BUILD / "ec2workerd", "-c", daemon.conf_path, "--check"], text=True,
                          capture_output=True, env=clean_environment(), timeout=30, check=False)
    return done.returncode, done.stdout + done.stderr


def places(daemon, text):
    """{(line, column)} of the problems that a text shows; secrets are never quoted."""
    assert "hidden" not in text, text
    return {(int(line), int(column)) for line, column in re.findall(
        re.escape(str(daemon.conf_path)) + r":(\d+):(\d+): ", text)}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_file(configured, name):
    """By --check, at a start, and at a reload; each time with all places."""
    text, problems = WRONG[name]
    configured.write(text)
    code, shown = check(configured)
    assert code == CONFIG
    assert places(configured, shown) >= {(line, column) for line, column, _ in problems}, shown
    assert all(words in shown for _, _, words in problems), shown
    assert len(re.findall(r"^ *\^$", shown, re.MULTILINE)) >= len(problems)

    configured.start(wait=False)
    assert configured.wait() == CONFIG
    assert all(words in configured.log() for _, _, words in problems)
    assert places(configured, configured.log()) == places(configured, shown)
    assert not configured.socket.exists()

    configured.write(GOOD)
    assert check(configured)[0] == 0
    configured.start()
    configured.write(text)
    with pytest.raises(RpcError) as error:
        configured.call("daemon.reload")
    assert error.value.kind == "failed" and error.value.data["reason"] == "config"
    assert places(configured, error.value.data["diagnostics"]) == places(configured, shown)
    code, _, err = configured.ctl("reload")
    assert code == FAILED and all(words in err for _, _, words in problems)
    assert [w["worker"] for w in configured.call("worker.list")["workers"]] == ["bot1"]


def test_key_file_that_others_can_read(configured):
    configured.write(GOOD, 0o640)
    code, shown = check(configured)
    assert code == CONFIG and "can be read by group or others" in shown and "0600" in shown
    assert (4, 49) in places(configured, shown)
    configured.start(wait=False)
    assert configured.wait() == CONFIG


def test_credentials_file_that_others_can_read(make_daemon, sim):
    """It may change at any time, so the daemon runs, and its launches fail with the reason."""
    daemon = make_daemon()
    keys = daemon.directory / "credentials"
    keys.write_text("[ci]\naws_access_key_id = AKIDTEST\naws_secret_access_key = test\n")
    keys.chmod(0o644)
    daemon.config["aws"] = {"region": "us-east-1", "endpoint_url": sim.url, "profile": "ci",
                            "shared_credentials_file": str(keys)}
    daemon.write_config()
    daemon.start()
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert error.value.data["reason"] == "auth" and str(keys) in error.value.message
    keys.chmod(0o600)
    daemon.call("daemon.reload")
    bring_to(daemon, "waiting")
    finish(daemon, sim)


def test_no_file(configured):
    configured.conf_path.unlink()
    code, shown = check(configured)
    assert code == CONFIG and "No such file or directory" in shown
    configured.start(wait=False)
    assert configured.wait() == CONFIG


@pytest.mark.parametrize("options, words", [
    (["--chek"], "did you mean --check"), (["-c"], "-c"), (["-x"], "-x"), (["more"], "more")])
def test_wrong_options(options, words):
    done = subprocess.run([BUILD / "ec2workerd", *options], capture_output=True, text=True,
                          env=clean_environment(), timeout=30, check=False)
    assert done.returncode == USAGE and words in done.stderr and done.stdout == ""


# The other side of the wire

def closed_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_unreachable_endpoint(directory):
    """The error shows at once; the worker fails at its missing_timeout, for it was never launched."""
    with Daemon(directory, f"http://127.0.0.1:{closed_port()}",
                {"bot1": {"password": "x", "missing_timeout": 4}}) as daemon:
        daemon.call("worker.substantiate", worker="bot1")
        error = eventually(lambda: show(daemon)["last_error"])
        assert error["reason"] == "network" and "127.0.0.1" in error["message"]
        worker = show(daemon)
        assert worker["state"] == "substantiating" and worker["deadline"]["kind"] == "missing_timeout"
        with pytest.raises(RpcError) as waited:
            daemon.call("worker.substantiate", worker="bot1", wait="running")
        assert waited.value.kind == "failed" and waited.value.data["reason"] == "network"
        assert waited.value.data["retryable"] and "missing_timeout" in waited.value.message
        assert is_down(daemon)
        code, out, _ = daemon.ctl("check", "bot1")
        assert code == FAILED and out.startswith("bad: ")
        assert daemon.call("daemon.version")["pool"] == "test"


@pytest.mark.parametrize("keys, code", [
    ({"identifier": "AKIDGOOD", "secret_identifier": "wrong"}, "AuthFailure"),
    ({"identifier": "AKIDWRONG", "secret_identifier": "good"}, "AuthFailure"),
    ({}, None),
])
def test_wrong_credentials(directory, keys, code):
    """No waiting mends these: the worker fails at once, with AWS's own words."""
    with ec2sim.running("--credentials", "AKIDGOOD:good") as sim:
        aws = {"region": "us-east-1", "endpoint_url": sim.url,
               "shared_credentials_file": f"{directory}/none", **keys}
        with Daemon(directory, sim.url, {"bot1": {"password": "x"}}, aws=aws) as daemon:
            with pytest.raises(RpcError) as error:
                daemon.call("worker.substantiate", worker="bot1", wait="running")
            assert error.value.kind == "failed" and error.value.data["reason"] == "auth"
            assert (error.value.data["aws"] or {}).get("code") == code, error.value.data
            assert is_down(daemon) and show(daemon)["last_error"]["reason"] == "auth"
            assert not sim.ledger()
            daemon.config["aws"] |= {"identifier": "AKIDGOOD", "secret_identifier": "good"}
            daemon.write_config()
            daemon.call("daemon.reload")
            bring_to(daemon, "waiting")
            finish(daemon, sim)


# The socket

NONSENSE = [
    (b"{", -32700), (b"\xff\xfe", -32700), (b"[" * 60000, -32700), (b"{}", -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"worker.shw","params":{"worker":"bot1"}}', -32601),
    (b'{"jsonrpc":"2.0","id":1,"method":"worker.show","params":{"worker":"bot1","x":1}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"worker.show","params":{"worker":["bot1"]}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"worker.show","params":{"worker":"bot9"}}', -32001),
    (b"x" * (1 << 20), -32009),
]


def test_nonsense_on_the_socket(daemon, sim):
    """Twenty clients at once talk nonsense, and those who do not are served as ever."""
    bring_to(daemon, "ready")
    with daemon.connect() as good, contextlib.ExitStack() as stack:
        for n in range(20):
            for line, code in NONSENSE:
                bad = stack.enter_context(daemon.connect())
                reply = bad.raw(line + b"\n")
                assert reply["error"]["code"] == code, line[:80]
                assert reply["error"]["message"] and reply["error"]["data"]["kind"]
                bad.close()
            assert good.call("worker.show", worker="bot1")["state"] == "substantiated"
    assert daemon.call("daemon.version")["pool"] == "test"
    finish(daemon, sim)


@pytest.mark.parametrize("words, code, message", [
    (["call", "worker.shw", "{}"], FAILED, "did you mean 'worker.show'"),
    (["call", "worker.show", '{"worker": "bot1", "wrker": 1}'], FAILED, "wrker"),
    (["call", "worker.show", "{"], USAGE, "JSON"),
    (["show", "bot9"], FAILED, "worker_unknown"),
    (["shw", "bot1"], USAGE, "did you mean 'show'"),
    (["show"], USAGE, "show"),
    (["up", "bot1", "--wait", "forever"], USAGE, "accepted, running, attached"),
    (["up", "x*"], FAILED, "no worker matches"),
    (["down", "bot1", "--generation", "7"], FAILED, "stale_generation"),
])
def test_nonsense_to_the_client(daemon, words, code, message):
    got, out, err = daemon.ctl(*words)
    assert got == code and out == "" and message in err
    got, out, err = daemon.ctl("--json", *words)
    assert got == code
    if err == "":  # an answer of the daemon's
        assert message in out and json.loads(out)["error"]["code"] < 0
