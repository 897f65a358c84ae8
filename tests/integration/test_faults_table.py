# SPDX-License-Identifier: Apache-2.0
"""tests/faults.md speaks of each fault once: by tests that are there, or by a reason."""

import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent
TABLE = (TESTS / "faults.md").read_text()
# The catalogue: how many faults there are of each kind.
COUNTS = {"P": 36, "N": 29, "A": 40, "R": 22, "C": 16, "M": 10, "T": 5}


def faults_of(cell):
    """All that the first cell of a row names: 'N11, N12 bodies that are none'."""
    return re.findall(r"[PNARCMT]\d+", re.match(r"(?:[PNARCMT]\d+(?:, | |$))*", cell)[0])


def rows(section):
    """(faults, second cell) of each row below a heading; of all with a heading of one letter."""
    for title, text in re.findall(r"^## (.*)\n((?:(?!## ).*\n)*)", TABLE, re.MULTILINE):
        if re.match(section, title):
            for first, second in re.findall(r"^\| (.+?) \| (.+) \|$", text, re.MULTILINE):
                if faults_of(first):
                    yield faults_of(first), second


def named(section):
    return [fault for faults, _ in rows(section) for fault in faults]


TESTED, REASONED = "[PNARCMT][:,]", "Reasons"


def test_named_tests_exist():
    tests = re.findall(r"((?:unit|integration|system)/\w+\.(?:c|py))::(\w+)", TABLE)
    assert len(tests) > 80
    missing = [f"{file}::{name}" for file, name in tests
               if not (TESTS / file).exists()
               or not re.search(rf"(?:def |START_TEST\(){name}\b", (TESTS / file).read_text())]
    assert not missing


def test_each_fault_once():
    known = {f"{kind}{n}" for kind, count in COUNTS.items() for n in range(1, count + 1)}
    assert len(known) == 158
    found = named(TESTED) + named(REASONED)
    assert len(set(found)) == len(found), "twice"
    assert set(found) <= known, "no such fault"
    assert known == set(found), "without a test and without a reason"


def test_each_row_says_how():
    """A row has at least one test, and nothing else; a reason is a sentence."""
    for faults, tests in rows(TESTED):
        assert all(re.fullmatch(r"(unit|integration|system)/\w+\.(c|py)::\w+", test)
                   for test in tests.split(", ")), faults
    for faults, reason in rows(REASONED):
        assert len(reason.split()) >= 8 and reason.endswith("."), faults


def test_each_rule_of_the_launch_protocol_once():
    rules = re.findall(r"^\| L(\d+) ", TABLE, re.MULTILINE)
    assert rules == [str(n) for n in range(1, 16)]
