# SPDX-License-Identifier: Apache-2.0
"""Instances that the ledger does not know: collected, left alone, or adopted; and ledgers that are lost."""

import pathlib
import sqlite3
import uuid

import pytest

from daemon import Daemon
from ec2sim import eventually
from judge import check_no_twin, live

WORKERS = {"bot1": {"password": "sekrit", "build_wait_timeout": -1}, "bot2": {"password": "sekrit"}}
QUICK = {"interval": 1, "grace": 1}
FOREIGN = str(uuid.uuid4())


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(WORKERS, orphans=QUICK).start()


def ledger_path(daemon):
    return pathlib.Path(daemon.config["state_dir"]) / "ledger.db"


def meta(daemon):
    with sqlite3.connect(ledger_path(daemon)) as db:
        return db.execute("SELECT lineage, epoch FROM meta").fetchone()


def launch(sim, daemon, *, worker="bot1", generation=1, lineage=None, epoch=None, **tags):
    """An instance with the pool's tags, which the daemon has not launched."""
    own = meta(daemon)
    tags = {"pool": "test", "worker": worker, "generation": str(generation), "launch": str(uuid.uuid4()),
            "lineage": lineage or own[0], "epoch": str(epoch or own[1])} | tags
    reply = sim.client().run_instances(
        ImageId="ami-12345678", InstanceType="m5.large", MinCount=1, MaxCount=1, ClientToken=str(uuid.uuid4()),
        TagSpecifications=[{"ResourceType": "instance", "Tags": [
            {"Key": f"ec2workerd:{key}", "Value": value} for key, value in tags.items() if value]}])
    return reply["Instances"][0]["InstanceId"]


def is_dead(sim, instance):
    return sim.ledger()[instance]["state"] in ("shutting-down", "terminated")


def once(daemon):
    """bot1 has been up once, so its generation is 1."""
    with daemon.connect() as rpc:
        instance = rpc.call("worker.substantiate", worker="bot1", wait="running")["instance"]["id"]
        rpc.call("worker.insubstantiate", worker="bot1", wait="stopped")
    return instance


def seen(daemon, instance):
    return next((o for o in daemon.call("pool.orphans")["orphans"] if o["instance"] == instance), None)


def mails(daemon):
    return daemon.log().count("warning: hold: ")


def test_collected(daemon, sim):
    once(daemon)
    stray = launch(sim, daemon)
    eventually(lambda: is_dead(sim, stray), timeout=20)
    eventually(lambda: daemon.call("pool.orphans") == {"hold": None, "orphans": []})
    history = daemon.call("worker.history", worker="bot1")["records"]
    assert any(r.get("instance") == stray and r["by"] == "orphan collector" for r in history)
    assert sim.calls("TerminateInstances") >= 2
    assert not live(sim)


def test_only_reported(make_daemon, sim):
    daemon = make_daemon(WORKERS, orphans=QUICK | {"action": "report"}).start()
    once(daemon)
    stray = launch(sim, daemon)
    shown = eventually(lambda: (o := seen(daemon, stray)) and o["verdict"] == "reported" and o, timeout=20)
    assert shown["worker"] == "bot1" and shown["generation"] == 1
    assert daemon.call("pool.status")["hold"] is False
    code, out, _ = daemon.ctl("orphans")
    assert code == 0 and stray in out and "orphans.action is report" in out
    assert not is_dead(sim, stray)
    assert daemon.ctl("orphans", "--terminate")[0] == 0
    eventually(lambda: is_dead(sim, stray))


def test_foreign(daemon, sim):
    """Another ledger under the same pool name: everything of that kind is left alone."""
    once(daemon)
    foreign, ours = launch(sim, daemon, worker="bot7", lineage=FOREIGN), launch(sim, daemon)
    hold = eventually(lambda: daemon.call("pool.orphans")["hold"], timeout=20)
    assert foreign in hold["reason"] and "another ledger" in hold["reason"]
    assert [d["kind"] for d in daemon.call("pool.status")["degraded"]] == ["hold"]
    assert daemon.ctl("orphans")[1].startswith("HOLD since ")
    listings = sim.calls("DescribeInstances")
    eventually(lambda: sim.calls("DescribeInstances") > listings + 4, timeout=20)
    assert not is_dead(sim, foreign) and not is_dead(sim, ours)
    with daemon.connect() as rpc:  # the rest goes on
        rpc.call("worker.substantiate", worker="bot2", wait="running", timeout=20)
    daemon.call("pool.resume")
    eventually(lambda: is_dead(sim, ours), timeout=20)
    assert not is_dead(sim, foreign)
    assert seen(daemon, foreign)["verdict"] == "foreign"
    assert mails(daemon) == 1


def test_copied_tags(daemon, sim):
    """By hand, onto somebody's machine: it is no twin of the worker's, and no orphan."""
    with daemon.connect() as rpc:
        real = rpc.call("worker.substantiate", worker="bot1", wait="running")["instance"]["id"]
        rpc.call("worker.attached", worker="bot1")
        tags = {t["key"] if "key" in t else t["Key"]: t.get("value", t.get("Value"))
                for t in sim.client().describe_instances(InstanceIds=[real])[
                    "Reservations"][0]["Instances"][0]["Tags"]}
        copy = launch(sim, daemon, launch=tags["ec2workerd:launch"])
        eventually(lambda: (o := seen(daemon, copy)) and o["verdict"] == "copied", timeout=90)
        assert rpc.call("worker.show", worker="bot1")["state"] == "substantiated"
    assert not is_dead(sim, copy) and not is_dead(sim, real)


def test_the_machine_it_runs_on(daemon, sim):
    """Tagged as ours by whatever mistake: the metadata service says which one it is."""
    once(daemon)
    daemon.stop()
    own, stray = launch(sim, daemon), launch(sim, daemon)
    sim.control("POST", "scenario", {"imds": {"instance": own}})
    daemon.config["aws"]["imds_endpoint_url"] = sim.url
    daemon.environment = {"AWS_EC2_METADATA_DISABLED": "false"}
    daemon.write_config()
    daemon.start()
    eventually(lambda: is_dead(sim, stray), timeout=30)
    eventually(lambda: seen(daemon, own)["verdict"] == "self")
    assert not is_dead(sim, own)
    assert f"this machine is {own}" in daemon.log()


def lose(path, damage):
    """The ledger without its WAL, or what takes its place."""
    for part in path.parent.glob(path.name + "*"):
        part.unlink()
    if damage:
        path.write_bytes(damage)


@pytest.mark.parametrize("damage", [b"", b"rubbish" * 4096], ids=["lost", "damaged"])
def test_ledger_rebuilt_from_tags(daemon, sim, damage):
    with daemon.connect() as rpc:
        running = rpc.call("worker.substantiate", worker="bot1", wait="running")["instance"]["id"]
        rpc.call("worker.attached", worker="bot1")
    daemon.kill()
    lose(ledger_path(daemon), damage)
    daemon.start()
    hold = daemon.call("pool.orphans")["hold"]
    assert "made anew" in hold["reason"]
    shown = eventually(lambda: (w := daemon.call("worker.show", worker="bot1"))["phase"] == "waiting" and w,
                       timeout=20)
    assert shown["instance"]["id"] == running and shown["generation"] == 1
    assert daemon.call("pool.status")["hold"] is True  # nobody has said what it does
    daemon.call("worker.attached", worker="bot1", generation=1)
    eventually(lambda: not daemon.call("pool.status")["hold"], timeout=90)
    assert not is_dead(sim, running)
    assert bool(list(ledger_path(daemon).parent.glob("ledger.db.damaged-*"))) == bool(damage)
    daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
    assert is_dead(sim, running)
    check_no_twin(sim)


def test_restored_from_a_backup(daemon, sim):
    """An old ledger: a generation that it does not know runs, and goes on running."""
    once(daemon)
    daemon.stop()
    old = ledger_path(daemon).read_bytes()
    daemon.start()
    with daemon.connect() as rpc:
        running = rpc.call("worker.substantiate", worker="bot1", wait="running")["instance"]["id"]
    daemon.kill()
    lose(ledger_path(daemon), old)
    daemon.start()
    shown = eventually(lambda: (w := daemon.call("worker.show", worker="bot1"))["instance"] and w, timeout=20)
    assert shown["instance"]["id"] == running and shown["generation"] == 2
    assert mails(daemon) == 1 and not is_dead(sim, running)
    check_no_twin(sim)


def test_two_daemons_on_one_pool(daemon, sim, tmp_path):
    """Each sees the other's machines, and neither touches them."""
    other = Daemon(tmp_path, sim.url, {"bot1": {"password": "sekrit"}}, orphans=QUICK)
    with other:
        for one in (daemon, other):
            one.call("worker.substantiate", worker="bot1")
        eventually(lambda: daemon.call("pool.status")["hold"] or other.call("pool.status")["hold"], timeout=90)
        ids = list(sim.ledger())
        listings = sim.calls("DescribeInstances")
        eventually(lambda: sim.calls("DescribeInstances") > listings + 4, timeout=90)
        assert not any(is_dead(sim, i) for i in ids)


DISK = {"block_device_map": [{"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False}}]}


def volumes(sim):
    return {v["VolumeId"]: v for v in sim.client().describe_volumes()["Volumes"]}


def test_a_volume_that_was_to_stay(make_daemon, sim):
    """Somebody's data: shown, kept over a restart, and deleted only by an order that names the kind."""
    daemon = make_daemon({"bot1": WORKERS["bot1"] | DISK}, orphans=QUICK | {"volumes": "delete"}).start()
    once(daemon)
    [volume] = volumes(sim)
    shown = eventually(lambda: seen_by_id(daemon, volume), timeout=20)
    assert (shown["kind"], shown["verdict"], shown["size"]) == ("volume", "kept", 5)
    assert shown["worker"] == "bot1" and shown["instance"] is None and shown["state"] == "available"
    daemon.stop()
    daemon.start()
    eventually(lambda: seen_by_id(daemon, volume), timeout=20)
    code, out, _ = daemon.ctl("orphans", "--terminate")
    assert code == 0 and volume in out and "by order" in out
    asked = sim.calls("DescribeVolumes")
    eventually(lambda: sim.calls("DescribeVolumes") > asked + 3, timeout=20)
    assert volume in volumes(sim) and sim.calls("DeleteVolume") == 0
    assert daemon.ctl("orphans", "--terminate", "--kept")[0] == 0
    eventually(lambda: not volumes(sim), timeout=20)
    eventually(lambda: daemon.call("pool.orphans") == {"hold": None, "orphans": []}, timeout=20)
    assert sim.calls("DeleteVolume") == 1


def seen_by_id(daemon, thing):
    return next((o for o in daemon.call("pool.orphans")["orphans"] if o["id"] == thing), None)


def tags_of(sim, instance):
    """As they were given to the launch, to volumes as well."""
    tags = sim.ledger()[instance]["tags"]
    return [{"Key": key, "Value": value} for key, value in tags.items() if key != "ec2workerd:lease"]


def leave_volume(sim, instance):
    """As an image leaves one whose disks do not go with their instance."""
    return sim.client().create_volume(
        AvailabilityZone="us-east-1a", Size=8, TagSpecifications=[
            {"ResourceType": "volume", "Tags": tags_of(sim, instance)}])["VolumeId"]


def test_volumes_that_are_nobodys(make_daemon, sim):
    """Deleted where the configuration says so; never one that a worker's volumes name."""
    daemon = make_daemon(WORKERS, orphans=QUICK | {"volumes": "delete"}).start()
    instance = once(daemon)
    volume = leave_volume(sim, instance)
    eventually(lambda: volume not in volumes(sim), timeout=30)
    assert "to be deleted by orphan collector" in daemon.log()
    kept = leave_volume(sim, instance)
    daemon.config["workers"]["bot2"] |= {"volumes": [[kept, "/dev/sdh"]], "placement": "a"}
    daemon.write_config()
    daemon.call("daemon.reload")
    eventually(lambda: (o := seen_by_id(daemon, kept)) and o["verdict"] == "configured", timeout=30)
    assert daemon.ctl("orphans", "--terminate", "--kept")[0] == 0
    with daemon.connect() as rpc:
        rpc.call("worker.substantiate", worker="bot2", wait="running", timeout=20)
        eventually(lambda: volumes(sim)[kept]["State"] == "in-use", timeout=20)
        rpc.call("worker.insubstantiate", worker="bot2", wait="stopped")
    assert kept in volumes(sim)


def ask_spot(sim, tags, **more):
    """The call that EC2 advises against, with our tags on the request; its instance has none."""
    [made] = sim.client().request_spot_instances(
        SpotPrice="0.05", TagSpecifications=[{"ResourceType": "spot-instances-request", "Tags": tags}],
        LaunchSpecification={"ImageId": "ami-12345678", "InstanceType": "m5.large"}, **more)["SpotInstanceRequests"]
    return made["SpotInstanceRequestId"]


def spot_status(sim, request):
    [found] = sim.client().describe_spot_instance_requests(SpotInstanceRequestIds=[request])["SpotInstanceRequests"]
    return found["Status"]["Code"]


@pytest.fixture
def spot(make_daemon):
    daemon = make_daemon({"bot1": WORKERS["bot1"] | {"spot_instance": True, "price_multiplier": None,
                                                     "placement": "a"}}, orphans=QUICK).start()
    return daemon


def lost_tags(sim, daemon):
    """Those of a launch of ours that the ledger has lost."""
    return [t for t in tags_of(sim, once(daemon)) if t["Key"] != "ec2workerd:launch"] + [
        {"Key": "ec2workerd:launch", "Value": str(uuid.uuid4())}]


def test_a_spot_request_that_is_held(spot, sim):
    """A19: it could fill at any time, long after everybody has given up."""
    tags = lost_tags(sim, spot)
    sim.control("POST", "scenario", {"spot_fulfillment": 3600})
    request = ask_spot(sim, tags)
    eventually(lambda: (o := seen_by_id(spot, request)) and o["kind"] == "spot_request" and o["price"], timeout=20)
    eventually(lambda: spot_status(sim, request) == "canceled-before-fulfillment", timeout=30)
    eventually(lambda: spot.call("pool.orphans")["orphans"] == [], timeout=20)
    assert not live(sim)


def test_a_spot_request_that_has_an_instance(spot, sim):
    """A20: whoever cancels it leaves the instance, which bears no tag of ours."""
    request = ask_spot(sim, lost_tags(sim, spot))
    instance = eventually(lambda: (o := seen_by_id(spot, request)) and o["instance"], timeout=20)
    eventually(lambda: is_dead(sim, instance), timeout=30)
    assert sim.calls("CancelSpotInstanceRequests") == 1
    eventually(lambda: spot.call("pool.orphans")["orphans"] == [], timeout=20)
    history = spot.call("worker.history", worker="bot1")["records"]
    assert any(r.get("instance") == instance and r["by"] == "orphan collector" for r in history)


def test_spot_requests_of_workers_are_left_alone(spot, sim):
    """RunInstances makes one for each spot instance, with its tags."""
    with spot.connect() as rpc:
        instance = rpc.call("worker.substantiate", worker="bot1", wait="running")["instance"]["id"]
    asked = sim.calls("DescribeSpotInstanceRequests")
    eventually(lambda: sim.calls("DescribeSpotInstanceRequests") > asked + 4, timeout=90)
    assert sim.calls("CancelSpotInstanceRequests") == 0 and not is_dead(sim, instance)
    assert spot.call("pool.orphans") == {"hold": None, "orphans": []}
