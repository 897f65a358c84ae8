# SPDX-License-Identifier: Apache-2.0
"""tests/parity.md has each statement once, and names tests that are there."""

import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROWS = [[cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in (TESTS / "parity.md").read_text().splitlines()
        if re.match(r"\| [A-Z]\d+ ", line)]

# How many statements there are under each letter.
STATEMENTS = {"D": 6, "V": 17, "R": 3, "C": 4, "A": 9, "S": 8, "P": 9, "H": 5, "B": 4, "T": 7,
              "M": 28, "W": 6, "N": 5, "X": 26}
WITHOUT_A_TEST = re.compile(r"(The master's|The past): ")
TEST = re.compile(r"((?:unit|integration)/\w+\.(?:c|py))::(\w+)")


def exists(file, name):
    path = TESTS / file
    return path.exists() and re.search(rf"(?:def |START_TEST\(){name}\b", path.read_text())


def test_each_statement_once():
    found = [row[0].split()[0] for row in ROWS]
    every = {f"{letter}{n}" for letter, count in STATEMENTS.items() for n in range(1, count + 1)}
    assert len(found) == len(set(found))
    assert set(found) == every


def test_each_row_has_tests_or_a_reason():
    for statement, ours, tests in ROWS:
        named = TEST.findall(tests)
        assert bool(named) != bool(WITHOUT_A_TEST.match(ours)), statement
        assert len(named) == (0 if tests == "–" else tests.count(",") + 1), statement


def test_named_tests_exist():
    missing = [f"{file}::{name}" for _, _, tests in ROWS for file, name in TEST.findall(tests)
               if not exists(file, name)]
    assert missing == []
