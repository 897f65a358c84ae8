# SPDX-License-Identifier: Apache-2.0
"""ec2sim as a real client sees it: boto3, and raw requests where boto3 would hide things."""

import base64
import datetime
import random
import socket
import uuid

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
import pytest

from ec2sim import eventually, running

IMAGE = {"ImageId": "ami-12345", "MinCount": 1, "MaxCount": 1}


@pytest.fixture
def sim():
    with running("--seed", "1") as sim:
        yield sim


@pytest.fixture
def ec2(sim):
    return sim.client()


def run(ec2, worker=None, **more):
    """Runs one instance; its description."""
    if worker is not None:
        more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": [
            {"Key": "ec2workerd:worker", "Value": worker}]}]
    return ec2.run_instances(**{**IMAGE, **more})["Instances"][0]


def describe(ec2, *ids, **filters):
    """All instances by id, or by filter (underscores for hyphens)."""
    pages = ec2.get_paginator("describe_instances").paginate(
        InstanceIds=list(ids),
        Filters=[{"Name": name.replace("_", "-"), "Values": values}
                 for name, values in filters.items()])
    return [i for page in pages for r in page["Reservations"] for i in r["Instances"]]


def state(ec2, instance):
    return describe(ec2, instance["InstanceId"])[0]["State"]["Name"]


def error(call, *args, **kwargs):
    """(code, HTTP status) of the error that a call must end in."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*args, **kwargs)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


# --- life, by boto3

def test_life_of_an_instance(sim, ec2):
    before = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=1)
    instance = run(ec2, "bot1", InstanceType="m5.large", KeyName="key",
                   Placement={"AvailabilityZone": "us-east-1b"}, SecurityGroups=["builders"],
                   IamInstanceProfile={"Name": "profile"}, EbsOptimized=True,
                   InstanceInitiatedShutdownBehavior="terminate",
                   MetadataOptions={"HttpTokens": "required"})
    assert instance["State"] == {"Code": 0, "Name": "pending"}
    assert instance["ImageId"] == "ami-12345"
    assert instance["InstanceType"] == "m5.large"
    assert instance["KeyName"] == "key"
    assert instance["Placement"]["AvailabilityZone"] == "us-east-1b"
    assert [g["GroupName"] for g in instance["SecurityGroups"]] == ["builders"]
    assert instance["IamInstanceProfile"]["Arn"].endswith(":instance-profile/profile")
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert instance["EbsOptimized"] is True
    assert instance["Tags"] == [{"Key": "ec2workerd:worker", "Value": "bot1"}]
    assert before < instance["LaunchTime"] < before + datetime.timedelta(minutes=1)
    assert instance["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"] is True
    assert "PublicIpAddress" not in instance

    eventually(lambda: state(ec2, instance) == "running")
    [running_one] = describe(ec2, instance["InstanceId"])
    assert running_one["PublicIpAddress"].startswith("198.")
    assert running_one["PublicDnsName"].startswith("ec2-198-")
    assert running_one["PrivateIpAddress"] == instance["PrivateIpAddress"]

    [change] = ec2.terminate_instances(
        InstanceIds=[instance["InstanceId"]])["TerminatingInstances"]
    assert change["PreviousState"]["Name"] == "running"
    assert change["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    eventually(lambda: state(ec2, instance) == "terminated")
    [dead] = describe(ec2, instance["InstanceId"])
    assert dead["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert dead["StateTransitionReason"].startswith("User initiated (")
    assert "PrivateIpAddress" not in dead
    again = ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert again["TerminatingInstances"][0]["CurrentState"]["Name"] == "terminated"

    entry = sim.ledger()[instance["InstanceId"]]
    assert entry["worker"] == "bot1"
    assert entry["state"] == "terminated"
    assert entry["tags"] == {"ec2workerd:worker": "bot1"}
    assert 0 < entry["billed_seconds"] < 10
    assert entry["charged_seconds"] == 60
    assert entry["launched_at"] < entry["ended_at"] < entry["terminated_at"]


def test_waiters_of_boto3(ec2):
    instance = run(ec2)
    delays = {"Delay": 1, "MaxAttempts": 10}
    ec2.get_waiter("instance_running").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig=delays)
    ec2.get_waiter("instance_status_ok").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig=delays)
    ec2.stop_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("instance_stopped").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig=delays)
    ec2.start_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("instance_running").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig=delays)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(
        InstanceIds=[instance["InstanceId"]], WaiterConfig=delays)


def test_everything_runinstances_takes(sim, ec2):
    """What boto3 makes of nested parameters arrives, name by name."""
    ec2.run_instances(
        **IMAGE, UserData="#!/bin/sh\n", ClientToken="token", Monitoring={"Enabled": True},
        NetworkInterfaces=[{"DeviceIndex": 0, "SubnetId": "subnet-12345",
                            "Groups": ["sg-12345"], "AssociatePublicIpAddress": True}],
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3",
                                               "Iops": 3000, "Encrypted": True,
                                               "DeleteOnTermination": False}},
            {"DeviceName": "/dev/sdg", "NoDevice": ""}],
        InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {
            "MaxPrice": "0.03", "SpotInstanceType": "one-time",
            "InstanceInterruptionBehavior": "terminate"}},
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "k", "Value": "v"}]},
                           {"ResourceType": "spot-instances-request",
                            "Tags": [{"Key": "s", "Value": "t"}]}])
    params = sim.requests()[0]["params"]
    assert base64.b64decode(params["UserData"]) == b"#!/bin/sh\n"
    assert params["BlockDeviceMapping.1.Ebs.VolumeSize"] == "9"
    assert params["NetworkInterface.1.SecurityGroupId.1"] == "sg-12345"
    [instance] = describe(ec2)
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["SpotInstanceRequestId"].startswith("sir-")
    assert instance["ClientToken"] == "token"
    assert instance["SubnetId"] == "subnet-12345"
    assert len(instance["BlockDeviceMappings"]) == 2
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    eventually(lambda: state(ec2, instance) == "terminated")
    volumes = sim.ledger()[instance["InstanceId"]]["volumes"]
    assert {v["device"]: v["state"] for v in volumes} == {
        "/dev/xvda": "deleted", "/dev/sdf": "available"}
    assert volumes[0]["tags"] == {"k": "v"}


# --- tokens

def test_tokens(sim, ec2):
    token = str(uuid.uuid4())
    first = run(ec2, ClientToken=token)
    eventually(lambda: state(ec2, first) == "running")
    second = run(ec2, ClientToken=token)
    assert second["InstanceId"] == first["InstanceId"]
    assert second["State"]["Name"] == "running"
    assert error(run, ec2, ClientToken=token, InstanceType="m5.large") == (
        "IdempotentParameterMismatch", 400)
    # The trap: another zone is another scope.
    zonal = run(ec2, ClientToken=token, Placement={"AvailabilityZone": "us-east-1a"})
    assert zonal["InstanceId"] != first["InstanceId"]
    assert len(describe(ec2, client_token=[token])) == 2
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    eventually(lambda: state(ec2, first) == "terminated")
    assert error(run, ec2, ClientToken=token) == ("IdempotentInstanceTerminated", 400)
    sim.control("POST", "scenario", {"dead_token": "instance"})
    assert run(ec2, ClientToken=token)["State"]["Name"] == "terminated"
    assert len(sim.ledger()) == 2


# --- listings

def test_filters_and_pages(sim, ec2):
    for n in range(12):
        run(ec2, f"bot{n}")
    other = sim.client(region="eu-west-1")
    run(other, "bot1")
    eventually(lambda: len(describe(ec2, instance_state_name=["running"])) == 12)
    one = describe(ec2, **{"tag:ec2workerd:worker": ["bot1"]})
    assert len(one) == 1
    assert len(describe(ec2, **{"tag:ec2workerd:worker": ["bot1", "bot2"]})) == 2
    assert len(describe(ec2, **{"tag:ec2workerd:worker": ["bot1?"]})) == 2
    assert len(describe(ec2, tag_key=["ec2workerd:*"])) == 12
    assert describe(ec2, tag_key=["ec2workerd:*"], instance_type=["m9.large"]) == []
    assert error(describe, ec2, colour=["red"]) == ("InvalidParameterValue", 400)

    sizes, seen = [], []
    for page in ec2.get_paginator("describe_instances").paginate(
            PaginationConfig={"PageSize": 5}):
        ids = [i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]]
        sizes.append(len(ids))
        seen += ids
    assert sizes == [5, 5, 2]
    assert seen == [i for i, entry in sim.ledger().items() if entry["region"] == "us-east-1"]
    assert error(ec2.describe_instances, MaxResults=4)[0] == "InvalidParameterValue"
    assert error(ec2.describe_instances, MaxResults=5, InstanceIds=seen[:1])[0] == (
        "InvalidParameterCombination")
    assert error(ec2.describe_instances, NextToken="bm9uZQ==")[0] == "InvalidPaginationToken"


def test_one_bad_id_spoils_all(ec2):
    instance = run(ec2)
    ids = [instance["InstanceId"], "i-0123456789abcdef0"]
    assert error(ec2.describe_instances, InstanceIds=ids) == ("InvalidInstanceID.NotFound", 400)
    assert error(ec2.terminate_instances, InstanceIds=ids)[0] == "InvalidInstanceID.NotFound"
    assert error(ec2.terminate_instances, InstanceIds=["bot1"])[0] == (
        "InvalidInstanceID.Malformed")
    assert state(ec2, instance) in ("pending", "running")


# --- the rest of the actions

def test_dry_run_and_parameters(sim, ec2):
    assert error(ec2.run_instances, **IMAGE, DryRun=True) == ("DryRunOperation", 412)
    assert describe(ec2) == []
    fault = sim.fault(action="RunInstances", effect="error", count=1)
    assert error(ec2.run_instances, **IMAGE, DryRun=True) == ("DryRunOperation", 412)
    assert (sim.calls("RunInstances"), sim.calls("DryRun:RunInstances")) == (0, 2)
    sim.control("DELETE", f"faults?id={fault}")
    sim.fault(action="DryRun:*", effect="error", code="UnauthorizedOperation", count=1)
    instance = run(ec2)
    assert error(ec2.terminate_instances, InstanceIds=[instance["InstanceId"]],
                 DryRun=True) == ("UnauthorizedOperation", 403)
    assert error(ec2.terminate_instances, InstanceIds=[instance["InstanceId"]],
                 DryRun=True) == ("DryRunOperation", 412)
    assert error(run, ec2, UserData="x" * 16385)[0] == "InvalidParameterValue"
    assert error(run, ec2, ImageId="windows")[0] == "InvalidAMIID.Malformed"
    for params, code in [
            ({"Action": "RunInstances"}, "MissingParameter"),
            ({"Action": "DescribeInstances", "Colour": "red"}, "UnknownParameter"),
            ({"Action": "DescribeInstances", "Filter.2.Name": "x"}, "MalformedQueryString"),
            ({"Action": "BuyMoon"}, "InvalidAction"),
            ({"Action": "DescribeInstances", "Version": "1999-01-01"}, "NoSuchVersion"),
            ({}, "MissingAction")]:
        status, _, body = sim.post(params)
        assert status == 400
        assert f"<Code>{code}</Code>".encode() in body, body


def test_console_and_tags(sim, ec2):
    instance = run(ec2)
    name = instance["InstanceId"]
    assert "Output" not in ec2.get_console_output(InstanceId=name)
    sim.control("POST", "instance", {"id": name, "console": "login: \u00e4\n"})
    assert ec2.get_console_output(InstanceId=name, Latest=True)["Output"] == "login: \u00e4\n"
    odd = {"Key": "odd <&>\"' \u2603", "Value": "\r\n\t x "}
    ec2.create_tags(Resources=[name], Tags=[odd])
    assert describe(ec2, name)[0]["Tags"] == [odd]
    assert describe(ec2, **{f"tag:{odd['Key']}": [odd["Value"]]})[0]["InstanceId"] == name
    assert error(ec2.create_tags, Resources=["i-00000000"], Tags=[odd])[0] == (
        "InvalidInstanceID.NotFound")


def test_kill_from_outside(sim, ec2):
    instance = run(ec2)
    sim.control("POST", "instance", {
        "id": instance["InstanceId"], "state": "terminated",
        "reason": "Server.SpotInstanceTermination", "message": "Spot instance termination"})
    [dead] = describe(ec2, instance["InstanceId"])
    assert dead["State"]["Name"] == "terminated"
    assert dead["StateReason"]["Code"] == "Server.SpotInstanceTermination"
    stuck = run(ec2)
    sim.control("POST", "instance", {"id": stuck["InstanceId"], "stuck": "yes"})
    ec2.terminate_instances(InstanceIds=[stuck["InstanceId"]])
    assert state(ec2, stuck) == "shutting-down"
    status, _, body = sim.request("POST", "/_sim/instance", '{"id": "i-1", "stat": 1}')
    assert status == 400
    assert b"state" in body


# --- signatures

def test_signatures(sim):
    sim.client(secret="test").describe_instances()
    sim.client(key="SAME", secret="SAME").describe_instances()
    sim.client(token="session").describe_instances()
    assert error(sim.client(secret="wrong").describe_instances) == ("AuthFailure", 401)
    now = datetime.datetime.now(datetime.timezone.utc)
    for minutes, status, code in [(-16, 400, b"RequestExpired"), (-14, 200, b"Response"),
                                  (14, 200, b"Response"), (16, 400, b"RequestInTheFuture")]:
        got, headers, body = sim.post({"Action": "DescribeInstances"},
                                      at=now + datetime.timedelta(minutes=minutes))
        assert (got, code in body) == (status, True), body
        assert "Date" in headers
    headers, body = sim.signed({"Action": "DescribeInstances"})
    status, _, answer = sim.request("POST", "/", body + "&DryRun=true", headers)
    assert (status, b"AuthFailure" in answer) == (401, True)
    status, _, answer = sim.request("POST", "/", body)
    assert (status, b"MissingAuthenticationToken" in answer) == (403, True)


def test_credentials():
    with running("--credentials", "AK:secret") as sim:
        sim.client(key="AK", secret="secret").describe_instances()
        assert error(sim.client(key="AK").describe_instances) == ("AuthFailure", 401)
        assert error(sim.client(key="BK", secret="secret").describe_instances) == (
            "AuthFailure", 401)


def test_signing_agrees_with_botocore(sim):
    """Random names and values, with every byte that form encoding has an opinion on."""
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"SEED={seed}")
    rng = random.Random(seed)
    alphabet = [chr(c) for c in range(1, 128)] + ["\u00e4", "\u20ac", "\U0001f600"]
    for _ in range(1000):
        value = "".join(rng.choices(alphabet, k=rng.randrange(40)))
        region = rng.choice(["us-east-1", "eu-central-1", "ap-northeast-3"])
        status, _, body = sim.post(
            {"Action": "DescribeInstances", "Filter.1.Name": "tag:" + value,
             "Filter.1.Value.1": value},
            key="AK" + str(rng.randrange(10)), region=region,
            token=rng.choice([None, "a/b+c==", "x" * 800]))
        assert status == 200, body
        params = sim.control("GET", "requests?since=0&limit=1")["requests"][0]["params"]
        assert params["Filter.1.Value.1"] == value
        sim.control("POST", "reset")


def test_signed_get(sim):
    """The query string in any order: the signature covers it sorted."""
    query = "Version=2016-11-15&Action=DescribeInstances&Filter.1.Name=tag%3Ax&Filter.1.Value.1=a%20b"
    request = botocore.awsrequest.AWSRequest("GET", f"{sim.url}/?{query}")
    botocore.auth.SigV4Auth(botocore.credentials.Credentials("AK", "test"), "ec2",
                            "us-east-1").add_auth(request)
    status, _, body = sim.request("GET", f"/?{query}", headers=dict(request.headers.items()))
    assert status == 200, body
    assert sim.requests()[0]["params"]["Filter.1.Value.1"] == "a b"
    status, _, body = sim.request("GET", f"/?{query}&MaxResults=5",
                                  headers=dict(request.headers.items()))
    assert status == 401


def test_unauthenticated_calls_count(sim):
    assert sim.post({"Action": "DescribeInstances"}, secret="wrong")[0] == 401
    assert sim.calls("DescribeInstances") == 1


# --- faults, as a raw client sees them

RUN = {"Action": "RunInstances", "ImageId": "ami-1", "MinCount": "1", "MaxCount": "1"}


def raw(sim, params):
    """All bytes of the answer, and whether the connection was reset."""
    headers, body = sim.signed(params)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    request = (f"POST / HTTP/1.1\r\nHost: {sim.host}:{sim.port}\r\n{head}"
               f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}")
    answer = b""
    with socket.create_connection((sim.host, sim.port), timeout=10) as connection:
        connection.sendall(request.encode())
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionResetError:
            return answer, True
    return answer, False


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("effect, reset", [("drop", False), ("reset", True)])
def test_no_answer(sim, effect, reset, after):
    sim.fault(action="RunInstances", nth=1, effect=effect, after=after)
    assert raw(sim, RUN) == (b"", reset)
    assert len(sim.ledger()) == int(after)
    [request] = sim.requests()
    assert (request["status"], request["done"], request["fault"]) == (0, after, 1)
    assert b" 200 " in raw(sim, RUN)[0]
    assert len(sim.ledger()) == 1 + int(after)
    assert sim.calls("RunInstances") == 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("rule, status, text", [
    ({"effect": "error"}, 500, b"<Code>InternalError</Code>"),
    ({"effect": "error", "code": "InsufficientInstanceCapacity"}, 500,
     b"<Code>InsufficientInstanceCapacity</Code>"),
    ({"effect": "error", "code": "Odd", "status": 418, "message": "<no>"}, 418,
     b"<Code>Odd</Code><Message>&lt;no&gt;</Message>"),
    ({"effect": "throttle"}, 503, b"<Code>RequestLimitExceeded</Code>"),
    ({"effect": "html"}, 503, b"<html>"),
    ({"effect": "html", "status": 500}, 500, b"<html>"),
    ({"effect": "empty"}, 200, b""),
    ({"effect": "garbage"}, 200, b""),
])
def test_wrong_answers(sim, rule, status, text, after):
    sim.fault(after=after, **rule)
    got, headers, body = sim.post(RUN)
    assert got == status
    assert text in body
    assert b"RunInstancesResponse" not in body
    assert len(sim.ledger()) == int(after)
    assert headers["Content-Length"] == str(len(body))


def test_retry_after(sim):
    sim.fault(effect="throttle", retry_after=1.5, status=429)
    status, headers, _ = sim.post(RUN)
    assert (status, headers["Retry-After"]) == (429, "2")


def test_cut_and_length(sim):
    whole, _ = raw(sim, RUN)
    head, body = whole.split(b"\r\n\r\n", 1)
    for at in (1, 100, len(body) - 1):
        rule = sim.fault(effect="cut", at=at)
        answer, _ = raw(sim, RUN)
        assert len(answer.split(b"\r\n\r\n", 1)[1]) == at
        assert b"Content-Length: %d\r\n" % len(body) in answer
        sim.control("DELETE", f"faults?id={rule}")
    sim.fault(effect="cut", at=0)
    assert raw(sim, RUN) == (b"", False)
    sim.control("DELETE", "faults")
    for length in (10, len(body) + 100):
        sim.fault(effect="length", at=length, count=1)
        answer, _ = raw(sim, RUN)
        assert b"Content-Length: %d\r\n" % length in answer
        assert len(answer.split(b"\r\n\r\n", 1)[1]) == len(body)
    assert len(sim.ledger()) == 7


@pytest.mark.parametrize("after", [False, True])
def test_delay(sim, after):
    sim.fault(effect="delay", delay=0.4, after=after)
    headers, body = sim.signed(RUN)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((sim.host, sim.port), timeout=10) as connection:
        connection.sendall((f"POST / HTTP/1.1\r\nHost: {sim.host}:{sim.port}\r\n{head}"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        eventually(lambda: sim.calls("RunInstances") == 1)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert len(sim.ledger()) == int(after)
        connection.settimeout(10)
        assert connection.recv(20).startswith(b"HTTP/1.1 200")
    assert len(sim.ledger()) == 1


def test_client_gone_during_a_delay(sim):
    """The action is done all the same, and the simulator lives."""
    sim.fault(effect="delay", delay=0.2)
    headers, body = sim.signed(RUN)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection((sim.host, sim.port), timeout=10) as connection:
        connection.sendall((f"POST / HTTP/1.1\r\nHost: {sim.host}:{sim.port}\r\n{head}"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        eventually(lambda: sim.calls("RunInstances") == 1)
    eventually(lambda: len(sim.ledger()) == 1)


def test_end_during_a_delay():
    with running() as sim:
        sim.fault(effect="delay", delay=60)
        headers, body = sim.signed(RUN)
        connection = socket.create_connection((sim.host, sim.port), timeout=10)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        connection.sendall((f"POST / HTTP/1.1\r\nHost: {sim.host}:{sim.port}\r\n{head}"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        eventually(lambda: sim.calls("RunInstances") == 1)
    with connection:
        assert connection.recv(1) == b""


def test_delivered_twice(sim):
    sim.fault(effect="twice")
    status, _, body = sim.post({**RUN, "ClientToken": "t"})
    assert (status, len(sim.ledger())) == (200, 1)
    status, _, body = sim.post(RUN)
    assert (status, len(sim.ledger())) == (200, 3)


def test_rules_by_worker(sim, ec2):
    sim.fault(action="RunInstances", worker="bot1", effect="error",
              code="InsufficientInstanceCapacity")
    sim.fault(action="TerminateInstances", worker="bot2", effect="error",
              code="InvalidInstanceID.NotFound", count=1)
    assert error(run, ec2, "bot1") == ("InsufficientInstanceCapacity", 500)
    instance = run(ec2, "bot2")
    ids = [instance["InstanceId"]]
    assert error(ec2.terminate_instances, InstanceIds=ids)[0] == "InvalidInstanceID.NotFound"
    ec2.terminate_instances(InstanceIds=ids)
    rules = sim.control("GET", "faults")
    assert [(r["matched"], r["fired"]) for r in rules] == [(1, 1), (1, 1)]


def test_bad_rules_are_refused(sim):
    for body, word in [('{"effect": "drpo"}', b"did you mean 'drop'"), ('{}', b"effect"), ("nonsense", b"error"),
                       ('[{"effect": "drop"}, {"effect": "drop", "nth": 1, "every": 2}]',
                        b"only one")]:
        status, _, answer = sim.request("POST", "/_sim/faults", body)
        assert (status, word in answer) == (400, True), answer
    assert sim.control("GET", "faults") == []


# --- scenario, throttle, control

def test_scenario_file(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text('{"pending": "0.05", "visible_after": "0.3", "clock_offset": "-20m",'
                    ' "capacity": [{"type": "m5.*", "available": 1}],'
                    ' "faults": [{"action": "CreateTags", "effect": "error", "code": "X"}]}')
    with running("--scenario", path) as sim:
        status, headers, body = sim.post({"Action": "DescribeInstances"})
        assert (status, b"RequestInTheFuture" in body) == (400, True)
        there = datetime.datetime.strptime(headers["Date"], "%a, %d %b %Y %H:%M:%S GMT")
        off = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - there
        assert abs(off.total_seconds() - 1200) < 5
        sim.control("POST", "scenario", {"visible_after": 0.3, "capacity": [
            {"type": "m5.*", "available": 1}]})
        ec2 = sim.client()
        instance = run(ec2, InstanceType="m5.large")
        assert describe(ec2) == []
        assert error(describe, ec2, instance["InstanceId"])[0] == "InvalidInstanceID.NotFound"
        eventually(lambda: describe(ec2))
        assert error(run, ec2, InstanceType="m5.large") == ("InsufficientInstanceCapacity", 500)
        run(ec2, InstanceType="c5.large")
        ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
        run(ec2, InstanceType="m5.large")


def test_throttle_as_aws():
    with running("--throttle", "aws") as sim:
        codes = [sim.post(RUN)[0] for _ in range(8)]
        assert codes[:5] == [200] * 5
        assert 503 in codes[5:]
        sim.control("POST", "reset")
        assert sim.post(RUN)[0] == 200


def test_reset(sim, ec2):
    run(ec2, ClientToken="t")
    sim.fault(effect="drop")
    sim.control("POST", "reset")
    assert sim.ledger() == {}
    assert sim.requests() == []
    assert sim.control("GET", "calls") == {}
    assert sim.control("GET", "faults") == []
    assert run(ec2, ClientToken="t")["State"]["Name"] == "pending"


def test_requests_are_kept(sim, ec2):
    run(ec2)
    error(describe, ec2, "i-00000000")
    requests = sim.control("GET", "requests?since=1&limit=10")["requests"]
    assert [(r["action"], r["status"], r["code"]) for r in requests] == [
        ("DescribeInstances", 400, "InvalidInstanceID.NotFound")]
    assert "Signature=" in requests[0]["authorization"]
    assert requests[0]["params"]["InstanceId.1"] == "i-00000000"


def test_door(sim):
    paths = {(p["method"], p["path"]) for p in sim.control("GET", "")["paths"]}
    assert ("GET", "/_sim/ledger") in paths
    assert sim.request("GET", "/_sim/nothing")[0] == 404
    assert sim.request("GET", "/_sim/reset")[0] == 405
    for _, path in paths:
        assert sim.request("POST", path, "{")[0] in (200, 400, 405)


def test_same_seed_same_ids():
    ids = []
    for _ in range(2):
        with running("--seed", "42") as sim:
            ids.append(run(sim.client())["InstanceId"])
    assert ids[0] == ids[1]
