# SPDX-License-Identifier: Apache-2.0
"""Lives of workers, from the wish to the end, with everything that may end them."""

import re

import pytest

import ec2sim
import judge
import smtpd
from daemon import BUILD, Daemon
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show, up


@pytest.fixture
def mail():
    with smtpd.running() as server:
        yield server


# Up, attached, down

def test_machine_that_reports_itself(directory):
    """The user data is a real process, which calls ec2workerctl and ends with its instance."""
    script = ("#!/bin/sh\n"
              "echo here is {{ worker }}\n"
              f"{BUILD}/ec2workerctl -s {directory}/rpc.sock attached {{{{ worker }}}}\n"
              "exec sleep 1000\n")
    with ec2sim.running("--run-user-data") as sim:
        workers = {"linux-[1-3]": {"password": "generated", "user_data": script}}
        with Daemon(directory, sim.url, workers) as daemon:
            code, out, err = daemon.ctl("up", "linux-*")
            assert (code, err) == (0, "")
            assert all(re.search(f"^linux-{n}: attached, generation 1, i-", out, re.MULTILINE)
                       for n in (1, 2, 3))
            judge.check_rest(daemon, sim)
            finish(daemon, sim)


def test_second_life(make_daemon, sim):
    """Asked for again while the last machine still goes: queued, and no twin."""
    daemon = make_daemon()
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "1s"})
    daemon.start()
    for worker in ("bot1", "linux-01"):
        first = bring_to(daemon, "ready", worker)["instance"]["id"]
        daemon.call("worker.insubstantiate", worker=worker)
        daemon.call("worker.substantiate", worker=worker)
        again = show(daemon, worker)
        assert again["generation"] == 2 and again["queued"]
        assert again["state"] == "insubstantiating"
        eventually(lambda w=worker: has_phase(daemon, "waiting", w))
        assert show(daemon, worker)["instance"]["id"] != first
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


# Missing

CONSOLE = "booting\r\nlogin with secret-of-bot1 \x1b[31mfailed\x07\r\npanic: no network\r\n"


def missing_mail(mail, count=1):
    eventually(lambda: len(mail.messages) == count, 30)
    return [message for _, message in mail.messages]


def body_of(message):
    return message.get_content()


def test_missing(make_daemon, sim, mail):
    daemon = make_daemon(
        {"bot1": {"password": "secret-of-bot1", "missing_timeout": 3,
                  "notify_on_missing": ["ops@example.org", "dev@example.org"]}},
        mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
    waiting = up(daemon)
    instance = eventually(lambda: has_phase(daemon, "waiting"))["instance"]["id"]
    sim.control("POST", "instance", {"id": instance, "console": CONSOLE})
    messages = missing_mail(mail, 2)
    assert sorted(to for tos, _ in mail.messages for to in tos) == [
        "dev@example.org", "ops@example.org"]
    for message in messages:
        body = body_of(message)
        assert message["From"] == "pool@example.org" and message["Message-ID"]
        assert message["Auto-Submitted"] == "auto-generated"
        assert "bot1" in message["Subject"] and "test" in message["Subject"]
        assert instance in body and "Generation:  1" in body
        assert "panic: no network" in body and "booting" in body
        assert "secret-of-bot1" not in message.as_string() and "login with ****" in body
        assert "\x1b" not in body and "\x07" not in body
    assert messages[0]["Message-ID"] != messages[1]["Message-ID"]

    eventually(lambda: waiting)
    assert waiting[0].kind == "missing" and waiting[0].data["retryable"]
    assert instance in waiting[0].message
    eventually(lambda: is_down(daemon))
    assert show(daemon)["last_error"]["kind"] == "missing"
    assert "missing" in {r["type"] for r in daemon.call("worker.history", worker="bot1")["records"]}
    assert not judge.rows(daemon, "SELECT * FROM mail")
    finish(daemon, sim)


def test_missing_without_a_console(make_daemon, sim, mail):
    """A console that is refused or late holds neither the mail nor the end of the instance."""
    sim.fault(action="GetConsoleOutput", effect="error", code="InternalError")
    daemon = make_daemon(
        {"bot1": {"password": "x", "missing_timeout": 2, "notify_on_missing": "ops@example.org"}},
        mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
    daemon.call("worker.substantiate", worker="bot1")
    assert "no console" in body_of(missing_mail(mail)[0])
    eventually(lambda: is_down(daemon), 30)
    finish(daemon, sim)


def test_missing_while_the_relay_is_busy(make_daemon, sim, mail):
    """A mail that is put off is in the ledger, and stays there over a restart."""
    mail.refusal = "451 come back later"
    daemon = make_daemon(
        {"bot1": {"password": "x", "missing_timeout": 1, "notify_on_missing": "ops@example.org"}},
        mail={"smtp_url": mail.url, "from": "pool@example.org"}).start()
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: mail.attempts, 30)
    eventually(lambda: is_down(daemon))
    [row] = eventually(lambda: judge.rows(daemon, "SELECT * FROM mail WHERE tries = 1"))
    assert row["recipient"] == "ops@example.org"
    daemon.kill()
    daemon.start()
    assert judge.rows(daemon, "SELECT message_id FROM mail") == [{"message_id": row["message_id"]}]
    finish(daemon, sim)


def test_attached_in_time(make_daemon, sim):
    """The missing timer ends with the attach: the worker outlives its deadline."""
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 3}}).start()
    deadline = bring_to(daemon, "waiting")["deadline"]
    assert deadline["kind"] == "missing_timeout"
    daemon.call("worker.attached", worker="bot1")
    worker = eventually(lambda: has_phase(daemon, "ready"))
    assert (worker["deadline"] or {}).get("kind") != "missing_timeout"
    daemon.call("worker.detached", worker="bot1")
    assert show(daemon)["state"] == "substantiated"
    daemon.call("worker.substantiate", worker="bot1")
    again = show(daemon)
    assert again["phase"] == "waiting" and again["generation"] == 1
    assert again["deadline"]["kind"] == "missing_timeout"
    assert again["deadline"]["at"] > deadline["at"]
    eventually(lambda: is_down(daemon), 30)
    assert show(daemon)["last_error"]["kind"] == "missing"
    finish(daemon, sim)


# The other timers

def test_pending_timeout(make_daemon, sim):
    """What stays pending is given up, and another launch follows in the same generation."""
    daemon = make_daemon({"bot1": {"password": "x", "pending_timeout": 2,
                                   "missing_timeout": 60}}).start()
    sim.control("POST", "scenario", {"pending": "1h", "shutdown": "0.1s"})
    first = bring_to(daemon, "pending")["instance"]["id"]
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s"})
    worker = eventually(lambda: has_phase(daemon, "waiting"), 30)
    assert worker["instance"]["id"] != first and worker["generation"] == 1
    assert sim.ledger()[first]["state"] == "terminated"
    assert judge.rows(daemon, "SELECT condemned_by FROM instance WHERE phase = 'gone'") == [
        {"condemned_by": "pending_timeout"}]
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_build_wait_timeout(make_daemon, sim):
    daemon = make_daemon({"bot1": {"password": "x", "build_wait_timeout": 2}}).start()
    assert bring_to(daemon, "ready")["deadline"]["kind"] == "build_wait_timeout"
    daemon.call("worker.build_started", worker="bot1")
    assert show(daemon)["deadline"] is None
    daemon.call("worker.build_finished", worker="bot1")
    assert show(daemon)["deadline"]["kind"] == "build_wait_timeout"
    eventually(lambda: is_down(daemon))
    assert judge.rows(daemon, "SELECT condemned_by FROM instance") == [
        {"condemned_by": "build_wait_timeout"}]
    finish(daemon, sim)


def test_build_wait_timeout_of_zero(make_daemon, sim):
    daemon = make_daemon({"bot1": {"password": "x", "build_wait_timeout": 0}}).start()
    bring_to(daemon, "ready")
    daemon.call("worker.build_started", worker="bot1")
    daemon.call("worker.build_started", worker="bot1")
    daemon.call("worker.build_finished", worker="bot1")
    assert show(daemon)["state"] == "substantiated"
    daemon.call("worker.build_finished", worker="bot1")
    assert show(daemon)["state"] != "substantiated"
    eventually(lambda: is_down(daemon))
    finish(daemon, sim)


def test_build_wait_timeout_never(make_daemon, sim):
    daemon = make_daemon({"bot1": {"password": "x", "build_wait_timeout": -1}}).start()
    assert bring_to(daemon, "ready")["deadline"] is None
    daemon.call("worker.build_started", worker="bot1")
    daemon.call("worker.build_finished", worker="bot1")
    assert show(daemon)["deadline"] is None
    finish(daemon, sim)


# Ends that others bring about

def strike(sim, instance, state, reason):
    sim.control("POST", "instance", {"id": instance, "state": state, "reason": reason})


@pytest.mark.parametrize("state", ["terminated", "shutting-down"])
@pytest.mark.parametrize("phase", ["pending", "waiting"])
def test_ended_from_outside_while_starting(daemon, sim, phase, state):
    """Those who wait are told EC2's reason, and no mail is written."""
    sim.control("POST", "scenario", {"pending": "1h" if phase == "pending" else "0.1s",
                                     "shutdown": "0.1s"})
    waiting = up(daemon)
    instance = eventually(lambda: has_phase(daemon, phase))["instance"]["id"]
    strike(sim, instance, state, "Server.InternalError")
    eventually(lambda: waiting)
    assert waiting[0].kind == "failed" and waiting[0].data["reason"] == "instance_died"
    assert "Server.InternalError" in waiting[0].message and instance in waiting[0].message
    eventually(lambda: is_down(daemon))
    assert show(daemon)["last_error"]["reason"] == "instance_died"
    finish(daemon, sim)


def hasten(daemon):
    """In the steady state there is a listing a minute; it serves all, so another's start will do."""
    daemon.call("worker.substantiate", worker="linux-03")


@pytest.mark.parametrize("building", [False, True])
def test_ended_from_outside_while_ready(daemon, sim, building):
    instance = bring_to(daemon, "ready")["instance"]["id"]
    if building:
        daemon.call("worker.build_started", worker="bot1")
    strike(sim, instance, "terminated", "Client.UserInitiatedShutdown")
    hasten(daemon)
    eventually(lambda: is_down(daemon))
    records = daemon.call("worker.history", worker="bot1")["records"]
    [lost] = [r for r in records if r["type"] == "lost"]
    assert "Client.UserInitiatedShutdown" in lost["reason"]
    assert show(daemon)["building"] == 0
    finish(daemon, sim)


def test_ended_from_outside_while_condemned(daemon, sim):
    """Our terminate is refused again and again, and somebody else does it."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    sim.fault(action="TerminateInstances", effect="error", code="OperationNotPermitted")
    daemon.call("worker.insubstantiate", worker="bot1")
    error = eventually(lambda: show(daemon)["last_error"])
    assert error["aws"]["code"] == "OperationNotPermitted"
    assert has_phase(daemon, "condemned")
    strike(sim, instance, "terminated", "Client.UserInitiatedShutdown")
    eventually(lambda: is_down(daemon))
    finish(daemon, sim)


@pytest.mark.parametrize("phase", ["waiting", "ready"])
def test_stopped_from_outside(daemon, sim, phase):
    """As good as dead, and still paid for: it is terminated."""
    instance = bring_to(daemon, phase)["instance"]["id"]
    strike(sim, instance, "stopped", "Client.UserInitiatedShutdown")
    hasten(daemon)
    eventually(lambda: is_down(daemon))
    assert sim.ledger()[instance]["state"] == "terminated"
    assert sim.calls("TerminateInstances") >= 1
    assert "was stopped" in show(daemon)["last_error"]["message"]
    finish(daemon, sim)


def test_nothing_ends_for_lack_of_news(make_daemon, sim):
    """A deadline that runs out while no listing works acts after the first that does."""
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 3},
                          "bot2": {"password": "x", "missing_timeout": 3}}).start()
    for worker in ("bot1", "bot2"):
        bring_to(daemon, "waiting", worker)
    fault = sim.fault(action="DescribeInstances", effect="error", code="InternalError")
    listings = sim.calls("DescribeInstances")
    eventually(lambda: sim.calls("DescribeInstances") >= listings + 3, 60)
    at = show(daemon)["deadline"]["at"]
    eventually(lambda: ec2sim.utc_text() > at)
    assert has_phase(daemon, "waiting") and sim.calls("TerminateInstances") == 0
    daemon.call("worker.attached", worker="bot2")
    sim.control("DELETE", f"faults?id={fault}")
    eventually(lambda: is_down(daemon), 60)
    assert show(daemon)["last_error"]["kind"] == "missing"
    assert show(daemon, "bot2")["state"] == "substantiated"
    judge.check_rest(daemon, sim)
    finish(daemon, sim)
