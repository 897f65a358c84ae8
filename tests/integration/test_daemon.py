# SPDX-License-Identifier: Apache-2.0
"""The daemon's own life: restarts, signals, reloads, and a state directory that is not well."""

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
from datetime import datetime

import pytest

import judge
from ec2sim import eventually, utc_text
from lives import bring_to, finish, has_phase, is_down, show, take_down, up
from rpcclient import RpcError

CONFIG = 78

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be other users")

# Restart

PHASES = ["reserved", "sending", "unknown", "pending", "waiting", "ready", "condemned"]
KEPT = ("worker", "generation", "attached", "building", "deadline")


def hold_in(daemon, sim, phase):
    """A worker of that name in that phase, and EC2 such that it stays there."""
    faults = {"reserved": {"action": "RunInstances", "effect": "throttle"},
              "sending": {"action": "RunInstances", "effect": "delay", "delay": "25s", "count": 1},
              "unknown": {"action": "RunInstances", "effect": "drop"},
              "condemned": {"action": "TerminateInstances", "effect": "error",
                            "code": "OperationNotPermitted"}}
    if phase in faults:
        sim.fault(worker=phase, **faults[phase])
    if phase == "condemned":
        bring_to(daemon, "ready", phase)
        daemon.call("worker.insubstantiate", worker=phase)
    else:
        bring_to(daemon, phase, phase)
    if phase == "ready":
        daemon.call("worker.build_started", worker=phase, build="b/1")


def all_of_them(daemon):
    return {w["worker"]: w for w in daemon.call("worker.list")["workers"]}


def reboot(daemon):
    """The next start finds a ledger that was written before the host booted."""
    daemon.kill()
    with sqlite3.connect(daemon.directory / "state" / "ledger.db") as ledger:
        ledger.execute("UPDATE meta SET boot = 'another'")
        # Boottimes of another boot mean nothing: only the wall clock may be believed.
        ledger.execute("UPDATE worker SET missing_boot = 1, seal = NULL WHERE missing_boot <> 0")
    ledger.close()


@pytest.mark.parametrize("end", [lambda d: d.kill(), lambda d: d.stop(), reboot],
                         ids=["kill", "stop", "reboot"])
def test_restart_in_each_phase(make_daemon, sim, end):
    """Same generation, same launch, same instance, and deadlines that did not move."""
    daemon = make_daemon({phase: {"password": "generated"} for phase in PHASES}).start()
    sim.control("POST", "scenario", {"pending": "1h", "shutdown": "0.1s"})
    bring_to(daemon, "pending", "pending")
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s"})
    for phase in PHASES[::-1]:
        hold_in(daemon, sim, phase)
    before = all_of_them(daemon)
    tokens = judge.rows(daemon, "SELECT worker, launch, token FROM launch ORDER BY worker")
    end(daemon)
    daemon.start()
    after = all_of_them(daemon)
    for phase in PHASES:
        assert {k: after[phase][k] for k in KEPT} == {k: before[phase][k] for k in KEPT}, phase
        if phase not in ("reserved", "sending", "unknown"):  # these are sent again at once
            assert after[phase]["phase"] == phase
            assert after[phase]["instance"] == before[phase]["instance"]
    assert before["ready"]["building"] == 1
    sim.control("DELETE", "faults")
    for phase in PHASES:
        if phase == "pending":
            sim.control("POST", "instance", {
                "id": after[phase]["instance"]["id"], "state": "running"})
        if phase not in ("condemned", "ready"):
            eventually(lambda p=phase: has_phase(daemon, "waiting", p), 60)
    eventually(lambda: is_down(daemon, "condemned"), 60)
    assert judge.rows(
        daemon, "SELECT worker, launch, token FROM launch ORDER BY worker") == tokens
    assert all(row["sends"] == 1 for row in judge.rows(
        daemon, "SELECT sends FROM launch WHERE worker IN ('pending', 'waiting', 'ready')"))
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_deadline_that_passed_meanwhile(make_daemon, sim):
    """It acts after the first listing; a worker that attached before it was told is left alone."""
    daemon = make_daemon({"bot1": {"password": "x", "missing_timeout": 3}}).start()
    deadline = bring_to(daemon, "waiting")["deadline"]
    daemon.kill()
    fault = sim.fault(action="DescribeInstances", effect="error", code="InternalError")
    eventually(lambda: utc_text() > deadline["at"])
    daemon.start()
    assert show(daemon)["deadline"] == deadline and has_phase(daemon, "waiting")
    sim.control("DELETE", f"faults?id={fault}")
    eventually(lambda: is_down(daemon), 60)
    assert show(daemon)["last_error"]["kind"] == "missing"
    finish(daemon, sim)


# SIGTERM

def test_terminate_keeps(daemon, sim):
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert judge.live(sim) == {"bot1": [instance]} and sim.calls("TerminateInstances") == 0
    daemon.start()
    assert show(daemon)["instance"]["id"] == instance
    finish(daemon, sim)


def test_terminate_during_a_launch(daemon, sim):
    """The row stays as it is, the client's connection is closed, the next start resolves it."""
    sim.fault(action="RunInstances", effect="delay", delay="20s", after=True, count=1)
    waiting = up(daemon)
    eventually(lambda: judge.rows(daemon, "SELECT 1 FROM launch WHERE phase = 'sending'"))
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    eventually(lambda: waiting)
    assert isinstance(waiting[0], (AssertionError, RpcError))
    [row] = judge.rows(daemon, "SELECT phase, token FROM launch")
    assert row["phase"] in ("sending", "answered")
    daemon.start()
    eventually(lambda: has_phase(daemon, "waiting"))
    assert [i["client_token"] for i in sim.ledger().values()] == [row["token"]]
    finish(daemon, sim)


def test_terminate_terminates(make_daemon, sim):
    """on_stop: terminate ends all, also what nobody knows the end of yet."""
    daemon = make_daemon(on_stop="terminate").start()
    bring_to(daemon, "ready")
    bring_to(daemon, "waiting", "linux-01")
    sim.control("POST", "scenario", {"pending": "1h", "shutdown": "1h"})
    bring_to(daemon, "pending", "linux-02")
    sim.fault(action="RunInstances", effect="delay", delay="1s", after=True, count=1)
    daemon.call("worker.substantiate", worker="linux-03")
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert not judge.live(sim)
    assert len(sim.ledger()) in (3, 4)
    assert not judge.rows(daemon, "SELECT 1 FROM worker WHERE phase <> 'idle'")
    sim.control("POST", "scenario", {"shutdown": "0.1s"})
    for instance in sim.ledger():
        sim.control("POST", "instance", {"id": instance, "state": "terminated"})
    daemon.start()
    judge.check_rest(daemon, sim)


@pytest.mark.faults
def test_terminate_gives_up_in_time(make_daemon, sim):
    """25 s after the signal it leaves, whatever EC2 says; the next start goes on terminating."""
    daemon = make_daemon(on_stop="terminate").start()
    bring_to(daemon, "ready")
    sim.fault(action="TerminateInstances", effect="error", code="InternalError")
    daemon.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.process.wait(20)
    assert daemon.wait(60) == 0
    assert len(judge.live(sim)) == 1
    sim.control("DELETE", "faults")
    daemon.start()
    eventually(lambda: is_down(daemon), 60)
    judge.check_rest(daemon, sim)


# SIGHUP and reload

def reload(daemon, **params):
    daemon.write_config()
    return daemon.call("daemon.reload", **params)


def test_storm_of_hangups(daemon, sim):
    """A thousand of them: one reload at a time, the last one counts, running workers notice nothing."""
    before = bring_to(daemon, "ready")
    for n in range(1000):
        if n == 999:
            daemon.config["workers"]["late"] = {"password": "x"}
            daemon.write_config()
        daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(daemon.call("worker.list")["workers"]) == 5, 60)
    after = show(daemon)
    assert {k: after[k] for k in KEPT + ("instance", "state")} == {
        k: before[k] for k in KEPT + ("instance", "state")}
    assert 1 <= daemon.log().count("configuration read again") <= 1000
    finish(daemon, sim)


def test_hangup_with_a_bad_file(daemon, sim):
    """The old one stays in force, and the log says where the new one is wrong."""
    bring_to(daemon, "ready")
    good = daemon.config["workers"]
    daemon.config["workers"] = good | {"new": {"pasword": "x"}}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "reload refused" in daemon.log())
    assert "pasword" in daemon.log()
    assert sorted(all_of_them(daemon)) == ["bot1", "linux-01", "linux-02", "linux-03"]
    assert show(daemon)["state"] == "substantiated"
    daemon.config["workers"] = good | {"new": {"password": "x"}}
    daemon.write_config()
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "new" in all_of_them(daemon))
    finish(daemon, sim)


@pytest.mark.parametrize("restart", [False, True])
def test_reload_removes_a_running_worker(daemon, sim, restart):
    """It runs to its stop, is never started again, and is forgotten then."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    worker = daemon.config["workers"].pop("bot1")
    assert reload(daemon)["removed"] == ["bot1"]
    if restart:
        daemon.stop()
        daemon.start()
    assert show(daemon)["state"] == "substantiated"
    assert show(daemon)["instance"]["id"] == instance
    daemon.call("worker.build_started", worker="bot1")
    daemon.call("worker.build_finished", worker="bot1")
    judge.check_rest(daemon, sim)
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    with pytest.raises(RpcError) as error:
        show(daemon)
    assert error.value.kind == "worker_unknown"
    assert not judge.live(sim)
    daemon.config["workers"]["bot1"] = worker
    assert reload(daemon)["added"] == ["bot1"]
    assert bring_to(daemon, "waiting")["generation"] == 2
    finish(daemon, sim)


def test_reload_removes_a_starting_worker(daemon, sim):
    """What was asked for is answered; what comes up is known and can be taken down."""
    sim.fault(action="RunInstances", effect="delay", delay="1s", after=True, count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "sending"))
    del daemon.config["workers"]["bot1"]
    reload(daemon)
    eventually(lambda: has_phase(daemon, "waiting"))
    daemon.call("worker.attached", worker="bot1")
    judge.check_rest(daemon, sim)
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    assert not judge.live(sim)


def test_reload_renames_a_worker(daemon, sim):
    """One leaves, one comes; the instance stays with the old name until it ends."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.config["workers"]["bot2"] = daemon.config["workers"].pop("bot1")
    changes = reload(daemon)
    assert (changes["added"], changes["removed"]) == (["bot2"], ["bot1"])
    assert show(daemon)["instance"]["id"] == instance
    assert bring_to(daemon, "waiting", "bot2")["instance"]["id"] != instance
    assert sorted(judge.live(sim)) == ["bot1", "bot2"]
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_reload_during_a_start(make_daemon, sim):
    """The request under way is frozen, its timeout keeps what has elapsed, the rest is for later."""
    daemon = make_daemon({"bot1": {"password": "x", "user_data": "{{ password }}"}}).start()
    sim.fault(action="RunInstances", effect="delay", delay="1s", count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "sending"))
    before = show(daemon)
    worker = daemon.config["workers"]["bot1"]
    worker |= {"ami": "ami-87654321", "instance_type": "m5.xlarge", "missing_timeout": 90,
               "password": "another"}
    changes = reload(daemon)
    assert (changes["changed"], changes["stale"]) == (["bot1"], ["bot1"])
    assert any("bot1" in warning for warning in changes["warnings"]), changes
    assert seconds(show(daemon)["deadline"]["at"], before["deadline"]["at"]) == 30
    assert daemon.call("worker.password", worker="bot1")["password"] == "another"
    running = eventually(lambda: has_phase(daemon, "waiting"))
    assert running["stale"] and running["instance"]["type"] == "m5.large"
    [instance] = sim.ledger().values()
    assert (instance["image"], instance["type"]) == ("ami-12345678", "m5.large")
    take_down(daemon)
    assert bring_to(daemon, "waiting")["instance"]["type"] == "m5.xlarge"
    assert not show(daemon)["stale"]
    finish(daemon, sim)


def seconds(later, earlier):
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def test_password_changed_while_a_send_is_open(make_daemon, sim):
    """The bytes cannot be made again, so they are not sent again: the launch is watched for (L4)."""
    daemon = make_daemon({"bot1": {"password": "old", "user_data": "{{ password }}"}}).start()
    sim.fault(action="RunInstances", effect="drop")
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "unknown"))
    daemon.config["workers"]["bot1"]["password"] = "new"
    assert any("bot1" in warning for warning in reload(daemon)["warnings"])
    eventually(lambda: judge.rows(daemon, "SELECT 1 FROM launch WHERE phase = 'watch'"))
    sent = sim.calls("RunInstances")
    worker = show(daemon)
    assert worker["state"] == "insubstantiating" or worker["phase"] == "watch"
    assert "cannot be sent again" in daemon.log() or "digest" in daemon.log()
    sim.control("DELETE", "faults")
    daemon.kill()
    daemon.start()
    assert judge.rows(daemon, "SELECT phase FROM launch") == [{"phase": "watch"}]
    assert sim.calls("RunInstances") == sent and not sim.ledger()


def test_watched_launch_that_appears(make_daemon, sim):
    """Its effect came late: the instance is found by its tags, and ended."""
    daemon = make_daemon({"bot1": {"password": "old", "user_data": "{{ password }}"}}).start()
    # All of it is late: the answer that never comes, and the instance that does.
    sim.fault(action="RunInstances", effect="delay", delay="4s", count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "sending"))
    daemon.kill()
    daemon.config["workers"]["bot1"]["password"] = "new"
    daemon.write_config()
    daemon.start()
    eventually(lambda: judge.rows(daemon, "SELECT 1 FROM launch WHERE phase = 'watch'"))
    eventually(lambda: [i for i in sim.ledger().values() if i["state"] == "terminated"], 30)
    eventually(lambda: has_phase(daemon, "waiting"), 30)
    assert len(sim.ledger()) == 2 and show(daemon)["generation"] == 1
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_reload_of_region_and_credentials(daemon, sim):
    """What runs is ended where it runs, and with whom it was started."""
    instance = bring_to(daemon, "ready")["instance"]["id"]
    daemon.config["workers"]["bot1"] |= {"region": "eu-west-1", "identifier": "AKIDOTHER",
                                         "secret_identifier": "test"}
    reload(daemon)
    judge.check_rest(daemon, sim)
    assert show(daemon)["instance"]["id"] == instance
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    again = bring_to(daemon, "waiting")["instance"]
    assert again["zone"].startswith("eu-west-1")
    assert {i["region"] for i in sim.ledger().values()} == {"us-east-1", "eu-west-1"}
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


def test_pool_is_not_renamed_while_instances_live(daemon, sim):
    bring_to(daemon, "ready")
    daemon.config["pool"] = "other"
    daemon.write_config()
    with pytest.raises(RpcError) as error:
        daemon.call("daemon.reload")
    assert "pool" in error.value.message
    daemon.kill()
    daemon.start(wait=False)
    assert daemon.wait() == CONFIG
    assert "pool test" in daemon.log()
    daemon.config["pool"] = "test"
    daemon.write_config()
    daemon.start()
    finish(daemon, sim)
    daemon.stop()
    daemon.config["pool"] = "other"
    daemon.write_config()
    daemon.start()
    assert daemon.call("daemon.version")["pool"] == "other"


# The state directory

def refused(daemon, *words, **popen):
    daemon.start(wait=False, **popen)
    assert daemon.wait() == CONFIG, daemon.log()
    assert all(word in daemon.log() for word in words), daemon.log()


def test_two_daemons_on_one_directory(make_daemon, daemon, sim):
    """flock refuses the second, also on another socket; the first goes on."""
    bring_to(daemon, "ready")
    second = make_daemon(socket=str(daemon.directory / "second.sock"))
    refused(second, "in use by another daemon")
    assert show(daemon)["state"] == "substantiated"
    daemon.write_config()
    finish(daemon, sim)


def make_link(path):
    target = path.with_name("elsewhere")
    target.mkdir(0o700)
    path.symlink_to(target)


def make_file(path):
    path.write_text("precious")


def make_open(path):
    path.mkdir()
    path.chmod(0o777)


def make_garbage(path):
    path.mkdir(0o700)
    (path / "key").write_text("no key at all")


def make_foreign(path):
    path.mkdir(0o700)
    os.chown(path, 65534, 65534)


@pytest.mark.parametrize("make, words", [
    (make_link, ["symbolic link"]), (make_file, ["is not a directory"]),
    (make_open, ["others may write to it"]), (make_garbage, ["is not a key file"]),
    pytest.param(make_foreign, ["belongs to user 65534"], marks=needs_root)])
def test_state_directory_that_is_none(make_daemon, make, words):
    daemon = make_daemon()
    make(pathlib.Path(daemon.config["state_dir"]))
    refused(daemon, str(daemon.directory / "state"), *words)


@needs_root
def test_read_only_state_directory(make_daemon):
    """As a user whom modes bind: root writes everywhere."""
    daemon = make_daemon()
    state = pathlib.Path(daemon.config["state_dir"])
    state.mkdir()
    state.chmod(0o500)
    for path in (state, daemon.conf_path):
        shutil.chown(path, 65534, 65534)
    refused(daemon, str(state), user=65534, group=65534, extra_groups=[])


@pytest.fixture
def small_disk(directory):
    """A file system of 4 MiB for the state directory."""
    path = pathlib.Path(directory) / "state"
    path.mkdir(0o700)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "none", path],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def fill(path):
    """All that is left of the disk."""
    with open(path / "ballast", "wb", buffering=0) as ballast:
        try:
            while True:
                ballast.write(b"x" * 4096)
        except OSError:
            pass


def test_full_disk(small_disk, make_daemon, sim):
    """Nothing new is launched; what runs is served and ended; room again, and all goes on."""
    daemon = make_daemon().start()
    bring_to(daemon, "ready")
    fill(small_disk)
    bring_down_until_full(daemon, small_disk)
    launched = sim.calls("RunInstances")
    assert daemon.call("worker.show", worker="bot1")["worker"] == "bot1"
    (small_disk / "ballast").unlink()
    eventually(lambda: "ledger is over after" in daemon.log(), 60)
    eventually(lambda: has_phase(daemon, "waiting", "linux-03"), 60)
    assert sim.calls("RunInstances") > launched
    judge.check_rest(daemon, sim)
    finish(daemon, sim)
    daemon.stop()
    daemon.start()
    assert (small_disk / "reserve").exists()


def bring_down_until_full(daemon, disk):
    """The reserve pays for an end; then the disk is filled again, and a wish waits for room."""
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    fill(disk)
    call = up(daemon, "linux-03", "accepted")
    eventually(lambda: "error: ledger: " in daemon.log(), 60)
    assert not call


def test_locked_ledger(daemon, sim):
    """Somebody's backup holds it: no reply and no launch before the commit, all of it afterwards."""
    bring_to(daemon, "ready")
    holder = sqlite3.connect(daemon.directory / "state" / "ledger.db")
    holder.execute("BEGIN EXCLUSIVE")
    launched = sim.calls("RunInstances")
    waiting = up(daemon, "linux-01", "accepted")
    eventually(lambda: "error: ledger: " in daemon.log(), 30)
    assert not waiting and sim.calls("RunInstances") == launched
    holder.rollback()
    holder.close()
    eventually(lambda: waiting, 30)
    assert waiting[0]["generation"] == 1
    eventually(lambda: has_phase(daemon, "waiting", "linux-01"), 30)
    assert "ledger is over after" in daemon.log()
    judge.check_rest(daemon, sim)
    finish(daemon, sim)
