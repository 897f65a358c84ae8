# SPDX-License-Identifier: Apache-2.0
"""Our signatures and botocore's, of the same random requests."""

import datetime
import os
import pathlib
import random
import string
import subprocess
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
SIGNER = BUILD / "tests/tools/sigv4_sign"
REQUESTS = 4000

FIELDS = ("method", "host", "path", "query", "content_type", "target", "body", "region",
          "service", "wall_ms", "key_id", "secret", "token")
PRINTABLE = string.ascii_letters + string.digits + string.punctuation
PLAIN = string.ascii_letters + string.digits + "-_.~"
SECRETS = string.ascii_letters + string.digits + "+/="
UNICODE = "äßø€語𝄞"


def text(rng, alphabet, least, most):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(least, most)))


def parameters(rng):
    return [(text(rng, PLAIN, 1, 12), text(rng, PRINTABLE + " \n" + UNICODE, 0, 40))
            for _ in range(rng.randint(0, 12))]


def host(rng, service, region):
    return rng.choice([
        f"{service}.{region}.amazonaws.com",
        f"127.0.0.1:{rng.randint(1024, 65535)}",
        f"[::1]:{rng.randint(1024, 65535)}",
        "localhost",
    ])


def make_request(rng):
    """A request within what sigv4.h says of it: canonical path and query."""
    service = rng.choice(["ec2", "ec2", "sts", "ssm", "iam"])
    region = rng.choice(["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1"])
    method = rng.choice(["POST", "POST", "POST", "GET"])
    query = ""
    if method == "GET":
        pairs = sorted((urllib.parse.quote(k, safe="-_.~"), urllib.parse.quote(v, safe="-_.~"))
                       for k, v in parameters(rng))
        query = "&".join(f"{k}={v}" for k, v in pairs)
    return {
        "method": method,
        "host": host(rng, service, region),
        "path": "/" + "/".join(text(rng, PLAIN.replace(".", ""), 1, 8)
                               for _ in range(rng.choice([0, 0, 0, 1, 3]))),
        "query": query,
        "content_type": rng.choice([None, "application/x-amz-json-1.1",
                                    "application/x-www-form-urlencoded; charset=utf-8",
                                    "  text/plain;   charset=utf-8 "]),
        "target": "AmazonSSM.GetParameter" if service == "ssm" else None,
        "body": urllib.parse.urlencode(parameters(rng)) if method == "POST" else None,
        "region": region,
        "service": service,
        # A few days only, so that the cache of the derived key is hit as well as missed.
        "wall_ms": str(1769854500000 + rng.randint(0, 4) * 86400000 + rng.randint(0, 86399999)),
        "key_id": "AKIA" + text(rng, string.ascii_uppercase + string.digits, 4, 16),
        "secret": rng.choice([text(rng, SECRETS, 40, 40), "s" * 40, text(rng, PRINTABLE, 1, 200)]),
        "token": rng.choice([None, text(rng, SECRETS, 100, 1000)]),
    }


def botocore_line(request):
    """What botocore's signer makes of it, as the driver prints it."""
    credentials = botocore.credentials.Credentials(
        request["key_id"], request["secret"], request["token"])
    auth = botocore.auth.SigV4Auth(credentials, request["service"], request["region"])
    url = f"https://{request['host']}{request['path']}"
    if request["query"]:
        url += "?" + request["query"]
    headers = {"Content-Type": request["content_type"], "X-Amz-Target": request["target"]}
    prepared = botocore.awsrequest.AWSRequest(
        method=request["method"], url=url, data=(request["body"] or "").encode(),
        headers={name: value for name, value in headers.items() if value is not None})
    at = datetime.datetime.fromtimestamp(int(request["wall_ms"]) // 1000, datetime.timezone.utc)
    date = at.strftime("%Y%m%dT%H%M%SZ")
    prepared.context["timestamp"] = date
    auth._modify_request_before_signing(prepared)
    canonical = auth.canonical_request(prepared)
    signature = auth.signature(auth.string_to_sign(prepared, canonical), prepared)
    auth._inject_signature_to_request(prepared, signature)
    return f"{date} {prepared.headers['Authorization']}"


def driver_line(request):
    return " ".join("-" if not request[name] else request[name].encode().hex()
                    for name in FIELDS) + "\n"


def sign(lines):
    return subprocess.run([SIGNER], input="".join(lines), capture_output=True, text=True,
                          timeout=60, check=False)


@pytest.mark.parametrize("seed", [1, None])
def test_same_as_botocore(seed):
    seed = seed if seed is not None else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    requests = [make_request(rng) for _ in range(REQUESTS)]
    done = sign(driver_line(r) for r in requests)
    assert done.returncode == 0, done.stderr
    signed = done.stdout.splitlines()
    assert len(signed) == REQUESTS
    for request, line in zip(requests, signed):
        assert line == botocore_line(request), f"SEED={seed} {request}"


def test_the_comparison_can_fail():
    request = make_request(random.Random(7)) | {"host": "localhost"}
    line = sign([driver_line(request)]).stdout.rstrip("\n")
    assert line == botocore_line(request)
    for name in ("host", "path", "region", "service", "key_id", "secret"):
        assert line != botocore_line(request | {name: request[name] + "x"}), name


def test_driver_refuses_half_a_request():
    assert sign(["- - -\n"]).returncode == 2
