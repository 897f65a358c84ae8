# SPDX-License-Identifier: Apache-2.0
"""Starts moto, an imitation of AWS that nobody here wrote, and talks to it by boto3."""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import subprocess
import sys
import threading

import boto3
import botocore.config

from daemon import clean_environment

SERVER = pathlib.Path(__file__).with_name("moto_server.py")
REGION = "us-east-1"
STRICT = {"MOTO_ENABLE_AMI_VALIDATION": "1", "MOTO_ENABLE_KEYPAIR_VALIDATION": "1",
          "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "1"}
RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")
POLICY = {"Version": "2012-10-17",
          "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}


class Moto:
    """A moto server with one key pair, one group and one user, who may do all of EC2."""

    KEYPAIR, GROUP, USER = "latent_buildbot_worker", "latent_buildbot_worker", "ec2workerd"

    def __init__(self, directory=None, **environment):
        """directory: where it may record what it is sent."""
        if directory is not None:
            environment["MOTO_RECORDER_FILEPATH"] = f"{directory}/recording"
        self.process = subprocess.Popen(
            [sys.executable, "-P", SERVER, "-H", "127.0.0.1", "-p", "0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=clean_environment(**STRICT, **environment))
        self.port = self.read_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Its log of requests would fill the pipe, and then it stands still.
        self.drain = threading.Thread(target=self.process.stderr.read)
        self.drain.start()
        self.key_id = self.secret = "none-yet"

    def read_port(self):
        for line in self.process.stderr:
            if match := RUNNING.search(line):
                return int(match[1])
        raise AssertionError("moto has not started")

    def close(self):
        self.process.terminate()
        self.process.wait(15)
        self.drain.join()
        self.process.stderr.close()

    def request(self, method, path, body="", kind="text/plain"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": kind})
            response = connection.getresponse()
            text = response.read()
            assert response.status == 200, text
            return text

    def post(self, path, body=""):
        return self.request("POST", path, body)

    def record(self):
        """From now, and nothing of what was before."""
        self.post("/moto-api/recorder/reset-recording")
        self.post("/moto-api/recorder/start-recording")

    def recorded(self):
        """(headers, body) of each request since record()."""
        lines = self.request("GET", "/moto-api/recorder/download-recording").splitlines()
        return [(entry["headers"], base64.b64decode(entry["body"] or "").decode())
                for entry in map(json.loads, lines)]

    def client(self, service="ec2", region=REGION):
        config = botocore.config.Config(retries={"total_max_attempts": 1}, read_timeout=30)
        return boto3.client(service, region_name=region, endpoint_url=self.url,
                            aws_access_key_id=self.key_id, aws_secret_access_key=self.secret,
                            config=config)

    def reset(self):
        """An empty account, then what an administrator makes in it; signatures count from now."""
        self.post("/moto-api/reset-auth", "1000000")
        self.post("/moto-api/reset")
        ec2, iam = self.client(), self.client("iam")
        ec2.create_key_pair(KeyName=self.KEYPAIR)
        ec2.create_security_group(GroupName=self.GROUP, Description="workers")
        iam.create_user(UserName=self.USER)
        iam.put_user_policy(UserName=self.USER, PolicyName="ec2",
                            PolicyDocument=json.dumps(POLICY))
        key = iam.create_access_key(UserName=self.USER)["AccessKey"]
        self.key_id, self.secret = key["AccessKeyId"], key["SecretAccessKey"]
        self.post("/moto-api/reset-auth", "0")

    def allow(self, policy):
        """From now the user may do this, and nothing else."""
        self.post("/moto-api/reset-auth", "1000000")
        self.client("iam").put_user_policy(UserName=self.USER, PolicyName="ec2",
                                           PolicyDocument=json.dumps(policy))
        self.post("/moto-api/reset-auth", "0")

    def image(self):
        return self.client().describe_images(Owners=["amazon"])["Images"][0]["ImageId"]

    def instances(self):
        """All of them, by id."""
        pages = self.client().get_paginator("describe_instances").paginate()
        return {instance["InstanceId"]: instance for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]}

    def user_data(self, instance):
        """As it was sent, in base64."""
        found = self.client().describe_instance_attribute(
            InstanceId=instance, Attribute="userData")
        return found["UserData"]["Value"]


@contextlib.contextmanager
def running(directory=None, **environment):
    moto = Moto(directory, **environment)
    try:
        yield moto
    finally:
        moto.close()
