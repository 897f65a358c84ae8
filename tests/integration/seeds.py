# SPDX-License-Identifier: Apache-2.0
"""
The configuration examples of Buildbot's page about EC2LatentWorker (seed/README.md), run by
the daemon and by the original, and what each of them sent, brought to one form.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

from daemon import Daemon, clean_environment
from ec2sim import eventually

HERE = pathlib.Path(__file__).resolve().parent
SEEDS = HERE / "seed"
IMAGES = json.loads((SEEDS / "images.json").read_text())

# The address of the page.
ADDRESS = "208.77.188.166"
# What ours says in each launch, whatever is configured.
ALWAYS = {"MinCount": "1", "MaxCount": "1", "InstanceInitiatedShutdownBehavior": "terminate",
          "MetadataOptions.HttpTokens": "required", "MetadataOptions.HttpEndpoint": "enabled",
          "MetadataOptions.HttpPutResponseHopLimit": "1"}
# The key of the machine's role begins so.
ROLE_KEY = {"moto": "test-key", "ec2sim": "ASIA"}
# What RequestSpotInstances means where nothing is said.
SPOT = {"InstanceMarketOptions.MarketType": "spot",
        "InstanceMarketOptions.SpotOptions.SpotInstanceType": "one-time",
        "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior": "terminate"}
OUR_TAGS = {"pool", "worker", "generation", "launch", "lineage", "epoch"}


def names():
    return sorted(path.stem for path in SEEDS.glob("*.yaml"))


class Seed:
    """One example: seed/NAME.yaml for ours, seed/NAME.json for the rest."""

    def __init__(self, name):
        self.name = name
        self.yaml = (SEEDS / f"{name}.yaml").read_text()
        data = json.loads((SEEDS / f"{name}.json").read_text())
        self.original = data["original"]
        self.refused, self.instead = data.get("refused"), data.get("instead", {})
        self.expected, self.signed_by = data["expected"], data["signed_by"]
        self.has_role = self.signed_by == "role"
        self.tags, self.calls = data.get("tags", {}), data.get("calls", {})
        self.prices = data.get("prices", [])
        self.region = self.original["kwargs"].get("region", "us-east-1")

    def expected_on(self, service):
        """The launches as they should arrive; what depends on the service is under its name."""
        flat = {key: value for key, value in self.expected.items() if not isinstance(value, dict)}
        flat |= self.expected.get(service, {})
        lists = {key: value for key, value in flat.items() if isinstance(value, list)}
        count = max(map(len, lists.values()), default=1)
        return [price(flat | {key: value[n] for key, value in lists.items()})
                for n in range(count)]

    def scenario(self):
        """What ec2sim has for it: images, prices, a role for whoever asks its metadata service."""
        return {"pending": "0.1s", "shutdown": "0.1s", "prices": self.prices,
                "addresses": [{"public_ip": ADDRESS, "region": self.region}],
                "imds": {"role": "build-master"},
                "images": [{"id": image["ami_id"], "owner": image["owner_id"],
                            "state": image["state"], "location": image["image_location"]}
                           for image in IMAGES]}

    def is_signer(self, key, service):
        if self.has_role:
            return key.startswith(ROLE_KEY[service])
        return key == self.signed_by


class Call:
    """A request to AWS: its action, its parameters, and whose key signed it."""

    def __init__(self, params, authorization):
        self.params = dict(params)
        self.action = self.params.pop("Action", None)
        self.params.pop("Version", None)
        match = re.search(r"Credential=([^/]+)/", authorization or "")
        self.signed_by = match and match[1]

    def worker(self):
        """Whose launch of ours it is."""
        return split_tags(self.params)[1]["instance"]["ec2workerd:worker"]


def of_sim(sim, since=0):
    """since: the number of a request (last), and only what came after it; trials apart."""
    return [Call(r["params"], r.get("authorization"))
            for r in sim.control("GET", f"requests?since={since}")["requests"]
            if "DryRun" not in r["params"]]


def last(sim):
    return sim.control("GET", "requests?limit=0")["last"]


def of_moto(moto):
    return [Call(urllib.parse.parse_qsl(body), headers.get("Authorization"))
            for headers, body in moto.recorded() if "DryRun=true" not in body]


# What the rows of "calls" do not speak of: pages, times, and names that EC2 has given.
UNSPOKEN = {"MaxResults", "NextToken", "StartTime", "AllocationId", "InstanceId"}


def other_calls(calls, actions):
    """{action: what its first call asked}, of these."""
    found = {}
    for call in calls:
        if call.action in actions:
            found.setdefault(call.action, {key: value for key, value in call.params.items()
                                           if key not in UNSPOKEN})
    return found


def the(calls, *actions):
    """The only call of one of these actions."""
    found = [call for call in calls if call.action in actions]
    assert len(found) == 1, [call.action for call in calls]
    return found[0]


def home(directory, seed, metadata):
    """
    The environment of a build master's user on a machine that has a role: keys are in the place
    that the page names, but for the example that is about the role.
    """
    path = pathlib.Path(directory, ".aws", "credentials")
    path.parent.mkdir()
    if not seed.has_role:
        path.write_text("[default]\naws_access_key_id = identifier\n"
                        "aws_secret_access_key = secret_identifier\n")
        path.chmod(0o600)
    return {"HOME": str(directory), "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata}


class SeedDaemon(Daemon):
    """A daemon whose configuration is the text of an example, and below it where AWS is."""

    def __init__(self, directory, url, seed, metadata, substitutes=None):
        self.text = renamed(seed.yaml, substitutes or {})
        super().__init__(directory, url, {})
        self.environment = home(directory, seed, metadata)

    def write_config(self):
        below = {"pool": "seed", "socket": self.config["socket"],
                 "state_dir": self.config["state_dir"],
                 "aws": {"endpoint_url": self.config["aws"]["endpoint_url"]}}
        self.conf_path.write_text(self.text + "".join(
            f"{key}: {json.dumps(value)}\n" for key, value in below.items()))
        self.conf_path.chmod(0o600)

    def up(self):
        """Until it waits for the worker, with all that it was to have."""
        code, _, err = self.ctl("up", "bot1", "--wait", "running")
        assert code == 0, err + self.log()
        eventually(lambda: self.call("worker.show", worker="bot1")["phase"] == "waiting", 20)

    def down(self):
        code, _, err = self.ctl("down", "bot1")
        assert code == 0, err


def renamed(text, substitutes):
    for name, other in substitutes.items():
        text = text.replace(name, other)
    return text


def with_page_names(launch, substitutes):
    """A launch with the names of the page for those that moto has given."""
    back = {other: name for name, other in substitutes.items()}
    return {key: back.get(value, value) for key, value in launch.items()}


def split_tags(params):
    """(parameters without tags, {resource type: {key: value}})."""
    rest, tags = {}, {}
    for key, value in params.items():
        if not key.startswith("TagSpecification."):
            rest[key] = value
            continue
        _, n, *tail = key.split(".")
        if tail == ["ResourceType"]:
            tags[value] = {params[f"TagSpecification.{n}.Tag.{key.split('.')[3]}.Key"]: text
                           for key, text in params.items() if re.fullmatch(
                               rf"TagSpecification\.{n}\.Tag\.\d+\.Value", key)}
    return rest, tags


def price(params):
    """Prices as numbers: 1.15e-05 and 0.0000115 are one, and so are 0.1 and 0.30000001 / 3."""
    return {key: round(float(value), 9) if key.endswith("MaxPrice") else value
            for key, value in params.items()}


def our_launch(call, pool, worker):
    """Parameters and tags of ours, without what is always there, which is checked here."""
    params, tags = split_tags(call.params)
    assert re.fullmatch(r"[0-9a-f-]{36}", params.pop("ClientToken"))
    for key, value in ALWAYS.items():
        assert params.pop(key) == value, key
    market = {"spot-instances-request"} if call.params.keys() >= SPOT.keys() else set()
    assert set(tags) == {"instance", "volume"} | market
    found = tags["instance"]
    assert all(other == found for other in tags.values())
    own = {key: found.pop(key) for key in list(found) if key.startswith("ec2workerd:")}
    assert set(own) == {f"ec2workerd:{name}" for name in OUR_TAGS}
    assert (own["ec2workerd:pool"], own["ec2workerd:worker"]) == (pool, worker)
    assert found.pop("Name")
    return price(params), found


def run_original(seed, directory, url, substitutes):
    """(what came of the page's arguments, what came of those that it has to be given)."""
    environment = clean_environment(AWS_ENDPOINT_URL=url, **home(directory, seed, url))
    outcomes = []
    for changes in [{}] + ([seed.instead] if seed.refused else []):
        kwargs = {key: value for key, value in (seed.original["kwargs"] | changes).items()
                  if value is not None}
        done = subprocess.run(
            [sys.executable, HERE / "original.py"], capture_output=True, text=True, timeout=60,
            input=renamed(json.dumps({"args": seed.original["args"], "kwargs": kwargs}),
                          substitutes) + "\nstart\n", env=environment, check=False)
        assert done.returncode == 0, done.stderr
        outcomes.append(json.loads(done.stdout.splitlines()[-1]))
    return outcomes[0], outcomes[-1]


def original_launch(calls):
    """The original's launch in our words: seed/README.md says what is one thing by two names."""
    call = the(calls, "RunInstances", "RequestSpotInstances")
    params = {key.removeprefix("LaunchSpecification."): value
              for key, value in call.params.items()}
    params.pop("ClientToken", None)
    if call.action == "RequestSpotInstances":
        params |= SPOT | {"InstanceMarketOptions.SpotOptions.MaxPrice": params.pop("SpotPrice")}
    else:
        assert (params.pop("MinCount"), params.pop("MaxCount")) == ("1", "1")
    tagged = [c.params for c in calls if c.action == "CreateTags"]
    tags = {p[f"Tag.{n}.Key"]: p[f"Tag.{n}.Value"] for p in tagged
            for n in range(1, len(p)) if f"Tag.{n}.Key" in p}
    return price(params), tags


def images_file(directory, numeric_owners=False):
    """
    The images of seed/images.json as moto reads them. numeric_owners: an account number as the
    original writes it, without the zeros that it begins with.
    """
    images = [image | {"owner_id": image["owner_id"].lstrip("0")} if numeric_owners else image
              for image in IMAGES]
    path = pathlib.Path(directory, "images.json")
    path.write_text(json.dumps(images))
    return os.fspath(path)
