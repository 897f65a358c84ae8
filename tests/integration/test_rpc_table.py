# SPDX-License-Identifier: Apache-2.0
"""tests/rpc.md against the daemon's own description, and against the tests that it names."""

import contract
import rpc_table


def promised(document):
    """{(method, role, code)} of rpc.discover; 0 is a result."""
    codes = {"#/components/errors/" + kind: error["code"]
             for kind, error in document["components"]["errors"].items()}
    return {(m["name"], m["x-role"], code) for m in document["methods"]
            for code in [0] + [codes[e["$ref"]] for e in m["errors"]]}


def test_every_answer_has_a_row(daemon):
    document = daemon.call("rpc.discover")
    rows = [row[:3] for row in rpc_table.rows()]
    assert set(rows) == promised(document)
    assert len(rows) == len(set(rows))
    order = [m["name"] for m in document["methods"]]
    assert rows == sorted(rows, key=lambda r: (order.index(r[0]), r[2] != 0, -r[2]))


def test_every_test_exists():
    tests = rpc_table.named_tests()
    assert len(tests) > 20 and {row[3] for row in rpc_table.rows()} <= tests
    assert [t for t in tests if not rpc_table.exists(t)] == []


def test_the_check_has_teeth(monkeypatch):
    """A test that passed and had not the answer is found; one that was left out is not."""
    rows = [row for row in rpc_table.rows() if row[3] == "test_methods.py::test_owned"]
    monkeypatch.setattr(rpc_table, "passed", {"test_methods.py::test_owned"})
    monkeypatch.setattr(rpc_table, "spoilt", set())
    monkeypatch.setattr(contract, "seen", {(row[3], row[0], row[2]) for row in rows[1:]})
    assert rpc_table.not_seen() == [
        f"test_methods.py::test_owned passed, and {rows[0][0]} never answered -32010"]
    monkeypatch.setattr(rpc_table, "spoilt", {"test_methods.py::test_owned"})
    assert rpc_table.not_seen() == []
    assert not rpc_table.exists("test_methods.py::test_nothing_at_all")
    assert not rpc_table.exists("unit/test_rpc.c:test_nothing_at_all")
