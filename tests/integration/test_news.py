# SPDX-License-Identifier: Apache-2.0
"""tools/news: from the lines of commits to the section of a version, and back."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Repository:
    def __init__(self, path):
        self.path = path
        self.git("init", "-q")
        self.set_version("0.1.0")

    def git(self, *arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=self.path, check=True)

    def set_version(self, version):
        (self.path / "configure.ac").write_text(f"AC_INIT([ec2workerd], [{version}])\n")

    def commit(self, message):
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def news(self, *arguments):
        return subprocess.run([ROOT / "tools/news", "--root", self.path, *arguments],
                              capture_output=True, text=True)

    @property
    def text(self):
        return (self.path / "NEWS.md").read_text()


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path)
    made.commit("conf: begin\n\nWhy.\n\nChangelog-Added: one")
    made.commit("conf: no news\n\nIt says Changelog-Added: in a sentence.")
    made.commit("ec2: mend\n\nChangelog-Fixed: a thing that\n  goes on\nChangelog-Changed: way\n\nMore.")
    made.commit("ec2: again\n\nChangelog-Added: two\nChangelog-Added: one")
    return made


SECTION = "## 0.1.0\n\n### Added\n\n- one\n- two\n\n### Changed\n\n- way\n\n### Fixed\n\n- a thing that goes on\n"


def test_section(repository):
    done = repository.news()
    assert (done.returncode, done.stdout, done.stderr) == (0, SECTION, "")


def test_write_and_write_again(repository):
    repository.news("--write")
    assert repository.text == f"# News\n\n{SECTION}"
    repository.commit("core: more\n\nChangelog-Removed: a key")
    repository.news("--write")
    repository.news("--write")
    assert repository.text == f"# News\n\n{SECTION}\n### Removed\n\n- a key\n"


def test_next_version(repository):
    repository.news("--write")
    repository.commit("news: 0.1.0")
    repository.git("tag", "v0.1.0")
    assert repository.news().stdout == SECTION
    repository.set_version("0.2.0")
    repository.commit("core: more\n\nChangelog-Added: three")
    repository.news("--write")
    assert repository.text == f"# News\n\n## 0.2.0\n\n### Added\n\n- three\n\n{SECTION}"
    assert repository.news("--check").returncode == 0


def test_long_lines_are_wrapped_and_read_back(repository):
    repository.commit("core: long\n\nChangelog-Changed: " + "word-after-word " * 20)
    repository.news("--write")
    assert max(map(len, repository.text.splitlines())) <= 110
    assert repository.news("--check").returncode == 0


def test_check(repository):
    assert repository.news("--check").returncode == 0
    repository.news("--write")
    assert repository.news("--check").returncode == 0
    path = repository.path / "NEWS.md"
    path.write_text(repository.text.replace("- two\n", "- three\n"))
    done = repository.news("--check")
    assert done.returncode == 1
    assert done.stdout == "NEWS.md: no commit says under Added: three\n"


def test_check_of_a_release(repository):
    repository.news("--write")
    path = repository.path / "NEWS.md"
    path.write_text(repository.text.replace("- two\n", ""))
    repository.commit("news: 0.1.0")
    assert repository.news("--check").returncode == 0
    repository.git("tag", "v0.1.0")
    done = repository.news("--check")
    assert done.returncode == 1
    assert done.stdout == "NEWS.md: not all of 0.1.0; make news\n"


def test_unknown_kind_is_told(repository):
    repository.commit("core: typo\n\nChangelog-Add: three")
    done = repository.news()
    assert done.stdout == SECTION
    assert "Changelog-Add is none of Added, Changed, Fixed, Removed" in done.stderr


def test_no_history(tmp_path):
    (tmp_path / "configure.ac").write_text("AC_INIT([ec2workerd], [0.1.0])\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    done = subprocess.run([ROOT / "tools/news", "--root", tmp_path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "## 0.1.0\n")


def test_ours():
    """NEWS.md says nothing that no commit does."""
    done = subprocess.run([ROOT / "tools/news", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
