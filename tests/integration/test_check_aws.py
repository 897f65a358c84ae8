# SPDX-License-Identifier: Apache-2.0
"""--check-aws: every fault of a configuration in one run, each at its line; and a good one."""

import json
import pathlib
import re
import subprocess

import pytest

import moto
from daemon import BUILD, clean_environment
from ec2sim import Ec2sim

GOOD, FAILED, CONFIG = 0, 1, 78
REGION = "us-west-2"

X86, ARM, FAILED_IMAGE, ELSEWHERE = (f"ami-{n:017x}" for n in range(1, 5))
GROUP_A, GROUP_B = (f"sg-{n:017x}" for n in range(1, 3))
SUBNET_A, SUBNET_B, SUBNET_GONE = (f"subnet-{n:017x}" for n in range(1, 4))
VOLUME_A, VOLUME_B = (f"vol-{n:017x}" for n in range(1, 3))
MISSING = "0fedcba9876543210"


def image(ami, name, **more):
    return {"id": ami, "region": REGION, "owner": "111122223333", "name": name,
            "architecture": "x86_64"} | more


SCENARIO = {
    "images": [image(X86, "ci-1"), image(ARM, "ci-2", architecture="arm64"),
               image(FAILED_IMAGE, "broken", state="failed"),
               image(ELSEWHERE, "far", region="eu-west-1")],
    "key_pairs": [{"name": "k", "region": REGION}],
    "groups": [{"id": GROUP_A, "name": "g", "region": REGION},
               {"id": GROUP_B, "name": "h", "region": REGION, "vpc": "vpc-00000000000000002"}],
    "subnets": [{"id": SUBNET_A, "zone": "us-west-2a"},
                {"id": SUBNET_B, "zone": "us-west-2b", "vpc": "vpc-00000000000000002"},
                {"id": SUBNET_GONE, "zone": "us-west-2c", "available": False}],
    "types": [{"name": "m5.large", "architectures": ["x86_64"],
               "zones": ["us-west-2a", "us-west-2b"]},
              {"name": "m6g.large", "architectures": ["arm64"]}],
    "prices": [{"type": "m5.large", "zone": "us-west-2a", "price": 0.04, "ago": "3h"}],
    "instance_profiles": ["ci-worker"],
    "volumes": [{"id": VOLUME_A, "zone": "us-west-2a", "size": 1},
                {"id": VOLUME_B, "zone": "us-west-2b", "size": 1}],
    "addresses": [{"public_ip": "203.0.113.7", "region": REGION}],
    "parameters": [{"name": "/ci/image", "value": X86}, {"name": "/ci/word", "value": "stable"},
                   {"name": "/ci/gone", "value": f"ami-{MISSING}"}],
    "denied": [{"action": "TerminateInstances", "key": "AKIDNOTERMINATE"},
               {"action": "RunInstances", "key": "AKIDNORUN"},
               {"action": "Describe*", "key": "AKIDNOLOOK"}],
}

HEAD = """\
pool: linux
aws:
  region: us-west-2
  identifier: AKIDTEST
  secret_identifier: test
  endpoint_url: {url}
  ssm_endpoint_url: {url}
worker_defaults:
  password: generated
  user_data: "{{{{ password }}}}"
  keypair_name: k
  instance_type: m5.large
  ami: {x86}
workers:
"""

# A worker, and what is told of it: the line is that of the key in the worker.
FAULTS = [
    ("no-key-pair", {"keypair_name": "other"}, "keypair_name",
     "there is no key pair other in us-west-2 (InvalidKeyPair.NotFound)"),
    ("wrong-region", {"region": "eu-west-1", "ami": ELSEWHERE, "keypair_name": "k"},
     "keypair_name", "there is no key pair k in eu-west-1 (InvalidKeyPair.NotFound)"),
    ("no-image", {"ami": f"ami-{MISSING}"}, "ami",
     f"there is no image ami-{MISSING} in us-west-2 (InvalidAMIID.NotFound)"),
    ("broken-image", {"ami": FAILED_IMAGE}, "ami", f"{FAILED_IMAGE} is failed"),
    ("no-parameter", {"ami": "resolve:ssm:/ci/none"}, "ami",
     "GetParameter: ParameterNotFound: Parameter /ci/none not found."),
    ("no-image-s-id", {"ami": "resolve:ssm:/ci/word"}, "ami",
     "the parameter /ci/word holds no image's id"),
    ("gone-by-parameter", {"ami": "resolve:ssm:/ci/gone"}, "ami",
     f"there is no image ami-{MISSING} in us-west-2 (InvalidAMIID.NotFound)"),
    ("architecture", {"instance_type": "m6g.large"}, "instance_type",
     f"m6g.large is for arm64, and the image {X86} for x86_64"),
    ("no-type", {"instance_type": "m9.huge"}, "instance_type",
     "there is no instance type m9.huge in us-west-2"),
    ("not-in-zone", {"placement": "c", "instance_type": "m5.large"}, "instance_type",
     "m5.large cannot be had in us-west-2c, but in us-west-2a, us-west-2b"),
    ("no-zone", {"placement": "z"}, "placement", "there is no zone us-west-2z for this account"),
    ("no-group", {"security_name": "other"}, "security_name",
     "there is no security group other in the default network of us-west-2"),
    ("no-group-id", {"subnet_id": SUBNET_B, "security_group_ids": [f"sg-{MISSING}"]},
     "security_group_ids", f"there is no security group sg-{MISSING} in us-west-2"),
    ("other-network", {"subnet_id": SUBNET_B, "security_group_ids": [GROUP_B, GROUP_A]},
     "security_group_ids", f"{GROUP_A} is of the network vpc-0ec251a0ec251a000, and "
                           f"{SUBNET_B} of vpc-00000000000000002"),
    ("no-subnet", {"subnet_id": f"subnet-{MISSING}"}, "subnet_id",
     f"there is no subnet subnet-{MISSING} in us-west-2"),
    ("subnet-of-other-zone", {"subnet_id": SUBNET_B, "placement": "a"}, "subnet_id",
     f"{SUBNET_B} is in us-west-2b, and placement says us-west-2a"),
    ("no-profile", {"instance_profile_name": "admin"}, "instance_profile_name",
     "EC2 would refuse the launch: RunInstances: InvalidParameterValue"),
    ("no-volume", {"volumes": [[f"vol-{MISSING}", "/dev/sdf"]]}, "volumes",
     f"there is no volume vol-{MISSING} in us-west-2"),
    ("volume-of-other-zone", {"volumes": [[VOLUME_A, "/dev/sdf"]], "placement": "b"}, "volumes",
     f"{VOLUME_A} is in us-west-2a, where the worker does not start"),
    ("no-address", {"elastic_ip": "203.0.113.8"}, "elastic_ip",
     "there is no elastic IP address 203.0.113.8 in us-west-2"),
    ("may-not-terminate", {"identifier": "AKIDNOTERMINATE", "secret_identifier": "test"},
     "identifier", "instances may not be terminated in us-west-2: TerminateInstances: "
                   "UnauthorizedOperation"),
    ("may-not-run", {"identifier": "AKIDNORUN", "secret_identifier": "test"},
     "identifier", "may not be launched: RunInstances: UnauthorizedOperation"),
]


@pytest.fixture(scope="module")
def sim(tmp_path_factory):
    path = tmp_path_factory.mktemp("sim") / "scenario.json"
    path.write_text(json.dumps(SCENARIO))
    simulator = Ec2sim("--scenario", str(path))
    yield simulator
    simulator.close()


def write(directory, url, workers, head=HEAD):
    """The file, and the line of each worker's keys."""
    lines, places = head.format(url=url, x86=X86).splitlines(), {}
    for name, keys in workers.items():
        if "subnet_id" not in keys:
            keys = {"security_name": "g"} | keys
        lines.append(f"  {name}:")
        for key, value in keys.items():
            lines.append(f"    {key}: {json.dumps(value)}")
            places[name, key] = len(lines)
    path = pathlib.Path(directory) / "check.yaml"
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o600)
    return path, places


def check(path):
    done = subprocess.run([BUILD / "ec2workerd", "-c", path, "--check-aws"], text=True,
                          capture_output=True, timeout=60, env=clean_environment(), check=False)
    told = re.findall(rf"^{re.escape(str(path))}:(\d+):(\d+): (error|warning): ([^\s]+): (.*)$",
                      done.stderr, re.MULTILINE)
    return done.returncode, done.stdout, [
        (int(line), int(column), level, key, text) for line, column, level, key, text in told]


def test_every_fault_in_one_run(directory, sim):
    path, places = write(directory, sim.url, {"good": {}} | {
        name: keys for name, keys, _, _ in FAULTS})
    code, out, told = check(path)
    assert code == CONFIG and f"{path}: pool linux, {len(FAULTS) + 1} workers, " in out
    for name, _, key, text in FAULTS:
        found = [(line, full) for line, _, level, where, full in told
                 if where == f"workers.{name}.{key}" and level == "error"]
        assert [line for line, full in found if full.startswith(text)] == [places[name, key]], (
            name, found, told)
    # One line each, but that in another region the group is missing too, and a type without zones.
    more = {"wrong-region": 3}
    for name, _, _, _ in FAULTS:
        assert sum(f"workers.{name}." in where for _, _, _, where, _ in told) <= more.get(name, 1), (
            name, [t for t in told if f".{name}." in t[3]])
    assert not any(".good." in where for _, _, _, where, _ in told)
    assert told == sorted(told, key=lambda entry: entry[:2])


def test_a_good_configuration(directory, sim):
    before = sim.control("GET", "calls")
    path, _ = write(directory, sim.url, {
        "bot1": {"ami": "resolve:ssm:/ci/image"},
        "linux-[001-300]": {"instance_type": ["m5.large"], "ami": X86},
        "vpc": {"subnet_id": [SUBNET_B], "security_group_ids": [GROUP_B], "placement": "b",
                "instance_profile_name": "ci-worker",
                "block_device_map": {"/dev/sdb": {"size": 5}}},
        "arm": {"instance_type": "m6g.large", "ami": ARM}})
    code, out, told = check(path)
    assert (code, told) == (GOOD, []), told
    assert re.fullmatch(rf"{re.escape(str(path))}: good: pool linux, 303 workers, 0 errors; "
                        r"AWS was asked \d+ questions\n", out)
    asked = {action: count - before.get(action, 0)
             for action, count in sim.control("GET", "calls").items()}
    assert asked["DescribeKeyPairs"] == 1 and asked["DescribeAvailabilityZones"] == 1
    assert asked["GetParameter"] == 1
    assert asked["DescribeImages"] == 2 and asked["DescribeInstanceTypes"] == 2
    assert asked["DryRun:RunInstances"] == 3 and asked["DryRun:TerminateInstances"] == 1
    assert not sim.client(region=REGION).describe_instances()["Reservations"]


def test_images_by_owner_and_pattern(directory, sim):
    head = HEAD.replace("  ami: {x86}\n", "")
    path, places = write(directory, sim.url, {
        "owner": {"valid_ami_owners": "111122223333", "instance_type": "m6g.large"},
        "pattern": {"valid_ami_owners": 111122223333,
                    "valid_ami_location_regex": "111122223333/ci-1$"},
        "nobody": {"valid_ami_owners": 999999999999},
        "nothing": {"valid_ami_owners": 111122223333, "valid_ami_location_regex": "other/"},
        "type": {"valid_ami_owners": 111122223333}}, head)
    code, _, told = check(path)
    assert code == CONFIG
    assert [(line, key) for line, _, _, key, _ in told] == [
        (places["nobody", "valid_ami_owners"], "workers.nobody.valid_ami_owners"),
        (places["nothing", "valid_ami_location_regex"],
         "workers.nothing.valid_ami_location_regex"),
        (places["type", "valid_ami_owners"], "workers.type.valid_ami_owners")], told
    assert all(text.startswith("no image fits") for _, _, _, _, text in told[:2])
    assert told[2][4] == f"m5.large is for x86_64, and the image {ARM} for arm64"


def test_volumes_and_addresses(directory, sim):
    path, _ = write(directory, sim.url, {
        "pinned": {"volumes": [[VOLUME_B, "/dev/sdf"]], "elastic_ip": "203.0.113.7",
                   "subnet_id": [SUBNET_A, SUBNET_B], "security_group_ids": []},
        "free": {"volumes": [[VOLUME_A, "/dev/sdf"]]}})
    code, _, told = check(path)
    assert (code, told) == (GOOD, [])
    tried = [entry["params"] for entry in sim.requests()
             if entry["action"] == "DryRun:RunInstances"]
    assert {params.get("SubnetId") for params in tried[-2:]} == {SUBNET_B, None}
    assert all(params["DryRun"] == "true" for params in tried[-2:])
    assert "us-west-2a" in {params.get("Placement.AvailabilityZone") for params in tried[-2:]}


@pytest.mark.parametrize("keys, told_of", [
    ({}, None),
    ({"placement": "a"}, None),
    ({"placement": "b"}, "m5.large for Linux/UNIX in us-west-2b"),
    ({"product_description": "Windows"}, "m5.large for Windows in us-west-2"),
    ({"product_description": "Windows", "price_multiplier": None}, None),
    ({"product_description": "Windows", "spot_instance": False}, None),
])
def test_a_bid_that_would_be_a_guess(directory, sim, keys, told_of):
    """Only a warning, and only where the history counts."""
    path, places = write(directory, sim.url, {"bot1": {"spot_instance": True} | keys})
    code, _, told = check(path)
    assert code == GOOD and len(told) == (told_of is not None), told
    for line, _, level, key, text in told:
        assert (level, key) == ("warning", "workers.bot1.product_description")
        assert text.startswith(f"there was no spot price of {told_of} within a day")
        assert line == places.get(("bot1", "product_description"), line)


def test_a_terminate_is_tried_on_what_is_there(directory, sim):
    launched = sim.client(region=REGION).run_instances(
        ImageId=X86, InstanceType="m5.large", KeyName="k", MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": [
            {"Key": "ec2workerd:pool", "Value": "linux"}]}])["Instances"][0]["InstanceId"]
    keys = {"identifier": "AKIDNOTERMINATE", "secret_identifier": "test"}
    path, places = write(directory, sim.url, {"bot1": {}, "bot2": keys})
    code, _, told = check(path)
    assert code == CONFIG and len(told) == 1
    assert told[0][0] == places["bot2", "identifier"] and "invented" not in told[0][4]
    sim.client(region=REGION).terminate_instances(InstanceIds=[launched])


def test_a_type_that_is_somewhere_else_only_warns(directory, sim):
    """As long as one of the places will do."""
    path, places = write(directory, sim.url, {"bot1": {
        "instance_type": ["m5.large"], "subnet_id": [SUBNET_GONE, SUBNET_A]}})
    _, _, told = check(path)
    assert ("warning", "m5.large cannot be had in us-west-2c, but in us-west-2a, us-west-2b") in [
        (level, text) for _, _, level, _, text in told]
    assert (places["bot1", "subnet_id"], "error", f"{SUBNET_GONE} is pending") in [
        (line, level, text) for line, _, level, _, text in told]


def test_spot_and_on_demand_are_tried(directory, sim):
    before = sim.calls("DryRun:RunInstances")
    path, _ = write(directory, sim.url, {
        "bot1": {"spot_instance": True},
        "bot2": {"spot_instance": True, "on_demand_fallback": True}})
    code, _, told = check(path)
    assert (code, told) == (GOOD, [])
    assert sim.calls("DryRun:RunInstances") == before + 2


def test_what_many_have_from_the_defaults_is_told_once(directory, sim):
    head = HEAD.replace("keypair_name: k", "keypair_name: other")
    path, _ = write(directory, sim.url, {f"bot{n}": {} for n in range(20)}, head)
    code, _, told = check(path)
    line = head.splitlines().index("  keypair_name: other") + 1
    assert code == CONFIG and [entry[0] for entry in told] == [line]


@pytest.mark.parametrize("keys, key, text", [
    ({"placement": "c"}, "placement", "m5.large cannot be had in us-west-2c"),
    ({"subnet_id": SUBNET_B, "placement": "c"}, "subnet_id", "is in us-west-2b, and placement"),
    ({"ami": ARM}, "ami", f"m5.large is for x86_64, and the image {ARM} for arm64"),
])
def test_of_two_keys_the_row_s_own_is_told(directory, sim, keys, key, text):
    path, places = write(directory, sim.url, {"bot1": keys})
    code, _, told = check(path)
    assert code == CONFIG
    assert [entry[0] for entry in told if text in entry[4]] == [places["bot1", key]], told


def test_the_region_is_told_when_the_rest_is_of_the_defaults(directory, sim):
    path, places = write(directory, sim.url, {"bot1": {"region": "eu-west-1"}})
    code, _, told = check(path)
    assert code == CONFIG
    assert {entry[0] for entry in told if "key pair k in eu-west-1" in entry[4]} == {
        places["bot1", "region"]}


# Without an image of its own a worker is checked with the one that a start would choose now.
CHOICES = {
    "by-pattern": ({"valid_ami_location_regex": r"\d+/ci-(\d)$", "instance_type": "m6g.large"}, None),
    "by-name": ({"ami_name": "ci-1"}, None),
    "by-filters": ({"ami_filters": {"architecture": "x86_64", "state": "available"}}, None),
    "by-parameter": ({"ami": "resolve:ssm:/ci/image"}, None),
    "other-type": ({"valid_ami_location_regex": r"\d+/ci-(\d)$"}, (
        "valid_ami_location_regex", f"m5.large is for x86_64, and the image {ARM} for arm64")),
    "no-match": ({"valid_ami_location_regex": "ci-"}, (
        "valid_ami_location_regex", "no image fits: 3 looked at (1 not available, 2 not matched "
                                    "by valid_ami_location_regex) of the owner 111122223333")),
    "no-name": ({"ami_name": "cj-*"}, (
        "ami_name", "no image fits: EC2 shows none of the owner 111122223333")),
    "no-filter": ({"ami_filters": {"colour": "red"}}, (
        "ami_filters", "DescribeImages: InvalidParameterValue")),
}


def test_images_that_are_chosen(directory, sim):
    head = HEAD.replace("  ami: {x86}\n", "")
    assert head != HEAD
    path, places = write(directory, sim.url, {
        name: keys if "ami" in keys else {"valid_ami_owners": 111122223333} | keys
        for name, (keys, _) in CHOICES.items()}, head)
    code, _, told = check(path)
    assert code == CONFIG
    found = {where.split(".")[1]: (line, where.split(".")[2], text)
             for line, _, level, where, text in told if level == "error"}
    for name, (_, fault) in CHOICES.items():
        if fault is None:
            assert name not in found, found
            continue
        key, text = fault
        assert found[name][2].startswith(text), found[name]
        assert found[name][1] in (key, "instance_type")
        assert found[name][0] == places[name, found[name][1]]


def test_who_may_not_look(directory, sim):
    """That is no fault of the configuration, if a launch and a terminate would do."""
    keys = {"identifier": "AKIDNOLOOK", "secret_identifier": "test"}
    path, places = write(directory, sim.url, {"bot1": keys})
    code, _, told = check(path)
    assert {line for line, *_ in told} == {places["bot1", "identifier"]}
    assert any(level == "warning" and text.startswith("may not look: DescribeKeyPairs")
               for _, _, level, _, text in told)
    # It cannot see its instances either, and that is one.
    assert code == CONFIG
    assert any(level == "error" and "may not see its instances" in text
               for _, _, level, _, text in told)


def test_credentials_that_are_no_good(directory):
    simulator = Ec2sim("--credentials", "AKIDTEST:other")
    try:
        path, _ = write(directory, simulator.url, {"bot1": {}, "bot2": {}})
        code, _, told = check(path)
        assert code == CONFIG and len(told) == 1
        line, _, level, key, text = told[0]
        assert (line, level, key) == (4, "error", "aws.identifier")
        assert text.startswith("no good in us-west-2: DescribeAvailabilityZones: ")
    finally:
        simulator.close()


def test_throttling_is_waited_for(directory):
    """Ten launches that differ, where EC2 takes five at once and two a second."""
    simulator = Ec2sim("--throttle", "aws")
    try:
        path, _ = write(directory, simulator.url, {
            f"bot{n}": {"tags": {"n": str(n)}} for n in range(10)})
        code, _, told = check(path)
        assert (code, told) == (GOOD, [])
    finally:
        simulator.close()


@pytest.mark.parametrize("effect", [
    {"effect": "error", "code": "Unavailable", "status": 503}, {"effect": "drop"},
    {"effect": "garbage"}, {"effect": "html", "status": 502}])
def test_an_answer_that_is_none_is_asked_for_again(directory, sim, effect):
    sim.fault(action="DescribeKeyPairs", count=1, **effect)
    path, _ = write(directory, sim.url, {"bot1": {}})
    code, _, told = check(path)
    assert (code, told) == (GOOD, [])


def test_nobody_is_there(directory):
    path, _ = write(directory, "http://127.0.0.1:1", {"bot1": {}, "bot2": {}})
    code, out, told = check(path)
    assert code == FAILED and "good" not in out
    assert [(line, key) for line, _, _, key, _ in told] == [(3, "aws.region")]
    assert told[0][4].startswith("us-west-2 cannot be asked: ")


def test_a_bad_file_is_not_asked_about(directory, sim):
    path = pathlib.Path(directory) / "bad.yaml"
    path.write_text("pool: BAD\n")
    before = sim.control("GET", "calls")
    code, out, told = check(path)
    assert (code, out) == (CONFIG, "") and told[-1][3] == "pool"
    assert sim.control("GET", "calls") == before


def test_moto_finds_it_good(directory):
    """Under the policy that is printed for it: as far as moto judges, which is by actions."""
    with moto.running() as server:
        server.reset()
        ec2 = server.client()
        subnet = ec2.describe_subnets()["Subnets"][0]
        group = ec2.create_security_group(GroupName="inside", Description="x",
                                          VpcId=subnet["VpcId"])["GroupId"]
        found = ec2.describe_images(Owners=["amazon"], Filters=[
            {"Name": "architecture", "Values": ["x86_64"]}])["Images"][0]["ImageId"]
        head = HEAD.replace("us-west-2", moto.REGION).replace("AKIDTEST", server.key_id).replace(
            "secret_identifier: test", f"secret_identifier: {server.secret}").replace(
            "keypair_name: k", f"keypair_name: {server.KEYPAIR}").replace("{x86}", found)
        path, _ = write(directory, server.url, {
            "bot1": {"security_name": server.GROUP},
            "bot2": {"subnet_id": subnet["SubnetId"], "security_group_ids": [group]}}, head)
        policy = subprocess.run([BUILD / "ec2workerd", "-c", path, "--print-policy"], text=True,
                                capture_output=True, timeout=20, env=clean_environment(),
                                check=True).stdout
        server.allow({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Resource": "*", "Action": statement["Action"]}
            for statement in json.loads(policy)["Statement"]]})
        code, out, told = check(path)
        assert (code, told) == (GOOD, []) and ": good: pool linux, 2 workers, 0 errors" in out
