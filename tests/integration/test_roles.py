# SPDX-License-Identifier: Apache-2.0
"""
Who may do what: every method for every role, and for every way to come by a role. Only root
can be other users.
"""

import json
import os
import pathlib
import pwd
import shutil
import subprocess

import pytest

import rpcclient
from daemon import BUILD
from methods import CALLS, code_of, request

RANK = ["nobody", "observe", "operate", "admin"]
GAMES, NOBODY, OWN = (pwd.getpwnam(name) for name in ("games", "nobody", "daemon"))

# Whole, for another user may not be able to reach the tree.
CALLER = ["/usr/bin/python3", "-c", pathlib.Path(rpcclient.__file__).read_text() + """
import sys
with RpcClient(sys.argv[1]) as rpc:
    for line in sys.stdin:
        with contextlib.suppress(BrokenPipeError):
            rpc.send(line)
        reply = rpc.receive()
        while reply is not None and "id" not in reply:
            reply = rpc.receive()
        print(json.dumps(reply), flush=True)
"""]

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be other users")


def start_as(daemon, **who):
    """A process of another user (user=, group=, extra_groups=), which answers line by line."""
    return subprocess.Popen([*CALLER, str(daemon.socket)], cwd="/", stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True, **who)


def ask(process, call):
    process.stdin.write(json.dumps(call) + "\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def finish(process):
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def call_as(daemon, calls, **who):
    process = start_as(daemon, **who)
    replies = [ask(process, call) for call in calls]
    finish(process)
    return replies


def roles_of_methods(daemon):
    return {m["name"]: m["x-role"] for m in daemon.call("rpc.discover")["methods"]}


def check_rights(daemon, role, **who):
    """Each method is refused to this caller if and only if its role is higher than this one."""
    needed = roles_of_methods(daemon)
    assert needed.keys() == CALLS.keys()
    replies = call_as(daemon, [request(name, **params) for name, params in CALLS.items()], **who)
    for (name, reply) in zip(CALLS, replies):
        rpcclient.RpcClient.contract.check_reply(name, reply)
        denied = RANK.index(role) < RANK.index(needed[name])
        assert (code_of(reply) == -32002) == denied, (name, reply)
        if denied:
            error = reply["error"]
            assert error["data"]["kind"] == "forbidden" and not error["data"]["retryable"]
            assert needed[name] in error["message"] and role in error["message"]
    if role == "admin":
        assert daemon.wait() == 0
    else:
        assert daemon.call("daemon.version")["pool"] == "test"


# What access: says, and who comes.
WAYS = {
    "user": ("games", {"user": GAMES.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}),
    "primary group": ("@games", {"user": NOBODY.pw_uid, "group": GAMES.pw_gid,
                                 "extra_groups": []}),
    "supplementary group": ("@games", {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid,
                                       "extra_groups": [OWN.pw_gid, GAMES.pw_gid]}),
}


@needs_root
@pytest.mark.parametrize("role", RANK[1:])
@pytest.mark.parametrize("way", WAYS)
def test_by_list(make_daemon, role, way):
    name, who = WAYS[way]
    daemon = make_daemon(access={role: [name]}, socket_mode="0666").start()
    check_rights(daemon, role, **who)


@needs_root
@pytest.mark.parametrize("way", WAYS)
def test_the_highest_role_counts(make_daemon, way):
    name, who = WAYS[way]
    daemon = make_daemon(access={"observe": [name, "nobody"], "admin": [name], "operate": [name]},
                         socket_mode="0666").start()
    check_rights(daemon, "admin", **who)


@needs_root
@pytest.mark.parametrize("way", WAYS)
def test_by_no_list(make_daemon, way):
    """Whoever is on no list is told so, whatever he calls, and sent away."""
    daemon = make_daemon(access={"admin": ["man", "@man"]}, socket_mode="0666").start()
    for name, params in CALLS.items():
        with subprocess.Popen([*CALLER, str(daemon.socket)], cwd="/", stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, **WAYS[way][1]) as process:
            out, _ = process.communicate(2 * (json.dumps(request(name, **params)) + "\n"))
        first, second = map(json.loads, out.splitlines())
        rpcclient.RpcClient.contract.check_reply(name, first)
        assert code_of(first) == -32002 and first["id"] is None and second is None
    assert daemon.call("worker.show", worker="bot1")["generation"] == 0


@needs_root
def test_root(make_daemon):
    """Admin, whatever the lists say."""
    daemon = make_daemon(access={"observe": ["root", "@root"]}).start()
    check_rights(daemon, "admin", user=0, group=0, extra_groups=[])


@needs_root
@pytest.mark.parametrize("who, role", [(OWN, "admin"), (GAMES, "observe")])
def test_daemon_without_root(make_daemon, directory, who, role):
    """The user that it runs as is admin; the lists hold for others."""
    os.chown(directory, OWN.pw_uid, OWN.pw_gid)
    daemon = make_daemon(access={"observe": ["daemon", "games"]}, socket_mode="0666")
    os.chown(daemon.conf_path, OWN.pw_uid, OWN.pw_gid)
    daemon.program = shutil.copy(BUILD / "ec2workerd", directory)
    daemon.start(user=OWN.pw_uid, group=OWN.pw_gid, extra_groups=[])
    assert daemon.socket.stat().st_uid == OWN.pw_uid
    check_rights(daemon, role, user=who.pw_uid, group=NOBODY.pw_gid, extra_groups=[])


def test_whoever_runs_the_tests_is_admin(daemon):
    """Without root, too: it is the user that the daemon runs as."""
    needed = roles_of_methods(daemon)
    with daemon.connect() as rpc:
        for name, params in CALLS.items():
            reply = rpc.raw(request(name, **params))
            while "id" not in reply:
                reply = rpc.receive()
            rpcclient.RpcClient.contract.check_reply(name, reply)
            assert code_of(reply) != -32002, name
    assert needed.keys() == CALLS.keys()
    assert daemon.wait() == 0


@needs_root
def test_parameter_with_a_role(make_daemon):
    """Whoever may call the method, but not give the parameter, is told so, whatever its value."""
    daemon = make_daemon(access={"observe": ["games"]}, socket_mode="0666").start()
    params = [(m["name"], p["name"], p["x-role"]) for m in
              daemon.call("rpc.discover")["methods"] for p in m["params"] if "x-role" in p]
    assert params == [("worker.check", "fresh", "operate")]
    process = start_as(daemon, **WAYS["user"][1])
    for value, role, denied in ((True, "observe", True), (False, "observe", True),
                                (True, "operate", False)):
        daemon.config["access"] = {role: ["games"]}
        daemon.write_config()
        daemon.call("daemon.reload")
        for given in ({"worker": "bot1", "fresh": value}, ["bot1", value]):
            reply = ask(process, request("worker.check") | {"params": given})
            rpcclient.RpcClient.contract.check_reply("worker.check", reply)
            assert code_of(reply) == (-32002 if denied else 0), reply
            assert not denied or "fresh is for the role operate" in reply["error"]["message"]
        assert code_of(ask(process, request("worker.check", worker="bot1"))) == 0
    finish(process)


@needs_root
def test_reload_changes_roles(make_daemon):
    """Of connections that are open, too."""
    daemon = make_daemon(access={"observe": ["games"]}, socket_mode="0666").start()
    process = start_as(daemon, **WAYS["user"][1])
    call = request("worker.password", worker="bot1")
    assert code_of(ask(process, call)) == -32002
    for access, code in (({"operate": ["games"]}, 0), ({}, -32002)):
        daemon.config["access"] = access
        daemon.write_config()
        daemon.call("daemon.reload")
        assert code_of(ask(process, call)) == code
    finish(process)


# Connects as another user in a process that ends, and hands the connection to one that is root.
INHERITED = """
import os, socket, sys
mine, other = socket.socketpair()
if os.fork() == 0:
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(sys.argv[1])
    socket.send_fds(other, [b"x"], [connection.fileno()])
    os._exit(0)
fd = socket.recv_fds(mine, 1, 1)[1][0]
os.wait()
lines = socket.socket(fileno=fd).makefile("rw")
for call in sys.stdin:
    lines.write(call)
    lines.flush()
    print(lines.readline(), end="", flush=True)
"""


@needs_root
def test_who_connected_counts(make_daemon):
    """Not who has the connection now, nor whose pid that was: that process is gone (R15)."""
    daemon = make_daemon(access={"observe": ["games"]}, socket_mode="0666").start()
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", INHERITED, str(daemon.socket), str(GAMES.pw_uid),
         str(GAMES.pw_gid)], cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert code_of(ask(process, request("worker.show", worker="bot1"))) == 0
    refused = ask(process, request("daemon.stop"))
    assert code_of(refused) == -32002 and "observe" in refused["error"]["message"]
    finish(process)
    assert "pid" not in daemon.log()


def test_unknown_name_is_a_warning(make_daemon):
    daemon = make_daemon(access={"observe": ["no-such-user"]}).start()
    assert "access.observe: no-such-user: there is no such user" in daemon.log()
