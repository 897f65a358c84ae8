# SPDX-License-Identifier: Apache-2.0
"""Key pairs, groups, types, places, permissions and spot requests of ec2sim, by boto3."""

import base64

import pytest

from ec2client import code, of, refused, run
from ec2sim import eventually, running

VPC = "vpc-0ec251a0ec251a000"


@pytest.fixture
def sim():
    with running("--seed", "1") as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


# --- key pairs

def test_key_pairs(sim, ec2):
    [made] = ec2.describe_key_pairs(KeyNames=["any"])["KeyPairs"]
    assert made["KeyName"] == "any"
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    sim.control("POST", "scenario", {"key_pairs": [
        {"name": "build", "tags": {"a": "b"}}, {"name": "there", "region": "eu-west-1"},
        {"name": "other", "fingerprint": "ff:00"}]})
    listed = ec2.describe_key_pairs()["KeyPairs"]
    assert [k["KeyName"] for k in listed] == ["build", "other"]
    assert listed[0]["Tags"] == [{"Key": "a", "Value": "b"}]
    by_id = ec2.describe_key_pairs(KeyPairIds=[listed[1]["KeyPairId"]])["KeyPairs"]
    assert by_id == [listed[1]]
    assert ec2.describe_key_pairs(**of(fingerprint=["ff:*"]))["KeyPairs"] == by_id
    assert ec2.describe_key_pairs(**of(key_name=["oth*"]))["KeyPairs"] == by_id
    assert refused(ec2.describe_key_pairs, KeyNames=["there"]) == (
        "InvalidKeyPair.NotFound", "The key pair 'there' does not exist")
    assert code(ec2.describe_key_pairs, KeyPairIds=["key-1"]) == "InvalidKeyPair.NotFound"
    assert run(ec2, KeyName="build")["KeyName"] == "build"
    assert code(run, ec2, KeyName="there") == "InvalidKeyPair.NotFound"
    assert run(sim.client(region="eu-west-1"), KeyName="there")


# --- groups

GROUPS = [
    {"id": "sg-0000000a", "name": "build", "tags": {"a": "b"}},
    {"id": "sg-0000000b", "name": "build", "vpc": "vpc-00000001", "description": "elsewhere"},
    {"id": "sg-0000000c", "name": "there", "region": "eu-west-1"},
]
SUBNETS = [{"id": "subnet-0000000a", "zone": "us-east-1a"},
           {"id": "subnet-0000000b", "zone": "us-east-1b", "vpc": "vpc-00000001"}]


def groups_of(ec2, **query):
    return "".join(g["GroupId"][-1] for g in ec2.describe_security_groups(**query)[
        "SecurityGroups"])


def test_groups(sim, ec2):
    [default] = ec2.describe_security_groups()["SecurityGroups"]
    assert (default["GroupName"], default["VpcId"]) == ("default", VPC)
    [named, known] = ec2.describe_security_groups(
        GroupNames=["any"], GroupIds=["sg-12345"])["SecurityGroups"]
    assert {named["GroupName"], known["GroupName"]} == {"any", "sg-12345"}
    assert run(ec2, SecurityGroups=["any"])["SecurityGroups"][0]["GroupId"] == known["GroupId"]
    sim.control("POST", "scenario", {"groups": GROUPS})
    for query, ids in [({}, "ab"), ({"GroupIds": ["sg-0000000b"]}, "b"),
                       ({"GroupNames": ["build"]}, "ab"), (of(vpc_id=["vpc-00000001"]), "b"),
                       (of(group_name=["bu*"], vpc_id=[VPC]), "a"), (of(tag_key=["a"]), "a"),
                       (of(description=["else*"]), "b"), ({"MaxResults": 5}, "ab")]:
        assert groups_of(ec2, **query) == ids
    assert refused(ec2.describe_security_groups, GroupIds=["sg-0000000c"]) == (
        "InvalidGroup.NotFound", "The security group 'sg-0000000c' does not exist")
    assert code(ec2.describe_security_groups, GroupNames=["there"]) == "InvalidGroup.NotFound"
    assert code(ec2.describe_security_groups, GroupIds=["build"]) == "InvalidGroupId.Malformed"
    assert code(ec2.describe_security_groups, GroupIds=["sg-0000000a"], MaxResults=5) == (
        "InvalidParameterCombination")


def test_groups_of_a_launch(sim, ec2):
    sim.control("POST", "scenario", {"groups": GROUPS, "subnets": SUBNETS})
    [group] = run(ec2, SecurityGroups=["build"])["SecurityGroups"]
    assert group == {"GroupId": "sg-0000000a", "GroupName": "build"}
    [group] = run(ec2, SubnetId="subnet-0000000b", SecurityGroupIds=["sg-0000000b"])[
        "SecurityGroups"]
    assert group["GroupName"] == "build"
    assert run(ec2)["SecurityGroups"][0]["GroupName"] == "default"
    assert code(run, ec2, SecurityGroups=["there"]) == "InvalidGroup.NotFound"
    assert code(run, ec2, SecurityGroupIds=["sg-0000000d"]) == "InvalidGroup.NotFound"
    found, message = refused(run, ec2, SubnetId="subnet-0000000a",
                             SecurityGroupIds=["sg-0000000b"])
    assert (found, "different networks" in message) == ("InvalidParameter", True)
    assert code(run, ec2, SecurityGroupIds=["sg-0000000b"]) == "InvalidParameter"
    assert code(run, ec2, NetworkInterfaces=[{
        "DeviceIndex": 0, "SubnetId": "subnet-0000000b", "Groups": ["sg-0000000a"]}]) == (
            "InvalidParameter")


# --- types

TYPES = [{"name": "m5.large", "vcpus": 2, "memory": 8192, "zones": ["us-east-1a", "us-east-1b"]},
         {"name": "m5.large2", "zones": "us-east-1b"},
         {"name": "odd.large", "architectures": ["arm64"], "zones": ["us-east-1b", "eu-*"]},
         {"name": "both.large", "architectures": ["x86_64", "arm64"]}]


def test_types(sim, ec2):
    assert ec2.describe_instance_types()["InstanceTypes"] == []
    [made] = ec2.describe_instance_types(InstanceTypes=["m7g.large"])["InstanceTypes"]
    assert made["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert code(ec2.describe_instance_types, InstanceTypes=["large"]) == "InvalidInstanceType"
    sim.control("POST", "scenario", {"types": TYPES})
    listed = ec2.describe_instance_types()["InstanceTypes"]
    assert [t["InstanceType"] for t in listed] == [t["name"] for t in TYPES]
    assert listed[0]["VCpuInfo"]["DefaultVCpus"] == 2
    assert listed[0]["MemoryInfo"]["SizeInMiB"] == 8192
    assert listed[3]["ProcessorInfo"]["SupportedArchitectures"] == ["x86_64", "arm64"]
    arm = ec2.describe_instance_types(Filters=[{
        "Name": "processor-info.supported-architecture", "Values": ["arm64"]}])
    assert [t["InstanceType"] for t in arm["InstanceTypes"]] == ["odd.large", "both.large"]
    assert refused(ec2.describe_instance_types, InstanceTypes=["m5.large", "a1.x", "a1.y"]) == (
        "InvalidInstanceType",
        "The following supplied instance types do not exist: [a1.x, a1.y]")


def offered(ec2, kind="availability-zone", **filters):
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType=kind, **of(**filters), PaginationConfig={"PageSize": 5})
    return [(o["InstanceType"], o["Location"]) for page in pages
            for o in page["InstanceTypeOfferings"]]


def test_offerings(sim, ec2):
    zones = [f"us-east-1{letter}" for letter in "abcdef"]
    assert offered(ec2, instance_type=["m5.large"]) == [("m5.large", zone) for zone in zones]
    assert offered(ec2) == []
    sim.control("POST", "scenario", {"types": TYPES[1:]})
    assert offered(ec2) == [("m5.large2", "us-east-1b"), ("odd.large", "us-east-1b")] + [
        ("both.large", zone) for zone in zones]
    assert offered(ec2, location=["us-east-1b"], instance_type=["*.large"]) == [
        ("odd.large", "us-east-1b"), ("both.large", "us-east-1b")]
    assert offered(ec2, "region") == [(name, "us-east-1") for name in (
        "m5.large2", "odd.large", "both.large")]
    assert offered(ec2, "availability-zone-id", instance_type=["m5.*"]) == [
        ("m5.large2", "use1-az2")]
    assert len(offered(sim.client(region="eu-west-1"))) == 12


def test_launch_of_a_type(sim, ec2):
    sim.control("POST", "scenario", {"types": TYPES[1:], "images": [
        {"id": "ami-12345"}, {"id": "ami-12346", "architecture": "arm64"}]})
    zone_a = {"Placement": {"AvailabilityZone": "us-east-1a"}}
    assert code(run, ec2, InstanceType="m5.large") == "InvalidParameterValue"
    found, message = refused(run, ec2, InstanceType="m5.large2", **zone_a)
    assert (found, "us-east-1a" in message) == ("Unsupported", True)
    assert run(ec2, InstanceType="m5.large2")["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert code(run, ec2, InstanceType="odd.large") == "InvalidParameterValue"
    arm = run(ec2, InstanceType="odd.large", ImageId="ami-12346")
    assert arm["Architecture"] == "arm64"
    for image, architecture in [("ami-12345", "x86_64"), ("ami-12346", "arm64")]:
        both = run(ec2, InstanceType="both.large", ImageId=image)
        assert both["Architecture"] == architecture
    # Where it is offered there is none: that is what is said, and not that it is not offered.
    sim.control("POST", "scenario", {"types": TYPES[1:], "capacity": [{"available": 0}]})
    assert code(run, ec2, InstanceType="m5.large2") == "InsufficientInstanceCapacity"
    assert code(run, ec2, InstanceType="m5.large2", **zone_a) == "Unsupported"


def test_profiles(sim, ec2):
    sim.control("POST", "scenario", {"instance_profiles": ["build"]})
    assert run(ec2, IamInstanceProfile={"Name": "build"})
    arn = "arn:aws:iam::123456789012:instance-profile/"
    assert run(ec2, IamInstanceProfile={"Arn": arn + "build"})
    for profile, words in [({"Name": "other"}, "(other) for parameter iamInstanceProfile.name"),
                           ({"Arn": arn + "x"}, "/x) for parameter iamInstanceProfile.arn")]:
        found, message = refused(run, ec2, IamInstanceProfile=profile)
        assert (found, words in message) == ("InvalidParameterValue", True), message


# --- places

def test_regions_and_zones(sim, ec2):
    names = [r["RegionName"] for r in ec2.describe_regions()["Regions"]]
    assert "us-east-1" in names and names == sorted(names)
    [region] = ec2.describe_regions(RegionNames=["eu-west-1"])["Regions"]
    assert region["Endpoint"] == "ec2.eu-west-1.amazonaws.com"
    assert code(ec2.describe_regions, RegionNames=["moon-1"]) == "InvalidParameterValue"
    assert len(ec2.describe_regions(**of(region_name=["us-*"]))["Regions"]) == 4
    moon = sim.client(region="moon-base-1")
    assert "moon-base-1" in [r["RegionName"] for r in moon.describe_regions()["Regions"]]

    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"][-1] for z in zones] == list("abcdef")
    assert (zones[1]["ZoneId"], zones[1]["State"], zones[1]["RegionName"]) == (
        "use1-az2", "available", "us-east-1")
    [zone] = sim.client(region="ap-northeast-3").describe_availability_zones(
        ZoneIds=["apne3-az3"])["AvailabilityZones"]
    assert zone["ZoneName"] == "ap-northeast-3c"
    assert code(ec2.describe_availability_zones, ZoneNames=["eu-west-1a"]) == (
        "InvalidParameterValue")
    [zone] = ec2.describe_availability_zones(**of(zone_name=["*d"], region_name=["us-east-1"]))[
        "AvailabilityZones"]
    assert zone["ZoneName"] == "us-east-1d"


def test_vpcs(sim, ec2):
    [default] = ec2.describe_vpcs()["Vpcs"]
    assert (default["VpcId"], default["IsDefault"]) == (VPC, True)
    sim.control("POST", "scenario", {"subnets": SUBNETS, "groups": GROUPS})
    assert [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"]] == [VPC, "vpc-00000001"]
    assert [v["VpcId"] for v in ec2.describe_vpcs(**of(is_default=["false"]))["Vpcs"]] == [
        "vpc-00000001"]
    assert ec2.describe_vpcs(VpcIds=["vpc-00000001"])["Vpcs"][0]["IsDefault"] is False
    assert code(ec2.describe_vpcs, VpcIds=["vpc-00000002"]) == "InvalidVpcID.NotFound"


# --- permissions

def test_denied(sim, ec2):
    instance = run(ec2)["InstanceId"]
    sim.control("POST", "scenario", {"denied": [
        {"action": "TerminateInstances"}, {"action": "Run*", "key": "AKIDOTHER"}]})
    found, message = refused(ec2.terminate_instances, InstanceIds=[instance])
    assert (found, "perform: TerminateInstances" in message) == ("UnauthorizedOperation", True)
    assert code(ec2.terminate_instances, InstanceIds=[instance], DryRun=True) == (
        "UnauthorizedOperation")
    # Not even whether it exists.
    assert code(ec2.terminate_instances, InstanceIds=["i-0123456789abcdef0"]) == (
        "UnauthorizedOperation")
    assert run(ec2)
    other = sim.client(key="AKIDOTHER")
    assert code(run, other) == "UnauthorizedOperation"
    assert code(run, other, DryRun=True) == "UnauthorizedOperation"
    assert code(run, ec2, DryRun=True) == "DryRunOperation"
    assert other.describe_instances()["Reservations"]
    status, _, body = sim.post({"Action": "RunInstances"}, key="AKIDOTHER")
    assert (status, b"MissingParameter" in body) == (400, True)
    assert sim.ledger()[instance]["state"] in ("pending", "running")


def test_denied_parts_of_a_launch(sim, ec2):
    """Tags and a role need permissions of their own; sessions are known by their ARN."""
    sim.control("POST", "scenario", {"denied": [
        {"action": "CreateTags"}, {"action": "PassRole"},
        {"action": "RunInstances", "key": "arn:aws:sts::*:assumed-role/builder/*"}]})
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}]
    assert run(ec2)
    assert code(run, ec2, TagSpecifications=tags) == "UnauthorizedOperation"
    assert code(run, ec2, IamInstanceProfile={"Name": "p"}) == "UnauthorizedOperation"
    assert code(run, ec2, TagSpecifications=tags, DryRun=True) == "UnauthorizedOperation"
    role = sim.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/builder", RoleSessionName="session")
    made = role["Credentials"]
    session = sim.client(key=made["AccessKeyId"], secret=made["SecretAccessKey"],
                         token=made["SessionToken"])
    found, message = refused(run, session)
    assert (found, "assumed-role/builder/session" in message) == ("UnauthorizedOperation", True)
    assert session.describe_instances()["Reservations"]


# --- attributes

def test_attributes(sim, ec2):
    instance = run(ec2, UserData="#!/bin/sh\n", DisableApiTermination=True,
                   InstanceInitiatedShutdownBehavior="terminate")["InstanceId"]

    def attribute(name):
        return ec2.describe_instance_attribute(InstanceId=instance, Attribute=name)

    assert base64.b64decode(attribute("userData")["UserData"]["Value"]) == b"#!/bin/sh\n"
    assert attribute("disableApiTermination")["DisableApiTermination"] == {"Value": True}
    assert attribute("instanceInitiatedShutdownBehavior")[
        "InstanceInitiatedShutdownBehavior"] == {"Value": "terminate"}
    assert attribute("instanceType")["InstanceType"] == {"Value": "m1.small"}
    assert attribute("rootDeviceName")["RootDeviceName"] == {"Value": "/dev/xvda"}
    assert attribute("ebsOptimized")["EbsOptimized"] == {"Value": False}
    assert code(attribute, "kernel") == "InvalidParameterValue"
    assert code(ec2.describe_instance_attribute, InstanceId="i-00000000",
                Attribute="userData") == "InvalidInstanceID.NotFound"
    assert code(ec2.terminate_instances, InstanceIds=[instance]) == "OperationNotPermitted"
    ec2.modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})
    ec2.terminate_instances(InstanceIds=[instance])
    eventually(lambda: sim.ledger()[instance]["state"] == "terminated")


# --- spot requests

SPOT = {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.1"}},
        "TagSpecifications": [{"ResourceType": "spot-instances-request",
                               "Tags": [{"Key": "pool", "Value": "p"}]}]}


def requests_of(ec2, **query):
    return ec2.describe_spot_instance_requests(**query)["SpotInstanceRequests"]


def test_spot_requests(sim, ec2):
    run(ec2)
    instance = run(ec2, **SPOT)
    other = run(ec2, InstanceMarketOptions={"MarketType": "spot"})
    [found] = requests_of(ec2, Filters=[{"Name": "tag:pool", "Values": ["p"]}])
    assert found["SpotInstanceRequestId"] == instance["SpotInstanceRequestId"]
    assert (found["State"], found["Status"]["Code"], found["InstanceId"]) == (
        "active", "fulfilled", instance["InstanceId"])
    assert found["SpotPrice"] == "0.1"
    assert found["LaunchSpecification"]["ImageId"] == "ami-12345"
    assert found["Tags"] == [{"Key": "pool", "Value": "p"}]
    ids = [instance["SpotInstanceRequestId"]]
    [change] = ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)[
        "CancelledSpotInstanceRequests"]
    assert change["State"] == "cancelled"
    [found] = requests_of(ec2, SpotInstanceRequestIds=ids)
    assert found["Status"]["Code"] == "request-canceled-and-instance-running"
    assert sim.ledger()[instance["InstanceId"]]["state"] in ("pending", "running")
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"], other["InstanceId"]])
    states = {r["InstanceId"]: (r["State"], r["Status"]["Code"]) for r in requests_of(ec2)}
    assert states == {
        instance["InstanceId"]: ("cancelled", "instance-terminated-by-user"),
        other["InstanceId"]: ("closed", "instance-terminated-by-user")}
    assert requests_of(ec2, **of(state=["closed"]))[0]["InstanceId"] == other["InstanceId"]
    listed = ec2.describe_instances(**of(spot_instance_request_id=ids))["Reservations"]
    assert [i["InstanceId"] for r in listed for i in r["Instances"]] == [instance["InstanceId"]]
    assert code(requests_of, ec2, SpotInstanceRequestIds=["sir-00000000"]) == (
        "InvalidSpotInstanceRequestID.NotFound")
    assert code(requests_of, ec2, SpotInstanceRequestIds=["x"]) == (
        "InvalidSpotInstanceRequestID.Malformed")
    assert code(ec2.cancel_spot_instance_requests, SpotInstanceRequestIds=["sir-00000000"]) == (
        "InvalidSpotInstanceRequestID.NotFound")
