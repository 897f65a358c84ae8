# SPDX-License-Identifier: Apache-2.0
"""What ec2sim tells of images, subnets and prices, and what a launch makes of them: by boto3."""

import datetime
import json

import pytest

from ec2sim import eventually, running
from ec2client import code, of, refused, run

OTHER = "999999999999"


@pytest.fixture
def sim():
    with running("--seed", "1") as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


def spot(bid=None):
    options = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
    if bid is not None:
        options["MaxPrice"] = bid
    return {"InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": options}}


def zone(letter):
    return {"Placement": {"AvailabilityZone": f"us-east-1{letter}"}}


# --- images

IMAGES = [
    {"id": "ami-00000001", "name": "build-1", "tags": {"role": "build"},
     "created": "2026-03-01T00:00:00.000Z"},
    {"id": "ami-00000002", "name": "build-2", "architecture": "arm64", "description": "arm"},
    {"id": "ami-00000003", "name": "other", "owner": OTHER, "alias": "amazon", "public": True,
     "location": "amazon/other.manifest.xml"},
    {"id": "ami-00000004", "name": "build-4", "state": "pending"},
    {"id": "ami-00000005", "name": "old", "owner": OTHER, "deprecated": "2026-01-01T00:00:00Z"},
    {"id": "ami-00000006", "name": "build-1", "region": "eu-west-1"},
]


def ids_of(ec2, **query):
    return [int(i["ImageId"][-1]) for i in ec2.describe_images(**query)["Images"]]


@pytest.mark.parametrize("query, ids", [
    ({}, [1, 2, 3, 4]),
    ({"Owners": ["self"]}, [1, 2, 4]),
    ({"Owners": ["amazon"]}, [3]),
    ({"Owners": [OTHER]}, [3]),
    ({"Owners": [OTHER], "IncludeDeprecated": True}, [3, 5]),
    ({"Owners": ["123456789012", "amazon"]}, [1, 2, 3, 4]),
    ({"Owners": ["111111111111"]}, []),
    ({"ImageIds": ["ami-00000003", "ami-00000001"]}, [1, 3]),
    ({"ExecutableUsers": ["all"]}, [3]),
    (of(name=["build-*"]), [1, 2, 4]),
    (of(name=["build-?"], state=["available"]), [1, 2]),
    (of(architecture=["arm64"]), [2]),
    (of(owner_id=[OTHER]), [3]),
    (of(owner_alias=["amazon"]), [3]),
    (of(manifest_location=["amazon/*"]), [3]),
    (of(is_public=["true"]), [3]),
    (of(tag_key=["role"]), [1]),
    ({"Filters": [{"Name": "tag:role", "Values": ["build", "x"]}]}, [1]),
    ({"Filters": [{"Name": "tag:role", "Values": ["x"]}]}, []),
    (of(image_id=["ami-00000002"]), [2]),
    (of(creation_date=["2026-03-*"]), [1]),
    (of(virtualization_type=["hvm"], root_device_type=["ebs"], image_type=["machine"],
        platform_details=["Linux*"], hypervisor=["xen"], root_device_name=["/dev/xvda"],
        description=["arm"]), [2]),
])
def test_images(sim, ec2, query, ids):
    sim.control("POST", "scenario", {"images": IMAGES})
    assert ids_of(ec2, **query) == ids


def test_what_an_image_says(sim, ec2):
    sim.control("POST", "scenario", {"images": IMAGES})
    [image] = ec2.describe_images(ImageIds=["ami-00000001"])["Images"]
    assert image["ImageLocation"] == "123456789012/build-1"
    assert (image["OwnerId"], image["State"], image["Public"]) == (
        "123456789012", "available", False)
    assert image["CreationDate"] == "2026-03-01T00:00:00.000Z"
    assert image["Tags"] == [{"Key": "role", "Value": "build"}]
    [image] = ec2.describe_images(ImageIds=["ami-00000003"])["Images"]
    assert image["ImageLocation"] == "amazon/other.manifest.xml"
    assert image["ImageOwnerAlias"] == "amazon"
    assert ids_of(sim.client(region="eu-west-1"), Owners=["self"]) == [1, 2, 4, 6]
    assert refused(ec2.describe_images, ImageIds=["ami-00000007"]) == (
        "InvalidAMIID.NotFound", "The image id '[ami-00000007]' does not exist")
    assert "ami-00000007, ami-00000008" in refused(
        ec2.describe_images, ImageIds=["ami-00000007", "ami-00000001", "ami-00000008"])[1]
    assert code(ec2.describe_images, ImageIds=["windows"]) == "InvalidAMIID.Malformed"
    assert code(ec2.describe_images, **of(colour=["red"])) == "InvalidParameterValue"
    assert code(ec2.describe_images, DryRun=True) == "DryRunOperation"


def test_without_a_scenario_an_image_is_there(ec2):
    assert ec2.describe_images(Owners=["self"])["Images"] == []
    [image] = ec2.describe_images(ImageIds=["ami-12345"])["Images"]
    assert (image["ImageId"], image["State"]) == ("ami-12345", "available")
    assert ec2.describe_images(ImageIds=["ami-12345"], Owners=["amazon"])["Images"] == []


def test_pages_of_images(sim):
    sim.control("POST", "scenario", {"page_token_life": 0.2, "images": [
        {"id": f"ami-{n:08x}", "name": f"image-{n}"} for n in range(12)]})
    listed = {"Action": "DescribeImages", "Owner.1": "self", "MaxResults": "5"}
    status, _, body = sim.post(listed)
    assert (status, body.count(b"<imageId>")) == (200, 5)
    token = body.split(b"<nextToken>")[1].split(b"<")[0].decode()
    status, _, body = sim.post({**listed, "NextToken": token})
    assert (status, body.count(b"<imageId>")) == (200, 5)
    assert b"ami-00000005" in body
    eventually(lambda: b"InvalidPaginationToken" in sim.post({**listed, "NextToken": token})[2])
    assert b"InvalidPaginationToken" in sim.post({**listed, "NextToken": "eA=="})[2]
    assert sim.post({**listed, "MaxResults": "12"})[2].count(b"nextToken") == 0


def test_launch_of_an_image(sim, ec2):
    sim.control("POST", "scenario", {"images": IMAGES})
    assert run(ec2, ImageId="ami-00000001", InstanceType="m5.large")
    assert run(ec2, ImageId="ami-00000002", InstanceType="m7g.large")
    assert refused(run, ec2, ImageId="ami-00000009") == (
        "InvalidAMIID.NotFound", "The image id '[ami-00000009]' does not exist")
    assert code(run, ec2, ImageId="ami-00000006") == "InvalidAMIID.NotFound"
    assert code(run, ec2, ImageId="ami-00000004") == "InvalidAMIID.Unavailable"
    found, message = refused(run, ec2, ImageId="ami-00000002", InstanceType="m5.large")
    assert (found, "arm64" in message) == ("InvalidParameterValue", True)
    assert code(run, ec2, ImageId="ami-00000009", DryRun=True) == "InvalidAMIID.NotFound"
    assert len(sim.ledger()) == 2


# --- subnets

SUBNETS = [
    {"id": "subnet-0000000a", "zone": "us-east-1b", "tags": {"net": "build"}},
    {"id": "subnet-0000000b", "zone": "us-east-1c", "vpc": "vpc-00000001", "addresses": 2},
    {"id": "subnet-0000000c", "zone": "eu-west-1a"},
    {"id": "subnet-0000000d", "zone": "us-east-1d", "available": False},
]


def test_subnets(sim, ec2):
    [made] = ec2.describe_subnets(SubnetIds=["subnet-12345"])["Subnets"]
    assert made["AvailabilityZone"] == run(ec2, SubnetId="subnet-12345")["Placement"][
        "AvailabilityZone"]
    sim.control("POST", "scenario", {"subnets": SUBNETS})
    listed = ec2.describe_subnets()["Subnets"]
    assert [(s["SubnetId"][-1], s["AvailabilityZone"], s["State"]) for s in listed] == [
        ("a", "us-east-1b", "available"), ("b", "us-east-1c", "available"),
        ("d", "us-east-1d", "pending")]
    assert listed[0]["AvailabilityZoneId"] == "use1-az2"
    assert listed[0]["Tags"] == [{"Key": "net", "Value": "build"}]
    assert (listed[1]["VpcId"], listed[1]["AvailableIpAddressCount"]) == ("vpc-00000001", 2)
    for query, ids in [(of(vpc_id=["vpc-00000001"]), "b"), (of(state=["pending"]), "d"),
                       (of(availability_zone=["us-east-1[bc]"]), ""),
                       (of(availability_zone=["us-east-1?"], tag_key=["net"]), "a"),
                       ({"SubnetIds": ["subnet-0000000b"]}, "b")]:
        assert "".join(s["SubnetId"][-1] for s in ec2.describe_subnets(**query)["Subnets"]) == ids
    assert refused(ec2.describe_subnets, SubnetIds=["subnet-0000000c"]) == (
        "InvalidSubnetID.NotFound", "The subnet ID 'subnet-0000000c' does not exist")
    assert code(ec2.describe_subnets, SubnetIds=["net"]) == "InvalidSubnetID.Malformed"
    assert [s["SubnetId"] for s in sim.client(region="eu-west-1").describe_subnets()[
        "Subnets"]] == ["subnet-0000000c"]


def test_launch_in_a_subnet(sim, ec2):
    sim.control("POST", "scenario", {"subnets": SUBNETS})
    instance = run(ec2, SubnetId="subnet-0000000b")
    assert instance["Placement"]["AvailabilityZone"] == "us-east-1c"
    assert instance["VpcId"] == "vpc-00000001"
    assert code(run, ec2, SubnetId="subnet-0000000c") == "InvalidSubnetID.NotFound"
    assert code(run, ec2, SubnetId="subnet-0000000b", **zone("a")) == "InvalidParameterValue"
    run(ec2, SubnetId="subnet-0000000b", **zone("c"))
    assert code(run, ec2, SubnetId="subnet-0000000b") == "InsufficientFreeAddressesInSubnet"
    [now] = ec2.describe_subnets(SubnetIds=["subnet-0000000b"])["Subnets"]
    assert now["AvailableIpAddressCount"] == 0
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    eventually(lambda: sim.ledger()[instance["InstanceId"]]["state"] == "terminated")
    run(ec2, SubnetId="subnet-0000000b")


# --- prices

PRICES = [
    {"type": "m5.large", "zone": "us-east-1a", "price": 0.03, "ago": "3h"},
    {"type": "m5.large", "zone": "us-east-1a", "price": 0.04, "ago": "1h"},
    {"type": "m5.large", "zone": "us-east-1b", "price": 0.02, "ago": "2d"},
    {"type": "m5.large", "zone": "us-east-1a", "product": "Windows", "price": 0.1, "ago": "2d"},
    {"type": "c5.large", "zone": "us-east-1a", "price": 0.05, "ago": "5h"},
    {"type": "m5.large", "zone": "eu-west-1a", "price": 0.9, "ago": "5h"},
]


def ago(**span):
    return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(**span)


def history(ec2, **query):
    return [f"{p['InstanceType'][:2]}{p['AvailabilityZone'][-1]}{p['ProductDescription'][0]}"
            f" {p['SpotPrice']}" for p in ec2.describe_spot_price_history(**query)[
                "SpotPriceHistory"]]


def test_price_history(sim, ec2):
    assert history(ec2) == []
    sim.control("POST", "scenario", {"prices": PRICES})
    everything = ["m5aL 0.040000", "m5aL 0.030000", "c5aL 0.050000", "m5aW 0.100000",
                  "m5bL 0.020000"]
    assert history(ec2) == everything
    linux = {"InstanceTypes": ["m5.large"], "ProductDescriptions": ["Linux/UNIX"]}
    assert history(ec2, **linux) == ["m5aL 0.040000", "m5aL 0.030000", "m5bL 0.020000"]
    # What holds at the start counts, whenever it began.
    assert history(ec2, StartTime=ago(hours=2), **linux) == everything[:2] + everything[4:]
    assert history(ec2, StartTime=ago(minutes=1), **linux) == [everything[0], everything[4]]
    assert history(ec2, StartTime=ago(hours=4), EndTime=ago(hours=2), **linux) == [
        "m5aL 0.030000", "m5bL 0.020000"]
    assert history(ec2, AvailabilityZone="us-east-1b") == ["m5bL 0.020000"]
    assert history(ec2, **of(instance_type=["c5.*"])) == ["c5aL 0.050000"]
    assert history(ec2, **of(spot_price=["0.1*"], product_description=["Windows"],
                             availability_zone=["us-east-1a"])) == ["m5aW 0.100000"]
    [first, *_] = ec2.describe_spot_price_history()["SpotPriceHistory"]
    assert ago(hours=1, minutes=1) < first["Timestamp"] < ago(minutes=59)
    assert history(sim.client(region="eu-west-1")) == ["m5aL 0.900000"]
    status, _, body = sim.post({"Action": "DescribeSpotPriceHistory", "StartTime": "yesterday"})
    assert (status, b"InvalidParameterValue" in body) == (400, True)


def test_pages_of_prices(sim, ec2):
    """An empty token ends it; what comes meanwhile moves nothing."""
    sim.control("POST", "scenario", {"prices": PRICES})
    first = ec2.describe_spot_price_history(MaxResults=2)
    sim.control("POST", "prices", {"type": "m5.large", "zone": "us-east-1a", "price": 0.07})
    second = ec2.describe_spot_price_history(MaxResults=3, NextToken=first["NextToken"])
    prices = [p["SpotPrice"] for page in (first, second) for p in page["SpotPriceHistory"]]
    assert prices == ["0.040000", "0.030000", "0.050000", "0.100000", "0.020000"]
    assert second["NextToken"] == ""
    pages = ec2.get_paginator("describe_spot_price_history").paginate(
        PaginationConfig={"PageSize": 4})
    assert [len(page["SpotPriceHistory"]) for page in pages] == [4, 2]


def test_bids(sim, ec2):
    large = {"InstanceType": "m5.large"}
    assert run(ec2, **large, **spot("0.0001"), **zone("a"))["InstanceLifecycle"] == "spot"
    sim.control("POST", "scenario", {"prices": PRICES})
    found, message = refused(run, ec2, **large, **spot("0.0399"), **zone("a"))
    assert found == "SpotMaxPriceTooLow"
    assert "0.0399" in message and "0.040000" in message
    assert run(ec2, **large, **spot("0.04"), **zone("a"))
    assert run(ec2, **large, **spot(), **zone("a"))
    assert run(ec2, InstanceType="t3.micro", **spot("0.0001"), **zone("a"))
    # Where no zone is asked for, EC2 looks for one.
    assert run(ec2, **large, **spot("0.021"))["Placement"]["AvailabilityZone"] == "us-east-1b"
    bid = run(ec2, **large, **spot("0.05"), **zone("a"))["InstanceId"]
    rich = run(ec2, **large, **spot("0.06"), **zone("a"))["InstanceId"]
    sim.control("POST", "prices", [
        {"type": "m5.large", "zone": "us-east-1a", "price": 0.06}])
    assert code(run, ec2, **large, **spot("0.05"), **zone("a")) == "SpotMaxPriceTooLow"
    eventually(lambda: sim.ledger()[bid]["state"] == "terminated")
    assert sim.ledger()[bid]["reason"] == "Server.SpotInstanceTermination"
    assert sim.ledger()[rich]["state"] == "running"
    sim.control("POST", "reset")
    assert [p["price"] for p in sim.control("GET", "prices")].count(0.06) == 0
    assert run(ec2, **large, **spot("0.04"), **zone("a"))


def test_prices_are_those_of_the_platform(sim, ec2):
    sim.control("POST", "scenario", {"prices": PRICES, "images": [
        {"id": "ami-00000001", "platform": "Windows"}]})
    windows = {"ImageId": "ami-00000001", "InstanceType": "m5.large", **zone("a")}
    assert code(run, ec2, **windows, **spot("0.09")) == "SpotMaxPriceTooLow"
    assert run(ec2, **windows, **spot("0.1"))


def test_capacity_elsewhere(sim, ec2):
    """A regional request goes where there is room; one that names a zone does not."""
    sim.control("POST", "scenario", {"capacity": [
        {"zone": "us-east-1a", "available": 0},
        {"zone": "us-east-1b", "available": 0, "code": "VcpuLimitExceeded"}]})
    assert run(ec2)["Placement"]["AvailabilityZone"] == "us-east-1c"
    assert code(run, ec2, **zone("a")) == "InsufficientInstanceCapacity"
    assert code(run, ec2, **zone("b")) == "VcpuLimitExceeded"


@pytest.mark.parametrize("scenario, word", [
    ({"images": [{"id": "image"}]}, b"ami-"),
    ({"images": [{"name": "x"}]}, b"id"),
    ({"images": [{"id": "ami-1", "created": "today"}]}, b"time"),
    ({"images": [{"id": "ami-1", "state": "here"}]}, b"state"),
    ({"subnets": [{"id": "subnet-1"}]}, b"zone"),
    ({"subnets": [{"id": "net", "zone": "us-east-1a"}]}, b"subnet-"),
    ({"prices": [{"type": "t", "zone": "z", "price": -1}]}, b"price"),
])
def test_bad_scenarios(sim, scenario, word):
    status, _, body = sim.request("POST", "/_sim/scenario", json.dumps(scenario))
    assert (status, word in body) == (400, True), body
