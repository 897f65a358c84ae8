# SPDX-License-Identifier: Apache-2.0
"""
The options of the newest EC2LatentWorker, as its own signatures name them, and ours: each is
documented, and has the same default.
"""

import inspect
import json
import re
import subprocess

import pytest
from buildbot.worker import base, ec2, latent

import seeds
from daemon import BUILD, clean_environment

PAGE = (BUILD / "man" / "ec2workerd.yaml.5").read_text()
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Ours where it is another: its manual says 20 minutes, its code an hour (D3).
OTHERS = {"missing_timeout": (3600, 1200)}


def options_of_the_original():
    """{option: its default} of the class and those below it; of two signatures the upper counts."""
    found = {}
    for function in (ec2.EC2LatentWorker.__init__, latent.AbstractLatentWorker.reconfigService,
                     base.AbstractWorker.reconfigService):
        for name, parameter in inspect.signature(function).parameters.items():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and name != "self":
                found.setdefault(name, parameter.default)
    return found


def named_in_the_manual():
    worker = PAGE.split(".Ss worker\n")[1].split(".Ss ")[0]
    others = PAGE.split(".Ss Options that are no keys\n")[1].split(".Sh ")[0]
    return re.findall(r'^\.It Ic "(?:\\&)?(\w+)"$', worker + others, re.MULTILINE)


@pytest.fixture(scope="module", name="keys")
def worker_keys():
    """{key of a worker: its schema}."""
    done = subprocess.run([BUILD / "ec2workerd", "--print-schema"], capture_output=True, text=True,
                          timeout=20, env=clean_environment(), check=True)
    defaults = json.loads(done.stdout)["properties"]["worker_defaults"]["anyOf"]
    [found] = [schema["properties"] for schema in defaults if schema["type"] == "object"]
    return found


def in_seconds(value):
    """A default as the original writes it: durations are seconds."""
    if isinstance(value, str) and (match := re.fullmatch(r"([\d.]+)([smhd])", value)):
        return float(match[1]) * UNITS[match[2]]
    return value


def test_every_option_is_documented():
    """As a key of a worker, or where it belongs instead; and those of the examples too."""
    options = set(options_of_the_original())
    for name in seeds.names():
        options |= set(seeds.Seed(name).original["kwargs"])
    assert len(options) > 30
    named = named_in_the_manual()
    assert sorted(options - set(named)) == []
    assert len(named) == len(set(named))


def test_defaults_are_the_originals(keys):
    """D1 to D4: what it has a default for, ours has the same; what it has none for, neither."""
    compared = set()
    for name, default in options_of_the_original().items():
        if name not in keys or default is inspect.Parameter.empty:
            continue
        theirs, ours = OTHERS.get(name, (default, default))
        assert theirs == default
        found = in_seconds(keys[name].get("default"))
        assert found == ours or (not found and not ours), (name, found, ours)
        compared.add(name)
    assert compared >= {"missing_timeout", "build_wait_timeout", "ami", "spot_instance",
                        "max_spot_price", "price_multiplier", "product_description", "tags"}


def test_what_has_no_default_is_required(keys):
    """The password apart, which may be in a file."""
    required = {name for name, default in options_of_the_original().items()
                if default is inspect.Parameter.empty} - {"name", "password"}
    assert required == {"instance_type"} and required <= set(keys)
