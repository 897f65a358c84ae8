# SPDX-License-Identifier: Apache-2.0
"""The fixtures: a simulated EC2, and a daemon that uses it."""

import contextlib
import os
import tempfile

import pytest

import ec2sim
from daemon import Daemon


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: takes its time; run by make check-faults")


@pytest.fixture
def sim():
    with ec2sim.running(pending="0.1", shutdown="0.1") as running:
        yield running


@pytest.fixture
def directory():
    """Where others may look into, and short: a socket's path has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="e2w-") as path:
        os.chmod(path, 0o755)
        yield path


@pytest.fixture
def make_daemon(directory, sim):
    """make_daemon(workers, **config): a daemon that is not started yet."""
    with contextlib.ExitStack() as stack:
        def make(workers=None, **config):
            made = Daemon(directory, sim.url, workers or {
                "bot1": {"password": "sekrit"},
                "linux-[01-03]": {"password": "generated"}}, **config)
            stack.callback(made.stop)
            return made
        yield make


@pytest.fixture
def daemon(make_daemon):
    return make_daemon().start()
