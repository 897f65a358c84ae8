# SPDX-License-Identifier: Apache-2.0
"""The metadata service of ec2sim: by raw requests, and by botocore's own fetchers."""

import datetime
import json

import boto3
import botocore.exceptions
import botocore.session
import botocore.utils
import pytest

from ec2sim import REGION, eventually, running

TTL = "X-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "X-aws-ec2-metadata-token"
ROLE = "latest/meta-data/iam/security-credentials/"
HOST = {"role": "build-master", "zone": "eu-west-1b", "type": "c7g.large",
        "instance": "i-00000000000000001", "tags": {"Name": "master"}}


@pytest.fixture
def sim():
    with running("--credentials", "AK:secret") as sim:
        sim.control("POST", "scenario", {"imds": HOST})
        yield sim


def token(sim, ttl="60", base="/", **headers):
    status, answered, body = sim.request("PUT", base + "latest/api/token",
                                         headers={TTL: ttl, **headers})
    assert status == 200
    assert answered[TTL] == ttl
    return body.decode()


def get(sim, path, with_token=None, base="/"):
    headers = {TOKEN: with_token} if with_token else {}
    status, _, body = sim.request("GET", base + path, headers=headers)
    return status, body.decode()


def fetcher(sim, base="/"):
    return botocore.utils.InstanceMetadataFetcher(
        timeout=2, num_attempts=1, base_url=sim.url + base)


# --- tokens

@pytest.mark.parametrize("method, path, headers, status", [
    ("PUT", "/latest/api/token", {TTL: "1"}, 200),
    ("PUT", "/latest/api/token", {TTL: "21600"}, 200),
    ("PUT", "/latest/api/token", {}, 400),
    ("PUT", "/latest/api/token", {TTL: "0"}, 400),
    ("PUT", "/latest/api/token", {TTL: "21601"}, 400),
    ("PUT", "/latest/api/token", {TTL: "-1"}, 400),
    ("PUT", "/latest/api/token", {TTL: "sixty"}, 400),
    ("PUT", "/latest/api/token", {TTL: ""}, 400),
    ("PUT", "/latest/api/token", {TTL: "60", "X-Forwarded-For": "10.0.0.1"}, 403),
    ("GET", "/latest/api/token", {TTL: "60"}, 405),
    ("POST", "/latest/api/token", {TTL: "60"}, 405),
    ("PUT", "/latest/meta-data/", {TTL: "60"}, 405),
    ("DELETE", "/latest/meta-data/", {}, 405),
    ("GET", "/latest/meta-data/instance-id", {}, 401),
    ("GET", "/latest/meta-data/instance-id", {TOKEN: "AQAAAinvented"}, 401),
    ("GET", "/imds/i-00000000/latest/meta-data/", {}, 403),
])
def test_refusals(sim, method, path, headers, status):
    assert sim.request(method, path, headers=headers)[0] == status


def test_token_ends(sim):
    short = token(sim, ttl="1")
    assert get(sim, "latest/meta-data/instance-id", short) == (200, HOST["instance"])
    eventually(lambda: get(sim, "latest/meta-data/instance-id", short)[0] == 401)
    assert get(sim, "latest/meta-data/instance-id", token(sim))[0] == 200


def test_first_version(sim):
    sim.control("POST", "scenario", {"imds": {**HOST, "v1": True}})
    assert get(sim, "latest/meta-data/instance-id") == (200, HOST["instance"])
    assert get(sim, "latest/meta-data/instance-id", "bad")[0] == 401


def test_status_that_is_forced(sim):
    sim.control("POST", "scenario", {"imds": {**HOST, "status": 503}})
    assert sim.request("PUT", "/latest/api/token", headers={TTL: "60"})[0] == 503
    assert get(sim, ROLE) == (503, "")
    assert fetcher(sim).retrieve_iam_role_credentials() == {}


# --- what there is

def test_data_of_the_host(sim):
    good = token(sim)

    def text(path):
        status, body = get(sim, "latest/" + path, good)
        assert status == 200, path
        return body

    assert text("meta-data/placement/region") == "eu-west-1"
    assert text("meta-data/placement/availability-zone") == "eu-west-1b"
    assert text("meta-data/instance-type") == "c7g.large"
    assert text("meta-data/tags/instance/Name") == "master"
    assert text("meta-data/iam/security-credentials/") == "build-master"
    assert text("meta-data/iam/security-credentials") == "build-master"
    assert json.loads(text("meta-data/iam/info"))["InstanceProfileArn"].endswith("/build-master")
    document = json.loads(text("dynamic/instance-identity/document"))
    assert document["instanceId"] == HOST["instance"]
    assert document["region"] == "eu-west-1"
    assert document["architecture"] == "arm64"
    assert document["accountId"] == "123456789012"
    assert text("").split() == ["dynamic/", "meta-data/"]
    assert text("meta-data/placement/").split() == ["availability-zone", "region"]
    assert text("meta-data/iam/").split() == ["info", "security-credentials/"]
    names = text("meta-data/").split()
    assert {"instance-id", "placement/", "iam/", "tags/"} <= set(names)
    assert len(names) == len(set(names))
    for path in ("meta-data/spot/instance-action", "meta-data/spot/", "user-data", "other",
                 "meta-data/iam/security-credentials/other", "meta-data/tags/instance/Other",
                 "meta-data/instance-id/more", "meta-data/public-ipv4"):
        assert get(sim, "latest/" + path, good)[0] == 404, path
    assert sim.calls("meta-data/instance-type") == 1
    assert sim.calls("api/token") == 1
    region = botocore.utils.InstanceMetadataRegionFetcher(base_url=sim.url + "/")
    assert region.retrieve_region() == "eu-west-1"


def test_no_role(sim):
    sim.control("POST", "scenario", {})
    good = token(sim)
    assert get(sim, ROLE, good)[0] == 404
    assert get(sim, "latest/meta-data/iam/info", good)[0] == 404
    assert fetcher(sim).retrieve_iam_role_credentials() == {}


# --- credentials of a role

def test_credentials(sim):
    given = fetcher(sim).retrieve_iam_role_credentials()
    assert given["role_name"] == "build-master"
    assert given["access_key"].startswith("ASIA")
    # The same for a while, and good for EC2 and STS.
    assert fetcher(sim).retrieve_iam_role_credentials()["token"] == given["token"]
    keys = {"key": given["access_key"], "secret": given["secret_key"], "token": given["token"]}
    sim.client(**keys).describe_instances()
    assert sim.client("sts", **keys).get_caller_identity()["Arn"] == (
        "arn:aws:sts::123456789012:assumed-role/build-master/" + HOST["instance"])
    left = (datetime.datetime.fromisoformat(given["expiry_time"].replace("Z", "+00:00"))
            - datetime.datetime.now(datetime.timezone.utc))
    assert datetime.timedelta(hours=5.9) < left <= datetime.timedelta(hours=6)


def test_credentials_rotate(sim):
    sim.control("POST", "scenario", {"imds": {**HOST, "lifetime": "4s"}})

    def ask():
        body = json.loads(get(sim, ROLE + "build-master", token(sim))[1])
        assert body["Code"] == "Success"
        return body

    first = ask()
    second = eventually(lambda: (new := ask())["AccessKeyId"] != first["AccessKeyId"] and new)
    assert second["Expiration"] > first["Expiration"]
    # The old ones are still good: the new come before their end.
    sim.client(key=first["AccessKeyId"], secret=first["SecretAccessKey"],
               token=first["Token"]).describe_instances()


def test_credentials_that_stay(sim):
    """What a service does that is itself cut off: the same again, though it is over."""
    sim.control("POST", "scenario", {"imds": {**HOST, "lifetime": "1s", "rotate": False}})
    given = json.loads(get(sim, ROLE + "build-master", token(sim))[1])
    ec2 = sim.client(key=given["AccessKeyId"], secret=given["SecretAccessKey"],
                     token=given["Token"])

    def refused():
        try:
            ec2.describe_instances()
        except botocore.exceptions.ClientError as e:
            return e.response["Error"]["Code"] == "RequestExpired"

    eventually(refused)
    assert json.loads(get(sim, ROLE + "build-master", token(sim))[1]) == given


def test_chain_of_botocore(sim, monkeypatch):
    """A client that is given nothing finds the role by itself."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", sim.url + "/")
    ec2 = boto3.Session(botocore_session=botocore.session.Session()).client(
        "ec2", region_name=REGION, endpoint_url=sim.url)
    assert ec2.describe_instances()["Reservations"] == []
    assert sim.calls("meta-data/iam/security-credentials/ROLE") >= 1


# --- instances

def test_data_of_an_instance(sim):
    ec2 = sim.client(key="AK", secret="secret")
    run = {"ImageId": "ami-12345", "MinCount": 1, "MaxCount": 1, "UserData": "#!/bin/true\n"}
    first, second = [ec2.run_instances(
        **run, IamInstanceProfile={"Name": "builder"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a:b", "Value": "c"}]}],
        MetadataOptions={"HttpTokens": tokens, "InstanceMetadataTags": tags},
    )["Instances"][0]["InstanceId"] for tokens, tags in (
        ("required", "enabled"), ("optional", "disabled"))]
    base = f"/imds/{first}/"
    good = token(sim, base=base)
    assert get(sim, "latest/meta-data/instance-id", good, base) == (200, first)
    assert get(sim, "latest/user-data", good, base) == (200, "#!/bin/true\n")
    assert get(sim, "latest/meta-data/tags/instance/", good, base) == (200, "a:b")
    assert get(sim, "latest/meta-data/tags/instance/a:b", good, base) == (200, "c")
    ec2.create_tags(Resources=[first], Tags=[{"Key": "a:b", "Value": "d"}])
    assert get(sim, "latest/meta-data/tags/instance/a:b", good, base) == (200, "d")
    assert get(sim, "latest/meta-data/instance-id", None, base)[0] == 401
    # Tokens are an instance's own; without version 2 none is needed.
    other = f"/imds/{second}/"
    assert get(sim, "latest/meta-data/instance-id", good, other)[0] == 401
    assert get(sim, "latest/meta-data/instance-id", None, other) == (200, second)
    assert get(sim, "latest/meta-data/tags/instance/", None, other)[0] == 404
    assert fetcher(sim, base).retrieve_iam_role_credentials()["role_name"] == "builder"
    ec2.terminate_instances(InstanceIds=[second])
    eventually(lambda: get(sim, "latest/meta-data/instance-id", None, other)[0] == 403)


@pytest.mark.parametrize("key, shown, code", [
    ("a:b-c_d+e=f,g.h@i", "enabled", None), ("team/name", "disabled", None),
    ("team/name", "enabled", "InvalidParameterValue"), ("a b", "enabled", "InvalidParameterValue"),
    ("..", "enabled", "InvalidParameterValue"), ("_index", "enabled", "InvalidParameterValue")])
def test_tags_that_can_be_shown(sim, key, shown, code):
    """A tag is a path there, so not every key will do."""
    try:
        sim.client(key="AK", secret="secret").run_instances(
            ImageId="ami-12345", MinCount=1, MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": key, "Value": "x"}]}],
            MetadataOptions={"InstanceMetadataTags": shown})
        assert code is None
    except botocore.exceptions.ClientError as e:
        assert e.response["Error"]["Code"] == code


def test_service_that_is_off(sim):
    ec2 = sim.client(key="AK", secret="secret")
    instance = ec2.run_instances(
        ImageId="ami-12345", MinCount=1, MaxCount=1,
        MetadataOptions={"HttpEndpoint": "disabled"})["Instances"][0]["InstanceId"]
    assert sim.request("PUT", f"/imds/{instance}/latest/api/token",
                       headers={TTL: "60"})[0] == 403


def test_user_data_finds_its_service():
    """A script asks who it is, as cloud-init would."""
    script = """#!/usr/bin/python3
import os, urllib.request
base = os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] + "/latest/"
def ask(path, method, **headers):
    return urllib.request.urlopen(urllib.request.Request(base + path, method=method,
        headers={k.replace("_", "-"): v for k, v in headers.items()})).read().decode()
token = ask("api/token", "PUT", X_aws_ec2_metadata_token_ttl_seconds="60")
print("I am", ask("meta-data/instance-id", "GET", X_aws_ec2_metadata_token=token), flush=True)
"""
    with running("--run-user-data") as sim:
        ec2 = sim.client()
        instance = ec2.run_instances(ImageId="ami-12345", MinCount=1, MaxCount=1, UserData=script,
                                     MetadataOptions={"HttpTokens": "required"},
                                     )["Instances"][0]["InstanceId"]
        eventually(lambda: f"I am {instance}" in ec2.get_console_output(
            InstanceId=instance).get("Output", ""))
