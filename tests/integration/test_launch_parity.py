# SPDX-License-Identifier: Apache-2.0
"""
What EC2LatentWorker sends to EC2 for generated options, and what ours sends for the same ones,
field by field; seed/README.md says which differences are meant.
"""

import base64
import copy
import random
import sys

import boto3
import botocore.exceptions
import pytest
from buildbot.worker import ec2

import seeds
from ec2sim import REGION, eventually
from lives import take_down

WORKERS = 16
WORDS = ["ci", "a b", "é語", "x=1&y=2", "+%2F", "'\"", "<&>", "0123", "yes", "~", "{"]
LINES = WORDS + ["tab\there", "\\n", "$(x)", "}}", ""]


def text(rng):
    return rng.choice(WORDS) + rng.choice(WORDS)


def ebs_of(rng):
    """A disk as the API describes it, within the limits of its type."""
    kind = rng.choice(["gp2", "gp3", "io1", "st1", None])
    ebs = {"VolumeSize": rng.randint(125 if kind == "st1" else 8, 500)}
    if kind is not None:
        ebs["VolumeType"] = kind
    if kind == "io1":
        ebs["Iops"] = rng.randint(100, 400)
    if kind == "gp3" and rng.random() < 0.5:
        ebs["Throughput"] = rng.randint(125, 500)
    if rng.random() < 0.3:
        ebs["Encrypted"] = rng.random() < 0.5
    if rng.random() < 0.5:
        ebs["DeleteOnTermination"] = rng.random() < 0.5
    return ebs


def device_of(rng, n):
    name = f"/dev/sd{chr(ord('f') + n)}"
    choice = rng.random()
    if choice < 0.15:
        return {"DeviceName": name, "VirtualName": f"ephemeral{n}"}
    if choice < 0.3:
        return {"DeviceName": name, "NoDevice": ""}
    return {"DeviceName": name, "Ebs": ebs_of(rng)}


def network_of(rng):
    """By name, or in a subnet with as many groups as wanted; none there is the default one."""
    if rng.random() < 0.5:
        return {"security_name": text(rng)}
    network = {"subnet_id": f"subnet-{rng.getrandbits(68):017x}"}
    groups = [f"sg-{rng.getrandbits(68):017x}" for _ in range(rng.randint(0, 3))]
    return network | ({"security_group_ids": groups} if groups else {})


def options_of(rng, spot):
    options = {"ami": f"ami-{rng.getrandbits(32):08x}", "keypair_name": text(rng),
               "region": REGION} | network_of(rng)
    if spot:
        options |= {"spot_instance": True, "placement": "b", "max_spot_price": 2.5,
                    "price_multiplier": rng.choice([None, 1.15, 3])}
    elif rng.random() < 0.5:
        options["placement"] = rng.choice("abc")
    if "subnet_id" in options and not spot:
        options.pop("placement", None)
    if rng.random() < 0.5:
        options["user_data"] = "".join(f"{rng.choice(LINES)}\n" for _ in range(rng.randint(1, 20)))
    if rng.random() < 0.4:
        options["instance_profile_name"] = rng.choice(["ci-worker", "a+b=c,d.e@f"])
    if rng.random() < 0.6:
        options["tags"] = {text(rng): rng.choice(WORDS + [""]) for _ in range(rng.randint(1, 5))}
    if rng.random() < 0.6:
        options["block_device_map"] = [device_of(rng, n) for n in range(rng.randint(1, 4))]
    return options


def of_original(sim, session, options):
    """(launch, tags) of the class, started without a master and without a thread of its own."""
    before = seeds.last(sim)
    worker = ec2.EC2LatentWorker("bot1", "x", "m5.large", session=session,
                                 **copy.deepcopy(options))
    start = worker._request_spot_instance if worker.spot_instance else worker._start_instance
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ec2, "time", Hurried)
        start()
    return seeds.original_launch(seeds.of_sim(sim, before))


def encoded(options):
    """As a user of the original's spot instances has to write them: boto3 leaves them to him."""
    if options.get("spot_instance") and "user_data" in options:
        data = base64.b64encode(options["user_data"].encode()).decode()
        return options | {"user_data": data}
    return options


class Hurried:
    """The module time, which counts in whole seconds what it does not sleep."""

    time, gmtime, strftime = (staticmethod(getattr(ec2.time, name)) for name in
                              ("time", "gmtime", "strftime"))

    @staticmethod
    def sleep(_seconds):
        """EC2 is quick enough here."""


def of_ours(sim):
    """{worker: (launch, tags)}."""
    return {call.worker(): seeds.our_launch(call, "test", call.worker())
            for call in seeds.of_sim(sim) if call.action == "RunInstances"}


SCENARIO = {"pending": "0", "shutdown": "0.1s", "prices": [
    {"type": "m5.large", "zone": f"{REGION}b", "price": 0.5, "ago": "2h"}]}


@pytest.fixture
def session(monkeypatch, sim):
    monkeypatch.setenv("AWS_ENDPOINT_URL", sim.url)
    sim.control("POST", "scenario", SCENARIO)
    return boto3.Session("AKIDTEST", "test", region_name=REGION)


@pytest.mark.parametrize("spot", [False, True])
@pytest.mark.parametrize("seed", [1, None])
def test_same_launch(make_daemon, sim, session, seed, spot):
    seed = seed if seed is not None else random.SystemRandom().getrandbits(32)
    print(f"SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    cases = {f"w{n:02}": options_of(rng, spot) for n in range(WORKERS)}
    sim.control("POST", "scenario", SCENARIO | {"subnets": [
        {"id": options["subnet_id"], "zone": f"{REGION}b"}
        for options in cases.values() if "subnet_id" in options]})
    daemon = make_daemon({name: {"password": "x", "instance_type": "m5.large"} | options
                          for name, options in cases.items()}, worker_defaults=None).start()
    for name in cases:
        daemon.call("worker.substantiate", worker=name)
    ours = eventually(lambda: len(found := of_ours(sim)) == WORKERS and found, 60)
    for name, options in cases.items():
        assert of_original(sim, session, encoded(options)) == ours[name], (name, options)
    take_down(daemon)


def test_user_data_of_spot(make_daemon, sim, session):
    """P4: of the original's, EC2 cannot make anything."""
    options = {"ami": "ami-12345678", "keypair_name": "k", "security_name": "g", "region": REGION,
               "placement": "b", "spot_instance": True, "user_data": "#!/bin/sh\n"}
    with pytest.raises(botocore.exceptions.ClientError, match="BASE64"):
        of_original(sim, session, options)
    with make_daemon({"bot1": {"password": "x", "instance_type": "m5.large"} | options},
                     worker_defaults=None) as daemon:
        daemon.call("worker.substantiate", worker="bot1", wait="running")
        launch, _ = of_ours(sim)["bot1"]
        assert base64.b64decode(launch["UserData"]) == b"#!/bin/sh\n"
        take_down(daemon)
