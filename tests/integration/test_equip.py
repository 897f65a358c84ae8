# SPDX-License-Identifier: Apache-2.0
"""Address and volumes of workers, on ec2sim and on moto."""

import pytest

import judge
import moto
from daemon import Daemon
from ec2sim import eventually
from lives import finish, has_phase, is_down, show, take_down, up
from rpcclient import RpcError

IP, OTHER_IP = "203.0.113.7", "203.0.113.8"
CACHE, DATA, FAR = "vol-0123456789abcdef0", "vol-0000000b", "vol-0000000c"
THINGS = {
    "pending": "0.1s", "shutdown": "0.1s", "volume_delay": "0.1s",
    "addresses": [{"public_ip": IP}, {"public_ip": OTHER_IP}],
    "volumes": [{"id": CACHE, "zone": "us-east-1a"}, {"id": DATA, "zone": "us-east-1a"},
                {"id": FAR, "zone": "us-east-1b"}],
}
BOT = {"password": "generated", "placement": "a", "elastic_ip": IP,
       "volumes": [[CACHE, "/dev/sdh"], [DATA, "/dev/sdi"]]}


@pytest.fixture(name="make")
def fixture_make(make_daemon, sim):
    """make(workers, ...): a daemon that has started, on a simulator with these things."""
    def make(workers, **scenario):
        sim.control("POST", "scenario", THINGS | scenario)
        return make_daemon(workers).start()
    return make


def volume(sim, volume_id):
    [found] = sim.client().describe_volumes(VolumeIds=[volume_id])["Volumes"]
    return found


def holder(sim, ip=IP):
    [found] = sim.client().describe_addresses(PublicIps=[ip])["Addresses"]
    return found.get("InstanceId")


def attached(sim, volume_id):
    """(instance, device, state) of what the volume is attached to, or None."""
    attachments = volume(sim, volume_id)["Attachments"]
    return tuple(attachments[0][k] for k in ("InstanceId", "Device", "State")) if (
        attachments) else None


def has_all(sim, instance):
    return (holder(sim), attached(sim, CACHE), attached(sim, DATA)) == (
        instance, (instance, "/dev/sdh", "attached"), (instance, "/dev/sdi", "attached"))


def reasons(daemon, worker="bot1"):
    return [r["reason"] for r in daemon.call("worker.history", worker=worker)["records"]
            if r["reason"]]


def stranger(sim):
    """An instance that is none of ours, and runs."""
    ec2 = sim.client()
    [instance] = ec2.run_instances(
        ImageId="ami-12345", MinCount=1, MaxCount=1,
        Placement={"AvailabilityZone": "us-east-1a"})["Instances"]
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance["InstanceId"]],
                                            WaiterConfig={"Delay": 1})
    return instance["InstanceId"]


def test_a_life(make, sim):
    """Running means with all of it; the next one waits for the last, and gets it again."""
    daemon = make({"bot1": BOT})
    asked = daemon.call("worker.substantiate", worker="bot1", wait="running")
    instance = asked["instance"]["id"]
    assert show(daemon)["phase"] == "waiting"
    assert has_all(sim, instance)
    daemon.call("worker.attached", worker="bot1")
    assert show(daemon)["state"] == "substantiated"
    said = reasons(daemon)
    assert said.index(f"has volume {DATA} as /dev/sdi") < said.index(
        f"has volume {CACHE} as /dev/sdh") < said.index(f"has address {IP}")

    daemon.call("worker.insubstantiate", worker="bot1")
    again = daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert again["generation"] == 2 and again["instance"]["id"] != instance
    assert has_all(sim, again["instance"]["id"])
    finish(daemon, sim)
    eventually(lambda: holder(sim) is None and volume(sim, CACHE)["State"] == "available")
    for action in ("DisassociateAddress", "DetachVolume"):
        assert sim.calls(action) == 0
    for request in sim.requests():
        if request["action"] == "AssociateAddress":
            assert request["params"]["AllowReassociation"] == "false"


def test_attached_before_it_is_equipped(make, sim):
    daemon = make({"bot1": BOT}, volume_delay="2s")
    outcome = up(daemon)
    eventually(lambda: has_phase(daemon, "equipping"))
    daemon.call("worker.attached", worker="bot1")
    assert show(daemon)["state"] == "substantiating" and not outcome
    assert show(daemon)["deadline"]["kind"] == "missing_timeout"
    eventually(lambda: outcome, 30)
    assert show(daemon)["phase"] == "ready"
    assert has_all(sim, outcome[0]["instance"]["id"])
    assert show(daemon)["deadline"]["kind"] == "build_wait_timeout"
    finish(daemon, sim)


def refused(daemon, sim, says, worker="bot1", reason="config"):
    """A start that fails, and leaves no machine."""
    with pytest.raises(RpcError) as caught:
        daemon.call("worker.substantiate", worker=worker, wait="attached")
    assert caught.value.kind == "failed", caught.value
    assert caught.value.data["reason"] == reason
    assert says in str(caught.value), caught.value
    eventually(lambda: is_down(daemon, worker), 30)
    assert worker not in judge.live(sim)
    return caught.value


def test_a_strangers_address_stays_there(make, sim):
    daemon = make({"bot1": BOT})
    other = stranger(sim)
    sim.client().associate_address(PublicIp=IP, InstanceId=other)
    refused(daemon, sim, f"address {IP}: it belongs to {other}, which is running")
    assert holder(sim) == other
    assert sim.ledger()[other]["state"] == "running"
    assert attached(sim, CACHE) is None


def test_a_strangers_volume_stays_there(make, sim):
    daemon = make({"bot1": BOT})
    other = stranger(sim)
    sim.client().attach_volume(VolumeId=DATA, InstanceId=other, Device="/dev/sdx")
    refused(daemon, sim, f"volume {DATA} as /dev/sdi: it belongs to {other}")
    assert attached(sim, DATA)[0] == other
    assert sim.calls("AttachVolume") == 1  # the stranger's
    assert sim.calls("RunInstances") == 1  # and nothing was launched in vain


def test_whoever_dies_is_waited_for(make, sim):
    """Not ours, but it will let go."""
    daemon = make({"bot1": BOT}, shutdown="2s")
    other = stranger(sim)
    sim.client().associate_address(PublicIp=IP, InstanceId=other)
    sim.client().terminate_instances(InstanceIds=[other])
    outcome = up(daemon, wait="running")
    eventually(lambda: show(daemon)["last_error"] is not None)
    assert show(daemon)["phase"] == "equipping"
    assert f"waits until {other} is terminated" in str(show(daemon)["last_error"])
    eventually(lambda: outcome, 30)
    assert has_all(sim, outcome[0]["instance"]["id"])
    assert show(daemon)["last_error"] is None
    take_down(daemon)
    assert not judge.live(sim)


@pytest.mark.parametrize("worker,says", [
    ({"elastic_ip": "203.0.113.99"}, "InvalidAddress.NotFound"),
    ({"volumes": [["vol-0000ffff", "/dev/sdh"]]}, "InvalidVolume.NotFound"),
    ({"volumes": [[FAR, "/dev/sdh"]], "placement": "a"}, "zone us-east-1b"),
])
def test_what_cannot_be_had(make, sim, worker, says):
    daemon = make({"bot1": {"password": "x"} | worker})
    refused(daemon, sim, says)


@pytest.mark.parametrize("code,reason", [
    ("InvalidParameterValue", "config"), ("AttachmentLimitExceeded", "quota"),
    ("UnauthorizedOperation", "auth")])
def test_an_attach_that_is_refused(make, sim, code, reason):
    """As for a device that the image has taken. No other machine is tried."""
    daemon = make({"bot1": BOT})
    sim.fault(action="AttachVolume", effect="error", code=code, status=400, count=1)
    error = refused(daemon, sim, f"volume {CACHE} as /dev/sdh: AttachVolume: {code}",
                    reason=reason)
    assert error.data["aws"]["code"] == code
    assert len(sim.ledger()) == 1
    eventually(lambda: holder(sim) is None)


@pytest.mark.parametrize("fault", [
    {"effect": "error", "code": "RequestLimitExceeded", "status": 503, "count": 2},
    {"effect": "error", "code": "InternalError", "count": 2},
    {"effect": "drop", "count": 2},
    {"effect": "drop", "after": True, "count": 1},
    {"effect": "html", "after": True, "count": 1},
    {"effect": "cut", "at": 50, "count": 1},
])
@pytest.mark.parametrize("action", ["DescribeAddresses", "AssociateAddress", "DescribeVolumes",
                                    "AttachVolume"])
def test_what_passes_is_tried_again(make, sim, action, fault):
    """Nothing is done twice, whatever becomes of an answer."""
    daemon = make({"bot1": BOT})
    sim.fault(action=action, **fault)
    asked = daemon.call("worker.substantiate", worker="bot1", wait="running")
    assert has_all(sim, asked["instance"]["id"])
    assert len(sim.ledger()) == 1
    finish(daemon, sim)


def test_killed_while_equipping(make, sim):
    daemon = make({"bot1": BOT}, volume_delay="0.5s")
    daemon.call("worker.substantiate", worker="bot1")
    for action, count in [("AssociateAddress", 1), ("AttachVolume", 1), ("AttachVolume", 2)]:
        eventually(lambda a=action, n=count: sim.calls(a) >= n)
        daemon.kill()
        daemon.start()
    worker = eventually(lambda: has_phase(daemon, "waiting"), 30)
    assert has_all(sim, worker["instance"]["id"])
    assert len(sim.ledger()) == 1
    finish(daemon, sim)


def test_a_reload_moves_an_address(make, sim):
    """What runs keeps it; who has it now according to the file gets it when that has ended."""
    daemon = make({"bot1": BOT, "bot2": {"password": "x", "placement": "a"}})
    first = daemon.call("worker.substantiate", worker="bot1", wait="running")
    daemon.config["workers"] = {"bot1": {"password": "x"}, "bot2": BOT}
    daemon.write_config()
    assert daemon.call("daemon.reload")["stale"] == ["bot1"]
    assert has_all(sim, first["instance"]["id"])
    refused(daemon, sim, "of worker bot1", "bot2")
    daemon.call("worker.insubstantiate", worker="bot1")
    second = daemon.call("worker.substantiate", worker="bot2", wait="running")
    assert has_all(sim, second["instance"]["id"])
    finish(daemon, sim)


def test_on_moto(directory):
    with moto.running() as account:
        account.reset()
        ec2 = account.client()
        ip = ec2.allocate_address(Domain="vpc")["PublicIp"]
        made = ec2.create_volume(AvailabilityZone=f"{moto.REGION}a", Size=1)["VolumeId"]
        daemon = Daemon(
            directory, account.url, {"bot1": {
                "password": "generated", "placement": "a", "elastic_ip": ip,
                "volumes": [[made, "/dev/sdh"]]}},
            aws={"region": moto.REGION, "identifier": account.key_id,
                 "secret_identifier": account.secret, "endpoint_url": account.url},
            worker_defaults={"keypair_name": account.KEYPAIR, "instance_type": "m5.large",
                             "security_name": account.GROUP, "ami": account.image(),
                             "missing_timeout": 60})
        with daemon:
            asked = daemon.call("worker.substantiate", worker="bot1", wait="running")
            instance = asked["instance"]["id"]
            [address] = ec2.describe_addresses(PublicIps=[ip])["Addresses"]
            [volume_now] = ec2.describe_volumes(VolumeIds=[made])["Volumes"]
            assert address["InstanceId"] == instance
            [attachment] = volume_now["Attachments"]
            assert (attachment["InstanceId"], attachment["Device"]) == (instance, "/dev/sdh")
            daemon.call("worker.insubstantiate", worker="bot1", wait="stopped")
