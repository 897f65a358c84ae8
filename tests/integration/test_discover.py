# SPDX-License-Identifier: Apache-2.0
"""The interface as the daemon describes it: a good OpenRPC document, and a true one."""

import json
import pathlib

import jsonschema
import pytest
import referencing
import referencing.jsonschema

from rpcclient import RpcError

HERE = pathlib.Path(__file__).parent
SCHEMAS = "https://meta.json-schema.tools"

ROLES = {
    "worker.list": "observe", "worker.show": "observe", "worker.check": "observe",
    "worker.history": "observe", "worker.substantiate": "operate",
    "worker.insubstantiate": "operate", "worker.attached": "operate",
    "worker.detached": "operate", "worker.build_started": "operate",
    "worker.build_finished": "operate", "worker.password": "operate",
    "worker.console": "operate", "worker.hold": "operate", "worker.release": "operate",
    "worker.abandon": "admin", "session.open": "operate", "pool.status": "observe",
    "pool.pause": "admin", "pool.resume": "admin", "pool.orphans": "admin",
    "events.subscribe": "observe",
    "events.unsubscribe": "observe", "daemon.reload": "admin", "daemon.stop": "admin",
    "daemon.log_level": "admin", "daemon.version": "observe", "daemon.metrics": "observe", "rpc.discover": "observe",
}


@pytest.fixture
def document(daemon):
    return daemon.call("rpc.discover")


def openrpc_validator():
    """The meta-schema of OpenRPC; what it says of JSON Schemas is draft 7's."""
    meta = json.loads((HERE / "openrpc-meta-schema.json").read_text())
    json_schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [{"$ref": "http://json-schema.org/draft-07/schema#"}],
        "definitions": {"JSONSchemaObject": {"properties": {"$ref": {"type": "string"}}}},
    }
    draft7 = referencing.jsonschema.DRAFT7
    registry = jsonschema.validators.SPECIFICATIONS.with_resources([
        (SCHEMAS, draft7.create_resource(json_schema)),
        (SCHEMAS + "/", draft7.create_resource(json_schema)),
        (meta["$id"], draft7.create_resource(meta))])
    return jsonschema.Draft7Validator(meta, registry=registry)


def test_is_openrpc(document):
    openrpc_validator().validate(document)


@pytest.mark.parametrize("spoil", [
    lambda d: d.pop("openrpc"),
    lambda d: d["info"].pop("version"),
    lambda d: d["methods"][0].pop("params"),
    lambda d: d["methods"][0]["params"][0].pop("schema"),
    lambda d: d["methods"][0].update(paramStructure="by-guess"),
    lambda d: d["methods"][0]["result"]["schema"].update(type="thing"),
    lambda d: d["components"]["errors"]["limit"].update(code="many"),
])
def test_the_check_has_teeth(document, spoil):
    spoil(document)
    with pytest.raises(jsonschema.ValidationError):
        openrpc_validator().validate(document)


def test_methods_and_roles(document):
    roles = {m["name"]: m["x-role"] for m in document["methods"]}
    assert ROLES.items() <= roles.items()


def test_every_reference_leads_somewhere(document):
    for method in document["methods"]:
        for reference in method["errors"]:
            kind = reference["$ref"].removeprefix("#/components/errors/")
            assert -32603 <= document["components"]["errors"][kind]["code"] <= -32001


def test_every_code_of_ours_is_named(document):
    codes = {e["code"] for e in document["components"]["errors"].values()}
    assert codes >= set(range(-32011, -32000))


def test_schemas_are_schemas(document):
    for method in document["methods"]:
        for part in [*method["params"], method["result"]]:
            jsonschema.Draft202012Validator.check_schema(part["schema"])


def sample(schema):
    """Something that its schema allows."""
    if "anyOf" in schema:
        return sample(schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return {"string": "x", "integer": max(1, schema.get("minimum", 1)), "number": 1,
            "boolean": False, "array": []}[kind]


def test_parameters_by_name_and_by_position(daemon, document):
    """Both ways mean the same, for every method: in the order of the document."""
    harmful = {"daemon.stop", "daemon.reload", "pool.pause"}
    with daemon.connect() as rpc:
        for method in document["methods"]:
            if method["name"] in harmful:
                continue
            values = [sample(p["schema"]) for p in method["params"]]
            names = [p["name"] for p in method["params"]]
            answers = []
            for params in (dict(zip(names, values)), values):
                rpc.last_id += 1
                rpc.methods[rpc.last_id] = method["name"]
                rpc.send({"jsonrpc": "2.0", "id": rpc.last_id, "method": method["name"],
                          "params": params})
                try:
                    answers.append(sorted(rpc.finish(rpc.last_id)))
                except RpcError as error:
                    answers.append((error.code, error.message))
            assert answers[0] == answers[1], method["name"]


def test_required_parameters(daemon, document):
    with daemon.connect() as rpc:
        for method in document["methods"]:
            if not any(p["required"] for p in method["params"]):
                continue
            with pytest.raises(RpcError) as error:
                rpc.call(method["name"])
            assert error.value.code == -32602
            assert any(p["required"] and p["name"] in error.value.message
                       for p in method["params"])
