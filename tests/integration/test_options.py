# SPDX-License-Identifier: Apache-2.0
"""The daemon's command line: what it prints, and its four exit codes."""

import os
import pathlib
import re
import subprocess

import pytest

from daemon import BUILD, clean_environment

GOOD, FAILED, USAGE, CONFIG = 0, 1, 2, 78


def run(*args, **popen):
    done = subprocess.run([BUILD / "ec2workerd", *args], capture_output=True, text=True,
                          timeout=20, env=clean_environment(), check=False, **popen)
    return done.returncode, done.stdout, done.stderr


def test_version():
    code, out, err = run("--version")
    assert (code, err) == (GOOD, "") and re.fullmatch(r"ec2workerd \d+\.\d+\.\d+\n", out)


def test_help():
    code, out, err = run("--help")
    assert (code, err) == (GOOD, "") and out.startswith("Usage: ec2workerd ")
    assert "-c, --config FILE" in out and "--check" in out


@pytest.mark.parametrize("args, text", [
    (["--chek"], "--chek: unknown option; did you mean --check?"),
    (["-q"], "-q: unknown option"),
    (["-c"], "-c needs a value: FILE"),
    (["--check=yes"], "--check takes no value"),
    (["file.yaml"], "file.yaml: not an option"),
])
def test_wrong_usage(args, text):
    assert run(*args) == (USAGE, "", f"ec2workerd: {text}\n")


def test_check(make_daemon):
    daemon = make_daemon()
    code, out, err = run("-c", daemon.conf_path, "--check")
    assert (code, err) == (GOOD, "") and out.endswith("good: pool test, 4 workers\n")
    assert not pathlib.Path(daemon.config["state_dir"]).exists()


def test_check_shows_all_problems(directory):
    path = pathlib.Path(directory) / "bad.yaml"
    path.write_text("pool: BAD\n"
                    "workers:\n"
                    "  bot1:\n"
                    "    password: s3kr1t\n"
                    "    missing_timout: 20m\n"
                    "    build_wait_timeout: 10 minutes\n"
                    "  bot1: {}\n")
    path.chmod(0o600)
    code, out, err = run("-c", path, "--check")
    assert (code, out) == (CONFIG, "")
    places = re.findall(rf"^{re.escape(str(path))}:(\d+):(\d+): error: ", err, re.MULTILINE)
    assert len(places) >= 4
    assert [int(line) for line, _ in places] == sorted(int(line) for line, _ in places)
    assert "did you mean 'missing_timeout'?" in err
    assert "s3kr1t" not in err
    assert run("-c", path)[0] == CONFIG


def test_no_file(directory):
    code, _, err = run("-c", f"{directory}/none.yaml")
    assert code == CONFIG and "No such file or directory" in err


def test_state_directory_that_cannot_be(make_daemon):
    daemon = make_daemon(state_dir="/proc/nowhere")
    code, _, err = run("-c", daemon.conf_path)
    assert code == CONFIG and "/proc/nowhere" in err


def test_socket_directory_that_is_not_there(make_daemon, directory):
    daemon = make_daemon(socket=f"{directory}/none/rpc.sock")
    code, _, err = run("-c", daemon.conf_path)
    assert code == CONFIG and f"{directory}/none" in err


def test_closed_descriptors(make_daemon):
    """No socket and no ledger becomes somebody's stdout or stderr."""
    daemon = make_daemon()
    daemon.start(prefix=["/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-'])
    for fd in range(3):
        assert os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}") == "/dev/null"
    assert daemon.call("daemon.version")["pool"] == "test"


def test_verbose_outlives_a_reload(make_daemon):
    daemon = make_daemon(log_level="warning").start("-v")
    assert " info" in daemon.log()
    daemon.call("daemon.reload")
    before = daemon.log().count("configuration read again")
    daemon.call("daemon.reload")
    assert daemon.log().count("configuration read again") == before + 1
