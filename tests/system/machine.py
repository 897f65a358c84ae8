# SPDX-License-Identifier: Apache-2.0
"""A container with a booted systemd: this host's /usr, and on it what make install puts there."""

import os
import pathlib
import shutil
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))
FROM_ETC = ["passwd", "group", "shadow", "nsswitch.conf", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"]
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin", "LANG": "C.UTF-8"}


def install(directory):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    subprocess.run(["make", "-s", f"B={os.path.relpath(BUILD, ROOT)}", "install", "prefix=/usr",
                    f"DESTDIR={directory}"], cwd=ROOT, env=env, check=True)


class Machine:
    """Its network is a loopback interface of its own. Files lie below root."""

    def __init__(self, directory):
        self.root = directory / "root"
        self.log = directory / "console"
        installed = directory / "installed"
        installed.mkdir()
        install(installed)
        self.make_root()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "-q", "-D", self.root, f"--overlay-ro=/usr:{installed}/usr:/usr",
                 "--register=no", "--keep-unit", "--private-network", "-b", "systemd.unit=basic.target"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.leader = self.wait_for_leader()
            self.wait_until("test -S /run/systemd/private && systemctl is-active basic.target")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def make_root(self):
        for name in ("usr", "etc", "var", "run", "tmp", "proc", "sys", "dev", "root"):
            (self.root / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (self.root / name).symlink_to(f"usr/{name}")
        for name in FROM_ETC:
            source = pathlib.Path("/etc") / name
            if source.is_dir():
                shutil.copytree(source, self.root / "etc" / name)
            elif source.exists():
                shutil.copy2(source, self.root / "etc" / name)
        (self.root / "etc/machine-id").touch()
        (self.root / "etc/os-release").write_text("ID=test\n")

    def wait_for_leader(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            for pid in children.read_text().split():
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    return pid
            time.sleep(0.05)
        raise AssertionError("no container:\n" + self.log.read_text(errors="replace"))

    def run(self, command, check=True, timeout=60):
        """A shell command inside, as root."""
        done = subprocess.run(["nsenter", "-t", self.leader, "-a", "--", "/bin/sh", "-c", command],
                              env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout)
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def output(self, command):
        return self.run(command).stdout.strip()

    def wait_until(self, command, timeout=30):
        deadline = time.monotonic() + timeout
        while (done := self.run(command, check=False)).returncode != 0:
            assert time.monotonic() < deadline, f"{command}: {done.stdout}{done.stderr}"
            time.sleep(0.1)

    def property(self, unit, name):
        return self.output(f"systemctl show -P {name} {unit}")

    def write(self, path, text, owner=None, mode=0o644):
        """owner: a user of the machine."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        if owner is not None:
            self.run(f"chown {owner} {path}")

    def close(self):
        self.run("systemctl poweroff", check=False)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait(30)
            raise
