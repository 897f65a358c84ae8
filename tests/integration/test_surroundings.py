# SPDX-License-Identifier: Apache-2.0
"""The host that the daemon runs on: its addresses, its resolver, what its kernel refuses."""

import contextlib
import datetime
import os
import re
import socket
import subprocess
import sys

import pytest

import ec2sim
import judge
import sandbox
from daemon import BUILD, WORKER, Daemon
from ec2sim import eventually, utc_text
from lives import bring_to, finish, show

V4, V6 = "127.0.0.1", "[::1]"
FAMILIES = {V4: socket.AF_INET, V6: socket.AF_INET6}
BOTH = "::1 127.0.0.1"


@pytest.fixture
def stack():
    with contextlib.ExitStack() as stack:
        yield stack


def swallow(stack, host, port):
    """A listener there whose queue is full: it answers nothing, not even no."""
    address = (host.strip("[]"), port)
    listener = stack.enter_context(socket.socket(FAMILIES[host]))
    listener.bind(address)
    listener.listen(0)
    for _ in range(4):
        filler = stack.enter_context(socket.socket(FAMILIES[host]))
        filler.setblocking(False)
        filler.connect_ex(address)


def live(directory, sim, endpoint, prefix=()):
    """A whole life of a worker by this endpoint."""
    daemon = Daemon(directory, endpoint, {"bot1": {"password": "generated"}})
    with contextlib.ExitStack() as stack:
        stack.push(daemon.__exit__)
        daemon.start(prefix=prefix)
        bring_to(daemon, "ready")
        finish(daemon, sim)


@pytest.mark.parametrize("host", [V4, V6])
def test_addresses(host, directory, stack):
    sim = stack.enter_context(ec2sim.running(host=host))
    live(directory, sim, sim.url)


@pytest.fixture
def names(directory):
    """The prefix for a program that finds ec2.test at both addresses."""
    prefix = sandbox.own_names(directory, **{"ec2.test": BOTH})
    found = subprocess.run([*prefix, "getent", "ahosts", "ec2.test"], capture_output=True,
                           text=True, check=False)
    if found.returncode != 0:
        pytest.skip(f"no names of our own here: {found.stderr.strip()}")
    assert "::1" in found.stdout and V4 in found.stdout
    return prefix


@pytest.mark.parametrize("host, other", [(V4, V6), (V6, V4)])
@pytest.mark.parametrize("dead", ["refuses", "swallows"])
def test_one_of_two_is_dead(host, other, dead, names, directory, stack):
    """The name leads to two addresses, and nobody is at one of them (N26)."""
    sim = stack.enter_context(ec2sim.running(host=host))
    if dead == "swallows":
        swallow(stack, other, sim.port)
    live(directory, sim, f"http://ec2.test:{sim.port}", names)


@pytest.mark.parametrize("host", [V4, V6])
def test_a_host_of_one_family(host, names, directory, stack):
    """The other family is not only silent: this host does not have it (N26)."""
    try:
        stack.enter_context(sandbox.own_network(FAMILIES[host]))
    except (sandbox.Unavailable, OSError) as error:
        pytest.skip(f"no network of our own here: {error}")
    sim = stack.enter_context(ec2sim.running(host=host))
    for endpoint in (sim.url, f"http://ec2.test:{sim.port}"):
        sim.control("POST", "reset")
        live(directory, sim, endpoint, names)


REFUSED = """
import mmap, socket
for forbidden in (lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
                  lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)):
    try:
        forbidden()
    except OSError:
        continue
    raise SystemExit("allowed")
"""


# argv: where sandbox.py is, then the command.
CONFINED = """
import os, sys
sys.path.insert(0, sys.argv[1])
import sandbox
sandbox.confine()
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_confined_as_by_the_unit(names, directory, stack):
    """
    No netlink socket for the resolver (N27), and no memory that can be written and executed,
    which rules of images must do without (C7).
    """
    done = subprocess.run([sys.executable, "-c", REFUSED], preexec_fn=sandbox.confine,
                          check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    sim = stack.enter_context(ec2sim.running())
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "images": [
        {"id": f"ami-{n:08x}", "name": f"ci-{n}", "owner": "000000000012", "public": True}
        for n in range(9, 12)]})
    daemon = Daemon(directory, f"http://ec2.test:{sim.port}", {"bot1": {
        "password": "generated", "valid_ami_location_regex": r"(?:\d+)/ci-(\d+)$"}},
        worker_defaults={key: value for key, value in WORKER.items() if key != "ami"})
    stack.push(daemon.__exit__)
    daemon.start(prefix=[*names, sys.executable, "-c", CONFINED, os.path.dirname(
        sandbox.__file__)])
    worker = bring_to(daemon, "ready")
    assert worker["instance"]["image"] == "ami-0000000b"
    finish(daemon, sim)


def test_no_just_in_time_compiler():
    """What is never asked for cannot be refused (C7)."""
    assert b"pcre2_jit" not in (BUILD / "ec2workerd").read_bytes()


def zone_that_changes(seconds):
    """A zone, without a file of zones, whose clocks are put forward by an hour so soon."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return f"AAA0BBB-1,{at.timetuple().tm_yday - 1}/{at:%H:%M:%S},0/0"


def hour_in(zone):
    return subprocess.run(["date", "+%z"], env={"TZ": zone}, capture_output=True, text=True,
                          check=True).stdout.strip()


def test_daylight_saving(directory, sim):
    """The local clock jumps by an hour in the midst of it, and nobody notices (T1)."""
    zone = zone_that_changes(4)
    assert hour_in(zone) == "+0000"
    daemon = Daemon(directory, sim.url, {"bot1": {"password": "generated", "missing_timeout": 600,
                                                  "build_wait_timeout": 600}})
    daemon.environment = {"TZ": zone}
    with daemon:
        bring_to(daemon, "waiting")
        eventually(lambda: hour_in(zone) == "+0100")
        daemon.call("worker.attached", worker="bot1")
        worker = show(daemon)
        now = judge.ms(utc_text())
        assert worker["phase"] == "ready"
        assert now + 590_000 < judge.ms(worker["deadline"]["at"]) <= now + 600_000
        times = [judge.ms(r["at"]) for r in daemon.call("worker.history", worker="bot1")["records"]]
        assert times == sorted(times, reverse=True) and now - 60_000 < times[-1] <= times[0] <= now
        assert all(re.match(r"[-\dT:.]+Z ", line) for line in daemon.log().splitlines())
        finish(daemon, sim)
