# SPDX-License-Identifier: Apache-2.0
"""The whole daemon against moto: twenty workers up, attached, and down."""

import base64
import contextlib
import sqlite3

import pytest

import moto
from daemon import Daemon
from ec2sim import eventually
from rpcclient import RpcError

WORKERS = [f"linux-{n:02}" for n in range(1, 21)]
USER_DATA = ("#!/bin/sh\n"
             "start {{ worker }} {{ password }} {{ pool }} {{ region }} {{ generation }} {{ vars.master }}\n")


@pytest.fixture(scope="module")
def server():
    with moto.running() as running:
        yield running


@pytest.fixture
def account(server):
    server.reset()
    return server


@pytest.fixture
def make_pool(account, directory):
    """make_pool(workers): a daemon, configured as the administrator's account demands."""
    with contextlib.ExitStack() as stack:
        def make(workers):
            daemon = Daemon(
                directory, account.url, workers,
                aws={"region": moto.REGION, "identifier": account.key_id,
                     "secret_identifier": account.secret, "endpoint_url": account.url},
                worker_defaults={"keypair_name": account.KEYPAIR, "instance_type": "m5.large",
                                 "security_name": account.GROUP, "ami": account.image(),
                                 "password": "generated", "missing_timeout": 120})
            stack.callback(daemon.stop)
            return daemon.start()
        yield make


def live(account):
    return {name: instance for name, instance in account.instances().items()
            if instance["State"]["Name"] != "terminated"}


def launches(pool):
    """Worker to (token, launch id) of the launches in the ledger."""
    with contextlib.closing(sqlite3.connect(f"file:{pool.directory}/state/ledger.db?mode=ro",
                                            uri=True)) as ledger:
        rows = ledger.execute("SELECT worker, token, launch FROM launch").fetchall()
    return {worker: (token, launch) for worker, token, launch in rows}


def tags_of(instance):
    return {tag["Key"]: tag["Value"] for tag in instance["Tags"]}


def attach_all(pool):
    """What the twenty machines would report, each by ec2workerctl."""
    for worker in WORKERS:
        eventually(lambda w=worker: pool.call("worker.show", worker=w)["phase"] == "waiting", 60)
        code, _, err = pool.ctl("attached", worker)
        assert code == 0, err


def table(pool):
    """Worker to (state, instance), as the client shows them."""
    workers = pool.call("worker.list")["workers"]
    return {w["worker"]: (w["state"], w["instance"] and w["instance"]["id"]) for w in workers}


def check_stored(pool, account):
    """What moto has of each instance is what was configured."""
    asked = launches(pool)
    instances = account.instances()
    for worker, (state, instance_id) in table(pool).items():
        instance = instances[instance_id]
        token, launch = asked[worker]
        assert state == "substantiated"
        assert instance["State"]["Name"] == "running"
        assert instance["InstanceType"] == "m5.large"
        assert instance["KeyName"] == account.KEYPAIR
        assert [g["GroupName"] for g in instance["SecurityGroups"]] == [account.GROUP]
        assert instance["ClientToken"] == token
        tags = tags_of(instance)
        assert tags.pop("ec2workerd:lineage") and tags.pop("ec2workerd:epoch").isdigit()
        assert tags == {"ec2workerd:pool": "test", "ec2workerd:worker": worker,
                        "ec2workerd:generation": "1", "ec2workerd:launch": launch,
                        "team": "tools & things", "Name": "a worker's"}
        password = pool.call("worker.password", worker=worker)["password"]
        assert base64.b64decode(account.user_data(instance_id)).decode() == (
            "#!/bin/sh\n"
            f"start {worker} {password} test {moto.REGION} 1 build.example.org:9989\n")


def test_twenty_workers(make_pool, account):
    pool = make_pool({"linux-[01-20]": {
        "user_data": USER_DATA, "vars": {"master": "build.example.org:9989"},
        "tags": {"team": "tools & things", "Name": "a worker's"}}})
    code, out, err = pool.ctl("up", "linux-*", "--wait", "running")
    assert (code, err) == (0, "") and len(out.splitlines()) == 20
    attach_all(pool)
    before = table(pool)
    assert sorted(before) == WORKERS
    assert {instance for _, instance in before.values()} == set(live(account))
    check_stored(pool, account)

    pool.config["vars"] = {"more": "than before"}
    pool.write_config()
    assert pool.ctl("reload")[0] == 0
    assert table(pool) == before

    pool.stop()
    pool.start()
    assert table(pool) == before
    check_stored(pool, account)
    assert pool.ctl("check", "linux-07")[0] == 0

    code, out, err = pool.ctl("down", "linux-*")
    assert (code, err) == (0, "") and len(out.splitlines()) == 20
    assert {state for state, _ in table(pool).values()} == {"not_substantiated"}
    assert len(account.instances()) == 20
    assert not live(account)


def test_more_than_a_page(make_pool, account):
    """moto shows a hundred instances at a time, asked or not."""
    pool = make_pool({"linux-[001-110]": {}})
    code, out, _ = pool.ctl("up", "linux-*", "--wait", "running")
    assert code == 0 and len(out.splitlines()) == 110
    assert {instance for _, instance in table(pool).values()} == set(live(account))
    assert pool.ctl("down", "linux-*")[0] == 0
    assert len(account.instances()) == 110 and not live(account)


@pytest.mark.parametrize("settings, reason, code", [
    ({"keypair_name": "no-such-key"}, "config", "InvalidKeyPair.NotFound"),
    ({"instance_type": "m5.gigantic"}, "config", "InvalidInstanceType.NotFound"),
    ({"ami": "ami-00000000000000000"}, "config", "InvalidAMIID.NotFound"),
    ({"identifier": "AKIAWRONG", "secret_identifier": "wrong"}, "auth", "AuthFailure"),
])
def test_refusals(make_pool, account, settings, reason, code):
    """What waiting cannot mend fails at once, with moto's own words."""
    pool = make_pool({"bot1": settings})
    with pytest.raises(RpcError) as error:
        pool.call("worker.substantiate", worker="bot1", wait="running")
    assert error.value.kind == "failed" and error.value.data["reason"] == reason
    assert error.value.data["aws"]["code"] == code and error.value.data["aws"]["message"]
    assert table(pool) == {"bot1": ("not_substantiated", None)}
    assert not account.instances()


def test_spot(make_pool, account):
    """moto's history says 0.00001 for whatever it is asked; what is bid is 1.2 times that."""
    pool = make_pool({"bot1": {"spot_instance": True, "placement": "a"}})
    pool.call("worker.substantiate", worker="bot1", wait="running")
    [instance] = live(account).values()
    assert instance["InstanceLifecycle"] == "spot"
    assert instance["Placement"]["AvailabilityZone"] == f"{moto.REGION}a"
    placement = pool.call("worker.show", worker="bot1")["placement"]
    assert placement["market"] == "spot" and placement["bid"] == "0.000012"
    assert pool.ctl("down", "bot1")[0] == 0
    assert not live(account)


def test_next_subnet(make_pool, account):
    """A subnet that does not exist is left out; the zone of the other is looked up."""
    subnet = account.client().describe_subnets()["Subnets"][0]
    pool = make_pool({})
    pool.stop()
    del pool.config["worker_defaults"]["security_name"]
    pool.config["workers"] = {"bot1": {"subnet_id": ["subnet-00000bad", subnet["SubnetId"]]}}
    pool.write_config()
    pool.start()
    pool.call("worker.substantiate", worker="bot1", wait="running")
    [instance] = live(account).values()
    assert instance["SubnetId"] == subnet["SubnetId"]
    placement = pool.call("worker.show", worker="bot1")["placement"]
    assert placement["zone"] == subnet["AvailabilityZone"]
    assert pool.ctl("down", "bot1")[0] == 0
    assert not live(account)
