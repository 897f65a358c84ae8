# SPDX-License-Identifier: Apache-2.0
"""
The bid that EC2LatentWorker's own code makes for a spot instance, and the one that reaches EC2
from ours, for the same generated prices and options.
"""

import random
import sys
from decimal import Decimal

import botocore.exceptions
import pytest
from buildbot.worker import ec2

from ec2sim import eventually
from lives import finish

REGION, WORKERS = "us-east-1", 40
TYPES = [f"{family}{n}.{size}" for family in "cmrt" for n in (4, 5) for size in
         ("medium", "large", "xlarge", "2xlarge", "4xlarge")]
PRODUCTS = ["Linux/UNIX", "Windows"]


def prices_of(rng, instance_type):
    """Rows of a day and a half, none of them just a day old; of this zone and another."""
    rows = []
    for _ in range(rng.choice([0, 2, 4, 9, 15])):
        rows.append({"type": instance_type, "zone": REGION + rng.choice("ab"),
                     "product": rng.choice(PRODUCTS), "price": round(rng.uniform(0.001, 1), 4),
                     "ago": f"{rng.choice([rng.randint(1, 23 * 60), rng.randint(25 * 60, 36 * 60)])}m"})
    return rows


def options_of(rng):
    """What a worker says of its price; both prices being null is no configuration."""
    options = {"placement": rng.choice("ab"), "product_description": rng.choice(PRODUCTS)}
    if rng.random() < 0.6:
        options["price_multiplier"] = rng.choice([None, 0.5, 1, 1.15, 1.2, 2])
    if rng.random() < 0.6:
        highest = [0.004, 0.09, 0.3, 1.6, 5]
        options["max_spot_price"] = rng.choice(
            highest if options.get("price_multiplier", 1.2) is None else [None, *highest])
    return options


class Asked(Exception):
    """What the original has come to ask for."""


class Client:
    """The client of boto3, up to the request, which is not made."""

    def __init__(self, client):
        self.describe_spot_price_history = client.describe_spot_price_history

    def request_spot_instances(self, SpotPrice, LaunchSpecification):
        assert LaunchSpecification["Placement"]["AvailabilityZone"].startswith(REGION)
        raise Asked(Decimal(SpotPrice))


class Original(ec2.EC2LatentWorker):
    """Its own code with these members, and without the constructor, which asks AWS."""

    ami, user_data, subnet_id, security_group_ids = "ami-1", None, None, None
    keypair_name = classic_security_groups = block_device_map = instance_profile_name = None
    workername = "bot1"

    def __init__(self, client, instance_type, options):
        self.ec2 = type("ec2", (), {"meta": type("meta", (), {"client": Client(client)})})
        self.instance_type = instance_type
        self.image = type("image", (), {"id": self.ami})
        self.placement = REGION + options["placement"]
        self.product_description = options["product_description"]
        self.price_multiplier = options.get("price_multiplier", 1.2)
        self.max_spot_price = options.get("max_spot_price", 1.6)

    def __hash__(self):
        return id(self)

    def bid(self):
        with pytest.raises(Asked) as asked:
            self._request_spot_instance()
        return asked.value.args[0]


def bids_of_ours(sim):
    """{worker: its bid}, as EC2 has been asked."""
    found = {}
    for request in sim.requests():
        if request["action"] == "RunInstances":
            tags = {value: request["params"][key.replace(".Key", ".Value")]
                    for key, value in request["params"].items() if key.endswith(".Key")}
            found.setdefault(tags["ec2workerd:worker"], Decimal(
                request["params"]["InstanceMarketOptions.SpotOptions.MaxPrice"]))
    return found


@pytest.mark.parametrize("seed", [1, 2, None])
def test_same_bid(make_daemon, sim, seed):
    """Whether EC2 then takes it is another question; the first request of each counts."""
    seed = seed if seed is not None else random.SystemRandom().getrandbits(32)
    print(f"SEED={seed}", file=sys.stderr)
    rng = random.Random(seed)
    cases = {f"w{n:02}": (kind, options_of(rng)) for n, kind in enumerate(TYPES)}
    assert len(cases) == WORKERS
    prices = [row for kind, _ in cases.values() for row in prices_of(rng, kind)]
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "prices": prices})
    daemon = make_daemon({name: {"password": "x", "instance_type": kind, "spot_instance": True}
                          | options for name, (kind, options) in cases.items()}).start()
    for name in cases:
        daemon.call("worker.substantiate", worker=name)
    ours = eventually(lambda: len(bids := bids_of_ours(sim)) == WORKERS and bids, 60)
    assert len(set(ours.values())) > WORKERS // 8
    for name, (kind, options) in cases.items():
        theirs = Original(sim.client(), kind, options).bid()
        assert abs(ours[name] - theirs) <= theirs * Decimal("1e-6"), (name, options)
    finish(daemon, sim)


def test_all_pages_count(make_daemon, sim):
    """P2, X5: a thousand rows are a page, and the original reads no other."""
    rows = [{"type": "m5.large", "zone": "us-east-1a", "price": 0.1 if n < 1000 else 0.4,
             "ago": f"{n + 60}s"} for n in range(1500)]
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "prices": rows})
    options = {"placement": "a", "product_description": "Linux/UNIX", "price_multiplier": 1}
    daemon = make_daemon({"bot1": {"password": "x", "spot_instance": True} | options}).start()
    daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert bids_of_ours(sim)["bot1"] == Decimal("0.2")
    assert abs(Original(sim.client(), "m5.large", options).bid() - Decimal("0.1")) < 0.0001
    finish(daemon, sim)


def test_without_a_placement(make_daemon, sim):
    """X4: the original refuses its own defaults; ours takes the mean of the region's zones."""
    rows = [{"type": "m5.large", "zone": f"us-east-1{zone}", "price": price, "ago": "1h"}
            for zone, price in (("a", 0.1), ("b", 0.3))]
    sim.control("POST", "scenario", {"pending": "0.1s", "shutdown": "0.1s", "prices": rows})
    daemon = make_daemon({"bot1": {"password": "x", "spot_instance": True}}).start()
    daemon.call("worker.substantiate", worker="bot1")
    eventually(lambda: bids_of_ours(sim))
    assert bids_of_ours(sim)["bot1"] == Decimal("0.24")
    original = Original(sim.client(), "m5.large", {"placement": "a", "product_description": "x"})
    original.placement = None
    with pytest.raises(botocore.exceptions.ParamValidationError):
        original._request_spot_instance()
