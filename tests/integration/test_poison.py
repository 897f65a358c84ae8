# SPDX-License-Identifier: Apache-2.0
"""
Rows of the ledger that are damaged, or over which one start after the other dies: what runs
goes on running, nothing is launched twice, and the rest of the pool is served.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import time

import hypothesis
import pytest
from hypothesis import strategies as st

import judge
import smtpd
from daemon import BUILD, preloaded
from ec2sim import eventually
from lives import bring_to, show
from rpcclient import RpcError

WORKERS = {name: {"password": "sekrit", "build_wait_timeout": -1, "notify_on_missing": ["ops@example.org"]}
           for name in ("bot1", "bot2", "bot3")}
TABLES = ("worker", "launch", "member", "instance")
LIMITS = hypothesis.settings(max_examples=int(os.environ.get("POISON_EXAMPLES", "10")), database=None,
                             deadline=None, derandomize=True,
                             suppress_health_check=list(hypothesis.HealthCheck))
FATAL = BUILD / "tests/preload/fatal.so"


def ledger(daemon):
    return daemon.directory / "state" / "ledger.db"


def change(daemon, sql, *values):
    with contextlib.closing(sqlite3.connect(ledger(daemon), timeout=10)) as db:
        with db:
            return db.execute(sql, values).rowcount


def aside(daemon):
    """What is set aside, as pool.status says."""
    return [f"{d['about']}: {d['message']}" for d in daemon.call("pool.status")["degraded"] if d["kind"] == "aside"]


def mails(relay):
    return [message for _, message in relay.messages if "set aside" in message["Subject"]]


def is_dead(sim, instance):
    return sim.ledger()[instance]["state"] in ("shutting-down", "terminated")


def listed(daemon, sim, times=3):
    """Listings that began after this moment have been applied."""
    before = sim.calls("DescribeInstances")
    daemon.call("worker.check", worker="bot3", fresh=True)
    eventually(lambda: sim.calls("DescribeInstances") >= before + times, timeout=30)


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(WORKERS, orphans={"interval": 1, "grace": 1}).start()


def test_a_damaged_row(daemon, sim):
    """It is said in every way there is, and only an order ends it."""
    with smtpd.running() as relay:
        daemon.config["mail"] = {"smtp_url": relay.url, "from": "ec2workerd@example.org"}
        daemon.write_config()
        daemon.call("daemon.reload")
        for name in ("bot1", "bot2"):
            bring_to(daemon, "ready", name)
        running = show(daemon, "bot1")["instance"]["id"]
        daemon.kill()
        assert change(daemon, "UPDATE launch SET phase = 'lost' WHERE worker = 'bot1'") == 1
        daemon.start()
        said = aside(daemon)
        assert len(said) == 1 and said[0].startswith("worker bot1: launch ") and "'lost'" in said[0]
        assert show(daemon, "bot2")["state"] == "substantiated"
        assert "set aside" in str(show(daemon, "bot1")["last_error"])
        with pytest.raises(RpcError) as refused:
            daemon.call("worker.substantiate", worker="bot1")
        assert refused.value.code == -32007 and "set aside" in str(refused.value)
        eventually(lambda: mails(relay))
        orphan = eventually(lambda: [o for o in daemon.call("pool.orphans")["orphans"]
                                     if o["instance"] == running], timeout=30)
        assert orphan[0]["verdict"] == "aside"
        daemon.call("pool.orphans", terminate=True)
        listed(daemon, sim)
        assert not is_dead(sim, running)
        daemon.stop()
        daemon.start()
        assert aside(daemon) == said
        assert len(mails(relay)) == 1
        assert daemon.ctl("abandon", "bot1")[0] == 0
        assert aside(daemon) == []
        eventually(lambda: is_dead(sim, running), timeout=30)
        daemon.call("worker.substantiate", worker="bot1", wait="running", timeout=60)
        assert show(daemon, "bot1")["generation"] == 2
    judge.check_no_twin(sim)


def test_every_column(daemon, sim):
    """Rubbish in any column of what says what runs."""
    for name in ("bot1", "bot2"):
        bring_to(daemon, "ready", name)
    running = {name: show(daemon, name)["instance"]["id"] for name in ("bot1", "bot2")}
    daemon.stop()
    whole = daemon.directory / "whole"
    shutil.copytree(daemon.directory / "state", whole)
    with contextlib.closing(sqlite3.connect(ledger(daemon))) as db:
        places = [(table, row[1]) for table in TABLES
                  for row in db.execute(f"PRAGMA table_info({table})")]

    @LIMITS
    @hypothesis.given(st.sampled_from(places), st.one_of(
        st.integers(-2**63, 2**63 - 1), st.text(max_size=80), st.binary(max_size=80), st.floats(allow_nan=False),
        st.sampled_from(["gone", "idle", "condemned", "reserved", "terminated", "bot2", 0, 1, 2])))
    def check(place, value):
        table, column = place
        shutil.rmtree(daemon.directory / "state")
        shutil.copytree(whole, daemon.directory / "state")
        key = "launch" if table != "worker" else "worker"
        where = f"{key} = (SELECT min({key}) FROM {table})"
        with contextlib.suppress(sqlite3.IntegrityError, sqlite3.DataError):
            change(daemon, f"UPDATE {table} SET {column} = ? WHERE {where}",
                   value.encode("utf-8", "replace").decode() if isinstance(value, str) else value)
        daemon.start()
        for name in ("bot1", "bot2"):
            with contextlib.suppress(RpcError):
                daemon.call("worker.substantiate", worker=name)
        listed(daemon, sim, times=2)
        assert daemon.process.poll() is None
        assert judge.live(sim) == {name: [instance] for name, instance in running.items()}, daemon.log()
        daemon.stop()
    check()


def fatal(daemon, row):
    """The daemon dies whenever it takes this row in hand; row None: it does not."""
    daemon.environment = {} if row is None else preloaded(FATAL, FATAL=row)


def test_a_fatal_row(daemon, sim):
    """Three starts die of it, the fourth leaves it alone."""
    for name in ("bot1", "bot2"):
        bring_to(daemon, "ready", name)
    running = show(daemon, "bot1")["instance"]["id"]
    daemon.kill()
    fatal(daemon, "worker bot1")
    for _ in range(3):
        daemon.start(wait=False)
        assert daemon.process.wait(30) == -signal.SIGKILL
    # It may be taken up no more, but it is named.
    fatal(daemon, None)
    daemon.start()
    assert aside(daemon) == ["worker bot1: 3 starts in a row died when they had taken it up"]
    assert show(daemon, "bot2")["state"] == "substantiated"
    daemon.call("worker.substantiate", worker="bot3", wait="running")
    listed(daemon, sim)
    assert not is_dead(sim, running)
    daemon.stop()
    daemon.start()
    assert len(aside(daemon)) == 1
    assert daemon.ctl("release", "bot1")[0] == 0
    assert aside(daemon) == []
    daemon.kill()
    daemon.start()
    assert aside(daemon) == []
    assert show(daemon, "bot1")["instance"]["id"] == running
    assert show(daemon, "bot1")["state"] == "substantiated"
    judge.check_agreement(daemon, sim)


def test_deaths_without_a_row_are_waited_for(make_daemon):
    """Each start after the third that died waits longer; SIGTERM ends the waiting."""
    daemon = make_daemon(WORKERS).start()
    daemon.stop()
    (daemon.directory / "state" / "starts").write_text("".join(
        line.ljust(159) + "\n" for line in ("6 0", "", "", "0")))
    daemon.start(wait=False)
    eventually(lambda: "6 starts in a row have died; this one waits for 4 s" in daemon.log())
    began = time.monotonic()
    daemon.process.terminate()
    daemon.process.wait(3)
    assert time.monotonic() - began < 2
    daemon.process = None
    (daemon.directory / "state" / "starts").unlink()
    daemon.start()
    assert daemon.call("pool.status")["degraded"] == []


@pytest.mark.parametrize("parts", [("-wal",), ("-shm",), ("-wal", "-shm")], ids="+".join)
def test_files_beside_the_ledger_are_deleted(daemon, sim, parts):
    """Killed, and what SQLite keeps beside the ledger is deleted: commits are lost with the log."""
    bring_to(daemon, "ready", "bot1")
    daemon.stop()  # all is in the ledger itself
    daemon.start()
    bring_to(daemon, "ready", "bot2")
    running = judge.live(sim)
    daemon.kill()
    for part in parts:
        (daemon.directory / "state" / f"ledger.db{part}").unlink()
    daemon.start()
    # Before anything has been listed, somebody asks for both.
    for name in ("bot1", "bot2"):
        daemon.call("worker.substantiate", worker=name)
    held = daemon.call("pool.orphans")["hold"]
    if "-wal" not in parts:
        assert held is None
        assert show(daemon, "bot2")["state"] == "substantiated"
        assert judge.live(sim) == running
        return
    assert "ledger.db-wal was deleted" in held["reason"]
    listed(daemon, sim)
    assert judge.live(sim) == running
    daemon.call("pool.resume")
    # Adopted, if the listing came before the wish; else seen, ended and started anew.
    shown = eventually(lambda: (w := show(daemon, "bot2"))["phase"] in ("waiting", "ready") and w, timeout=60)
    assert judge.live(sim)["bot2"] == [shown["instance"]["id"]]
    assert judge.live(sim)["bot1"] == running["bot1"]
    judge.check_no_twin(sim)
