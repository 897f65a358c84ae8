# SPDX-License-Identifier: Apache-2.0
"""ec2workerctl with a real daemon: outputs, exit codes, pipes and terminals."""

import json
import os
import pwd
import re
import subprocess
import threading

import pytest

from daemon import BUILD, clean_environment
from ec2sim import eventually

DONE, FAILED, USAGE, NO_DAEMON, FORBIDDEN, TIMED_OUT = range(6)


def test_a_life(daemon, sim):
    assert daemon.ctl("up", "bot1", "--wait", "running", "--build", "demo/7")[0] == DONE
    code, out, _ = daemon.ctl("list")
    assert code == DONE
    assert re.search(r"^bot1 +substantiating +waiting .* i-[0-9a-f]+ +m5\.large +us-east-1", out,
                     re.MULTILINE)
    assert "\x1b" not in out
    assert daemon.ctl("attached", "bot1") == (DONE, "", "")
    assert daemon.ctl("build-started", "bot1", "--build", "demo/7") == (DONE, "", "")
    code, out, _ = daemon.ctl("show", "bot1")
    assert code == DONE
    assert re.search(r"^state +substantiated$", out, re.MULTILINE)
    assert re.search(r"^instance\.id +i-[0-9a-f]+$", out, re.MULTILINE)
    assert "Timeline" in out and "Configuration" in out and "sekrit" not in out
    assert daemon.ctl("check", "bot1")[0] == DONE
    assert daemon.ctl("build-finished", "bot1") == (DONE, "", "")
    assert daemon.ctl("detached", "bot1") == (DONE, "", "")
    code, out, err = daemon.ctl("down", "bot1", "--reason", "tea")
    assert (code, out, err) == (DONE, "bot1: stopped, generation 1\n", "")
    assert {i["state"] for i in sim.ledger().values()} == {"terminated"}
    code, out, _ = daemon.ctl("history", "bot1", "--limit", "1000")
    assert code == DONE and " build " in out and " detached " in out
    code, out, _ = daemon.ctl("check", "bot1")
    assert code == FAILED and out.startswith("bad: ")


def attach_when_waiting(daemon, *workers):
    """What the workers' own machines would report."""
    def run():
        with daemon.connect() as rpc:
            for worker in workers:
                eventually(lambda w=worker: rpc.call("worker.show", worker=w)["phase"] == "waiting")
                rpc.call("worker.attached", worker=worker)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_up_waits_for_the_worker(daemon):
    names = ["linux-01", "linux-02", "linux-03"]
    thread = attach_when_waiting(daemon, *names)
    code, out, err = daemon.ctl("up", "linux-*")
    thread.join()
    assert (code, err) == (DONE, "")
    lines = sorted(out.splitlines())
    assert [line.split(":")[0] for line in lines] == names
    assert all("attached, generation 1, i-" in line for line in lines)
    assert daemon.ctl("down", "linux-0[12]", "linux-03")[0] == DONE


def test_json(daemon):
    code, out, _ = daemon.ctl("--json", "list", "linux-*")
    assert code == DONE
    assert [w["worker"] for w in json.loads(out)["workers"]] == ["linux-01", "linux-02", "linux-03"]
    code, out, _ = daemon.ctl("show", "bot1", "--json")
    assert json.loads(out)["configuration"]["instance_type"] == ["m5.large"]
    code, out, err = daemon.ctl("--json", "show", "nobody")
    assert code == FAILED and err == ""
    assert json.loads(out)["error"]["data"]["kind"] == "worker_unknown"
    code, out, _ = daemon.ctl("--json", "up", "bot1", "linux-01", "--wait", "accepted")
    assert [json.loads(line)["worker"] for line in out.splitlines()] == ["bot1", "linux-01"]
    code, out, _ = daemon.ctl("call", "worker.show", '{"worker": "bot1"}')
    assert json.loads(out)["worker"] == "bot1"


def test_exit_failed(daemon):
    code, out, err = daemon.ctl("show", "nobody")
    assert (code, out) == (FAILED, "")
    assert err == "nobody: worker_unknown: there is no worker 'nobody'\n"
    code, out, err = daemon.ctl("up", "bot1", "nobody", "--wait", "accepted")
    assert code == FAILED and out == "bot1: accepted, generation 1\n" and "nobody: " in err


def test_exit_usage(daemon):
    code, out, err = daemon.ctl("sho", "bot1")
    assert (code, out) == (USAGE, "") and "did you mean 'show'" in err
    assert daemon.ctl("up", "bot1", "--wait", "later")[0] == USAGE
    assert daemon.ctl()[0] == USAGE


def test_exit_no_daemon(daemon):
    daemon.stop()
    code, out, err = daemon.ctl("list")
    assert (code, out) == (NO_DAEMON, "") and "No such file or directory" in err


def start_ctl(daemon, *args):
    return subprocess.Popen([BUILD / "ec2workerctl", "-s", daemon.socket, *args],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=clean_environment())


def start_up(daemon, *options):
    """`up bot1`, once the daemon has its request."""
    process = start_ctl(daemon, *options, "up", "bot1")
    eventually(lambda: daemon.call("worker.show", worker="bot1")["generation"] == 1)
    return process


def test_exit_no_daemon_when_it_dies(daemon):
    process = start_up(daemon, "--timeout", "3s")
    daemon.kill()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (NO_DAEMON, "") and "cannot connect" in err


def test_a_wait_outlives_the_daemon(daemon, sim):
    """The client asks again under the same key, and is told of the same start."""
    process = start_up(daemon)
    for _ in range(2):
        daemon.kill()
        daemon.start()
    eventually(lambda: daemon.call("worker.show", worker="bot1")["phase"] == "waiting")
    daemon.ctl("attached", "bot1")
    out, err = process.communicate(timeout=20)
    assert process.returncode == DONE and err == ""
    assert re.fullmatch(r"bot1: attached, generation 1, i-[0-9a-f]+\n", out)
    assert len(sim.ledger()) == 1


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_repeated_over_a_restart(daemon, sim, end):
    """What has its answer is not asked again; a stop is as good as a crash."""
    process = start_ctl(daemon, "up", "bot1", "linux-01")
    eventually(lambda: all(daemon.call("worker.show", worker=w)["phase"] == "waiting"
                           for w in ("bot1", "linux-01")))
    daemon.call("worker.attached", worker="linux-01")
    assert process.stdout.readline().startswith("linux-01: attached, generation 1, i-")
    getattr(daemon, end)()
    daemon.start()
    eventually(lambda: daemon.call("pool.status")["queues"]["waiting"] == 1)
    daemon.call("worker.attached", worker="bot1")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (DONE, "")
    assert out.startswith("bot1: attached, generation 1, i-") and out.count("\n") == 1
    process = start_ctl(daemon, "down", "bot1", "linux-01")
    eventually(lambda: all(daemon.call("worker.show", worker=w)["state"] != "substantiated"
                           for w in ("bot1", "linux-01")))
    getattr(daemon, end)()
    daemon.start()
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (DONE, "")
    assert sorted(out.splitlines()) == ["bot1: stopped, generation 1",
                                        "linux-01: stopped, generation 1"]
    assert len(sim.ledger()) == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be other users")
def test_exit_forbidden(make_daemon, tmp_path):
    daemon = make_daemon(access={"observe": ["games"]}, socket_mode="0666").start()
    games = {"user": pwd.getpwnam("games").pw_uid, "group": pwd.getpwnam("games").pw_gid,
             "extra_groups": []}
    nobody = {"user": pwd.getpwnam("nobody").pw_uid, "group": pwd.getpwnam("nobody").pw_gid,
              "extra_groups": []}
    assert daemon.ctl("list", **games)[0] == DONE
    code, _, err = daemon.ctl("stop", **games)
    assert code == FORBIDDEN and "daemon.stop is for the role admin" in err
    code, _, err = daemon.ctl("list", **nobody)
    assert code == FORBIDDEN
    daemon.socket.chmod(0o600)
    code, _, err = daemon.ctl("list", **games)
    assert code == FORBIDDEN and "Permission denied" in err


def test_exit_timed_out(daemon):
    code, out, err = daemon.ctl("--timeout", "0.5s", "up", "bot1")
    assert (code, out) == (TIMED_OUT, "") and err.startswith("bot1: timeout: ")
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"


def test_reload(daemon):
    daemon.config["workers"]["new"] = {"password": "x"}
    daemon.write_config()
    code, out, _ = daemon.ctl("reload", "--dry-run")
    assert code == DONE and re.search(r"^added +new$", out, re.MULTILINE) and "dry run" in out
    assert daemon.ctl("show", "new")[0] == FAILED
    assert daemon.ctl("reload")[0] == DONE
    assert daemon.ctl("show", "new")[0] == DONE
    daemon.config["workers"]["new"]["passwrd"] = "y"
    daemon.write_config()
    code, _, err = daemon.ctl("reload")
    assert code == FAILED and "did you mean 'password'" in err
    assert re.search(r"^\S+ec2workerd\.yaml:\d+:\d+: error: ", err, re.MULTILINE)


def test_stop(daemon):
    assert daemon.ctl("stop") == (DONE, "", "")
    assert daemon.wait() == 0


def test_socket_from_the_environment(daemon):
    done = subprocess.run([BUILD / "ec2workerctl", "version"], capture_output=True, text=True,
                          env=clean_environment(EC2WORKERD_SOCKET=str(daemon.socket)),
                          check=False)
    assert done.returncode == DONE and re.search(r"^pool +test$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("verb", [["watch"], ["events", "--follow"]], ids=str)
def test_nobody_reads_any_more(daemon, verb):
    """What goes on for ever ends with its reader; a hang-up need not come, for nohup's children."""
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([BUILD / "ec2workerctl", "-s", daemon.socket, *verb], stdout=writer,
                          stderr=subprocess.PIPE, env=clean_environment()) as process:
        os.close(writer)
        daemon.call("worker.substantiate", worker="bot1", wait="running")
        daemon.call("worker.insubstantiate", worker="bot1")
        assert process.wait(20) == FAILED
        assert b"the output could not be written" in process.stderr.read()


def test_closed_pipe(daemon):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([BUILD / "ec2workerctl", "-s", daemon.socket, "list"], stdout=writer,
                          stderr=subprocess.PIPE, env=clean_environment(), check=False)
    os.close(writer)
    assert done.returncode == FAILED
