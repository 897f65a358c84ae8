# SPDX-License-Identifier: Apache-2.0
"""tests/faults.md names tests that are there, each fault once."""

import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent
TABLE = (TESTS / "faults.md").read_text()


def test_named_tests_exist():
    named = re.findall(r"((?:unit|integration|system)/\w+\.(?:c|py))::(\w+)", TABLE)
    assert len(named) > 80
    missing = [f"{file}::{name}" for file, name in named
               if not (TESTS / file).exists()
               or not re.search(rf"(?:def |START_TEST\(){name}\b", (TESTS / file).read_text())]
    assert not missing


def test_each_fault_once():
    faults = [fault for row in re.findall(r"^\| ((?:[PNARCMT]\d+,? )+)", TABLE, re.MULTILINE)
              for fault in re.findall(r"[PNARCMT]\d+", row)]
    assert len(faults) > 70
    assert len(set(faults)) == len(faults)


def test_each_rule_of_the_launch_protocol_once():
    rules = re.findall(r"^\| L(\d+) ", TABLE, re.MULTILINE)
    assert rules == [str(n) for n in range(1, 16)]
