# SPDX-License-Identifier: Apache-2.0
"""Events over the socket: every one of them once and in order, whatever happens between."""

import os
import random
import socket
import threading
import time

import pytest

from daemon import BUILD
from ec2sim import eventually
from rpcclient import RpcClient, RpcError

WORKERS = {"bot1": {"password": "sekrit"}, "linux-[01-40]": {"password": "generated"}}


# A sanitizer keeps what was freed for a while: then memory says nothing.
SANITIZED = b"__asan_" in (BUILD / "ec2workerd").read_bytes()


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(WORKERS).start()


def until(rpc, wanted, timeout=30):
    """Events up to the one that is wanted, it included."""
    events = []
    while not events or not wanted(events[-1]):
        event = rpc.event(timeout)
        assert event is not None, events
        events.append(event)
    return events


def state(worker, to):
    return lambda e: (e["type"], e["worker"], e.get("to")) == ("state", worker, to)


def seqs(events):
    return [e["seq"] for e in events]


def test_life_of_a_worker(daemon):
    with daemon.connect() as rpc:
        reply = rpc.call("events.subscribe")
        assert reply["epoch"] == rpc.call("daemon.version")["epoch"]
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        rpc.call("worker.attached", worker="bot1")
        rpc.call("worker.build_started", worker="bot1", build="b/1")
        rpc.call("worker.build_finished", worker="bot1", building=0)
        rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        events = until(rpc, state("bot1", "not_substantiated"))
        assert seqs(events) == list(range(reply["seq"] + 1, reply["seq"] + 1 + len(events)))
        assert {e["epoch"] for e in events} == {reply["epoch"]}
        assert [e["to"] for e in events if e["type"] == "state"] == [
            "substantiating", "substantiated", "insubstantiating", "not_substantiated"]
        assert {e["type"] for e in events} == {"phase", "state", "attached", "build"}
        assert {e["generation"] for e in events} == {1}
        phases = [e["to"] for e in events if e["type"] == "phase" and "instance" in e]
        assert phases[-1] == "gone" and "ready" in phases and "condemned" in phases
        records = rpc.call("worker.history", worker="bot1", limit=1000)["records"]
        assert records == events[::-1]


def test_an_event_comes_behind_its_reply(daemon):
    """What a call has caused leaves with the commit that its reply waited for."""
    with daemon.connect() as rpc:
        rpc.call("events.subscribe", types=["state"])
        rpc.call("worker.substantiate", worker="bot1")
        assert rpc.event()["to"] == "substantiating"
        rpc.call("events.unsubscribe")
        rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        assert rpc.event(timeout=0.3) is None


def test_who_subscribes_for_what(daemon):
    with daemon.connect() as few, daemon.connect() as pool, daemon.connect() as late:
        few.call("events.subscribe", workers="linux-0[12]", types=["state"])
        pool.call("events.subscribe", types=["pool", "reload"])
        with daemon.connect() as rpc:
            for worker in ("bot1", "linux-01", "linux-02", "linux-03"):
                rpc.call("worker.substantiate", worker=worker, wait="running")
            rpc.call("pool.pause")
            rpc.call("pool.resume")
            rpc.call("daemon.reload")
        assert {few.event()["worker"] for _ in range(2)} == {"linux-01", "linux-02"}
        assert few.event(timeout=0.3) is None
        events = [pool.event() for _ in range(3)]
        assert [(e["type"], e.get("to"), e["worker"]) for e in events] == [
            ("pool", "paused", None), ("pool", "running", None), ("reload", None, None)]
        assert {e["by"] for e in events[:2]} == {f"uid {os.getuid()}"}
        # The past can be asked for with the same filters.
        late.call("events.subscribe", types=["pool", "reload"], since=0)
        assert [late.event() for _ in range(3)] == events


@pytest.mark.parametrize("params", [
    {"types": ["phases"]}, {"types": "state"}, {"since": -1}, {"since": 1.5},
    {"worker": "bot1"}, {"workers": 7}])
def test_wrong_parameters(daemon, params):
    with daemon.connect() as rpc:
        with pytest.raises(RpcError) as error:
            rpc.call("events.subscribe", **params)
        assert error.value.code == -32602
        assert next(iter(params)) in error.value.message


def test_since(daemon):
    with daemon.connect() as rpc, daemon.connect() as first:
        first.call("events.subscribe")
        for _ in range(3):
            rpc.call("worker.substantiate", worker="bot1", wait="running")
            rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        whole = until(first, state("bot1", "not_substantiated")) + until(
            first, state("bot1", "not_substantiated")) + until(
            first, state("bot1", "not_substantiated"))
        for since in (0, whole[0]["seq"], whole[7]["seq"], whole[-1]["seq"]):
            with daemon.connect() as again:
                reply = again.call("events.subscribe", since=since)
                assert reply["seq"] == whole[-1]["seq"]
                expected = [e for e in whole if e["seq"] > since]
                assert [again.event() for _ in expected] == expected
                assert again.event(timeout=0.1) is None


def test_since_of_another_ledger(make_daemon):
    """The reply tells a client that its place is none of this ledger's."""
    daemon = make_daemon(WORKERS).start()
    with daemon.connect() as rpc:
        rpc.call("events.subscribe")
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        before = until(rpc, state("bot1", "not_substantiated"))[-1]
    daemon.stop()
    for path in (daemon.directory / "state").glob("ledger.db*"):
        path.unlink()
    daemon.start()
    with daemon.connect() as rpc:
        reply = rpc.call("events.subscribe", since=before["seq"])
        assert reply["epoch"] > before["epoch"]
        assert reply["seq"] < before["seq"]
        rpc.call("pool.pause")
        event = rpc.event()
        assert (event["type"], event["epoch"]) == ("pool", reply["epoch"])
        assert event["seq"] == reply["seq"] + 1


class Follower(threading.Thread):
    """Subscribes, and again with since whenever the daemon has gone."""

    def __init__(self, daemon):
        super().__init__()
        self.daemon_path = daemon.socket
        self.events = []
        self.epochs = set()
        self.subscriptions = 0
        self.stop = threading.Event()
        self.failure = None

    def run(self):
        try:
            while not self.stop.is_set():
                self.follow()
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def follow(self):
        try:
            rpc = RpcClient(self.daemon_path, timeout=5)
        except OSError:
            time.sleep(0.01)
            return
        with rpc:
            try:
                since = self.events[-1]["seq"] if self.events else 0
                self.epochs.add(rpc.call("events.subscribe", since=since)["epoch"])
                self.subscriptions += 1
                while not self.stop.is_set():
                    event = rpc.event(timeout=0.2)
                    if event is not None:
                        self.events.append(event)
                    rpc.socket.settimeout(5)
            except (OSError, AssertionError) as error:
                if isinstance(error, AssertionError) and "ended" not in str(error) and \
                        rpc.received == b"":
                    raise


def test_kill_9_in_the_middle(daemon, sim):
    """Over ten crashes: no gap, no double, and what is said is what the ledger has."""
    chance = random.Random(7)
    followers = [Follower(daemon) for _ in range(3)]
    for follower in followers:
        follower.start()
    for _ in range(10):
        try:
            with daemon.connect(timeout=5) as rpc:
                for n in chance.sample(range(1, 41), 12):
                    rpc.start("worker.substantiate", worker=f"linux-{n:02}")
                    rpc.start("worker.insubstantiate",
                              worker=f"linux-{chance.randint(1, 40):02}")
                time.sleep(chance.random() / 2)
        finally:
            daemon.kill()
            daemon.start()
    with daemon.connect() as rpc:
        rpc.call("pool.pause")
        for worker in rpc.call("worker.list")["workers"]:
            rpc.call("worker.insubstantiate", worker=worker["worker"])
        eventually(lambda: all(w["state"] == "not_substantiated"
                               for w in rpc.call("worker.list")["workers"]), timeout=30)
        last = rpc.call("events.subscribe")["seq"]
    for follower in followers:
        eventually(lambda f=follower: f.failure or f.events[-1]["seq"] == last)
        follower.stop.set()
        follower.join()
        assert follower.failure is None
        assert follower.subscriptions > 5
        assert len(follower.epochs) == 1
        assert seqs(follower.events) == list(range(1, last + 1))
    assert followers[0].events == followers[1].events == followers[2].events
    assert not [i for i in sim.ledger().values() if i["state"] in ("pending", "running")]


def memory(daemon):
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def make_events(rpc, count, worker="bot1"):
    """So many events of a worker that is up; 60 of them in one line."""
    for first in range(0, count, 60):
        rpc.send([{"jsonrpc": "2.0", "id": n, "method": "worker.build_started",
                   "params": {"worker": worker, "building": n}}
                  for n in range(first, min(first + 60, count))])
        assert all(reply["result"] == {} for reply in rpc.receive())


def test_reader_that_does_not_read(daemon):
    """It costs a bounded amount of memory and loses nothing; others notice nothing."""
    count = 30000  # some 8 MiB
    with daemon.connect() as rpc, daemon.connect() as slow:
        rpc.call("worker.substantiate", worker="bot1", wait="running")
        rpc.call("worker.attached", worker="bot1")
        make_events(rpc, 6000)
        begin = slow.call("events.subscribe", types=["build"])["seq"]
        before = memory(daemon)
        make_events(rpc, count)
        assert SANITIZED or memory(daemon) - before < 2048
        assert rpc.call("worker.show", worker="bot1")["building"] == count - 1
        events = [slow.event() for _ in range(count)]
        assert seqs(events) == list(range(begin + 1, begin + 1 + count))
        assert [int(e["to"]) for e in events] == list(range(count))
        make_events(rpc, 1)
        assert slow.event()["seq"] == begin + count + 1


def test_many_subscribers(daemon):
    """Sixty of them, each with all events; and they leave in the middle."""
    clients = [daemon.connect() for _ in range(60)]
    try:
        for client in clients:
            client.call("events.subscribe", types=["state"])
        with daemon.connect() as rpc:
            rpc.call("worker.substantiate", worker="bot1")
            for client in clients[:30]:
                client.close()
            rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
        for client in clients[30:]:
            until(client, state("bot1", "not_substantiated"))
    finally:
        for client in clients:
            client.close()


def test_half_closed(daemon):
    """A client that has nothing more to say still listens, until it goes."""
    with daemon.connect() as rpc, daemon.connect() as silent:
        silent.call("events.subscribe", types=["pool"])
        silent.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        rpc.call("pool.pause")
        assert silent.event()["to"] == "paused"
        rpc.call("pool.resume")
        assert silent.event()["to"] == "running"
