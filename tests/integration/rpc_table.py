# SPDX-License-Identifier: Apache-2.0
"""The table of methods, roles, codes and tests in tests/rpc.md, and whether it is true."""

import pathlib
import re

import contract

TESTS = pathlib.Path(__file__).resolve().parents[1]
TEST = re.compile(r"\b(?:unit/)?test_\w+\.(?:py::|c:)test_\w+")

# Tests that passed, and those of which some case did not, or was left out.
passed, spoilt = set(), set()


def text():
    return (TESTS / "rpc.md").read_text()


def rows():
    """(method, role, code, test); code 0 is a result."""
    for line in text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"result|-\d+", cells[2]):
            method, role, code, test = cells
            yield method, role, 0 if code == "result" else int(code), test


def named_tests():
    return set(TEST.findall(text()))


def exists(test):
    path, name = re.split("::?", test)
    if path.endswith(".c"):
        return f"START_TEST({name})" in (TESTS / path).read_text()
    return re.search(rf"^def {name}\(", (TESTS / "integration" / path).read_text(), re.M)


def on_report(report):
    test = report.nodeid.rsplit("/")[-1].split("[")[0]
    if report.outcome != "passed":
        spoilt.add(test)
    elif report.when == "call":
        passed.add(test)


def not_seen():
    """The rows whose test passed without having had this answer."""
    return [f"{test} passed, and {method} never answered {code}"
            for method, _, code, test in rows()
            if test in passed - spoilt and (test, method, code) not in contract.seen]
