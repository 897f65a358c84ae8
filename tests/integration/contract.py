# SPDX-License-Identifier: Apache-2.0
"""
What rpc.discover promises, and whether a daemon keeps it: every reply that a test gets and
every event is held against the schemas of the document.
"""

import jsonschema

# Said before or instead of a method's own errors: no request, no such method, no JSON.
OUTSIDE = {-32600, -32601, -32700}


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
        if method not in self.results:
            assert reply["error"]["code"] == -32601, reply
        elif "error" in reply:
            assert reply["error"]["code"] in self.codes[method], (method, reply)
        else:
            self.results[method].validate(reply["result"])

    def check_notification(self, message):
        assert message["method"] == "event", message
        self.event.validate(message["params"])
