# SPDX-License-Identifier: Apache-2.0
"""--print-schema: a valid JSON Schema, which says of a file what the daemon says of it."""

import json
import pathlib
import subprocess

import jsonschema
import pytest
import yaml

from daemon import BUILD, ROOT, clean_environment

GOOD, CONFIG = 0, 78

WORKER = {"password": "sekrit", "instance_type": "m5.large", "ami": "ami-12345",
          "keypair_name": "k", "security_name": "g"}


def ec2workerd(*args):
    return subprocess.run([BUILD / "ec2workerd", *args], capture_output=True, text=True,
                          timeout=20, env=clean_environment(), check=False)


@pytest.fixture(scope="module")
def schema():
    done = ec2workerd("--print-schema")
    assert (done.returncode, done.stderr) == (GOOD, "")
    found = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    return found


@pytest.fixture(scope="module")
def validator(schema):
    return jsonschema.Draft202012Validator(schema)


class Plain(yaml.SafeLoader):
    """YAML 1.1 without dates, which editors do not know either."""


Plain.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


@pytest.mark.parametrize("path", sorted((ROOT / "etc").glob("*.yaml")), ids=lambda p: p.name)
def test_files_of_ours(validator, path):
    assert not list(validator.iter_errors(yaml.load(path.read_text(), Plain)))


def objects(schema):
    """Every schema inside one, itself included."""
    if isinstance(schema, dict):
        yield schema
    for inside in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inside, (dict, list)):
            yield from objects(inside)


def test_examples_and_defaults_are_valid(schema):
    checked = 0
    for row in objects(schema):
        if not isinstance(row.get("description"), str):
            continue
        values = list(row.get("examples", []))
        if "default" in row:
            values.append(row["default"])
        for value in values:
            jsonschema.Draft202012Validator(row).validate(value)
            checked += 1
    assert checked > 50


def test_every_key_is_described_and_nothing_else_allowed(schema):
    tables = [row for row in objects(schema) if "properties" in row]
    assert len(tables) > 8
    for table in tables:
        assert table["additionalProperties"] is False
        for name, row in table["properties"].items():
            assert row["description"].endswith("."), name


def file_with(worker=None, **top):
    """A configuration with one complete worker, some keys put in or taken out (None)."""
    config = {"pool": "p", "workers": {"bot1": {**WORKER, **(worker or {})}}} | top
    return json.dumps(config)


# In words of the file: what both take, what both refuse.
TAKEN = [
    file_with(),
    file_with(aws=None, vars=None, access=None, worker_defaults=None),
    file_with(workers={"linux-[01-40]": WORKER, "a.b_c": WORKER}),
    file_with(workers={"bot1": None}, worker_defaults=WORKER),
    file_with({"missing_timeout": None, "build_wait_timeout": -1}),
    file_with({"missing_timeout": 0, "build_wait_timeout": "1.5h"}),
    file_with({"tags": {"team": "x", "n": 5, "yes": True}, "vars": {"a-b": 1}}),
    file_with({"notify_on_missing": "ci@example.org"}),
    file_with({"notify_on_missing": ["ci@example.org"]}),
    file_with({"block_device_map": []}),
    file_with({"block_device_map": None}),
    file_with({"block_device_map": {"/dev/sdb": {"size": 5, "iops": None}}}),
    file_with({"block_device_map": [
        {"DeviceName": "sdb", "Ebs": {"VolumeSize": 5, "Encrypted": True}},
        {"DeviceName": "sdc", "NoDevice": ""}]}),
    file_with({"metadata_options": {"HttpTokens": "optional", "HttpPutResponseHopLimit": 2}}),
    file_with({"metadata_options": None}),
    file_with({"volumes": [["vol-12345678", "/dev/sdf"]], "elastic_ip": "203.0.113.7"}),
    file_with({"spot_instance": True, "max_spot_price": None, "price_multiplier": 1.5}),
    file_with({"instance_type": ["m5.large", "c5.large"]}),
    file_with({"placement": "b", "region": "us-gov-west-1"}), file_with({"placement": "-lax-1a"}),
    file_with({"max_spot_price": 0.0001, "retry_price_adjustment": 1}),
    file_with(orphans={"action": "report", "interval": "5m"}),
    "pool: 012\nsocket_mode: 0660\non_stop: terminate\nlog_level: debug\n",
    "pool: p\nowner_timeout: 90s\nowner_build_timeout: 2.5\n",
    "pool: p\naccess: { admin: alice, observe: ['@adm', bob] }\n",
    "pool: p\nvars: { a: 1, b: 1.5, c: x, d: '' }\n",
]

REFUSED = [
    "{}", "[]", "x",
    "pool: []\n",
    file_with(sockt="/x"),
    file_with({"missing_timout": 1}),
    file_with(on_stop="kepe"),
    file_with(log_level=None),
    file_with(worker_defaults={"amii": "ami-1"}),
    file_with(workers=[WORKER]),
    file_with(workers={"bot1": 5}),
    file_with(workers={"bot 1": WORKER}),
    file_with(workers={"-bot": WORKER}),
    file_with(workers={"linux-[01]": WORKER}),
    file_with(workers={"": WORKER}),
    file_with(vars={"a b": "x"}),
    file_with(aws={"regoin": "us-west-2"}),
    file_with({"missing_timeout": -1}),
    file_with({"missing_timeout": "soon"}),
    file_with({"missing_timeout": 99999999}),
    file_with({"build_wait_timeout": "10 minutes"}),
    file_with({"pending_timeout": 0}),
    file_with({"pending_timeout": None}),
    file_with({"keypair_name": ""}),
    file_with({"keypair_name": None}),
    file_with({"tags": {"aws:x": "y"}}),
    file_with({"tags": {"EC2workerd:x": "y"}}),
    file_with({"tags": {"x" * 129: "y"}}),
    file_with({"tags": {"x": ["y"]}}),
    file_with({"security_group_ids": {"a": "b"}}),
    file_with({"block_device_map": "sdb"}),
    file_with({"block_device_map": [{"Ebs": {"VolumeSize": 5}}]}),
    file_with({"block_device_map": [{"DeviceName": "sdb", "Ebs": {"VolumeSize": 0}}]}),
    file_with({"block_device_map": [{"DeviceName": "sdb", "ebs": {}}]}),
    file_with({"block_device_map": {"sdb": {"type": "gp3"}}}),
    file_with({"block_device_map": {"sdb": {"encrypted": 1}}}),
    file_with({"metadata_options": {"HttpTokens": "yes"}}),
    file_with({"volumes": "vol-12345678"}),
    file_with({"volumes": [["vol-12345678"]]}),
    file_with({"spot_instance": "perhaps"}),
    file_with({"retry": 0}),
    file_with({"max_spot_price": "cheap"}),
    file_with({"max_spot_price": -1.6}), file_with({"max_spot_price": 0}),
    file_with({"price_multiplier": 0}), file_with({"retry_price_adjustment": -1}),
    file_with({"placement": "us-west-2b"}), file_with({"placement": "B"}),
    file_with({"placement": "west"}), file_with({"region": "Oregon"}),
    file_with({"region": "us-west"}), file_with(aws={"region": "us-west-2b"}),
    file_with(pool="Linux"),
    file_with({"instance_type": []}),
    file_with(orphans={"action": "kill"}),
    file_with({"metadata_options": {"HttpPutResponseHopLimit": 65}}),
]

# The daemon knows more: forms, and rules between keys.
KNOWS_MORE = [
    file_with({"ami": "x"}),
    file_with({"user_data": "{{ nothing }}"}),
    file_with({"subnet_id": "subnet-1"}),
    file_with({"password_file": "/x"}),
    file_with(workers={"a-[1-2]": WORKER, "a-1": WORKER}),
    file_with(workers={"bot1": {"password": "x"}}),
]


def verdicts(validator, directory, text):
    path = pathlib.Path(directory) / "test.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return (ec2workerd("-c", path, "--check").returncode,
            [error.message for error in validator.iter_errors(yaml.load(text, Plain))])


@pytest.mark.parametrize("text", TAKEN)
def test_both_take(validator, directory, text):
    assert verdicts(validator, directory, text) == (GOOD, [])


@pytest.mark.parametrize("text", REFUSED)
def test_both_refuse(validator, directory, text):
    code, errors = verdicts(validator, directory, text)
    assert code == CONFIG and errors


@pytest.mark.parametrize("text", KNOWS_MORE)
def test_the_daemon_knows_more(validator, directory, text):
    assert verdicts(validator, directory, text) == (CONFIG, [])
