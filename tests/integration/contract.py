# SPDX-License-Identifier: Apache-2.0
"""
What rpc.discover promises, and whether a daemon keeps it: every reply that a test gets and
every event is held against the schemas of the document. What was seen is remembered, for
the table in tests/rpc.md.
"""

import os

import jsonschema

# Said before or instead of a method's own errors: no request, no such method, no JSON.
OUTSIDE = {-32600, -32601, -32700}


# (test, method, code): "test_rpc.py::test_stop", "daemon.stop", 0 for a result.
seen = set()


def current_test():
    """Without its parameters."""
    return os.environ["PYTEST_CURRENT_TEST"].rsplit("/")[-1].split("[")[0].split(" ")[0]


class Contract:
    def __init__(self, document):
        self.document = document
        errors = {"#/components/errors/" + kind: error["code"]
                  for kind, error in document["components"]["errors"].items()}
        self.results = {}
        self.codes = {}
        for method in document["methods"]:
            schema = method["result"]["schema"]
            jsonschema.Draft202012Validator.check_schema(schema)
            self.results[method["name"]] = jsonschema.Draft202012Validator(schema)
            self.codes[method["name"]] = OUTSIDE | {errors[e["$ref"]] for e in method["errors"]}
        self.event = jsonschema.Draft202012Validator(
            document["components"]["schemas"]["event"])

    def check_reply(self, method, reply):
        if "PYTEST_CURRENT_TEST" in os.environ:
            seen.add((current_test(), method, reply.get("error", {}).get("code", 0)))
        if method not in self.results:
            assert reply["error"]["code"] == -32601, reply
        elif "error" in reply:
            assert reply["error"]["code"] in self.codes[method], (method, reply)
        else:
            self.results[method].validate(reply["result"])

    def check_notification(self, message):
        assert message["method"] == "event", message
        self.event.validate(message["params"])
