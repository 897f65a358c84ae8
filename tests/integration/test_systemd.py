# SPDX-License-Identifier: Apache-2.0
"""The units: how much they expose, whether systemd understands them, where they point."""

import json
import re
import shutil
import subprocess

import pytest

import installed

UNITS = installed.ROOT / "systemd"
SERVICES = ["ec2workerd.service", "ec2workerd@.service"]
SOCKETS = ["ec2workerd.socket", "ec2workerd@.socket"]

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None,
                                   reason="no systemd-analyze (Debian: systemd)")


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where all is installed, without DESTDIR, so that the units name what is there."""
    path = tmp_path_factory.mktemp("prefix")
    installed.make("install", prefix=path)
    return path


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments],
                          capture_output=True, text=True)


def settings(path):
    """All assignments of a unit, as lists by name."""
    found = {}
    for line in path.read_text().splitlines():
        if match := re.match(r"(\w+)=(.*)", line):
            found.setdefault(match[1], []).append(match[2])
    return found


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_exposure(name):
    done = analyze("security", "--offline=true", "--threshold=12", UNITS / name)
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert float(re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1]) <= 1.2


@needs_systemd
def test_exposure_can_be_too_high(tmp_path):
    weak = tmp_path / "weak.service"
    text = (UNITS / "ec2workerd.service").read_text()
    weak.write_text(re.sub(r"^(SystemCallFilter|CapabilityBoundingSet)=.*\n", "", text, flags=re.M))
    done = analyze("security", "--offline=true", "--threshold=12", weak)
    assert done.returncode != 0


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_what_is_left_open(name):
    """Only what the daemon needs: networks, clients' uids, the host's files to read."""
    done = analyze("security", "--offline=true", "--json=short", UNITS / name)
    left = {row["json_field"] for row in json.loads(done.stdout)
            if row["set"] is False and float(row["exposure"] or 0) > 0}
    assert left == {
        "RestrictAddressFamilies_AF_INET_INET6", "RestrictAddressFamilies_AF_UNIX",
        "PrivateNetwork", "IPAddressDeny", "PrivateUsers", "RootDirectoryOrRootImage",
        "DeviceAllow",
    }


@needs_systemd
@pytest.mark.parametrize("name", SERVICES + SOCKETS)
def test_verify_is_silent(prefix, name):
    done = analyze("verify", "--man=no", prefix / "lib/systemd/system" / name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
def test_verify_can_complain(prefix, tmp_path):
    broken = tmp_path / "broken.service"
    text = (prefix / "lib/systemd/system/ec2workerd.service").read_text()
    broken.write_text(text.replace("StateDirectoryMode=", "StateDirectoryMod="))
    done = analyze("verify", "--man=no", broken)
    assert "StateDirectoryMod" in done.stderr


@pytest.mark.parametrize("name", SERVICES + SOCKETS)
def test_documentation_is_installed(prefix, name):
    unit = settings(prefix / "lib/systemd/system" / name)
    for page in unit["Documentation"][0].split():
        title, section = re.fullmatch(r"man:(\S+)\((\d)\)", page).groups()
        assert (prefix / f"share/man/man{section}/{title}.{section}").exists()


def test_template_is_the_unit_with_its_own_places():
    """ec2workerd@POOL differs in places and names only."""
    for suffix in ("service", "socket"):
        text = (UNITS / f"ec2workerd.{suffix}").read_text()
        for old, new in ((r"ec2workerd/ec2workerd\.yaml", "ec2workerd/%i.yaml"),
                         (r"/run/ec2workerd", "/run/ec2workerd/%i"),
                         (r"^(State|Runtime)Directory=ec2workerd$", r"\g<0>/%i"),
                         (r"ec2workerd\.socket", "ec2workerd@%i.socket"),
                         (r"^Description=.*", r"\g<0> (pool %i)")):
            text = re.sub(old, new, text, flags=re.M)
        assert (UNITS / f"ec2workerd@.{suffix}").read_text() == text


@pytest.mark.parametrize("infix", ["", "@"])
def test_service_and_socket_agree(infix):
    service = settings(UNITS / f"ec2workerd{infix}.service")
    socket = settings(UNITS / f"ec2workerd{infix}.socket")
    path = socket["ListenStream"][0]
    assert f"-s {path} reload" in service["ExecReload"][0]
    assert path == f"/run/{service['RuntimeDirectory'][0]}/rpc.sock"
    assert socket["ExecStartPre"][0].endswith(f" /run/{service['RuntimeDirectory'][0]}")


@needs_systemd
def test_user(prefix, tmp_path):
    """The user that the units name is the one that systemd-sysusers makes."""
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", prefix / "lib/sysusers.d/ec2workerd.conf"],
                   check=True, capture_output=True)
    user = settings(UNITS / "ec2workerd.service")["User"][0]
    group = settings(UNITS / "ec2workerd.socket")["SocketGroup"][0]
    row = next(r for r in (tmp_path / "etc/passwd").read_text().splitlines() if r.startswith(f"{user}:"))
    assert row.split(":")[5:] == ["/var/lib/ec2workerd", "/usr/sbin/nologin"]
    assert re.search(rf"^{group}:", (tmp_path / "etc/group").read_text(), re.M)
