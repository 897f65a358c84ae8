# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between the daemon and EC2, by proxies that see to it (FAULTS N)."""

import contextlib

import pytest

import judge
from chaos_proxy import ChaosProxy, ConnectProxy, make_tls
from ec2sim import eventually
from lives import bring_to, finish, has_phase, show

IP, DATA = "203.0.113.7", "vol-0da7a0da7a0da7a00"


@pytest.fixture
def proxy(sim):
    with contextlib.closing(ChaosProxy(sim)) as proxy:
        yield proxy


def aws(proxy, scheme="http", **more):
    return {"region": "us-east-1", "identifier": "AKIDTEST", "secret_identifier": "test",
            "endpoint_url": f"{scheme}://localhost:{proxy.port}"} | more


def phases(daemon):
    """What the launches went through, in order."""
    return [row["to_state"] for row in judge.rows(
        daemon, "SELECT to_state FROM history WHERE type = 'phase' AND launch IS NOT NULL"
                " AND instance IS NULL ORDER BY seq")]


def one_machine(daemon, sim):
    """The worker has it, and no second one was ever asked for; then all ends."""
    worker = eventually(lambda: has_phase(daemon, "waiting"), 60)
    assert list(sim.ledger()) == [worker["instance"]["id"]] and worker["generation"] == 1
    [launch] = judge.rows(daemon, "SELECT token FROM launch")
    assert {r["params"]["ClientToken"] for r in sim.requests()
            if r["action"] == "RunInstances"} == {launch["token"]}
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


REDIRECT = (b"HTTP/1.1 307 Elsewhere\r\nLocation: http://localhost:%d/\r\n"
            b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("way, seconds", [
    ({"rate": 1}, 30), ({"silent": True}, 30), ({"reset": True}, 0), ({"cut": 0}, 0),
    ({"cut": 300}, 0), ({"delay": 2, "reset": True}, 2)], ids=str)
def test_answer_of_a_launch(way, seconds, proxy, make_daemon, sim):
    """
    EC2 has done it, and the answer does not come: a byte a second (N7), not at all (N6), in
    part (N9). No listing has the instance so soon; nobody knows, so the same token asks again.
    """
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s",
                                     "visible_after": seconds + 3})
    daemon = make_daemon(aws=aws(proxy)).start()
    proxy.trouble("RunInstances", **way)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: "unknown" in phases(daemon), seconds + 10)
    one_machine(daemon, sim)
    assert len([s for s in proxy.seen if s.action == "RunInstances"]) >= 2


def test_late_answer_of_a_launch(proxy, make_daemon, sim):
    """Late, but within the limit, an answer is an answer."""
    daemon = make_daemon(aws=aws(proxy)).start()
    proxy.trouble("RunInstances", delay=3)
    daemon.call("worker.substantiate", worker="bot1")
    one_machine(daemon, sim)
    assert "unknown" not in phases(daemon)


def test_sent_elsewhere(proxy, make_daemon, sim):
    """A redirect is no answer, and nobody follows it (N21)."""
    with contextlib.closing(ChaosProxy(sim)) as elsewhere:
        daemon = make_daemon(aws=aws(proxy)).start()
        proxy.trouble("RunInstances", instead=REDIRECT % elsewhere.port)
        daemon.call("worker.substantiate", worker="bot1")
        one_machine(daemon, sim)
        assert not elsewhere.seen


def test_every_request(proxy, make_daemon, sim):
    """
    None has an Expect (N22), all are HTTP/1.1 (N23), and each change has a connection of its
    own, on which nothing can be sent twice.
    """
    sim.control("POST", "scenario", {
        "pending": "0.1s", "shutdown": "0.1s",
        "addresses": [{"public_ip": IP}], "volumes": [{"id": DATA, "zone": "us-east-1a"}]})
    daemon = make_daemon(aws=aws(proxy), workers={"bot1": {
        "password": "generated", "placement": "a", "elastic_ip": IP,
        "volumes": [[DATA, "/dev/sdf"]], "dead_man": "6h"}}).start()
    bring_to(daemon, "ready")
    daemon.call("worker.console", worker="bot1")
    finish(daemon, sim)
    actions = {seen.action for seen in proxy.seen}
    changes = {"RunInstances", "TerminateInstances", "AssociateAddress", "AttachVolume"}
    assert changes | {"DescribeInstances", "DescribeVolumes", "DescribeAddresses",
                      "GetConsoleOutput"} <= actions
    for seen in proxy.seen:
        assert seen.head.startswith("POST / HTTP/1.1\r\n"), seen
        for name in ("expect:", "upgrade", "http2-settings", "accept-encoding"):
            assert name not in seen.head.lower(), seen
    alone = {seen.connection for seen in proxy.seen if seen.action in changes}
    for connection in alone:
        assert len([seen for seen in proxy.seen if seen.connection == connection]) == 1


def test_connections_that_end_when_they_are_used_again(proxy, make_daemon, sim):
    """The other end closes just as a second request leaves: what is asked again changes nothing."""
    daemon = make_daemon(aws=aws(proxy)).start()
    proxy.trouble("*", count=1000, reuse_only=True)
    bring_to(daemon, "ready")
    assert any(seen.nth > 1 for seen in proxy.seen)
    assert sim.calls("RunInstances") == 1
    finish(daemon, sim)
    assert sim.calls("TerminateInstances") == 1


@pytest.fixture
def tls_proxy(directory, sim):
    """A proxy that would rather speak HTTP/2; and the file of its authority."""
    context, authority = make_tls(directory, ["h2", "http/1.1"])
    with contextlib.closing(ChaosProxy(sim, context)) as proxy:
        yield proxy, authority


def test_no_other_protocol(tls_proxy, make_daemon, sim):
    proxy, authority = tls_proxy
    daemon = make_daemon(aws=aws(proxy, "https", ca_file=authority)).start()
    bring_to(daemon, "ready")
    finish(daemon, sim)
    assert {seen.protocol for seen in proxy.seen} == {"http/1.1"}


ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
CONNECTS = {
    "authentication": ANSWER % b"407 Who are you", "unavailable": ANSWER % b"503 Not now",
    "nonsense": b"this is no proxy\r\n\r\n", "reset": "reset", "closed": "close",
    "silent": "silent", "dies at once": ("dies", 1), "dies in the handshake": ("dies", 300),
    "refused": "refused",
}


@pytest.mark.parametrize("name", CONNECTS)
def test_proxy_of_the_environment(name, tls_proxy, make_daemon, sim):
    """
    It fails before our request is in its tunnel: that was never sent, whatever the counters
    of bytes say. Later it works, and the first token is good for it (N24).
    """
    behind, authority = tls_proxy
    daemon = make_daemon(aws=aws(behind, "https", ca_file=authority))
    with contextlib.closing(ConnectProxy()) as connect, contextlib.ExitStack() as later:
        daemon.environment = {"https_proxy": f"http://127.0.0.1:{connect.port}"}
        daemon.start()
        eventually(lambda: sim.calls("DescribeInstances"))
        connect.way = CONNECTS[name]
        if name == "refused":
            connect.close()
        daemon.call("worker.substantiate", worker="bot1")
        eventually(lambda: phases(daemon)[-2:] == ["sending", "reserved"], 30)
        assert show(daemon)["last_error"]["reason"] == "network"
        assert set(phases(daemon)) == {"reserved", "sending"}
        assert sim.calls("RunInstances") == 0
        connect.way = None
        if name == "refused":
            later.enter_context(contextlib.closing(ConnectProxy(connect.port)))
        one_machine(daemon, sim)
        assert set(connect.asked) == {f"CONNECT localhost:{behind.port} HTTP/1.1"}
        daemon.stop()
