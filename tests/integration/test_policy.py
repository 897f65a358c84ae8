# SPDX-License-Identifier: Apache-2.0
"""--print-policy: what it allows, what it does not, and that the daemon lives by it."""

import itertools
import json
import pathlib
import re
import subprocess

import pytest

import moto
from daemon import BUILD, Daemon, clean_environment
from ec2sim import eventually
from iam import allowed

EC2 = "arn:aws:ec2:us-west-2"
CHECK = {"ec2:DescribeAvailabilityZones", "ec2:DescribeImages", "ec2:DescribeInstanceTypeOfferings",
         "ec2:DescribeInstanceTypes", "ec2:DescribeKeyPairs", "ec2:DescribeSecurityGroups",
         "ec2:DescribeSubnets"}
WORKER = {"password": "sekrit", "instance_type": "m5.large", "ami": "ami-1",
          "keypair_name": "k", "security_name": "g", "region": "us-west-2"}
IN_VPC = {name: value for name, value in WORKER.items() if name != "security_name"} | {
    "subnet_id": "subnet-1", "security_group_ids": ["sg-1"]}

REQUEST = "aws:RequestTag/ec2workerd:pool"
RESOURCE = "ec2:ResourceTag/ec2workerd:pool"


def print_policy(directory, workers, pool="linux", **config):
    path = pathlib.Path(directory) / "policy.yaml"
    path.write_text(json.dumps({"pool": pool, "workers": workers} | config))
    path.chmod(0o600)
    done = subprocess.run([BUILD / "ec2workerd", "-c", path, "--print-policy"],
                          capture_output=True, text=True, timeout=20,
                          env=clean_environment(), check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, re.findall(r": note: (.*)", done.stderr)


def policy(directory, *workers, **config):
    text, _ = print_policy(directory, {f"w{n}": w for n, w in enumerate(workers)}, **config)
    return json.loads(text)


def actions(found):
    return {action for statement in found["Statement"] for action in statement["Action"]}


def launch(found, pool="linux", of=EC2, **other):
    """Whether a RunInstances is allowed: it must be on each of its resources."""
    what = {"type": "m5.large", "image": "ami-1", "key": "k", "group": "sg-9",
            "subnet": "subnet-9", "snapshot": None} | other
    context = {REQUEST: pool, "ec2:InstanceType": what["type"]}
    resources = [f"{of}:111122223333:instance/*", f"{of}:111122223333:volume/*",
                 f"{of}:111122223333:network-interface/*", f"{of}::image/{what['image']}",
                 f"{of}:111122223333:key-pair/{what['key']}",
                 f"{of}:111122223333:security-group/{what['group']}",
                 f"{of}:111122223333:subnet/{what['subnet']}"]
    if what["snapshot"]:
        resources.append(f"{of}::snapshot/{what['snapshot']}")
    return all(allowed(found, "ec2:RunInstances", arn, context) for arn in resources)


def test_a_simple_pool(directory):
    found = policy(directory, WORKER)
    assert actions(found) - CHECK == {
        "ec2:DescribeInstances", "ec2:RunInstances", "ec2:CreateTags", "ec2:TerminateInstances",
        "ec2:GetConsoleOutput", "ec2:DescribeVolumes", "ec2:DeleteVolume"}
    assert launch(found)
    for other in [{"pool": "other"}, {"pool": None}, {"type": "p5.48xlarge"},
                  {"image": "ami-2"}, {"key": "other"}, {"snapshot": "snap-1"},
                  {"of": "arn:aws:ec2:us-east-1"}, {"of": "arn:aws-cn:ec2:cn-north-1"}]:
        assert not launch(found, **other), other


def test_only_its_own_is_ended(directory):
    found = policy(directory, WORKER)
    instance = f"{EC2}:111122223333:instance/i-1"
    for action in ("ec2:TerminateInstances", "ec2:GetConsoleOutput"):
        assert allowed(found, action, instance, {RESOURCE: "linux"})
        assert not allowed(found, action, instance, {RESOURCE: "other"})
        assert not allowed(found, action, instance)
        # What it is tried on while there is nothing of its own.
        assert allowed(found, action, f"{EC2}:111122223333:instance/i-00000000000000000") == (
            action == "ec2:TerminateInstances")
        assert not allowed(found, action, f"{EC2}:111122223333:volume/vol-1",
                           {RESOURCE: "linux"})


def test_tags_only_at_a_launch(directory):
    found = policy(directory, WORKER)
    for kind in ("instance/i-1", "volume/vol-1"):
        arn = f"{EC2}:111122223333:{kind}"
        assert allowed(found, "ec2:CreateTags", arn, {"ec2:CreateAction": "RunInstances"})
        assert not allowed(found, "ec2:CreateTags", arn, {"ec2:CreateAction": "CreateVolume"})
        assert not allowed(found, "ec2:CreateTags", arn, {RESOURCE: "linux"})


def test_looking_is_allowed_in_its_regions(directory):
    found = policy(directory, WORKER, WORKER | {"region": "eu-west-1"})
    for region in ("us-west-2", "eu-west-1"):
        assert allowed(found, "ec2:DescribeInstances", "*", {"aws:RequestedRegion": region})
    assert not allowed(found, "ec2:DescribeInstances", "*",
                       {"aws:RequestedRegion": "us-east-1"})


def test_subnets_and_groups_by_id(directory):
    found = policy(directory, IN_VPC)
    assert launch(found, group="sg-1", subnet="subnet-1")
    assert not launch(found, group="sg-2", subnet="subnet-1")
    assert not launch(found, group="sg-1", subnet="subnet-2")


def test_spot(directory):
    text, notes = print_policy(directory, {"w": WORKER | {"spot_instance": True}})
    found = json.loads(text)
    request = f"{EC2}:111122223333:spot-instances-request/*"
    assert launch(found)
    assert allowed(found, "ec2:RunInstances", request, {REQUEST: "linux"})
    assert not allowed(found, "ec2:RunInstances", request, {REQUEST: "other"})
    assert allowed(found, "ec2:CreateTags", request, {"ec2:CreateAction": "RunInstances"})
    assert "ec2:DescribeSpotPriceHistory" in actions(found)
    assert any("AWSServiceRoleForEC2Spot" in note for note in notes)
    fixed = policy(directory, WORKER | {"spot_instance": True, "price_multiplier": None})
    assert "ec2:DescribeSpotPriceHistory" not in actions(fixed)
    assert not allowed(policy(directory, WORKER), "ec2:RunInstances", request,
                       {REQUEST: "linux"})


def looks(found):
    """What the daemon itself looks at, --check-aws apart."""
    return next(s["Action"] for s in found["Statement"] if s["Sid"] == "Look")


def test_zones_of_subnets_are_looked_up(directory):
    assert "ec2:DescribeSubnets" in looks(policy(directory, IN_VPC))
    assert "ec2:DescribeSubnets" in looks(policy(directory, IN_VPC | {"placement": "a"}))
    assert "ec2:DescribeSubnets" not in looks(policy(directory, WORKER))
    assert "ec2:DescribeAvailabilityZones" in looks(policy(directory, WORKER))


def test_any_image_where_it_is_chosen(directory):
    chosen = {name: value for name, value in WORKER.items() if name != "ami"} | {
        "valid_ami_owners": 111122223333}
    found = policy(directory, chosen)
    assert launch(found, image="ami-7") and "ec2:DescribeImages" in looks(found)
    assert "ec2:DescribeImages" not in looks(policy(directory, WORKER))


def test_what_comes_to_an_instance(directory):
    found = policy(directory, WORKER | {"elastic_ip": "203.0.113.7",
                                        "volumes": [["vol-1", "/dev/sdh"]]})
    assert actions(policy(directory, WORKER)) | {
        "ec2:DescribeAddresses", "ec2:AssociateAddress", "ec2:AttachVolume"} == actions(found)
    account = f"{EC2}:111122223333"
    for action in ("ec2:AssociateAddress", "ec2:AttachVolume"):
        assert allowed(found, action, f"{account}:instance/i-1", {RESOURCE: "linux"})
        assert not allowed(found, action, f"{account}:instance/i-1", {RESOURCE: "other"})
    assert allowed(found, "ec2:AttachVolume", f"{account}:volume/vol-1")
    assert not allowed(found, "ec2:AttachVolume", f"{account}:volume/vol-2")
    assert allowed(found, "ec2:AssociateAddress", f"{account}:elastic-ip/eipalloc-1")
    assert not allowed(found, "ec2:DisassociateAddress", f"{account}:elastic-ip/eipalloc-1")


def test_what_launches_leave_behind(directory):
    """May end where it bears the pool's tag; a volume of anybody else's may not."""
    found = policy(directory, WORKER | {"spot_instance": True, "volumes": [["vol-1", "/dev/sdh"]]})
    account = f"{EC2}:111122223333"
    for action, thing in (("ec2:DeleteVolume", "volume/vol-1"),
                          ("ec2:CancelSpotInstanceRequests", "spot-instances-request/sir-1")):
        assert allowed(found, action, f"{account}:{thing}", {RESOURCE: "linux"})
        assert not allowed(found, action, f"{account}:{thing}", {RESOURCE: "other"})
        assert not allowed(found, action, f"{account}:{thing}")
    assert {"ec2:DescribeVolumes", "ec2:DescribeSpotInstanceRequests"} <= set(looks(found))
    on_demand = policy(directory, WORKER)
    assert "ec2:DescribeSpotInstanceRequests" not in actions(on_demand)
    assert "ec2:CancelSpotInstanceRequests" not in actions(on_demand)


@pytest.mark.parametrize("name,arn", [
    ("/ci/image", "111122223333:parameter/ci/image"),
    ("ci-image", "111122223333:parameter/ci-image"),
    ("/ci/image:7", "111122223333:parameter/ci/image"),
    ("/aws/service/ami-x/y", "parameter/aws/service/ami-x/y"),
])
def test_parameters_that_name_images(directory, name, arn):
    """That one may be read, and any image launched."""
    found = policy(directory, WORKER | {"ami": f"resolve:ssm:{name}"})
    arn = "arn:aws:ssm:us-west-2:" + (arn if arn[0].isdigit() else f":{arn}")
    assert allowed(found, "ssm:GetParameter", arn, {})
    assert not allowed(found, "ssm:GetParameter", f"{arn}x", {})
    assert launch(found, image="ami-2")
    assert "ssm:GetParameter" not in actions(policy(directory, WORKER))


def test_snapshots_and_keys_of_disks(directory):
    key = "arn:aws:kms:us-west-2:111122223333:key/1234"
    disk = {"DeviceName": "sdb",
            "Ebs": {"SnapshotId": "snap-1", "Encrypted": True, "KmsKeyId": key}}
    found = policy(directory, WORKER | {"block_device_map": [disk]})
    assert launch(found, snapshot="snap-1") and not launch(found, snapshot="snap-2")
    grant = {"kms:GrantIsForAWSResource": "true"}
    assert allowed(found, "kms:CreateGrant", key, grant)
    assert not allowed(found, "kms:CreateGrant", key)
    assert allowed(found, "kms:GenerateDataKeyWithoutPlaintext", key)
    assert not allowed(found, "kms:Decrypt", key + "5")


@pytest.mark.parametrize("key, resource, noted", [
    ("1234", "arn:aws:kms:us-west-2:*:key/1234", False),
    ("alias/ci", "arn:aws:kms:us-west-2:*:key/*", True),
    ("arn:aws:kms:us-west-2:111122223333:alias/ci", "arn:aws:kms:us-west-2:*:key/*", True),
])
def test_names_of_keys(directory, key, resource, noted):
    disk = {"DeviceName": "sdb", "Ebs": {"Encrypted": True, "KmsKeyId": key}}
    text, notes = print_policy(directory, {"w": WORKER | {"block_device_map": [disk]}})
    found = {statement["Sid"]: statement for statement in json.loads(text)["Statement"]}
    assert found["UseKeysOfVolumes"]["Resource"] == [resource]
    assert any(key in note for note in notes) == noted


def test_one_role_is_passed(directory):
    workers = {"w": WORKER | {"instance_profile_name": "ci-worker"}}
    text, notes = print_policy(directory, workers)
    found = json.loads(text)
    role = "arn:aws:iam::111122223333:role/ci-worker"
    assert len(notes) == 1 and "ci-worker" in notes[0]
    assert allowed(found, "iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"})
    assert not allowed(found, "iam:PassRole", role)
    assert not allowed(found, "iam:PassRole", "arn:aws:iam::111122223333:role/admin",
                       {"iam:PassedToService": "ec2.amazonaws.com"})


@pytest.mark.parametrize("region, partition", [
    ("cn-north-1", "aws-cn"), ("us-gov-east-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"),
    ("us-isob-east-1", "aws-iso-b"), ("eu-west-1", "aws"),
])
def test_partitions(directory, region, partition):
    found = policy(directory, WORKER | {"region": region})
    arns = {arn for statement in found["Statement"] for arn in statement["Resource"]} - {"*"}
    assert arns and all(arn.startswith(f"arn:{partition}:ec2:{region}:") for arn in arns)


def test_the_same_for_the_same(directory):
    """Neither the order of the workers nor their number counts."""
    first, second = WORKER | {"ami": "ami-2", "instance_type": ["c5.large", "m5.large"]}, IN_VPC
    texts = {print_policy(directory, dict(order))[0] for order in itertools.permutations(
        [("a", first), ("b", second), ("c-[1-9]", first)])}
    assert len(texts) == 1


def test_no_workers(directory):
    """What was started before may still be ended."""
    found = policy(directory, aws={"region": "eu-west-1"})
    assert actions(found) - CHECK == {
        "ec2:DescribeInstances", "ec2:TerminateInstances", "ec2:GetConsoleOutput",
        "ec2:DescribeVolumes", "ec2:DeleteVolume"}
    assert allowed(found, "ec2:DescribeInstances", "*", {"aws:RequestedRegion": "eu-west-1"})


def test_too_large_for_a_managed_policy(directory):
    workers = {f"w{n}": WORKER | {"ami": f"ami-{n:017x}"} for n in range(100)}
    _, notes = print_policy(directory, workers)
    assert any("at most 6144" in note for note in notes)


def test_a_bad_configuration(directory):
    path = pathlib.Path(directory) / "bad.yaml"
    path.write_text("pool: BAD\n")
    done = subprocess.run([BUILD / "ec2workerd", "-c", path, "--print-policy"],
                          capture_output=True, text=True, timeout=20,
                          env=clean_environment(), check=False)
    assert (done.returncode, done.stdout) == (78, "") and "pool: expected" in done.stderr


def test_the_daemon_lives_by_it(directory):
    """
    moto judges by actions alone: it knows neither resources of EC2 nor conditions. So it gets the
    policy without those, and refuses what is not among the actions.
    """
    with moto.running() as server:
        server.reset()
        daemon = Daemon(
            directory, server.url, {"bot1": {"password": "generated"}},
            aws={"region": moto.REGION, "identifier": server.key_id,
                 "secret_identifier": server.secret, "endpoint_url": server.url},
            worker_defaults={"keypair_name": server.KEYPAIR, "instance_type": "m5.large",
                             "security_name": server.GROUP, "ami": server.image(),
                             "missing_timeout": 120})
        done = subprocess.run([BUILD / "ec2workerd", "-c", daemon.conf_path, "--print-policy"],
                              capture_output=True, text=True, timeout=20,
                              env=clean_environment(), check=True)
        bare = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Resource": "*", "Action": sorted(actions(json.loads(done.stdout)))}]}
        server.allow(bare)
        with pytest.raises(Exception, match="AccessDenied|UnauthorizedOperation"):
            server.client().describe_addresses()
        try:
            daemon.start()
            up = daemon.call("worker.substantiate", worker="bot1", wait="running", timeout=60)
            assert up["instance"]["id"].startswith("i-")
            daemon.call("worker.insubstantiate", worker="bot1", wait="stopped", timeout=60)
            assert eventually(lambda: all(
                instance["State"]["Name"] == "terminated"
                for instance in server.instances().values()))
        finally:
            daemon.stop()
