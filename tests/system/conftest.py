# SPDX-License-Identifier: Apache-2.0
"""One machine for all tests, with a simulated EC2 in it, and a pool for each test."""

import json
import os
import shutil

import pytest

from machine import Machine

CONFIG = {
    "pool": "test",
    "access": {"operate": ["buildbot"]},
    "aws": {"region": "us-east-1", "identifier": "AKIDTEST", "secret_identifier": "test",
            "endpoint_url": "http://127.0.0.1:5000"},
    "worker_defaults": {"keypair_name": "key", "security_name": "group", "instance_type": "m5.large",
                        "ami": "ami-12345678", "password": "generated"},
    "workers": {"bot[1-2]": {}},
}
DROP_INS = "/etc/systemd/system"


@pytest.fixture(scope="session")
def booted(tmp_path_factory):
    if os.geteuid() != 0 or shutil.which("systemd-nspawn") is None:
        pytest.skip("needs root and systemd-nspawn (Debian: systemd-container)")
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.run("systemd-sysusers && useradd -U buildbot && useradd -U stranger")
    yield machine
    machine.close()


class Pool:
    """The units of one pool, its configuration, and an EC2 that knows nothing yet."""

    def __init__(self, machine, name=None):
        self.machine = machine
        self.unit = f"ec2workerd@{name}" if name else "ec2workerd"
        self.config_path = f"/etc/ec2workerd/{name or 'ec2workerd'}.yaml"
        self.directory = f"/run/ec2workerd/{name}" if name else "/run/ec2workerd"
        self.config = dict(CONFIG)
        if name:
            self.config |= {"pool": name, "socket": f"{self.directory}/rpc.sock",
                            "state_dir": f"/var/lib/ec2workerd/{name}"}

    def write_config(self, **more):
        self.machine.write(self.config_path, json.dumps(self.config | more), "ec2workerd", 0o600)

    def drop_in(self, suffix, text):
        self.machine.write(f"{DROP_INS}/{self.unit}.{suffix}.d/test.conf", text)
        self.machine.run("systemctl daemon-reload")

    def systemctl(self, verb, check=True):
        return self.machine.run(f"systemctl {verb} {self.unit}.service", check)

    def show(self, name):
        return self.machine.property(f"{self.unit}.service", name)

    def ctl(self, arguments, user="root", check=True):
        return self.machine.run(
            f"setpriv --reuid {user} --regid {user} --init-groups ec2workerctl -s {self.directory}/rpc.sock {arguments}", check)

    def phase(self, worker):
        return json.loads(self.ctl(f"--json show {worker}").stdout)["phase"]

    def remove(self):
        self.machine.run(f"systemctl stop {self.unit}.service {self.unit}.socket", check=False)
        self.machine.run(f"systemctl reset-failed {self.unit}.service", check=False)
        self.machine.run(f"rm -rf /var/lib/ec2workerd {self.config_path} {DROP_INS}/{self.unit}.*.d")
        self.machine.run("systemctl daemon-reload")


@pytest.fixture
def machine(booted):
    booted.run("systemd-run -q --unit=ec2sim /usr/bin/ec2sim --pending 0.2 --shutdown 0.2")
    yield booted
    booted.run("systemctl stop ec2sim")


@pytest.fixture
def make_pool(machine):
    made = []

    def make(name=None, **config):
        made.append(Pool(machine, name))
        made[-1].write_config(**config)
        return made[-1]
    yield make
    for pool in made:
        pool.remove()


@pytest.fixture
def pool(make_pool):
    return make_pool()
