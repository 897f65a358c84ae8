# SPDX-License-Identifier: Apache-2.0
"""
What EC2LatentWorker says of options at configuration time, and what ours says of the same ones:
V2 to V17 of tests/parity.md. AWS is not asked by ours, and not there for the original.
"""

import json
import pathlib
import subprocess
import unittest.mock

import pytest
from buildbot import config
from buildbot.worker import ec2

from daemon import BUILD, clean_environment

GOOD = {"ami": "ami-12345678", "keypair_name": "k", "security_name": "g"}
NO_IMAGE = {"ami": None}
SUBNET = {"security_name": None, "subnet_id": "subnet-12345678"}

# (statement, what is changed, words of the original's error, words of ours); None: it is taken.
SAME = [
    ("V2", {}, None, None),
    ("V2", {"keypair_name": None}, "'keypair_name' parameter must be specified",
     "keypair_name: required"),
    ("V3", {"security_name": None}, "'security_name' parameter must be specified",
     "security_name: required without subnet_id"),
    ("V3", {"security_name": None, "security_group_ids": ["sg-12345678"]},
     "'security_name' parameter must be specified", "security_group_ids need subnet_id"),
    ("V3", SUBNET, None, None),
    ("V3", SUBNET | {"security_group_ids": ["sg-12345678"]}, None, None),
    ("V4", {"notify_on_missing": [5]}, "notify_on_missing arg 5 is not a string",
     "expected one mail address"),
    ("V4", {"notify_on_missing": "ci@example.org"}, None, None),
    ("V4", {"notify_on_missing": ["ci@example.org", "root@localhost"]}, None, None),
    ("V5", {"subnet_id": "subnet-12345678"}, "not supported in a VPC",
     "not together with subnet_id"),
    ("V6", NO_IMAGE, "You must provide either a specific ami", "ami: required"),
    ("V6", {"valid_ami_owners": [111122223333]}, "You must provide either a specific ami",
     "not together with valid_ami_owners"),
    ("V6", {"valid_ami_location_regex": "x"}, "You must provide either a specific ami",
     "not together with valid_ami_location_regex"),
    ("V6", NO_IMAGE | {"valid_ami_owners": [111122223333], "valid_ami_location_regex": "x"},
     None, None),
    ("V7", NO_IMAGE | {"valid_ami_owners": 111122223333}, None, None),
    ("V7", NO_IMAGE | {"valid_ami_owners": [111122223333, "self"]},
     "valid_ami_owners should be int or iterable of ints", "expected an account id"),
    ("V8", NO_IMAGE | {"valid_ami_owners": 1, "valid_ami_location_regex": "("},
     "unterminated subpattern", "missing closing parenthesis"),
    ("V8", NO_IMAGE | {"valid_ami_owners": 1, "valid_ami_location_regex": ["x"]},
     "valid_ami_location_regex should be a string", "expected a string, got a list"),
    ("V9", {"spot_instance": True, "price_multiplier": None, "max_spot_price": None},
     "You must provide either one, or both", "what is to be bid?"),
    ("V9", {"spot_instance": True, "price_multiplier": None}, None, None),
    ("V9", {"spot_instance": True, "max_spot_price": None}, None, None),
    ("V9", {"price_multiplier": None, "max_spot_price": None}, None, None),
    ("V10", {"identifier": "AKID"}, "supply both or neither", "needs secret_identifier"),
    ("V10", {"secret_identifier": "s"}, "supply both or neither", "needs identifier"),
    ("V10", {"identifier": "AKID", "secret_identifier": "s"}, None, None),
    ("V12", {"region": "Europe"}, "The specified region does not exist: Europe",
     "expected a region"),
    ("V15", {"block_device_map": "/dev/xvdb"}, "'block_device_map' must be a list",
     "expected a list"),
    ("V15", {"block_device_map": [{"DeviceName": "/dev/xvdb", "Ebs": {"VolumeSize": 9}}]},
     None, None),
    ("V16", {"missing_timout": 60}, "missing_timout", "did you mean 'missing_timeout'?"),
    ("V16", {"build_wait_timeout": -1, "missing_timeout": 0}, None, None),
]

# Where we mean to differ.
OTHERS = [
    ("V4", {"notify_on_missing": ["nobody"]}, None, "expected one mail address"),
    ("V7", NO_IMAGE | {"valid_ami_owners": [True]}, None, "expected an account id"),
    ("V7", NO_IMAGE | {"valid_ami_owners": []}, None, "must not be empty"),
    ("V7", NO_IMAGE | {"valid_ami_owners": ["012345678901"]},
     "valid_ami_owners should be int or iterable of ints", None),
    ("V8", NO_IMAGE | {"valid_ami_owners": 1, "valid_ami_location_regex": 2026},
     "valid_ami_location_regex should be a string", None),
    ("V12", {"region": "us-gov-east-1"}, "The specified region does not exist", None),
    ("V12", {"region": "eu-nowhere-1"}, "The specified region does not exist", None),
    ("B3", {"block_device_map": {"/dev/xvdb": {"size": 9}}}, "must be a list", None),
    ("V15", {"block_device_map": [{"DeviceName": "/dev/xvdb", "Ebs": {"Size": 9}}]}, None,
     "unknown key"),
    ("V17", {"ami": "linux"}, None, "expected an image id"),
    ("V17", {"ami": ""}, None, "expected an image id"),
    ("V17", {"instance_type": "large"}, None, "expected an instance type"),
    ("V17", {"spot_instance": True, "max_spot_price": -1}, None, "max_spot_price"),
    ("V17", {"spot_instance": True, "price_multiplier": 0}, None, "price_multiplier"),
    ("V17", {"volumes": ["vol-12345678"]}, None, "expected [volume_id, device]"),
    ("V17", {"region": "us-west-2", "placement": "us-west-2b"}, None,
     "give only what follows the region: b"),
    ("V17", {"tags": {"aws:x": "y"}}, None, "tags below aws: belong to AWS"),
    ("V17", {"tags": {"x": "y" * 257}}, None, "at most 256"),
    ("V17", {"user_data": "x" * 16385}, None, "16384"),
    ("V17", {"missing_timeout": "soon"}, None, "missing_timeout"),
    ("V17", SUBNET | {"subnet_id": "net"}, None, "expected a subnet's id"),
    ("D4", {"max_builds": 2}, None, "it stays in master.cfg"),
    ("D4", {"locks": []}, None, "it stays in master.cfg"),
    ("D4", {"properties": {"a": "b"}}, None, "it stays in master.cfg"),
    ("R1", {"session": "x"}, None, "the section aws says how to reach AWS"),
]


def of_original(monkeypatch, directory, options):
    """
    The text of its error, or None. Its session stands in for AWS, but where a region is looked
    up in a list of its own; that there is an image (V14) is no matter of validation here.
    """
    monkeypatch.setattr(ec2.EC2LatentWorker, "get_image", lambda _: "an image")
    monkeypatch.setenv("HOME", str(directory))
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    options = {"instance_type": "m5.large"} | options
    if "region" not in options or "placement" in options:
        options["session"] = unittest.mock.MagicMock()
    try:
        ec2.EC2LatentWorker("bot1", "x", **options)
    except (config.ConfigErrors, ValueError, AssertionError, TypeError, ec2.re.error) as error:
        return str(error)
    return None


def of_ours(directory, options):
    """What --check says, or None."""
    path = pathlib.Path(directory) / "check.yaml"
    path.write_text(json.dumps({"pool": "p", "workers": {
        "bot1": {"password": "x", "instance_type": "m5.large"} | options}}))
    path.chmod(0o600)
    done = subprocess.run([BUILD / "ec2workerd", "-c", path, "--check"], text=True, timeout=20,
                          capture_output=True, env=clean_environment(), check=False)
    assert done.returncode == (78 if "error:" in done.stderr else 0)
    return done.stderr if done.returncode else None


def merged(changes):
    """Null in a change takes an option away, unless it is one that may be null."""
    nullable = ("price_multiplier", "max_spot_price")
    return {key: value for key, value in (GOOD | changes).items()
            if value is not None or key in nullable}


def says(found, words):
    return found is None if words is None else found is not None and words in found


@pytest.mark.parametrize("statement, changes, theirs, ours", SAME + OTHERS)
def test_validation(monkeypatch, directory, statement, changes, theirs, ours):
    options = merged(changes)
    found = of_original(monkeypatch, directory, options)
    assert says(found, theirs), (statement, found)
    found = of_ours(directory, options)
    assert says(found, ours), (statement, found)


def test_the_table():
    """What is the same is taken by both or refused by both, and the rest is not."""
    assert all((theirs is None) == (ours is None) for _, _, theirs, ours in SAME)
    assert all((theirs is None) != (ours is None) for _, _, theirs, ours in OTHERS)
