# SPDX-License-Identifier: Apache-2.0
"""Starts ec2workerd for a test, and sees that it ends well."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess

from contract import Contract
from rpcclient import RpcClient

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))

# What a sanitizer or an assertion leaves on stderr.
ACCIDENTS = ("Sanitizer", "runtime error:", "Assertion")

WORKER = {"keypair_name": "key", "security_name": "group", "instance_type": "m5.large",
          "ami": "ami-12345678", "missing_timeout": 60}


def clean_environment(**more):
    """Ours without what would lead to other credentials, sockets or proxies, or off this machine."""
    drop = ("AWS_", "EC2WORKERD_", "NOTIFY_", "LISTEN_", "http_proxy", "https_proxy")
    return {name: value for name, value in os.environ.items()
            if not name.startswith(drop)} | {"AWS_EC2_METADATA_DISABLED": "true"} | more


def preloaded(library, **more):
    """The environment in which library comes before libc, which AddressSanitizer has to bear."""
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": ":".join(
        filter(None, (os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))} | more


class Daemon:
    """
    An ec2workerd with a configuration in a directory of its own. config is merged over the
    defaults by top-level key; YAML being a superset of it, the file is JSON.
    """

    def __init__(self, directory, endpoint, workers, **config):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "rpc.sock"
        self.conf_path = self.directory / "ec2workerd.yaml"
        self.log_path = self.directory / "log"
        self.process = None
        self.program = BUILD / "ec2workerd"
        self.environment = {}
        self.config = {
            "pool": "test",
            "socket": str(self.socket),
            "state_dir": str(self.directory / "state"),
            "aws": {"region": "us-east-1", "identifier": "AKIDTEST",
                    "secret_identifier": "test", "endpoint_url": endpoint},
            "worker_defaults": WORKER,
            "workers": workers,
        } | config
        self.write_config()

    def write_config(self):
        self.conf_path.write_text(json.dumps(self.config, indent=1))
        self.conf_path.chmod(0o600)

    def start(self, *options, wait=True, prefix=(), **popen):
        """wait: returns when the daemon says READY. prefix: a command that executes it."""
        path = self.directory / "notify.sock"
        told = wait
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as notify:
            path.unlink(missing_ok=True)
            notify.bind(str(path))
            path.chmod(0o666)  # the daemon may be another user
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    [*prefix, self.program, "-c", self.conf_path, *options],
                    stderr=log, stdin=subprocess.DEVNULL,
                    env=clean_environment(NOTIFY_SOCKET=str(path),
                                          **self.environment), **popen)
            notify.settimeout(0.1)
            while wait:
                try:
                    wait = b"READY=1" not in notify.recv(4096)
                except TimeoutError:
                    assert self.process.poll() is None, self.log()
        if told and RpcClient.contract is None:
            RpcClient.contract = Contract(self.call("rpc.discover"))
        return self

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *_):
        """A test that has failed already is not to fail for a daemon that is left over."""
        if kind is None:
            self.stop()
        elif self.process is not None:
            self.process.kill()
            self.process.wait()

    def log(self):
        return self.log_path.read_text() if self.log_path.exists() else ""

    def connect(self, **kwargs):
        return RpcClient(self.socket, **kwargs)

    def call(self, method, **params):
        with self.connect() as client:
            return client.call(method, **params)

    def ctl(self, *args, **popen):
        """Runs ec2workerctl: (exit code, stdout, stderr)."""
        program = BUILD / "ec2workerctl"
        if "user" in popen:  # who may not be able to reach the tree
            program = pathlib.Path(shutil.copy(program, self.directory))
            popen["cwd"] = self.directory
        done = subprocess.run([program, "-s", self.socket, *args],
                              capture_output=True, text=True, timeout=60,
                              env=clean_environment(), check=False, **popen)
        return done.returncode, done.stdout, done.stderr

    def wait(self, timeout=30):
        """Until it has ended by itself; the exit code."""
        code = self.process.wait(timeout)
        self.process = None
        self.check_log()
        return code

    def stop(self):
        """Ends it with SIGTERM, which must be good."""
        if self.process is not None:
            self.process.terminate()
            assert self.wait() == 0, self.log()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None
        self.check_log()

    def check_log(self):
        assert not any(word in self.log() for word in ACCIDENTS), self.log()
