# SPDX-License-Identifier: Apache-2.0
"""STS and SSM of ec2sim by boto3, and what temporary credentials are good for."""

import datetime
import json

import boto3
import botocore.config
import botocore.exceptions
import pytest

from ec2sim import REGION, eventually, running

ROLE = "arn:aws:iam::123456789012:role/ci/builders"
SHORT = "arn:aws:iam::123456789012:role/short"
WEB = "arn:aws:iam::123456789012:role/web"
SCENARIO = {
    "roles": [{"arn": ROLE, "external_id": "outside"}, {"arn": SHORT, "lifetime": "2s"},
              {"arn": WEB, "identity_token": "a.b.c"}],
    "parameters": [{"name": "/ci/image", "value": "ami-0123456789abcdef0"},
                   {"name": "plain", "value": "\u00e4 \"quoted\"", "region": "eu-west-1"}],
}


@pytest.fixture
def sim(tmp_path):
    path = tmp_path / "scenario.json"
    path.write_text(json.dumps(SCENARIO))
    with running("--scenario", path, "--credentials", "AK:secret") as sim:
        yield sim


@pytest.fixture
def sts(sim):
    return sim.client("sts", key="AK", secret="secret")


def code(call, *args, **kwargs):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(*args, **kwargs)
    return caught.value.response["Error"]["Code"]


def client_of(sim, answer, service="ec2", **changes):
    """A client with the credentials of an answer of AssumeRole."""
    given = {"key": answer["AccessKeyId"], "secret": answer["SecretAccessKey"],
             "token": answer["SessionToken"], **changes}
    return sim.client(service, **given)


def test_caller(sts):
    caller = sts.get_caller_identity()
    assert caller["Account"] == "123456789012"
    assert caller["Arn"] == "arn:aws:iam::123456789012:user/AK"
    assert len(caller["ResponseMetadata"]["RequestId"]) == 36


def test_assume_role(sim, sts):
    before = datetime.datetime.now(datetime.timezone.utc)
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="pool@host", ExternalId="outside",
                             DurationSeconds=900)
    given = answer["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")
    life = given["Expiration"] - before
    assert datetime.timedelta(seconds=898) < life < datetime.timedelta(seconds=910)
    arn = "arn:aws:sts::123456789012:assumed-role/builders/pool@host"
    assert answer["AssumedRoleUser"]["Arn"] == arn

    assert client_of(sim, given, "sts").get_caller_identity()["Arn"] == arn
    assert client_of(sim, given).describe_instances()["Reservations"] == []
    # The token is part of the credentials, and signed.
    assert code(client_of(sim, given, token=None).describe_instances) == "AuthFailure"
    assert code(client_of(sim, given, token="other").describe_instances) == "AuthFailure"
    assert code(client_of(sim, given, secret="other").describe_instances) == "AuthFailure"
    assert code(client_of(sim, given, "sts", token=None).get_caller_identity) == (
        "InvalidClientTokenId")
    assert code(client_of(sim, given, "ssm", secret="other").get_parameter, Name="x") == (
        "InvalidSignatureException")
    # A session may become another, for an hour at most.
    chained = client_of(sim, given, "sts")
    assert code(chained.assume_role, RoleArn=SHORT, RoleSessionName="two",
                DurationSeconds=3601) == "ValidationError"
    chained.assume_role(RoleArn=SHORT, RoleSessionName="two")


def test_refusals(sim, sts):
    assume = sts.assume_role
    assert code(assume, RoleArn=ROLE, RoleSessionName="me") == "AccessDenied"
    assert code(assume, RoleArn=ROLE, RoleSessionName="me", ExternalId="x y") == "AccessDenied"
    assert code(assume, RoleArn=ROLE + "s", RoleSessionName="me") == "AccessDenied"
    assert code(assume, RoleArn="arn:aws:iam::1:user/none", RoleSessionName="me") == (
        "ValidationError")
    assert code(assume, RoleArn=SHORT, RoleSessionName="a name") == "ValidationError"
    assert code(assume, RoleArn=SHORT, RoleSessionName="me", DurationSeconds=43201) == (
        "ValidationError")
    assert code(sim.client("sts", key="BK").get_caller_identity) == "InvalidClientTokenId"
    assert code(sim.client("sts", key="AK", secret="x").get_caller_identity) == (
        "SignatureDoesNotMatch")
    assert code(sim.client("ssm", key="BK").get_parameter, Name="x") == (
        "UnrecognizedClientException")
    status, headers, body = sim.request(
        "POST", "/", "Action=AssumeRole&Version=2011-06-15",
        {"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, headers["Content-Type"]) == (403, "text/xml")
    assert b"<ErrorResponse" in body
    assert b"<Code>MissingAuthenticationToken</Code>" in body


def test_expiry(sim, sts):
    """What has expired is said so, by each service in its own words."""
    given = sts.assume_role(RoleArn=SHORT, RoleSessionName="me")["Credentials"]
    ec2 = client_of(sim, given)
    ec2.describe_instances()

    def ended():
        return datetime.datetime.now(datetime.timezone.utc) >= given["Expiration"]

    eventually(ended)
    assert code(ec2.describe_instances) == "RequestExpired"
    assert code(client_of(sim, given, "sts").get_caller_identity) == "ExpiredToken"
    assert code(client_of(sim, given, "ssm").get_parameter, Name="/ci/image") == (
        "ExpiredTokenException")
    # Forgetting what there is leaves credentials alone.
    more = sts.assume_role(RoleArn=SHORT, RoleSessionName="me")["Credentials"]
    sim.control("POST", "reset")
    client_of(sim, more).describe_instances()


def test_web_identity(sim):
    unsigned = boto3.client("sts", region_name=REGION, endpoint_url=sim.url,
                            config=botocore.config.Config(
                                signature_version=botocore.UNSIGNED,
                                retries={"total_max_attempts": 1}))
    answer = unsigned.assume_role_with_web_identity(
        RoleArn=WEB, RoleSessionName="pod", WebIdentityToken="a.b.c")
    assert client_of(sim, answer["Credentials"]).describe_instances()
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/web/pod")
    assert code(unsigned.assume_role_with_web_identity, RoleArn=WEB, RoleSessionName="pod",
                WebIdentityToken="b.b.c") == "InvalidIdentityToken"
    assert code(unsigned.assume_role_with_web_identity, RoleArn=ROLE + "s",
                RoleSessionName="pod", WebIdentityToken="a.b.c") == "AccessDenied"
    assert sim.calls("AssumeRoleWithWebIdentity") == 3


def test_profile_that_assumes_a_role(sim, tmp_path, monkeypatch):
    """botocore's own chain: a profile with role_arn and source_profile."""
    (tmp_path / "config").write_text(
        f"[profile ci]\nrole_arn = {ROLE}\nexternal_id = outside\nsource_profile = base\n")
    (tmp_path / "credentials").write_text(
        "[base]\naws_access_key_id = AK\naws_secret_access_key = secret\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sim.url)
    ec2 = boto3.Session(profile_name="ci", region_name=REGION).client(
        "ec2", endpoint_url=sim.url)
    assert ec2.describe_instances()["Reservations"] == []
    assert sim.calls("AssumeRole") == 1


def test_faults_of_other_services(sim, sts):
    """Fault rules know all actions, and speak as their service does."""
    sim.fault(action="AssumeRole", effect="error", count=1)
    sim.fault(action="GetParameter", effect="throttle", count=1)
    ssm = sim.client("ssm", key="AK", secret="secret")
    assert code(sts.assume_role, RoleArn=SHORT, RoleSessionName="me") == "InternalError"
    assert code(ssm.get_parameter, Name="/ci/image") == "ThrottlingException"
    sts.assume_role(RoleArn=SHORT, RoleSessionName="me")
    ssm.get_parameter(Name="/ci/image")


def test_parameters(sim):
    ssm = sim.client("ssm", key="AK", secret="secret")
    other = sim.client("ssm", region="eu-west-1", key="AK", secret="secret")
    parameter = ssm.get_parameter(Name="/ci/image", WithDecryption=True)["Parameter"]
    assert parameter["Value"] == "ami-0123456789abcdef0"
    assert parameter["Type"] == "String"
    assert parameter["ARN"] == "arn:aws:ssm:us-east-1:123456789012:parameter/ci/image"
    assert isinstance(parameter["LastModifiedDate"], datetime.datetime)
    assert code(ssm.get_parameter, Name="plain") == "ParameterNotFound"
    assert other.get_parameter(Name="plain")["Parameter"]["Value"] == "\u00e4 \"quoted\""

    name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    ami = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    assert ami.startswith("ami-") and len(ami) == 21
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == ami
    assert other.get_parameter(Name=name)["Parameter"]["Value"] != ami
    ec2 = sim.client(key="AK", secret="secret")
    ec2.run_instances(ImageId=ami, MinCount=1, MaxCount=1)

    last = sim.requests()[-2]
    assert last["action"] == "GetParameter"
    assert last["params"] == {"Name": name}
    assert code(ssm.get_parameters, Names=["plain"]) == "SerializationException"
    assert code(ssm.delete_parameter, Name="plain") == "UnknownOperationException"
    assert code(sim.client("ssm", key="AK", secret="secret").get_parameter,
                Name="x" * 2049) == "ValidationException"
