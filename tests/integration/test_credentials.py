# SPDX-License-Identifier: Apache-2.0
"""
Where the daemon takes its credentials from, against ec2sim (keys that end, roles that must be
assumed) and moto (whose sessions are checked by somebody else's code).
"""

import contextlib
import http.server
import json
import pathlib
import re
import sqlite3
import threading
import time

import pytest

import ec2sim
import moto
from daemon import Daemon
from ec2sim import eventually
from rpcclient import RpcError

ROLE = "arn:aws:iam::123456789012:role/ci/builders"
MIDDLE = "arn:aws:iam::123456789012:role/middle"
SHORT = "arn:aws:iam::123456789012:role/short"
WEB = "arn:aws:iam::123456789012:role/web"
KEYS = {"identifier": "AK", "secret_identifier": "secret"}
SCENARIO = {"roles": [
    {"arn": ROLE, "external_id": "outside"}, {"arn": MIDDLE},
    {"arn": SHORT, "lifetime": "3s"}, {"arn": WEB, "identity_token": "a.b.c"}]}


@pytest.fixture
def sim(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(SCENARIO))
    with ec2sim.running("--scenario", path, "--credentials", "AK:secret") as running:
        yield running


@pytest.fixture
def make(sim, directory):
    """make(aws, environment, workers): a daemon that has been started."""
    with contextlib.ExitStack() as stack:
        def make(aws, environment=None, workers=None):
            daemon = Daemon(directory, sim.url, workers or {"bot1": {"password": "x"}},
                            aws={"region": "us-east-1", "endpoint_url": sim.url,
                                 "sts_endpoint_url": sim.url, **aws})
            daemon.environment = {"HOME": directory, **(environment or {})}
            stack.callback(daemon.stop)
            return daemon.start()
        yield make


def write_files(directory, credentials="", config=""):
    for name, text in (("credentials", credentials), ("config", config)):
        path = pathlib.Path(directory, ".aws", name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)


def signers(sim, action):
    """The ids of the keys that signed those requests, None for one without a signature."""
    found = (re.search(r"Credential=([^/]+)/", r.get("authorization") or "")
             for r in sim.requests() if r["action"] == action)
    return [match and match[1] for match in found]


def params(sim, action):
    return [dict(r["params"]) for r in sim.requests() if r["action"] == action]


def refused(sim):
    """
    How many requests were. None, but that a computer which stands still for half a second
    between signing and sending has used up the time that short keys leave it.
    """
    return sum(r["status"] != 200 and not r["action"].startswith("DryRun:") for r in sim.requests())


def set_name(daemon):
    """The name of the credentials in the status, and those in the ledger."""
    clouds = daemon.call("pool.status")["clouds"]
    path = f"file:{daemon.directory}/state/ledger.db?mode=ro"
    with contextlib.closing(sqlite3.connect(path, uri=True)) as ledger:
        rows = {name for name, in ledger.execute("SELECT credentials FROM launch")}
    assert rows == {cloud["credentials"] for cloud in clouds}, (rows, clouds)
    return rows.pop()


def up(daemon):
    code, _, err = daemon.ctl("up", "bot1", "--wait", "running")
    assert code == 0, err + daemon.log()


def up_and_down(daemon, sim):
    up(daemon)
    assert daemon.ctl("check", "bot1")[0] == 0
    code, _, err = daemon.ctl("down", "bot1")
    assert code == 0, err
    assert {i["state"] for i in sim.ledger().values()} == {"terminated"}
    assert "secret" not in daemon.log()


def degraded(daemon):
    return daemon.call("pool.status")["degraded"]


def test_configured_role(make, sim):
    daemon = make({**KEYS, "role_arn": ROLE, "external_id": "outside"})
    up_and_down(daemon, sim)
    assert set(signers(sim, "AssumeRole")) == {"AK"}
    assert params(sim, "AssumeRole")[0]["RoleSessionName"] == "ec2workerd-test"
    assert all(key.startswith("ASIA") for key in signers(sim, "RunInstances"))
    assert set_name(daemon) == f"role:{ROLE}"
    assert len(params(sim, "AssumeRole")) == 1  # for everything


def test_refused_role(make, sim):
    """STS's own words reach whoever wanted a worker; a right external id is taken up."""
    daemon = make({**KEYS, "role_arn": ROLE, "external_id": "inside"})
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert error.value.kind == "failed" and error.value.data["reason"] == "auth"
    assert error.value.data["aws"]["code"] == "AccessDenied"
    assert f"role {ROLE}: AssumeRole: AccessDenied" in str(error.value)
    assert degraded(daemon)[0]["kind"] == "credentials"
    daemon.config["aws"]["external_id"] = "outside"
    daemon.write_config()
    daemon.call("daemon.reload")
    up_and_down(daemon, sim)


def test_profiles_lead_to_roles(make, sim, directory):
    write_files(directory, "[keys]\naws_access_key_id = AK\naws_secret_access_key = secret\n",
                f"[profile ci]\nrole_arn = {ROLE}\nsource_profile = middle\n"
                "external_id = outside\nrole_session_name = from-the-profile\n"
                f"[profile middle]\nrole_arn = {MIDDLE}\nsource_profile = keys\n")
    daemon = make({"profile": "ci"})
    up_and_down(daemon, sim)
    assert [p["RoleArn"] for p in params(sim, "AssumeRole")] == [MIDDLE, ROLE]
    assert [p["RoleSessionName"] for p in params(sim, "AssumeRole")] == [
        "ec2workerd-test", "from-the-profile"]
    first, second = signers(sim, "AssumeRole")
    assert first == "AK" and second.startswith("ASIA")
    assert second not in signers(sim, "RunInstances")
    assert set_name(daemon) == "profile:ci"


def test_web_identity(make, sim, directory):
    token = pathlib.Path(directory, "token")
    token.write_text("a.b.c\n")
    daemon = make({}, {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": WEB})
    up_and_down(daemon, sim)
    assert signers(sim, "AssumeRoleWithWebIdentity") == [None]
    assert set_name(daemon) == f"web-identity:{WEB}"


def test_environment(make, sim):
    daemon = make({}, {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret"})
    up_and_down(daemon, sim)
    assert set_name(daemon) == "environment"


def test_worker_with_keys_of_its_own(make, sim):
    """It assumes no role; the others do."""
    daemon = make({"role_arn": MIDDLE, "identifier": "AK", "secret_identifier": "secret"},
                  workers={"bot1": {"password": "x", **KEYS}, "bot2": {"password": "y"}})
    for worker in "bot1", "bot2":
        code, _, err = daemon.ctl("up", worker, "--wait", "running")
        assert code == 0, err
    own, role = signers(sim, "RunInstances")
    assert own == "AK" and role.startswith("ASIA")
    names = {cloud["credentials"] for cloud in daemon.call("pool.status")["clouds"]}
    assert names == {"keys:AK", f"role:{MIDDLE}"}


def test_without_any(make, sim):
    daemon = make({})
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert error.value.kind == "failed" and error.value.data["reason"] == "auth"
    places = ["configuration: no identifier", "environment: no AWS_ACCESS_KEY_ID",
              "web identity: no AWS_WEB_IDENTITY_TOKEN_FILE", "profile 'default': ",
              "container: no AWS_CONTAINER", "instance metadata: turned off"]
    at = [str(error.value).find(place) for place in places]
    assert -1 not in at and at == sorted(at), str(error.value)
    assert not sim.requests()


def test_keys_that_end(make, sim):
    """
    Sessions of three seconds, and a daemon that works for ten: each is renewed before its end,
    nothing is refused, and nobody waits for a machine twice.
    """
    daemon = make({**KEYS, "role_arn": SHORT})
    up(daemon)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert daemon.call("worker.check", worker="bot1", fresh=True)["ok"], daemon.log()
        time.sleep(0.1)
    assert refused(sim) <= 1
    used = set(signers(sim, "DescribeInstances"))
    assert len(used) >= 4
    assert len(params(sim, "AssumeRole")) < 20
    assert len(sim.ledger()) == 1 and not degraded(daemon)
    assert daemon.ctl("down", "bot1")[0] == 0


def test_source_that_is_down(make, sim):
    """
    STS goes away until all keys have ended. That is told while they last, no worker is given
    up for it, and all goes on by itself when it is back.
    """
    daemon = make({**KEYS, "role_arn": SHORT})
    up(daemon)
    fault = sim.fault(action="AssumeRole", effect="error", code="ServiceUnavailable")

    eventually(lambda: check(daemon) and "the keys in use last another" in str(degraded(daemon)), 10)
    assert daemon.log().count(": renewal: ") == 1, daemon.log()
    eventually(lambda: not check(daemon), 10)
    assert daemon.call("worker.show", worker="bot1")["state"] == "substantiating"
    sim.control("DELETE", f"faults?id={fault}")
    eventually(lambda: check(daemon), 10)
    eventually(lambda: check(daemon) and not degraded(daemon), 10)
    assert ": renewal: " in daemon.log() and "renewal is over" in daemon.log()
    assert [i["state"] for i in sim.ledger().values()] == ["running"]
    assert daemon.ctl("down", "bot1")[0] == 0
    assert len(sim.ledger()) == 1


def test_source_that_comes_later(make, sim):
    """A worker that is wanted while STS is away comes up when it is back."""
    fault = sim.fault(action="AssumeRole", effect="error", code="ServiceUnavailable")
    daemon = make({**KEYS, "role_arn": MIDDLE})
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: "ServiceUnavailable" in str(
        daemon.call("worker.show", worker="bot1")["last_error"]), 10)
    sim.control("DELETE", f"faults?id={fault}")
    eventually(lambda: daemon.call("worker.show", worker="bot1")["phase"] == "waiting", 30)
    assert len(sim.ledger()) == 1
    assert daemon.ctl("down", "bot1")[0] == 0


def test_restart(make, sim):
    """The set in the ledger is found again, and ends what it began."""
    daemon = make({**KEYS, "role_arn": MIDDLE})
    up(daemon)
    before = set_name(daemon)
    daemon.kill()
    daemon.start()
    assert set_name(daemon) == before
    assert daemon.ctl("check", "bot1")[0] == 0
    assert daemon.ctl("down", "bot1")[0] == 0
    assert [i["state"] for i in sim.ledger().values()] == ["terminated"]


def on_machine(sim, make, **host):
    """A daemon on a machine that has a role."""
    play_host(sim, **host)
    return make({"imds_endpoint_url": sim.url}, {"AWS_EC2_METADATA_DISABLED": "false"})


def play_host(sim, **host):
    host = {"role": "build-master", **host}
    sim.control("POST", "scenario", {
        "imds": {key: value for key, value in host.items() if value is not None}})


def check(daemon):
    """Whether EC2 can be asked now, and sees the instance."""
    with contextlib.suppress(RpcError):
        return daemon.call("worker.check", worker="bot1", fresh=True)["ok"]
    return False


def test_machine_role(make, sim):
    daemon = on_machine(sim, make)
    up_and_down(daemon, sim)
    assert set_name(daemon) == "imds"
    assert all(key.startswith("ASIA") for key in signers(sim, "RunInstances"))


def test_machine_without_a_role(make, sim):
    daemon = on_machine(sim, make, role=None)
    with pytest.raises(RpcError) as error:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert error.value.data["reason"] == "auth"
    assert f"instance metadata at {sim.url}: this machine has no role" in str(error.value)


def test_machine_role_that_ends(make, sim):
    """Keys of four seconds for ten seconds of work: nothing is refused."""
    daemon = on_machine(sim, make, lifetime="4s")
    up(daemon)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        assert check(daemon), daemon.log()
        time.sleep(0.1)
    assert refused(sim) <= 1
    assert len(set(signers(sim, "DescribeInstances"))) >= 3
    assert len(sim.ledger()) == 1 and not degraded(daemon)
    assert daemon.ctl("down", "bot1")[0] == 0


@pytest.mark.parametrize("trouble, text", [
    ({"status": 503}, "HTTP status 503"),
    ({"rotate": False}, "the source hands out expired keys"),
])
def test_metadata_service_in_trouble(make, sim, trouble, text):
    """What is in use is used until EC2 refuses it; then all goes on as soon as it can."""
    daemon = on_machine(sim, make, lifetime="4s")
    up(daemon)
    play_host(sim, lifetime="4s", **trouble)
    eventually(lambda: not check(daemon), 15)
    assert text in str(degraded(daemon)), degraded(daemon)
    assert daemon.log().count(": renewal: ") == 1, daemon.log()
    play_host(sim, lifetime="4s")
    eventually(lambda: check(daemon) and not degraded(daemon), 15)
    assert [i["state"] for i in sim.ledger().values()] == ["running"]
    assert daemon.ctl("down", "bot1")[0] == 0


class Agent(http.server.ThreadingHTTPServer):
    """The agent beside a container: hands out sessions of a role to who shows its token."""

    def __init__(self, sim):
        self.sts = sim.client("sts", key="AK", secret="secret")
        self.shown = []
        super().__init__(("127.0.0.1", 0), AgentHandler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1/credentials"


class AgentHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.shown.append((self.path, self.headers["Authorization"]))
        given = self.server.sts.assume_role(RoleArn=SHORT, RoleSessionName="task")["Credentials"]
        body = json.dumps({
            "RoleArn": SHORT, "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"], "Token": given["SessionToken"],
            "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def agent(sim):
    with Agent(sim) as agent:
        thread = threading.Thread(target=agent.serve_forever)
        thread.start()
        yield agent
        agent.shutdown()
        thread.join()


def test_container(make, sim, agent, directory):
    """Its keys end and its token rotates; both are asked for anew each time."""
    token = pathlib.Path(directory, "token")
    token.write_text("one\n")
    daemon = make({}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": agent.url,
                       "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token)})
    up(daemon)
    token.write_text("two")
    eventually(lambda: check(daemon) and len(agent.shown) >= 3, 15)
    assert agent.shown[0] == ("/v1/credentials", "one")
    assert agent.shown[-1] == ("/v1/credentials", "two")
    assert len(set(signers(sim, "DescribeInstances"))) >= 2
    assert refused(sim) <= 1
    assert daemon.ctl("down", "bot1")[0] == 0
    assert set_name(daemon) == "container"


@pytest.fixture(scope="module")
def server():
    with moto.running() as running:
        yield running


@pytest.fixture
def make_on_moto(server, directory):
    with contextlib.ExitStack() as stack:
        def make(aws, environment=None):
            daemon = Daemon(
                directory, server.url, {"bot1": {"password": "x"}},
                aws={"region": moto.REGION, "endpoint_url": server.url, **aws},
                worker_defaults={"keypair_name": server.KEYPAIR, "instance_type": "m5.large",
                                 "security_name": server.GROUP, "ami": server.image(),
                                 "missing_timeout": 120})
            daemon.environment = {"HOME": directory, **(environment or {})}
            stack.callback(daemon.stop)
            return daemon.start()
        yield make


def test_role_on_moto(server, make_on_moto):
    """moto checks the signatures of both, the user's and the session's, and its token."""
    server.reset()
    iam = server.client("iam")
    server.post("/moto-api/reset-auth", "1000000")
    role = iam.create_role(RoleName="builders", AssumeRolePolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"},
                       "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    allow = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="builders", PolicyName="ec2", PolicyDocument=json.dumps(allow))
    only_sts = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]}
    image = server.image()
    iam.delete_user_policy(UserName=server.USER, PolicyName="ec2")
    iam.put_user_policy(UserName=server.USER, PolicyName="sts",
                        PolicyDocument=json.dumps(only_sts))
    server.image = lambda: image  # the user may not ask for it any more
    server.post("/moto-api/reset-auth", "0")
    try:
        daemon = make_on_moto({"identifier": server.key_id, "secret_identifier": server.secret,
                               "role_arn": role, "sts_endpoint_url": server.url})
        up(daemon)
        assert daemon.ctl("check", "bot1")[0] == 0
        assert daemon.ctl("down", "bot1")[0] == 0
        assert set_name(daemon) == f"role:{role}"
    finally:
        del server.image


def test_machine_role_on_moto(server, make_on_moto):
    server.reset()
    server.post("/moto-api/reset-auth", "1000000")
    server.record()
    daemon = make_on_moto({"imds_endpoint_url": server.url},
                          {"AWS_EC2_METADATA_DISABLED": "false"})
    up(daemon)
    assert daemon.ctl("down", "bot1")[0] == 0
    assert set_name(daemon) == "imds"
    runs = [headers for headers, body in server.recorded()
            if "Action=RunInstances" in body and "DryRun" not in body]
    assert len(runs) == 1
    assert "Credential=test-key/" in runs[0]["Authorization"]
    assert runs[0]["X-Amz-Security-Token"] == "test-session-token"
