# SPDX-License-Identifier: Apache-2.0
"""The fixtures: a simulated EC2, and a daemon that uses it."""

import contextlib
import os
import tempfile

import pytest

import ec2sim
import rpc_table
from daemon import Daemon


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: takes its time; run by make check-faults")
    config.addinivalue_line("markers", "failpoints: needs a build with --enable-failpoints")
    config.addinivalue_line("markers", "allocator: puts another one in, which AddressSanitizer does not bear")


def is_absent(item):
    if item.get_closest_marker("failpoints"):
        return not item.module.HAS_POINTS
    return item.get_closest_marker("allocator") and "ASAN_OPTIONS" in os.environ


def pytest_collection_modifyitems(config, items):
    """What a build does not have is no part of its tests; make check has one that has it."""
    absent = [item for item in items if is_absent(item)]
    config.hook.pytest_deselected(items=absent)
    items[:] = [item for item in items if item not in absent]


def pytest_runtest_logreport(report):
    rpc_table.on_report(report)


def pytest_sessionfinish(session, exitstatus):
    """A test that passed whole must have seen what tests/rpc.md says of it."""
    option = session.config.option
    chosen = option.keyword or option.lf or option.markexpr not in ("", "not faults")
    if exitstatus == 0 and not chosen and not any("::" in arg for arg in session.config.args):
        session.rpc_table = rpc_table.not_seen()
        if session.rpc_table:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for line in getattr(terminalreporter._session, "rpc_table", []):
        terminalreporter.write_line(f"tests/rpc.md: {line}", red=True)


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
