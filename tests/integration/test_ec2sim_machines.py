# SPDX-License-Identifier: Apache-2.0
"""--run-user-data: what runs, what its console is, and that nothing outlives it."""

import os
import pathlib
import signal
import subprocess
import time

import pytest

from ec2sim import BUILD, Ec2sim, eventually, running

IMAGE = {"ImageId": "ami-12345", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def tmp(tmp_path):
    """TMPDIR of the simulator: afterwards it must be empty."""
    directory = tmp_path / "tmp"
    directory.mkdir()
    yield directory
    assert list(directory.iterdir()) == []


@pytest.fixture
def sim(tmp):
    env = os.environ | {"TMPDIR": str(tmp), "SECRET_OF_THE_TEST": "x"}
    with running("--run-user-data", env=env) as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


def boot(ec2, script, **more):
    return ec2.run_instances(**IMAGE, UserData=script, **more)["Instances"][0]["InstanceId"]


def state(ec2, name):
    [reservation] = ec2.describe_instances(InstanceIds=[name])["Reservations"]
    return reservation["Instances"][0]["State"]["Name"]


def console(ec2, name):
    return ec2.get_console_output(InstanceId=name).get("Output", "")


def alive(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rsplit(")", 1)[1].split()[0] != "Z"


def pids(ec2, name, count):
    """The numbers that the script printed, one a line."""
    def all_of_them():
        lines = console(ec2, name).split()
        return [int(line) for line in lines if line.isdigit()] if len(lines) >= count else None
    return eventually(all_of_them)


def test_script_runs_when_the_instance_does(sim, ec2):
    name = boot(ec2, "#!/bin/sh\necho $EC2SIM_INSTANCE_ID in $EC2SIM_REGION; echo oops >&2\n"
                     "pwd; cat </dev/stdin; ulimit -c\n")
    assert console(ec2, name) == ""
    text = eventually(lambda: "oops" in console(ec2, name) and console(ec2, name))
    assert text.startswith(f"{name} in us-east-1\noops\n")
    time.sleep(0.3)
    # The end of the script is not the end of the instance.
    assert state(ec2, name) == "running"


def test_without_a_first_line_the_shell_runs_it(ec2):
    name = boot(ec2, "echo plain $0\n")
    eventually(lambda: "plain" in console(ec2, name))


def test_other_interpreter(ec2):
    name = boot(ec2, "#!/usr/bin/env python3\nimport os\nprint('py', os.getpid() == os.getpgid(0))\n")
    eventually(lambda: "py True" in console(ec2, name))


def test_what_cannot_run_says_so(ec2):
    name = boot(ec2, "#!/no/such/interpreter\n")
    eventually(lambda: "cannot be run" in console(ec2, name))
    assert state(ec2, name) == "running"


def test_environment_is_small(ec2):
    name = boot(ec2, "env; echo done\n")
    text = eventually(lambda: "done" in console(ec2, name) and console(ec2, name))
    names = {line.split("=")[0] for line in text.splitlines() if "=" in line}
    assert "SECRET_OF_THE_TEST" not in names
    assert {"PATH", "HOME", "EC2SIM_INSTANCE_ID", "EC2SIM_INIT"} <= names


def test_terminate_asks_first(sim, ec2):
    sim.control("POST", "scenario", {"shutdown": 5})
    name = boot(ec2, "trap 'echo leaving; exit' TERM\necho $$\nwhile :; do sleep 0.05; done\n")
    [pid] = pids(ec2, name, 1)
    assert alive(pid)
    ec2.terminate_instances(InstanceIds=[name])
    eventually(lambda: not alive(pid))
    assert state(ec2, name) == "shutting-down"
    eventually(lambda: "leaving" in console(ec2, name))


def test_terminate_kills_in_the_end(ec2):
    """Deaf processes and daemons in sessions of their own are gone with the instance."""
    name = boot(ec2, "trap '' TERM\necho $$\n"
                     "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.05; done' &\n"
                     "(setsid sh -c 'echo $$; exec sleep 1000' &)\n"
                     "sleep 1000 & echo $!\nwait\n")
    everyone = pids(ec2, name, 4)
    assert len(set(everyone)) == 4
    eventually(lambda: all(alive(pid) for pid in everyone))
    ec2.terminate_instances(InstanceIds=[name])
    eventually(lambda: state(ec2, name) == "terminated")
    eventually(lambda: not any(alive(pid) for pid in everyone))


@pytest.mark.parametrize("behavior, end", [("terminate", "terminated"), ("stop", "stopped")])
@pytest.mark.parametrize("command", ["poweroff", "halt -p", "shutdown -h now", "shutdown +0"])
def test_power_off(sim, ec2, command, behavior, end):
    name = boot(ec2, f"echo $$\nsetsid sleep 1000 &\necho $!\n{command}\nsleep 1000\n",
                InstanceInitiatedShutdownBehavior=behavior)
    everyone = pids(ec2, name, 2)
    eventually(lambda: state(ec2, name) == end)
    assert not any(alive(pid) for pid in everyone)
    [reservation] = ec2.describe_instances(InstanceIds=[name])["Reservations"]
    assert reservation["Instances"][0]["StateReason"]["Code"] == (
        "Client.InstanceInitiatedShutdown")


def test_delayed_shutdown_does_not_wait(ec2):
    name = boot(ec2, "shutdown -h +30; echo went on\n")
    eventually(lambda: "went on" in console(ec2, name))
    assert state(ec2, name) == "running"


def test_stop_and_start_runs_it_again(ec2):
    name = boot(ec2, "echo boot $$\nsleep 1000\n")
    eventually(lambda: console(ec2, name).count("boot") == 1)
    ec2.stop_instances(InstanceIds=[name])
    eventually(lambda: state(ec2, name) == "stopped")
    ec2.start_instances(InstanceIds=[name])
    eventually(lambda: console(ec2, name).count("boot") == 2)


def test_console_is_bounded(ec2):
    name = boot(ec2, "yes 0123456789 | head -c 1000000; echo; echo the end\n")
    text = eventually(lambda: "the end" in console(ec2, name) and console(ec2, name))
    assert len(text) == 65536
    assert text.endswith("the end\n")


def test_many_at_once(sim, ec2):
    ec2.run_instances(ImageId="ami-1", MinCount=60, MaxCount=60,
                      UserData="echo index $EC2SIM_LAUNCH_INDEX\nexec sleep 1000\n")
    names = list(sim.ledger())
    eventually(lambda: all("index" in console(ec2, name) for name in names), 30)
    ec2.terminate_instances(InstanceIds=names)
    eventually(lambda: all(i["state"] == "terminated" for i in sim.ledger().values()), 30)
    eventually(lambda: children(sim.process.pid) == [])


def children(pid):
    """Of a process, the dead ones included."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_end_of_the_simulator_ends_all(tmp, how):
    sim = Ec2sim("--run-user-data", env=os.environ | {"TMPDIR": str(tmp)})
    ec2 = sim.client()
    names = [boot(ec2, "trap '' TERM INT\necho $$\n(setsid sleep 1000 &)\nwhile :; do sleep 1; done\n")
             for _ in range(3)]
    everyone = [pid for name in names for pid in pids(ec2, name, 1)]
    sim.process.send_signal(how)
    assert sim.process.wait(15) == 0
    sim.process.stdout.close()
    assert not any(alive(pid) for pid in everyone)


def test_killed_simulator_leaves_nothing(tmp_path):
    sim = Ec2sim("--run-user-data", env=os.environ | {"TMPDIR": str(tmp_path)})
    ec2 = sim.client()
    name = boot(ec2, "echo $$\n(setsid sh -c 'echo $$; exec sleep 1000' &)\nsleep 1000\n")
    everyone = pids(ec2, name, 2)
    sim.process.kill()
    sim.process.wait(15)
    sim.process.stdout.close()
    eventually(lambda: not any(alive(pid) for pid in everyone), 15)


# --- the program

def program(*args):
    return subprocess.run([BUILD / "ec2sim", *args], capture_output=True, text=True, timeout=15)


def test_usage():
    assert program("--help").returncode == 0
    assert "--run-user-data" in program("--help").stdout
    assert program("--version").stdout.startswith("ec2sim ")
    wrong = program("--pendin", "1")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "did you mean --pending?" in wrong.stderr


def test_cannot_start(tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text('{"pendin": 1}')
    failed = program("--listen", "127.0.0.1:0", "--scenario", str(bad))
    assert failed.returncode == 1
    assert "bad.json" in failed.stderr and "pending" in failed.stderr
    assert program("--listen", "127.0.0.1:0", "--scenario", "/no/such").returncode == 1
    assert program("--listen", "nowhere:1").returncode == 1
    with running() as sim:
        assert program("--listen", f"127.0.0.1:{sim.port}").returncode == 1
