# SPDX-License-Identifier: Apache-2.0
"""dead_man: machines that end by themselves when their daemon is gone, and not before."""

import base64
import os
import shutil
import subprocess
import time

import pytest

import ec2sim
from daemon import BUILD, Daemon
from ec2sim import eventually
from lives import finish, up

LIFE = 5
SCRIPT = "#!/bin/sh -e\necho my own {{ worker }}\nwait\nexec sleep 1000\n"
TOOLS = ["sh", "sleep", "date", "cat", "printf"]


@pytest.fixture(scope="module")
def sim():
    with ec2sim.running("--run-user-data") as sim:
        yield sim


@pytest.fixture
def daemon(sim, directory):
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.2s"})
    sim.control("POST", "reset")
    workers = {"bot1": {"password": "x", "dead_man": LIFE, "user_data": SCRIPT},
               "bot2": {"password": "y", "dead_man": LIFE},
               "bot3": {"password": "z"}}
    with Daemon(directory, sim.url, workers) as daemon:
        yield daemon


def instance(sim, worker="bot1"):
    found = [i for i in sim.ledger().values() if i["worker"] == worker]
    return found[0] if found else {"state": None}


def console(sim, worker="bot1"):
    return sim.client().get_console_output(
        InstanceId=instance(sim, worker)["id"]).get("Output", "")


def start(daemon, sim, *workers):
    for worker in workers:
        up(daemon, worker)
    eventually(lambda: all(instance(sim, w)["state"] == "running" for w in workers))


def troubles(daemon):
    return {t["kind"]: t["message"] for t in daemon.call("pool.status")["degraded"]}


def test_lease_that_is_renewed(daemon, sim):
    """Alive as long as its daemon: twice the life, and with one request for all."""
    start(daemon, sim, "bot1", "bot2", "bot3")
    eventually(lambda: "my own bot1" in console(sim))
    first = instance(sim)["tags"]["ec2workerd:lease"]
    assert first.startswith(f"{LIFE}.")
    assert "ec2workerd:lease" not in instance(sim, "bot3")["tags"]
    until = time.monotonic() + 2.5 * LIFE
    while time.monotonic() < until:
        assert all(instance(sim, w)["state"] == "running" for w in ("bot1", "bot2", "bot3"))
        time.sleep(0.2)
    assert instance(sim)["tags"]["ec2workerd:lease"] != first
    renewals = [r["params"] for r in sim.requests() if r["action"] == "CreateTags"]
    both = {instance(sim)["id"], instance(sim, "bot2")["id"]}
    assert any({p["ResourceId.1"], p.get("ResourceId.2")} == both for p in renewals)
    assert 5 <= len(renewals) <= 14
    assert troubles(daemon) == {}
    finish(daemon, sim)


def test_daemon_that_is_gone(daemon, sim):
    """Killed, and nothing follows: what it had ends by itself, but what has no guard."""
    start(daemon, sim, "bot1", "bot2", "bot3")
    daemon.kill()
    gone = time.monotonic()
    eventually(lambda: instance(sim)["state"] == "terminated", 4 * LIFE)
    assert time.monotonic() - gone > LIFE * 2 / 3
    eventually(lambda: instance(sim, "bot2")["state"] == "terminated", LIFE)
    assert instance(sim)["reason"] == "Client.InstanceInitiatedShutdown"
    assert f"was not renewed for {LIFE} s" in console(sim)
    assert instance(sim, "bot3")["state"] == "running"
    # A new daemon sees that they are gone, and ends the third when nobody wants it.
    daemon.start()
    assert daemon.call("worker.show", worker="bot1")["state"] != "substantiated"
    daemon.call("worker.insubstantiate", worker="bot3", wait="stopped", timeout=30)


@pytest.mark.parametrize("lost", [False, True])
def test_daemon_that_comes_back(lost, daemon, sim):
    """A restart renews at once what it finds, from the tags, with or without its ledger."""
    start(daemon, sim, "bot1")
    daemon.kill()
    before = sim.calls("CreateTags")
    if lost:
        for path in (daemon.directory / "state").glob("ledger*"):
            path.unlink()
    time.sleep(LIFE / 2)
    daemon.start()
    eventually(lambda: sim.calls("CreateTags") > before)
    until = time.monotonic() + 1.5 * LIFE
    while time.monotonic() < until:
        assert instance(sim)["state"] == "running"
        time.sleep(0.2)
    assert daemon.call("pool.status")["hold"] is lost
    if not lost:
        finish(daemon, sim)


def test_renewal_that_is_denied(daemon, sim):
    """Said aloud long before the machines go; and they go, for nobody may know better."""
    rule = sim.fault(action="CreateTags", effect="error", code="UnauthorizedOperation")
    start(daemon, sim, "bot1")
    eventually(lambda: "UnauthorizedOperation" in troubles(daemon).get("leases", ""))
    sim.control("DELETE", f"faults?id={rule}")
    eventually(lambda: troubles(daemon) == {})
    assert instance(sim)["state"] == "running"
    finish(daemon, sim)


# --- the guard by itself

@pytest.fixture
def guard(daemon, sim):
    """The user data of bot2, which is a guard alone, as EC2 was given it."""
    start(daemon, sim, "bot2")
    [params] = [r["params"] for r in sim.requests() if r["action"] == "RunInstances"]
    assert params["MetadataOptions.InstanceMetadataTags"] == "enabled"
    text = base64.b64decode(params["UserData"]).decode()
    assert text.startswith("#!/bin/sh\n")
    daemon.kill()
    return text


def run_guard(text, directory, endpoint, *tools):
    """Runs it with these tools alone: what poweroff wrote, and what it said."""
    path = directory + "/bin"
    os.mkdir(path)
    for tool in (*TOOLS, *tools):
        found = shutil.which(tool, path="/usr/bin:/bin")
        os.symlink(found, f"{path}/{tool}")
    with open(f"{path}/poweroff", "w", encoding="ascii") as poweroff:
        poweroff.write(f"#!/bin/sh\necho off >{directory}/off\n")
    os.chmod(f"{path}/poweroff", 0o755)
    process = subprocess.Popen(["/bin/sh", "-c", text], stdout=subprocess.PIPE, text=True,
                               env={"PATH": path, "AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint},
                               start_new_session=True)
    assert process.wait(5) == 0
    return process


@pytest.mark.parametrize("tool", ["curl", "wget", "python3"])
def test_guard_reads_by(tool, guard, sim, directory):
    """Whatever there is to ask with: it sees each change, and acts when none comes."""
    ec2 = sim.client()
    mine = ec2.run_instances(
        ImageId="ami-12345", MinCount=1, MaxCount=1,
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
    )["Instances"][0]["InstanceId"]
    process = run_guard(guard, directory, f"{sim.url}/imds/{mine}", tool)
    until = time.monotonic() + 1.5 * LIFE
    while time.monotonic() < until:
        ec2.create_tags(Resources=[mine], Tags=[
            {"Key": "ec2workerd:lease", "Value": f"{LIFE}.{time.time_ns()}"}])
        assert not os.path.exists(directory + "/off")
        time.sleep(0.5)
    eventually(lambda: os.path.exists(directory + "/off"), 3 * LIFE)
    os.killpg(process.pid, 9)
    assert "was not renewed" in process.stdout.read()


@pytest.mark.parametrize("tools, endpoint", [
    ((), "/imds/{id}"), (("curl",), "/imds/i-00000000"), (("curl",), "/imds/{id}")])
def test_guard_that_cannot_see(tools, endpoint, guard, sim, directory):
    """Nothing to ask with, no service, no tags: what is not known ends nothing."""
    mine = sim.client().run_instances(
        ImageId="ami-12345", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    process = run_guard(guard, directory, sim.url + endpoint.format(id=mine), *tools)
    assert "the lease cannot be read here" in process.stdout.read()
    assert not os.path.exists(directory + "/off")


# --- configuration

@pytest.mark.parametrize("changes, place, says", [
    ({"user_data": "#cloud-config\n"}, "user_data", "begins with no #! of a shell"),
    ({"user_data": "#!/usr/bin/env python3\n"}, "user_data", "begins with no #! of a shell"),
    ({"user_data": "#!/bin/bash -e\n"}, None, None),
    ({"user_data": "#!/usr/bin/env bash\n"}, None, None),
    ({"user_data": "#!/bin/sh\n{{ nobody }}\n"}, "user_data", "line 2"),
    ({"user_data": "#!/bin/sh\n" + "x" * 15500}, "user_data", "16384"),
    ({"metadata_options": {"InstanceMetadataTags": "disabled"}}, "metadata_options",
     "must tell tags"),
    ({"metadata_options": {"HttpEndpoint": "disabled"}}, "metadata_options", "must tell tags"),
    ({"tags": {"team/name": "x"}}, "tags", "with dead_man a tag's name"),
    ({"dead_man": 1}, "dead_man", "must be from 3s"),
    ({"dead_man": "1m"}, "dead_man", "shorter than"),
])
def test_configuration(changes, place, says, directory):
    daemon = Daemon(directory, "http://127.0.0.1:1",
                    {"bot1": {"password": "x", "dead_man": "6h", **changes}})
    done = subprocess.run([BUILD / "ec2workerd", "-c", daemon.conf_path, "--check"],
                          capture_output=True, text=True, check=False)
    text = done.stdout + done.stderr
    if says is None:
        assert done.returncode == 0, text
    else:
        assert f"{place}: " in text or f".{place}" in text, text
        assert says in text


def test_policy(directory):
    """The daemon may set that tag, of its own instances; without dead_man it need not."""
    for more, wanted in (({"dead_man": "6h"}, 2), ({}, 1)):
        daemon = Daemon(directory, "http://127.0.0.1:1", {"bot1": {"password": "x", **more}})
        done = subprocess.run([BUILD / "ec2workerd", "-c", daemon.conf_path, "--print-policy"],
                              capture_output=True, text=True, check=True)
        assert done.stdout.count('"ec2:CreateTags"') == wanted
