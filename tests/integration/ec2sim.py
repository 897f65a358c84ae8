# SPDX-License-Identifier: Apache-2.0
"""Starts ec2sim for a test, talks to its control door, and sees that it ends well."""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import subprocess
import time
import unittest.mock
import urllib.parse

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
REGION = "us-east-1"
READY = "ec2sim: listening on "


def eventually(what, timeout=10):
    """Calls what() until it is true, and returns that; an AssertionError after timeout."""
    deadline = time.monotonic() + timeout
    while not (result := what()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(0.02)
    return result


def utc_text(at=None):
    """The wall clock, or a time in seconds since 1970, in the form that all our programs write."""
    at = datetime.datetime.fromtimestamp(time.time() if at is None else at, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


class Ec2sim:
    """
    A running simulator. Ends with SIGTERM, and must then leave with 0. now: what its wall
    clock shows, as text.
    """

    def __init__(self, *options, pending="0.1", shutdown="0.1", env=None, now=utc_text,
                 host="127.0.0.1"):
        self.now = now
        self.process = subprocess.Popen(
            [BUILD / "ec2sim", "--listen", f"{host}:0", "--pending", pending,
             "--shutdown", shutdown, *options],
            stdout=subprocess.PIPE, text=True, env=env)
        line = self.process.stdout.readline()
        assert line.startswith(READY), line
        self.url = "http://" + line.removeprefix(READY).strip()
        self.host = host.strip("[]")
        self.port = int(self.url.rsplit(":", 1)[1])

    def close(self):
        self.process.terminate()
        code = self.process.wait(15)
        self.process.stdout.close()
        assert code == 0

    def client(self, service="ec2", region=REGION, key="AKIDTEST", secret="test", token=None):
        """A boto3 client that sends each request once."""
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=10)
        return boto3.client(service, region_name=region, endpoint_url=self.url,
                            aws_access_key_id=key, aws_secret_access_key=secret,
                            aws_session_token=token, config=config)

    def signed(self, params, key="AKIDTEST", secret="test", region=REGION, token=None, at=None):
        """Headers and body of a signed POST, as botocore signs it (at: another time)."""
        body = urllib.parse.urlencode({"Version": "2016-11-15", **params})
        request = botocore.awsrequest.AWSRequest(
            "POST", self.url + "/", data=body, headers={
                "Content-Type": "application/x-www-form-urlencoded; charset=utf-8"})
        with at_time(at):
            botocore.auth.SigV4Auth(
                botocore.credentials.Credentials(key, secret, token), "ec2",
                region).add_auth(request)
        return dict(request.headers.items()), body

    def post(self, params, **signing):
        """A signed request by http.client, which repeats nothing: (status, headers, body)."""
        headers, body = self.signed(params, **signing)
        return self.request("POST", "/", body, headers)

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()

    def control(self, method, path, body=None):
        """The JSON answer of /_sim/PATH, which must be a good one."""
        status, _, text = self.request(
            method, f"/_sim/{path}", None if body is None else json.dumps(body))
        assert status == 200, text
        return json.loads(text)

    def ledger(self):
        return {i["id"]: i for i in self.control("GET", "ledger")["instances"]}

    def calls(self, action):
        return self.control("GET", "calls").get(action, 0)

    def requests(self):
        return self.control("GET", "requests")["requests"]

    def fault(self, **rule):
        return self.control("POST", "faults", rule)["ids"][0]


@contextlib.contextmanager
def at_time(at):
    """botocore believes that it is another time."""
    if at is None:
        yield
        return
    with unittest.mock.patch("botocore.auth.get_current_datetime", lambda: at):
        yield


@contextlib.contextmanager
def running(*options, **kwargs):
    sim = Ec2sim(*options, **kwargs)
    try:
        yield sim
    finally:
        sim.close()
