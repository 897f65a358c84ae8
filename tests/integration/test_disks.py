# SPDX-License-Identifier: Apache-2.0
"""Disks and the metadata service: from the file to what EC2 is asked for, and what comes of it."""

import pytest

import moto
from daemon import Daemon
from ec2sim import eventually
from lives import bring_to, finish, show

LIST = [{"DeviceName": "/dev/xvdb", "Ebs": {"VolumeType": "io1", "Iops": 1000, "VolumeSize": 100}}]
MAP = {"/dev/xvdb": {"volume_type": "io1", "iops": 1000, "size": 100}}
WANTED = {"BlockDeviceMapping.1.DeviceName": "/dev/xvdb",
          "BlockDeviceMapping.1.Ebs.VolumeType": "io1",
          "BlockDeviceMapping.1.Ebs.Iops": "1000",
          "BlockDeviceMapping.1.Ebs.VolumeSize": "100",
          "BlockDeviceMapping.1.Ebs.DeleteOnTermination": "true"}


def launches(sim):
    """The parameters of each RunInstances, by worker."""
    found = {}
    for entry in sim.requests():
        if entry["action"] == "RunInstances":
            tags = {value: entry["params"][name.replace("Key", "Value")]
                    for name, value in entry["params"].items()
                    if name.startswith("TagSpecification.1.Tag.") and name.endswith(".Key")}
            found[tags["ec2workerd:worker"]] = entry["params"]
    return found


def under(params, prefix):
    return {name: value for name, value in params.items() if name.startswith(prefix)}


def test_both_spellings_are_one_request(make_daemon, sim):
    daemon = make_daemon({
        "list": {"password": "generated", "block_device_map": LIST},
        "map": {"password": "generated", "block_device_map": MAP},
        "none": {"password": "generated",
                 "metadata_options": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 2}},
    }).start()
    for worker in ("list", "map", "none"):
        bring_to(daemon, "waiting", worker)
    asked = launches(sim)
    assert under(asked["list"], "BlockDevice") == under(asked["map"], "BlockDevice") == WANTED
    assert not under(asked["none"], "BlockDevice")
    assert under(asked["list"], "Metadata") == {
        "MetadataOptions.HttpTokens": "required", "MetadataOptions.HttpEndpoint": "enabled",
        "MetadataOptions.HttpPutResponseHopLimit": "1"}
    assert under(asked["none"], "Metadata") == {
        "MetadataOptions.HttpTokens": "optional", "MetadataOptions.HttpEndpoint": "enabled",
        "MetadataOptions.HttpPutResponseHopLimit": "2"}
    shown = show(daemon, "map")["configuration"]["block_device_map"]
    assert shown[0]["DeviceName"] == "/dev/xvdb" and shown[0]["Ebs"]["VolumeSize"] == 100
    assert shown == show(daemon, "list")["configuration"]["block_device_map"]
    finish(daemon, sim)


@pytest.mark.parametrize("before, after, stale", [
    ({"block_device_map": LIST}, {"block_device_map": MAP}, False),
    ({"block_device_map": MAP}, {"block_device_map": {"/dev/xvdb": {"size": 100}}}, True),
    ({}, {"block_device_map": MAP}, True),
    ({}, {"metadata_options": {"HttpTokens": "required"}}, False),
    ({}, {"metadata_options": {"HttpTokens": "optional"}}, True),
])
def test_stale(make_daemon, sim, before, after, stale):
    """What runs was made of other disks, unless these are only spelt otherwise."""
    daemon = make_daemon({"bot1": {"password": "sekrit", **before}}).start()
    bring_to(daemon, "ready")
    daemon.config["workers"] = {"bot1": {"password": "sekrit", **after}}
    daemon.write_config()
    changes = daemon.call("daemon.reload")
    assert changes["stale"] == (["bot1"] if stale else [])
    finish(daemon, sim)


def test_on_moto(directory):
    """Its disks end with the instance unless the file says otherwise; so do real ones."""
    with moto.running() as server:
        server.reset()
        ec2 = server.client()
        daemon = Daemon(
            directory, server.url,
            {"gone": {"block_device_map": [
                {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 7, "VolumeType": "gp3"}}]},
             "kept": {"block_device_map": {
                 "/dev/sdb": {"size": 9, "encrypted": True, "delete_on_termination": False}}}},
            aws={"region": moto.REGION, "identifier": server.key_id,
                 "secret_identifier": server.secret, "endpoint_url": server.url},
            worker_defaults={"keypair_name": server.KEYPAIR, "instance_type": "m5.large",
                             "security_name": server.GROUP, "ami": server.image(),
                             "password": "generated", "missing_timeout": 120,
                             "metadata_options": {"HttpPutResponseHopLimit": 3}})
        try:
            daemon.start()
            for worker in ("gone", "kept"):
                daemon.call("worker.substantiate", worker=worker, wait="running", timeout=60)
            sizes = {volume["Size"]: volume for volume in ec2.describe_volumes()["Volumes"]}
            assert {7, 9} <= set(sizes) and sizes[9]["Encrypted"] and not sizes[7]["Encrypted"]
            assert {i["MetadataOptions"]["HttpPutResponseHopLimit"]
                    for i in server.instances().values()} == {3}
            for worker in ("gone", "kept"):
                daemon.call("worker.insubstantiate", worker=worker, wait="stopped", timeout=60)
            left = eventually(lambda: ec2.describe_volumes()["Volumes"])
            assert 9 in {volume["Size"] for volume in left}
            assert 7 not in {volume["Size"] for volume in left}
        finally:
            daemon.stop()
