# SPDX-License-Identifier: Apache-2.0
"""metrics.listen: health and metrics over HTTP, beside pool.status, and clients of bad manners."""

import contextlib
import http.client
import re
import socket
import time

import pytest

from ec2sim import eventually

SECRET = "hunter2hunter2"
WORKERS = {"bot1": {"password": SECRET}, "bot2": {"password": SECRET}}


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Pages:
    """A daemon that listens, and what it shows."""

    def __init__(self, make_daemon, **config):
        self.port = free_port()
        self.daemon = make_daemon(WORKERS, metrics={"listen": f"127.0.0.1:{self.port}"}, **config)
        self.daemon.start()

    def get(self, path="/healthz", method="GET", port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, reply.read().decode(), reply.headers

    def health(self):
        """(status, word, kinds), which pool.status says as well."""
        status, text, _ = self.get()
        word, *lines = text.splitlines()
        return status, word, [line.split(":")[0] for line in lines]

    def is_so(self, status, word, kinds):
        told = self.daemon.call("pool.status")
        return self.health() == (status, word, kinds) and told["health"] == word and \
            [d["kind"] for d in told["degraded"]] == kinds

    def samples(self):
        return parse(self.get("/metrics")[1])


def parse(text):
    """{name with labels: value}, of text as Prometheus defines it."""
    samples, types = {}, {}
    name = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in types
        elif line.startswith("# TYPE "):
            _, _, same, types[name] = line.split(" ")
            assert same == name and types[name] in ("counter", "gauge")
        else:
            sample = re.fullmatch(r'([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)+\})? (-?[0-9.]+)', line)
            assert sample and sample[1] == name, line
            assert sample[1] + (sample[2] or "") not in samples
            samples[sample[1] + (sample[2] or "")] = float(sample[3])
    assert set(types) == {re.sub(r"\{.*", "", s) for s in samples} | (
        {"ec2workerd_ec2_answers_total"} & set(types))
    return samples


@pytest.fixture
def pages(make_daemon, sim):
    return Pages(make_daemon, aws={
        "region": "us-east-1", "identifier": "AKIDTEST", "secret_identifier": "test",
        "endpoint_url": sim.url})


def test_pages(pages):
    eventually(lambda: pages.is_so(200, "ok", []))
    status, text, headers = pages.get("/")
    assert status == 200 and "/healthz" in text and "/metrics" in text
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert pages.get("/healthz", "HEAD")[:2] == (200, "")
    assert pages.get("/healthz?verbose")[0] == 200
    assert pages.get("/nothing")[0] == 404
    assert pages.get("/metrics", "POST")[0] == 405


def test_numbers(pages, sim):
    before = pages.samples()
    assert before["ec2workerd_healthy"] == 1
    assert before['ec2workerd_workers{state="not_substantiated"}'] == 2
    with pages.daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        rpc.call("worker.attached", worker="bot1")
    after = pages.samples()
    assert after['ec2workerd_workers{state="substantiated"}'] == 1
    assert after['ec2workerd_instances{phase="ready"}'] == 1
    assert after['ec2workerd_launch_results_total{result="good"}'] == 1
    assert after['ec2workerd_ledger_commits_total{result="good"}'] > \
        before['ec2workerd_ledger_commits_total{result="good"}']
    for metric in pages.daemon.call("daemon.metrics")["metrics"]:
        for sample in metric["samples"]:
            assert sample["value"] >= 0
    code, out, _ = pages.daemon.ctl("metrics")
    assert code == 0 and "ec2workerd_build_info" in out
    text = pages.get("/metrics")[1] + pages.get("/")[1]
    assert SECRET not in text and "bot1" not in text and "AKID" not in text
    assert next(iter(sim.ledger())) not in text


def test_pause(pages):
    eventually(lambda: pages.is_so(200, "ok", []))
    assert pages.daemon.ctl("pause")[0] == 0
    assert pages.is_so(503, "down", ["paused"])
    assert pages.samples()['ec2workerd_conditions{kind="paused"}'] == 1
    assert pages.daemon.ctl("resume")[0] == 0
    assert pages.is_so(200, "ok", [])


@pytest.mark.parametrize("fault, status, word, kind", [
    ({"effect": "error", "code": "InternalError", "status": 500}, 200, "degraded", "listing"),
    ({"effect": "error", "code": "AuthFailure", "status": 401}, 503, "down", "credentials"),
    ({"effect": "drop"}, 503, "down", "endpoint"),
])
def test_no_listing(pages, sim, fault, status, word, kind):
    """Begins and ends in both at once, and the events say when."""
    with pages.daemon.connect() as rpc:
        rpc.call("events.subscribe", types=["pool"])
        sim.fault(action="DescribeInstances", **fault)
        pages.daemon.call("worker.substantiate", worker="bot1")
        eventually(lambda: pages.is_so(status, word, [kind]), 30)
        assert (event := rpc.event()) and (event["from"], event["to"]) == ("running", kind)
        sim.control("POST", "reset", {})
        eventually(lambda: pages.is_so(200, "ok", []), 60)
        assert (event := rpc.event()) and (event["from"], event["to"]) == (kind, "running")


def test_configuration(pages, sim):
    sim.fault(action="RunInstances", effect="error", code="InvalidParameterValue")
    pages.daemon.ctl("--timeout", "10", "up", "bot1")
    assert pages.is_so(200, "degraded", ["configuration"])
    assert pages.samples()['ec2workerd_launch_results_total{result="config"}'] >= 1
    pages.daemon.call("daemon.reload")
    assert pages.is_so(200, "ok", [])


def test_reload(pages):
    """Elsewhere, nowhere, and there again; a place that is taken changes nothing."""
    first, second = pages.port, free_port()
    config = pages.daemon.config
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config["metrics"]["listen"] = "127.0.0.1:%d" % taken.getsockname()[1]
        pages.daemon.write_config()
        code, _, err = pages.daemon.ctl("reload")
        assert code == 1 and "metrics.listen" in err and "Address already in use" in err
        assert pages.get()[0] == 200
    config["metrics"]["listen"] = f"127.0.0.1:{second}"
    pages.daemon.write_config()
    assert pages.daemon.ctl("reload", "--dry-run")[0] == 0
    assert pages.get()[0] == 200
    assert pages.daemon.ctl("reload")[0] == 0
    assert pages.get(port=second)[0] == 200
    with pytest.raises(ConnectionRefusedError):
        pages.get(port=first)
    del config["metrics"]
    pages.daemon.write_config()
    assert pages.daemon.ctl("reload")[0] == 0
    with pytest.raises(ConnectionRefusedError):
        pages.get(port=second)


def test_place_that_is_taken_at_the_start(make_daemon):
    """No reason to leave instances alone: it is told, and tried again."""
    with contextlib.closing(socket.socket()) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon = make_daemon(WORKERS, metrics={
            "listen": "127.0.0.1:%d" % taken.getsockname()[1]}).start()
        [condition] = daemon.call("pool.status")["degraded"]
        assert condition["kind"] == "monitor" and "Address already in use" in condition["message"]
    eventually(lambda: not daemon.call("pool.status")["degraded"], 30)


def test_reload_while_a_place_is_taken(make_daemon):
    """What was in vain before refuses no reload, and is over once nobody asks for it."""
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        daemon = make_daemon(WORKERS, metrics={
            "listen": "127.0.0.1:%d" % taken.getsockname()[1]}).start()
        assert daemon.ctl("reload")[0] == 0
        assert [d["kind"] for d in daemon.call("pool.status")["degraded"]] == ["monitor"]
        del daemon.config["metrics"]
        daemon.write_config()
        assert daemon.ctl("reload")[0] == 0
        assert not daemon.call("pool.status")["degraded"]
        time.sleep(11)
        assert not daemon.call("pool.status")["degraded"]


def test_another_address_with_the_same_port(pages):
    """Our own listener is no reason to refuse it."""
    config = pages.daemon.config
    for listen in (f"0.0.0.0:{pages.port}", f"127.0.0.1:{pages.port}"):
        config["metrics"]["listen"] = listen
        pages.daemon.write_config()
        assert pages.daemon.ctl("reload", "--dry-run")[0] == 0
        assert pages.get()[0] == 200
        assert pages.daemon.ctl("reload")[0] == 0
        assert pages.get()[:2] == (200, "ok\n")


@pytest.mark.parametrize("listen", ["localhost:9189", "127.0.0.1", "127.0.0.1:0", "/run/x", "[::1]"])
def test_places_that_are_none(make_daemon, listen):
    daemon = make_daemon(WORKERS, metrics={"listen": listen})
    daemon.start(wait=False)
    assert daemon.wait() == 78
    assert "expected an address and a port" in daemon.log()


def test_rude_clients(pages):
    """They are cut off, and nobody on the socket notices."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", pages.port)))
                 for _ in range(100)]
        for n, client in enumerate(crowd):
            with contextlib.suppress(OSError):
                client.sendall(b"GET /metrics HTTP/1.1\r\n" if n % 2 else b"x" * 100000)
        longest = 0
        with pages.daemon.connect() as rpc:
            for _ in range(200):
                began = time.monotonic()
                rpc.call("pool.status")
                longest = max(longest, time.monotonic() - began)
        assert longest < 2
    eventually(lambda: pages.get()[0] == 200, 30)
