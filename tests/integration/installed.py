# SPDX-License-Identifier: Apache-2.0
"""Runs make install and make uninstall, and says what lies where afterwards."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build"))


def make(target, **variables):
    """make with this build and these variables; its output is shown if it fails."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    subprocess.run(["make", "-s", f"B={os.path.relpath(BUILD, ROOT)}", target,
                    *[f"{name}={value}" for name, value in variables.items()]],
                   cwd=ROOT, env=env, check=True)


def files(directory):
    """{path below directory: its mode} of all that is no directory."""
    return {str(p.relative_to(directory)): p.lstat().st_mode & 0o7777
            for p in directory.rglob("*") if p.is_symlink() or not p.is_dir()}
