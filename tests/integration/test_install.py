# SPDX-License-Identifier: Apache-2.0
"""make install puts exactly what belongs to the package, and make uninstall takes it away."""

import re
import subprocess

import pytest

import installed

PROGRAMS = {"sbin/ec2workerd", "bin/ec2workerctl", "bin/ec2sim"}
FILES = {
    "share/man/man1/ec2sim.1",
    "share/man/man1/ec2workerctl.1",
    "share/man/man5/ec2workerd.yaml.5",
    "share/man/man7/ec2workerd-rpc.7",
    "share/man/man8/ec2workerd.8",
    "lib/systemd/system/ec2workerd.service",
    "lib/systemd/system/ec2workerd.socket",
    "lib/systemd/system/ec2workerd@.service",
    "lib/systemd/system/ec2workerd@.socket",
    "lib/sysusers.d/ec2workerd.conf",
    "share/bash-completion/completions/ec2workerctl",
    "share/zsh/site-functions/_ec2workerctl",
    "share/fish/vendor_completions.d/ec2workerctl.fish",
    "share/doc/ec2workerd/examples/ec2workerd.yaml",
}


@pytest.mark.parametrize("prefix", ["/usr", "/opt/ci"])
def test_exactly_these_files(tmp_path, prefix):
    installed.make("install", DESTDIR=tmp_path, prefix=prefix)
    below = tmp_path / prefix.lstrip("/")
    expected = {p: 0o755 for p in PROGRAMS} | {p: 0o644 for p in FILES}
    assert installed.files(below) == expected
    assert installed.files(tmp_path).keys() == {f"{prefix.lstrip('/')}/{p}" for p in expected}
    installed.make("uninstall", DESTDIR=tmp_path, prefix=prefix)
    assert installed.files(tmp_path) == {}


def test_foreign_files_stay(tmp_path):
    installed.make("install", DESTDIR=tmp_path, prefix="/usr")
    own = tmp_path / "usr/share/doc/ec2workerd/examples/mine.yaml"
    own.write_text("pool: mine\n")
    installed.make("uninstall", DESTDIR=tmp_path, prefix="/usr")
    assert list(installed.files(tmp_path)) == [str(own.relative_to(tmp_path))]


def test_twice_is_once(tmp_path):
    installed.make("install", DESTDIR=tmp_path, prefix="/usr")
    first = installed.files(tmp_path)
    installed.make("install", DESTDIR=tmp_path, prefix="/usr")
    assert installed.files(tmp_path) == first


def test_own_places(tmp_path):
    installed.make("install", DESTDIR=tmp_path, prefix="/usr", mandir="/usr/man",
                   systemdsystemunitdir="/etc/systemd/system", sysusersdir="/etc/sysusers.d")
    names = installed.files(tmp_path).keys()
    assert "usr/man/man8/ec2workerd.8" in names
    assert "etc/systemd/system/ec2workerd@.socket" in names
    assert "etc/sysusers.d/ec2workerd.conf" in names


def test_pages_are_filled(tmp_path):
    installed.make("install", DESTDIR=tmp_path, prefix="/usr")
    for page in (tmp_path / "usr/share/man").rglob("*.[1-8]"):
        text = page.read_text()
        assert not re.search(r"@[A-Z]+[@ ]", text), page.name
        assert f".Dt {page.name.rsplit('.', 1)[0].upper()} {page.suffix[1]}" in text


def test_pages_refer_to_each_other(tmp_path):
    installed.make("install", DESTDIR=tmp_path, prefix="/usr")
    pages = {p.name: p.read_text() for p in (tmp_path / "usr/share/man").rglob("*.[1-8]")}
    for name, text in pages.items():
        for other, section in re.findall(r"^\.Xr (\S+) (\d)", text, re.M):
            assert other == "systemd" or f"{other}.{section}" in pages, f"{name}: {other}"


def test_installed_programs_run(tmp_path):
    installed.make("install", prefix=tmp_path)
    for name in PROGRAMS:
        done = subprocess.run([tmp_path / name, "--version"], capture_output=True, text=True)
        assert done.returncode == 0
        assert re.fullmatch(rf"{name.split('/')[1]} \d+\.\d+\.\d+\n", done.stdout)


def test_example_is_good(tmp_path):
    installed.make("install", prefix=tmp_path)
    example = tmp_path / "share/doc/ec2workerd/examples/ec2workerd.yaml"
    done = subprocess.run([tmp_path / "sbin/ec2workerd", "--check", "-c", example],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
