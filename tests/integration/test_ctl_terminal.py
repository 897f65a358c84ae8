# SPDX-License-Identifier: Apache-2.0
"""
ec2workerctl where a person sits before it, and the same in a pipe. The pictures are part of
the output.
"""

import json
import os
import pwd
import re
import signal
import subprocess
import threading

import pytest

from between import Between
from daemon import BUILD, clean_environment
from ec2sim import eventually
from terminal import Terminal

CTL = BUILD / "ec2workerctl"


@pytest.fixture
def show(capsys):
    """Prints past pytest's capture."""
    def printed(*texts):
        with capsys.disabled():
            print("", *texts, sep="", end="")
    return printed


def in_terminal(daemon, *args, columns=120, rows=24, **environment):
    return Terminal([CTL, "-s", daemon.socket, *args], clean_environment(**environment),
                    columns, rows)


def in_pipe(daemon, *args):
    code, out, err = daemon.ctl(*args)
    return code, f"\n{out}{err}"


def attach(daemon, *workers):
    """In the background: what the workers' own machines would report."""
    def run():
        with daemon.connect() as rpc:
            for worker in workers:
                eventually(lambda w=worker: rpc.call("worker.show", worker=w)["phase"] == "waiting")
                rpc.call("worker.attached", worker=worker)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_up(daemon, show):
    """A line for each worker while it is waited for, and at the end its outcome instead."""
    with in_terminal(daemon, "up", "linux-*", "bot1") as terminal:
        terminal.until(lambda t: re.search(r"^bot1: (pending|waiting), \d", t.text(), re.M))
        meanwhile = terminal.picture("up, in a terminal, while it waits")
        phases = set()
        terminal.until(lambda t: phases.update(re.findall(r"^\S+: (\w+), \d", t.text(), re.M)) or
                       "waiting" in phases)
        thread = attach(daemon, "linux-02", "linux-01", "linux-03", "bot1")
        assert terminal.wait() == 0
        thread.join()
        lines = terminal.lines()
        assert sorted(line.split(":")[0] for line in lines) == [
            "bot1", "linux-01", "linux-02", "linux-03"]
        assert all(re.search(r": attached, generation 1, i-\w+$", line) for line in lines)
        show(meanwhile, terminal.picture("and when it is done"))
    code, out = in_pipe(daemon, "down", "linux-*")
    assert code == 0
    show("\ndown, in a pipe", out)


def test_up_of_more_than_the_screen_holds(make_daemon):
    daemon = make_daemon({"w-[001-100]": {"password": "x"}}).start()
    with in_terminal(daemon, "up", "w-*", rows=10, columns=40) as terminal:
        terminal.until(lambda t: "more" in t.text())
        lines = terminal.lines()
        assert lines[0].startswith("w-001: ") and len(lines) == 9
        assert re.fullmatch(r"and \d+ (lines )?more", lines[-1])
        terminal.type("\x03")
        terminal.until(lambda t: not t.read(0.1))
    assert terminal.code == -signal.SIGINT
    assert daemon.call("worker.show", worker="w-001")["generation"] == 1


def test_phases_come_by_events(daemon):
    """Not by asking again and again: a subscription and one look at each worker."""
    daemon.stop()
    daemon.start("-vv")
    with in_terminal(daemon, "up", "bot1") as terminal:
        terminal.until(lambda t: "bot1: waiting, 2" in t.text())
    asked = [line for line in daemon.log().splitlines() if "worker.show" in line]
    assert len(asked) <= 1, asked


def test_phases_where_there_are_no_events(daemon, tmp_path):
    """A server that refuses to subscribe us is asked for the phases again and again."""
    with Between(tmp_path / "between.sock", daemon.socket, refuse="events.subscribe") as between:
        with Terminal([CTL, "-s", between.path, "up", "bot1"], clean_environment()) as terminal:
            terminal.until(lambda t: "bot1: waiting, " in t.text())
            asked = between.asked.count("worker.show")
            terminal.until(lambda t: between.asked.count("worker.show") > asked + 1)
            thread = attach(daemon, "bot1")
            assert terminal.wait() == 0
            thread.join()
        assert re.fullmatch(r"bot1: attached, generation 1, i-\w+", terminal.text())
    assert between.asked.count("events.subscribe") == 1


def test_list(daemon, show):
    daemon.ctl("up", "bot1", "--wait", "running")
    with in_terminal(daemon, "list") as terminal:
        assert terminal.wait() == 0
        assert terminal.colour_of("substantiating ") == "brown"
        assert "\x1b[1mWORKER" in terminal.sent.decode()
        show(terminal.picture("list, in a terminal"))
    with in_terminal(daemon, "list", NO_COLOR="1") as plain:
        assert plain.wait() == 0
        assert b"\x1b" not in plain.sent
    code, out = in_pipe(daemon, "list")
    assert code == 0 and "\x1b" not in out
    ages = re.compile(r"\d+(\.\d)? s +")
    assert [ages.sub("", line) for line in out.split("\n")[1:-1]] == [
        ages.sub("", line.rstrip("\r")) for line in plain.sent.decode().split("\n")[:-1]]
    show("\nlist, in a pipe", out)


def test_watch(daemon, show):
    with in_terminal(daemon, "watch", "b*") as terminal:
        terminal.until(lambda t: "bot1    not_substantiated" in t.text())
        daemon.ctl("up", "bot1", "--wait", "running")
        terminal.until(lambda t: "waiting" in t.text())
        assert len(terminal.lines()) == 2
        daemon.call("worker.attached", worker="bot1")
        terminal.until(lambda t: re.search("substantiated +ready", t.text()))
        assert terminal.colour_of("substantiated ") == "green"
        show(terminal.picture("watch, in a terminal"))
        daemon.ctl("down", "bot1")
        terminal.until(lambda t: "not_substantiated" in t.text())
        assert len(terminal.lines()) == 2
        terminal.type("\x03")
        terminal.until(lambda t: not t.read(0.1))
    assert terminal.code == -signal.SIGINT


def test_watch_cuts_what_has_no_room(make_daemon):
    daemon = make_daemon({"w-[001-100]": {"password": "x"}}).start()
    with in_terminal(daemon, "watch", rows=8, columns=30) as terminal:
        terminal.until(lambda t: "lines more" in t.text())
        lines = terminal.lines()
        assert len(lines) == 7 and lines[-1] == "and 95 lines more"
        assert lines[1].startswith("w-001 ")
        terminal.until(lambda t: t.sent.count(b"w-001") >= 3)
        assert terminal.lines() == lines


def test_watch_in_a_pipe(daemon):
    process = subprocess.Popen([CTL, "-s", daemon.socket, "--json", "watch", "bot1"],
                               stdout=subprocess.PIPE, text=True, env=clean_environment())
    first = json.loads(process.stdout.readline())["workers"]
    assert [w["state"] for w in first] == ["not_substantiated"]
    daemon.call("worker.substantiate", worker="bot1", wait="running")
    states = []
    while "waiting" not in states:
        states.append(json.loads(process.stdout.readline())["workers"][0]["phase"])
    assert all(a != b for a, b in zip(states, states[1:]))
    process.terminate()
    assert process.wait() == -signal.SIGTERM
    process.stdout.close()
    code, out, err = daemon.ctl("watch", "--timeout", "0.2s")
    assert (code, err) == (0, "") and len(out.splitlines()) == 5


def test_watch_over_a_restart(daemon):
    with in_terminal(daemon, "watch") as terminal:
        terminal.until(lambda t: "bot1" in t.text())
        daemon.stop()
        daemon.start()
        daemon.ctl("up", "bot1", "--wait", "accepted")
        terminal.until(lambda t: re.search("^bot1 +substantiating", t.text(), re.M))


def test_events(daemon, show):
    with in_terminal(daemon, "events", "--follow", "--timeout", "30s", columns=200) as terminal:
        daemon.ctl("up", "bot1", "--wait", "running")
        daemon.ctl("down", "bot1")
        terminal.until(lambda t: "-> not_substantiated" in t.text())
        show(terminal.picture("events --follow, in a terminal"))
        followed = terminal.lines()
    code, out, err = daemon.ctl("events")
    assert (code, err) == (0, "")
    assert out.splitlines()[-len(followed):] == followed
    code, out, _ = daemon.ctl("events", "--json", "--types", "state", "--since", "2")
    events = [json.loads(line) for line in out.splitlines()]
    assert {e["type"] for e in events} == {"state"} and all(e["seq"] > 2 for e in events)


def test_events_over_a_restart(daemon):
    """What happens while the connection is away comes later, once."""
    process = subprocess.Popen([CTL, "-s", daemon.socket, "--json", "events", "--follow",
                                "--workers", "bot1"],
                               stdout=subprocess.PIPE, text=True, env=clean_environment())
    daemon.call("worker.substantiate", worker="bot1", wait="running")
    seqs = []

    def read_until(word):
        while True:
            event = json.loads(process.stdout.readline())
            seqs.append(event["seq"])
            if event.get("to") == word:
                return

    daemon.call("worker.insubstantiate", worker="linux-01")
    read_until("waiting")
    daemon.stop()
    daemon.start()
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    read_until("not_substantiated")
    assert seqs == sorted(set(seqs))
    process.terminate()
    process.wait()
    process.stdout.close()


def test_hostile_names_are_harmless_on_a_terminal(daemon):
    with in_terminal(daemon, "show", "\x1b[31mred\x07") as terminal:
        assert terminal.wait() == 1
        assert b"\x1b" not in terminal.sent and b"\x07" not in terminal.sent
        assert "\\x1b[31mred\\x07" in terminal.text()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be other users")
def test_exit_codes(make_daemon, directory, show):
    """All six, in a terminal and in a pipe."""
    daemon = make_daemon(access={"observe": ["games"]}, socket_mode="0666").start()
    games = pwd.getpwnam("games")
    setpriv = ["/usr/bin/setpriv", f"--reuid={games.pw_uid}", f"--regid={games.pw_gid}",
               "--clear-groups"]
    nowhere = f"{directory}/nowhere.sock"
    cases = [
        (0, [], ["-s", daemon.socket, "version"]),
        (1, [], ["-s", daemon.socket, "show", "bot2"]),
        (2, [], ["-s", daemon.socket, "shw", "bot1"]),
        (3, [], ["-s", nowhere, "list"]),
        (4, setpriv, ["-s", daemon.socket, "stop"]),
        (5, [], ["-s", daemon.socket, "up", "bot1", "--timeout", "0.3s"]),
    ]
    for code, prefix, args in cases:
        argv = [*prefix, str(CTL), *map(str, args)]
        with Terminal([prefix[0] if prefix else CTL, *argv[1:]], clean_environment()) as terminal:
            assert terminal.wait() == code, terminal.text()
        done = subprocess.run(argv, capture_output=True, text=True, env=clean_environment(),
                              check=False)
        assert done.returncode == code
        if code != 5:  # its lines go as they came
            assert (done.stdout + done.stderr).splitlines() == terminal.lines()
        assert (done.stderr == "") == (code == 0)
        words = " ".join(argv[len(prefix) + 3:])
        show(terminal.picture(f"{words}: exit {code}, in a terminal"),
             f"and in a pipe\n{done.stdout}{done.stderr}")
