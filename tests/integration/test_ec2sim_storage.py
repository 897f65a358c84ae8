# SPDX-License-Identifier: Apache-2.0
"""Elastic addresses and volumes of ec2sim, as boto3 sees them."""

import json

import botocore.exceptions
import pytest

from ec2sim import eventually, running

IMAGE = {"ImageId": "ami-12345", "MinCount": 1, "MaxCount": 1}
VOLUME = "vol-0123456789abcdef0"
SOON = {"Delay": 1, "MaxAttempts": 10}
SCENARIO = {
    "volume_delay": "0.1",
    "addresses": [{"public_ip": "203.0.113.7", "allocation_id": "eipalloc-0123456789abcdef0",
                   "tags": {"use": "bot1"}},
                  {"public_ip": "203.0.113.8", "region": "eu-west-1"}],
    "volumes": [{"id": VOLUME, "zone": "us-east-1a", "size": 20, "tags": {"use": "cache"}},
                {"id": "vol-0fedcba9876543210", "zone": "us-east-1b"},
                {"id": "vol-00000000", "zone": "eu-west-1a"}],
}


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("scenario") / "scenario.json"
    path.write_text(json.dumps(SCENARIO))
    return path


@pytest.fixture
def sim(scenario):
    with running("--scenario", scenario) as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


def run(ec2, **more):
    return ec2.run_instances(**{**IMAGE, **more})["Instances"][0]["InstanceId"]


def describe(ec2, instance):
    return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]


def run_up(ec2, **more):
    instance = run(ec2, **more)
    eventually(lambda: describe(ec2, instance)["State"]["Name"] == "running")
    return instance


def end(ec2, instance):
    ec2.terminate_instances(InstanceIds=[instance])
    eventually(lambda: describe(ec2, instance)["State"]["Name"] == "terminated")


def code(call, *args, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]["Code"]


def volume(ec2, volume_id=VOLUME):
    return ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]


def addresses(ec2, **filters):
    return [a["PublicIp"] for a in ec2.describe_addresses(Filters=[
        {"Name": name.replace("_", "-"), "Values": values}
        for name, values in filters.items()])["Addresses"]]


# --- addresses

def test_address_of_an_instance(sim, ec2):
    [given] = ec2.describe_addresses(PublicIps=["203.0.113.7"])["Addresses"]
    assert given["AllocationId"] == "eipalloc-0123456789abcdef0"
    assert given["Domain"] == "vpc"
    assert given["Tags"] == [{"Key": "use", "Value": "bot1"}]
    assert "InstanceId" not in given
    allocation = given["AllocationId"]

    instance = run(ec2)
    assert code(ec2.associate_address, AllocationId=allocation, InstanceId=instance) == (
        "IncorrectInstanceState")
    eventually(lambda: describe(ec2, instance)["State"]["Name"] == "running")
    own = describe(ec2, instance)["PublicIpAddress"]
    assert code(ec2.associate_address, AllocationId=allocation, InstanceId=instance,
                DryRun=True) == "DryRunOperation"
    answer = ec2.associate_address(AllocationId=allocation, InstanceId=instance,
                                   AllowReassociation=False)
    association = answer["AssociationId"]
    assert association.startswith("eipassoc-")
    # Once more is no error, and nothing new.
    assert ec2.associate_address(AllocationId=allocation, InstanceId=instance,
                                 AllowReassociation=False)["AssociationId"] == association

    shown = describe(ec2, instance)
    assert shown["PublicIpAddress"] == "203.0.113.7"
    assert shown["PublicDnsName"] == "ec2-203-0-113-7.compute-1.amazonaws.com"
    [interface] = shown["NetworkInterfaces"]
    assert interface["Association"]["PublicIp"] == "203.0.113.7"
    assert interface["Association"]["IpOwnerId"] == "123456789012"
    [held] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    assert held["InstanceId"] == instance
    assert held["AssociationId"] == association
    assert held["NetworkInterfaceId"] == interface["NetworkInterfaceId"]
    assert held["PrivateIpAddress"] == shown["PrivateIpAddress"]
    assert ec2.describe_instances(Filters=[
        {"Name": "ip-address", "Values": ["203.0.113.7"]}])["Reservations"]
    assert sim.control("GET", "ledger")["addresses"][0]["instance"] == instance

    assert code(ec2.release_address, AllocationId=allocation) == "InvalidIPAddress.InUse"
    ec2.disassociate_address(AssociationId=association)
    ec2.disassociate_address(AssociationId=association)
    assert code(ec2.disassociate_address, AssociationId="eipassoc-00000000") == (
        "InvalidAssociationID.NotFound")
    assert describe(ec2, instance)["PublicIpAddress"] == own
    assert describe(ec2, instance)["NetworkInterfaces"][0]["Association"]["IpOwnerId"] == "amazon"


def test_address_that_moves_or_not(ec2):
    first, second = run_up(ec2), run_up(ec2)
    allocation = ec2.describe_addresses()["Addresses"][0]["AllocationId"]
    ec2.associate_address(AllocationId=allocation, InstanceId=first)
    assert code(ec2.associate_address, AllocationId=allocation, InstanceId=second,
                AllowReassociation=False) == "Resource.AlreadyAssociated"
    assert addresses(ec2, instance_id=[first]) == ["203.0.113.7"]
    ec2.associate_address(PublicIp="203.0.113.7", InstanceId=second)
    assert addresses(ec2, instance_id=[second]) == ["203.0.113.7"]
    assert describe(ec2, first)["PublicIpAddress"].startswith("198.")

    # An instance has one address at a time, and keeps it while it is stopped.
    more = ec2.allocate_address(Domain="vpc", TagSpecifications=[
        {"ResourceType": "elastic-ip", "Tags": [{"Key": "k", "Value": "v"}]}])
    assert code(ec2.associate_address, AllocationId=more["AllocationId"], InstanceId=second,
                AllowReassociation=False) == "Resource.AlreadyAssociated"
    interface = describe(ec2, second)["NetworkInterfaces"][0]["NetworkInterfaceId"]
    ec2.associate_address(AllocationId=more["AllocationId"], NetworkInterfaceId=interface)
    assert addresses(ec2, instance_id=[second]) == [more["PublicIp"]]
    ec2.stop_instances(InstanceIds=[second])
    eventually(lambda: describe(ec2, second)["State"]["Name"] == "stopped")
    assert describe(ec2, second)["PublicIpAddress"] == more["PublicIp"]


def test_address_of_a_dead_instance(ec2):
    instance = run_up(ec2)
    allocation = ec2.describe_addresses()["Addresses"][0]["AllocationId"]
    ec2.associate_address(AllocationId=allocation, InstanceId=instance)
    end(ec2, instance)
    [free] = ec2.describe_addresses(AllocationIds=[allocation])["Addresses"]
    assert "InstanceId" not in free
    assert "AssociationId" not in free
    assert code(ec2.associate_address, AllocationId=allocation, InstanceId=instance) == (
        "IncorrectInstanceState")


def test_allocation(sim, ec2):
    made = [ec2.allocate_address()["AllocationId"] for _ in range(4)]
    assert code(ec2.allocate_address) == "AddressLimitExceeded"
    ec2.release_address(AllocationId=made[0])
    assert code(ec2.release_address, AllocationId=made[0]) == "InvalidAllocationID.NotFound"
    ec2.allocate_address()
    ec2.create_tags(Resources=[made[1]], Tags=[{"Key": "use", "Value": "bot2"}])
    assert len(addresses(ec2, **{"tag:use": ["bot*"]})) == 2
    assert len(addresses(ec2, tag_key=["use"])) == 2
    assert len(addresses(ec2, allocation_id=made)) == 3
    assert addresses(sim.client(region="eu-west-1")) == ["203.0.113.8"]
    assert code(ec2.describe_addresses, PublicIps=["203.0.113.8"]) == "InvalidAddress.NotFound"
    assert code(ec2.describe_addresses, PublicIps=["here"]) == "InvalidAddress.Malformed"
    assert code(ec2.describe_addresses, AllocationIds=["eipalloc-0"]) == (
        "InvalidAllocationID.NotFound")
    sim.control("POST", "reset")
    assert addresses(ec2) == ["203.0.113.7"]


# --- volumes

def test_volume_of_an_instance(sim, ec2):
    given = volume(ec2)
    assert (given["State"], given["Size"], given["AvailabilityZone"], given["Attachments"]) == (
        "available", 20, "us-east-1a", [])
    instance = run(ec2)
    assert code(ec2.attach_volume, VolumeId=VOLUME, InstanceId=instance,
                Device="/dev/sdf") == "IncorrectState"
    eventually(lambda: describe(ec2, instance)["State"]["Name"] == "running")
    answer = ec2.attach_volume(VolumeId=VOLUME, InstanceId=instance, Device="/dev/sdf")
    assert answer["State"] == "attaching"
    assert answer["Device"] == "/dev/sdf"
    assert volume(ec2)["State"] == "in-use"
    eventually(lambda: volume(ec2)["Attachments"][0]["State"] == "attached")
    [attachment] = volume(ec2)["Attachments"]
    assert attachment["InstanceId"] == instance
    assert attachment["DeleteOnTermination"] is False
    disks = {d["DeviceName"]: d["Ebs"] for d in describe(ec2, instance)["BlockDeviceMappings"]}
    assert disks["/dev/sdf"]["VolumeId"] == VOLUME
    assert disks["/dev/sdf"]["Status"] == "attached"
    assert disks["/dev/xvda"]["DeleteOnTermination"] is True

    assert code(ec2.attach_volume, VolumeId=VOLUME, InstanceId=instance,
                Device="/dev/sdg") == "VolumeInUse"
    assert code(ec2.delete_volume, VolumeId=VOLUME) == "VolumeInUse"
    assert code(ec2.detach_volume, VolumeId=disks["/dev/xvda"]["VolumeId"]) == (
        "OperationNotPermitted")
    assert code(ec2.detach_volume, VolumeId=VOLUME, Device="/dev/sdg") == (
        "InvalidAttachment.NotFound")
    assert ec2.detach_volume(VolumeId=VOLUME)["State"] == "detaching"
    ec2.get_waiter("volume_available").wait(VolumeIds=[VOLUME], WaiterConfig=SOON)
    assert code(ec2.detach_volume, VolumeId=VOLUME) == "IncorrectState"


def test_volume_of_a_dying_instance(sim, ec2):
    with running(shutdown="1") as slow:
        slow.control("POST", "scenario", SCENARIO)
        ec2 = slow.client()
        instance = run_up(ec2, BlockDeviceMappings=[
            {"DeviceName": "/dev/sdh", "Ebs": {"VolumeSize": 1, "DeleteOnTermination": False}}])
        ec2.attach_volume(VolumeId=VOLUME, InstanceId=instance, Device="xvdg")
        eventually(lambda: volume(ec2)["Attachments"][0]["State"] == "attached")
        ec2.terminate_instances(InstanceIds=[instance])
        assert volume(ec2)["Attachments"][0]["State"] == "detaching"
        assert volume(ec2)["State"] == "in-use"
        eventually(lambda: volume(ec2)["State"] == "available")
        assert describe(ec2, instance)["State"]["Name"] == "terminated"

        # The root disk is gone, what was attached has survived, and what was left is seen.
        volumes = {v["id"]: v for v in slow.control("GET", "ledger")["volumes"]}
        assert volumes[VOLUME]["state"] == "available"
        assert volumes[VOLUME]["made_by"] is None
        left = [v for v in volumes.values() if v["made_by"] and v["state"] == "available"]
        assert [v["device"] for v in left] == ["/dev/sdh"]
        [gone] = [v for v in volumes.values() if v["state"] == "deleted"]
        assert gone["ended_at"] == slow.ledger()[instance]["terminated_at"]
        assert 1 <= gone["billed_seconds"] < 10
        assert code(ec2.describe_volumes, VolumeIds=[gone["id"]]) == "InvalidVolume.NotFound"
        ec2.delete_volume(VolumeId=left[0]["id"])
        assert code(ec2.delete_volume, VolumeId=left[0]["id"]) == "InvalidVolume.NotFound"


def test_attachments_that_cannot_be(ec2):
    instance = run_up(ec2)
    attach = ec2.attach_volume
    assert code(attach, VolumeId="vol-0fedcba9876543210", InstanceId=instance,
                Device="/dev/sdf") == "InvalidVolume.ZoneMismatch"
    assert code(attach, VolumeId=VOLUME, InstanceId=instance, Device="/dev/xvda") == (
        "InvalidParameterValue")
    assert code(attach, VolumeId=VOLUME, InstanceId=instance, Device="tape0") == (
        "InvalidParameterValue")
    assert code(attach, VolumeId="vol-00000000", InstanceId=instance, Device="/dev/sdf") == (
        "InvalidVolume.NotFound")
    assert code(attach, VolumeId="disk", InstanceId=instance, Device="/dev/sdf") == (
        "InvalidParameterValue")
    assert code(attach, VolumeId=VOLUME, InstanceId="i-00000000", Device="/dev/sdf") == (
        "InvalidInstanceID.NotFound")
    end(ec2, instance)
    assert code(attach, VolumeId=VOLUME, InstanceId=instance, Device="/dev/sdf") == (
        "IncorrectState")


def test_making_volumes(ec2):
    token = "one-volume"
    made = ec2.create_volume(AvailabilityZone="us-east-1c", Size=3, VolumeType="gp3",
                             ClientToken=token, TagSpecifications=[
                                 {"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}])
    assert made["State"] == "creating"
    assert made["Tags"] == [{"Key": "k", "Value": "v"}]
    again = ec2.create_volume(AvailabilityZone="us-east-1c", Size=3, VolumeType="gp3",
                              ClientToken=token, TagSpecifications=[
                                  {"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]}])
    assert again["VolumeId"] == made["VolumeId"]
    assert code(ec2.create_volume, AvailabilityZone="us-east-1c", Size=4, ClientToken=token) == (
        "IdempotentParameterMismatch")
    assert code(ec2.create_volume, AvailabilityZone="eu-west-1a", Size=4) == (
        "InvalidZone.NotFound")
    assert code(ec2.create_volume, AvailabilityZone="us-east-1c") == "MissingParameter"
    ec2.get_waiter("volume_available").wait(VolumeIds=[made["VolumeId"]], WaiterConfig=SOON)


def test_listing_volumes(ec2):
    for size in range(1, 7):
        ec2.create_volume(AvailabilityZone="us-east-1b", Size=size)
    pages = list(ec2.get_paginator("describe_volumes").paginate(
        PaginationConfig={"PageSize": 5}))
    assert [len(page["Volumes"]) for page in pages] == [5, 3]
    assert code(ec2.describe_volumes, MaxResults=5, VolumeIds=[VOLUME]) == (
        "InvalidParameterCombination")

    def found(**filters):
        return [v["Size"] for v in ec2.describe_volumes(Filters=[
            {"Name": name.replace("_", "-"), "Values": values}
            for name, values in filters.items()])["Volumes"]]

    instance = run_up(ec2)
    assert found(size=["2", "3"]) == [2, 3]
    assert found(**{"tag:use": ["cache"]}) == [20]
    assert found(**{"attachment.instance-id": [instance], "attachment.device": ["/dev/xvda"],
                    "attachment.delete-on-termination": ["true"]}) == [8]
    assert found(status=["in-use"], availability_zone=["us-east-1a"]) == [8]
    assert found(volume_type=["gp2"], volume_id=[VOLUME]) == [20]
    assert found(**{"attachment.status": ["attach*"]}) == [8]
    assert code(found, colour=["red"]) == "InvalidParameterValue"
