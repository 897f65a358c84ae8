# SPDX-License-Identifier: Apache-2.0
"""Workers whose image is chosen at each start, from what EC2 lists then."""

import json
import pathlib
import subprocess
import time

import pytest

import judge
import moto
from daemon import BUILD, WORKER, Daemon
from ec2sim import eventually
from lives import bring_to, finish, has_phase, is_down, show, up
from rpcclient import RpcError

OURS, OTHERS = "000000000012", "333333333333"


def image(n, name, owner=OURS, **more):
    return {"id": f"ami-{n:08x}", "name": name, "owner": owner, "public": True} | more


IMAGES = [
    image(9, "ci-9"), image(0xa, "ci-10"), image(0xb, "ci-11", state="pending"),
    image(0xc, "base"), image(0xd, "ci-99", owner=OTHERS), image(0xe, "ci-010"),
]


def worker(**keys):
    """A worker that names no image, in place of the defaults' own."""
    return {"password": "sekrit"} | keys


@pytest.fixture(name="make")
def fixture_make(make_daemon, sim):
    """make(workers, images): a daemon that has started, on a simulator with these images."""
    def make(workers, images=None):
        sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s",
                                         "images": IMAGES if images is None else images})
        defaults = {key: value for key, value in WORKER.items() if key != "ami"}
        return make_daemon(workers, worker_defaults=defaults).start()
    return make


def history(daemon, name="bot1"):
    return daemon.call("worker.history", worker=name)["records"]


@pytest.mark.parametrize("keys,chosen,how", [
    ({"valid_ami_owners": [12], "valid_ami_location_regex": r"\d+/ci-(\d+)$"}, 0xa,
     "image ami-0000000a (000000000012/ci-10): the last of 3 by number (level 0), of 5 looked at"),
    ({"valid_ami_owners": "012", "valid_ami_location_regex": ".*/(.*)"}, 9,
     "image ami-00000009 (000000000012/ci-9): the last of 4 by text (level 1), of 5 looked at"),
    ({"valid_ami_owners": 12}, 9,
     "image ami-00000009 (000000000012/ci-9): the last of 4 by location (level 2), of 5 looked at"),
    ({"valid_ami_owners": [12, 333333333333], "valid_ami_location_regex": r"\d+/ci-(\d+)$"}, 0xd,
     "image ami-0000000d (333333333333/ci-99): the last of 4 by number (level 0), of 6 looked at"),
    ({"valid_ami_location_regex": "333333333333/"}, 0xd,
     "image ami-0000000d (333333333333/ci-99): the last of 1 by location (level 2), of 6 looked "
     "at"),
])
def test_chosen(make, sim, keys, chosen, how):
    daemon = make({"bot1": worker(**keys)})
    instance = bring_to(daemon, "ready")["instance"]
    assert instance["image"] == f"ami-{chosen:08x}"
    reserved = next(e for e in history(daemon) if e.get("to") == "reserved")
    assert how in reserved["reason"]
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


BY_NUMBER = {"valid_ami_owners": 12, "valid_ami_location_regex": r"\d+/ci-(\d+)$"}


def asked(sim):
    return [r["params"] for r in sim.requests() if r["params"].get("Action") == "DescribeImages"]


def test_one_listing_for_a_burst(make, sim):
    """All workers of the same owners, whatever their patterns; an image of its own asks nothing."""
    daemon = make({"linux-[01-12]": worker(**BY_NUMBER),
                   "base-[1-4]": worker(valid_ami_owners="12", valid_ami_location_regex=".*/b"),
                   "fixed-[1-2]": worker(ami="ami-00000009")})
    code, _, err = daemon.ctl("up", "*", "--wait", "running")
    assert code == 0, err
    assert len(asked(sim)) == 1
    assert asked(sim)[0]["Owner.1"] == OURS and "ImageId.1" not in asked(sim)[0]
    images = {w["worker"]: w["instance"]["image"] for w in daemon.call("worker.list")["workers"]}
    assert {images[name][-1] for name in images if name.startswith("linux")} == {"a"}
    assert {images[name][-1] for name in images if name.startswith("base")} == {"c"}
    assert {images[name][-1] for name in images if name.startswith("fixed")} == {"9"}
    # A life later, within the minute: still the same listing.
    daemon.call("worker.insubstantiate", worker="linux-01", wait="stopped")
    bring_to(daemon, "waiting", "linux-01")
    assert len(asked(sim)) == 1
    finish(daemon, sim)


def test_none_fits(make, sim):
    """V14: what was looked at and what dropped it; and nothing is launched."""
    daemon = make({
        "bot1": worker(valid_ami_owners=12, valid_ami_location_regex="ci-"),
        "bot2": worker(valid_ami_owners=[44, 55])})
    failed = {}
    for name in ("bot1", "bot2"):
        with pytest.raises(RpcError) as caught:
            daemon.call("worker.substantiate", worker=name, wait="running")
        failed[name] = caught.value
    assert failed["bot1"].data["reason"] == failed["bot2"].data["reason"] == "config"
    assert ("no image fits: 5 looked at (1 not available, 4 not matched by "
            "valid_ami_location_regex) of the owner 000000000012") in str(failed["bot1"])
    assert ("no image fits: EC2 shows none of the owners 000000000044, 000000000055"
            ) in str(failed["bot2"])
    assert sim.calls("RunInstances") == 0
    finish(daemon, sim)


def test_catastrophic_pattern(make, sim):
    """C6: it costs a moment, is said, and nobody else waits for it."""
    images = [image(1, "a" * 100 + "!"), image(2, "b")]
    daemon = make({"bot1": worker(valid_ami_owners=12, valid_ami_location_regex=r"\d+/(a|aa)+$"),
                   "bot2": worker(valid_ami_owners=12, valid_ami_location_regex=r"\d+/b"),
                   "bot3": worker(valid_ami_owners=12,
                                  valid_ami_location_regex=r"\d+/((a|aa)+$|b)")}, images)
    began = time.monotonic()
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert time.monotonic() - began < 5
    assert caught.value.data["reason"] == "config"
    assert "valid_ami_location_regex, on the image ami-00000001" in str(caught.value)
    assert "match limit exceeded" in str(caught.value)
    assert bring_to(daemon, "waiting", "bot2")["instance"]["image"] == "ami-00000002"
    # Where another one fits, it is passed over, and that is said.
    assert bring_to(daemon, "waiting", "bot3")["instance"]["image"] == "ami-00000002"
    assert any("of 2 looked at; 1 passed over: valid_ami_location_regex, on the image"
               " ami-00000001" in (r["reason"] or "") for r in history(daemon, "bot3"))
    finish(daemon, sim)


def test_listing_fails_for_a_while(make, sim):
    """What passes is waited for, and shown meanwhile."""
    daemon = make({"bot1": worker(**BY_NUMBER)})
    fault = sim.fault(action="DescribeImages", effect="throttle")
    outcome = up(daemon, wait="running")
    eventually(lambda: show(daemon)["last_error"])
    assert show(daemon)["last_error"]["reason"] == "throttled"
    assert show(daemon)["phase"] == "placing"
    assert not outcome
    sim.request("DELETE", f"/_sim/faults?id={fault}")
    eventually(lambda: outcome, 30)
    assert outcome[0]["instance"]["image"] == "ami-0000000a"
    finish(daemon, sim)


def test_not_allowed(make, sim):
    daemon = make({"bot1": worker(**BY_NUMBER)})
    sim.fault(action="DescribeImages", effect="error", code="UnauthorizedOperation")
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert caught.value.data["reason"] == "auth"
    assert caught.value.data["aws"]["code"] == "UnauthorizedOperation"
    assert sim.calls("RunInstances") == 0
    finish(daemon, sim)


def test_withdrawn_while_it_is_listed(make, sim):
    """Cancelled while EC2 is slow: nothing is launched, and the next wish is served."""
    daemon = make({"bot1": worker(**BY_NUMBER)})
    sim.fault(action="DescribeImages", effect="delay", delay="1s", count=1)
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: has_phase(daemon, "placing"))
    daemon.call("worker.insubstantiate", worker="bot1")
    eventually(lambda: is_down(daemon))
    assert bring_to(daemon, "waiting")["instance"]["image"] == "ami-0000000a"
    assert sim.calls("RunInstances") == 1
    finish(daemon, sim)


def test_taken_away_after_the_choice(make, sim):
    """A17: it was listed, and is gone at the launch: another is chosen, once."""
    daemon = make({"linux-[1-2]": worker(**BY_NUMBER)})
    bring_to(daemon, "waiting", "linux-1")
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "images": [
        i for i in IMAGES if i["id"] != "ami-0000000a"]})
    instance = bring_to(daemon, "waiting", "linux-2")["instance"]
    assert instance["image"] == "ami-0000000e"
    assert len(asked(sim)) == 2
    finish(daemon, sim)


# By name and by filters

BUILT = [
    image(1, "ci-9-x86", created="2026-03-01T00:00:00.000Z", tags={"role": "ci"}),
    image(2, "ci-10-x86", created="2026-02-01T00:00:00.000Z", tags={"role": "ci"}),
    image(3, "ci-11-arm", created="2026-04-01T00:00:00.000Z", architecture="arm64"),
    image(4, "ci-12-x86", created="2026-05-01T00:00:00.000Z", state="failed"),
    image(5, "other", created="2026-06-01T00:00:00.000Z"),
    image(6, "ci-99-x86", created="2026-07-01T00:00:00.000Z", owner=OTHERS),
]


@pytest.mark.parametrize("keys,chosen,how", [
    ({"ami_name": "ci-*"}, 3, "the last of 3 by date of creation, of 4 looked at"),
    ({"ami_name": "ci-*-x86"}, 1, "the last of 2 by date of creation, of 3 looked at"),
    ({"ami_name": "ci-?-x86"}, 1, "the last of 1 by date of creation, of 1 looked at"),
    ({"ami_filters": {"architecture": "arm64"}}, 3,
     "the last of 1 by date of creation, of 1 looked at"),
    ({"ami_filters": {"tag:role": "ci"}}, 1, "the last of 2 by date of creation, of 2 looked at"),
    ({"ami_name": "ci-*", "ami_filters": {"architecture": "x86_64", "state": "available"}}, 1,
     "the last of 2 by date of creation, of 2 looked at"),
    ({"ami_name": "ci-*-x86", "valid_ami_location_regex": r"\d+/ci-(\d+)"}, 2,
     "the last of 2 by number (level 0), of 3 looked at"),
])
def test_by_name_and_filters(make, sim, keys, chosen, how):
    kind = "m6g.large" if chosen == 3 else "m5.large"
    daemon = make({"bot1": worker(valid_ami_owners=12, instance_type=kind, **keys)}, BUILT)
    assert bring_to(daemon, "waiting")["instance"]["image"] == f"ami-{chosen:08x}"
    reserved = next(e for e in history(daemon) if e.get("to") == "reserved")
    assert how in reserved["reason"]
    finish(daemon, sim)


def test_filter_that_is_none(make, sim):
    """Which filters there are EC2 says, at the first start."""
    daemon = make({"bot1": worker(valid_ami_owners=12, ami_filters={"colour": "red"})}, BUILT)
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert caught.value.data["reason"] == "config"
    assert caught.value.data["aws"]["code"] == "InvalidParameterValue"
    finish(daemon, sim)


# A parameter that names the image

PARAMETERS = [{"name": "/ci/image", "value": "ami-0000000a"},
              {"name": "/ci/word", "value": "stable"}]


@pytest.fixture(name="make_resolving")
def fixture_make_resolving(make_daemon, sim):
    """make(workers): a daemon whose SSM is the simulator with these parameters and images."""
    def make(workers):
        sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "images": IMAGES,
                                         "parameters": PARAMETERS})
        daemon = make_daemon(workers)
        daemon.config["aws"]["ssm_endpoint_url"] = sim.url
        daemon.write_config()
        return daemon.start()
    return make


def test_named_by_a_parameter(make_resolving, sim):
    """Read once for a burst, signed for SSM, told in the history; nothing else is asked."""
    daemon = make_resolving({"linux-[1-5]": worker(ami="resolve:ssm:/ci/image")})
    code, _, err = daemon.ctl("up", "*", "--wait", "running")
    assert code == 0, err
    assert {w["instance"]["image"] for w in daemon.call("worker.list")["workers"]} == {
        "ami-0000000a"}
    assert sim.calls("GetParameter") == 1 and not asked(sim)
    reserved = next(e for e in history(daemon, "linux-1") if e.get("to") == "reserved")
    assert "image ami-0000000a, which /ci/image names" in reserved["reason"]
    assert show(daemon, "linux-1")["configuration"]["ami"] == "resolve:ssm:/ci/image"
    judge.check_rest(daemon, sim)
    finish(daemon, sim)


@pytest.mark.parametrize("name,reason,code,text", [
    ("/ci/none", "config", "ParameterNotFound", "GetParameter: ParameterNotFound"),
    ("/ci/word", "config", None, "the parameter /ci/word holds no image's id"),
])
def test_parameter_that_names_none(make_resolving, sim, name, reason, code, text):
    daemon = make_resolving({"bot1": worker(ami=f"resolve:ssm:{name}")})
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert caught.value.data["reason"] == reason
    assert (caught.value.data["aws"] or {}).get("code") == code
    assert text in str(caught.value)
    assert sim.calls("RunInstances") == 0
    finish(daemon, sim)


def test_parameter_of_aws(make_daemon, sim):
    """Those below /aws/service are there unasked; the image is one of the region."""
    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    daemon = make_daemon({"bot1": worker(ami=f"resolve:ssm:{name}")})
    daemon.config["aws"]["ssm_endpoint_url"] = sim.url
    daemon.write_config()
    daemon.start()
    image_id = bring_to(daemon, "waiting")["instance"]["image"]
    value = sim.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    assert image_id == value
    finish(daemon, sim)


def name_by_parameter(account):
    """A parameter, and the right to read it."""
    account.post("/moto-api/reset-auth", "1000000")
    account.client("ssm").put_parameter(Name="/ci/image", Value="ami-00000002", Type="String")
    account.client("iam").put_user_policy(
        UserName=account.USER, PolicyName="ssm", PolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]}))
    account.post("/moto-api/reset-auth", "0")


def test_on_moto(directory):
    """The same on an imitation of EC2 that nobody here wrote."""
    path = pathlib.Path(directory, "images.json")
    path.write_text(json.dumps([{
        "ami_id": f"ami-0000000{n}", "owner_id": OTHERS, "name": f"ci-{n}", "public": True,
        "image_location": f"{OTHERS}/ci-{n}", "description": "for workers", "platform": None,
        "virtualization_type": "hvm", "architecture": "x86_64", "state": state,
        "image_type": "machine", "hypervisor": "xen", "root_device_name": "/dev/sda1",
        "root_device_type": "ebs", "sriov": "simple",
        "creation_date": "2026-01-02T03:04:05.000Z"}
        for n, state in ((2, "available"), (7, "available"), (9, "pending"))]))
    account = moto.Moto(MOTO_AMIS_PATH=str(path))
    try:
        account.reset()
        keys = {"password": "sekrit", "valid_ami_owners": 333333333333,
                "valid_ami_location_regex": r"\d+/ci-(\d+)"}
        with Daemon(directory, account.url, {"bot1": keys},
                    aws={"region": moto.REGION, "identifier": account.key_id,
                         "secret_identifier": account.secret, "endpoint_url": account.url},
                    worker_defaults={"keypair_name": account.KEYPAIR,
                                     "security_name": account.GROUP,
                                     "instance_type": "m5.large"}) as daemon:
            assert bring_to(daemon, "waiting")["instance"]["image"] == "ami-00000007"
            daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
            name_by_parameter(account)
            daemon.config["aws"]["ssm_endpoint_url"] = account.url
            daemon.config["workers"]["bot1"] = {"password": "sekrit",
                                                "ami": "resolve:ssm:/ci/image"}
            daemon.write_config()
            daemon.call("daemon.reload")
            assert bring_to(daemon, "waiting")["instance"]["image"] == "ami-00000002"
            daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    finally:
        account.close()


def test_check_shows_the_place(directory):
    """V8: --check points into the pattern."""
    path = pathlib.Path(directory, "c.yaml")
    path.write_text("pool: p\nworkers:\n  bot1:\n    password: x\n    instance_type: m5.large\n"
                    "    keypair_name: k\n    security_name: g\n    valid_ami_owners: 12\n"
                    "    valid_ami_location_regex: 'ci-(\\d+'\n")
    path.chmod(0o600)
    done = subprocess.run([BUILD / "ec2workerd", "-c", path, "--check"], capture_output=True,
                          text=True, timeout=30, check=False)
    assert done.returncode == 78
    assert f"{path}:9:39: error: workers.bot1.valid_ami_location_regex: " in (
        done.stdout + done.stderr)
