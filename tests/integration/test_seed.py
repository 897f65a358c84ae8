# SPDX-License-Identifier: Apache-2.0
"""
The examples of Buildbot's page about EC2LatentWorker: what reaches EC2 is what is expected, on
ec2sim and on moto, and what the original sends for the same options in the same run.
"""

import contextlib
import tempfile

import pytest

import ec2sim
import moto
import seeds

SEED_NAMES = seeds.names()
assert len(SEED_NAMES) == 14
# What ec2sim knows beside the keys of the role.
CREDENTIALS = {"publickey": "publickey:privatekey", "identifier": "identifier:secret_identifier",
               "role": "nobody:secret"}


@pytest.fixture(scope="module")
def servers():
    """Two motos: the original and ours write the owners of images in two ways."""
    with contextlib.ExitStack() as stack:
        made = []
        for numeric_owners in (False, True):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="e2w-"))
            made.append(stack.enter_context(moto.running(
                directory, MOTO_AMIS_PATH=seeds.images_file(directory, numeric_owners))))
        yield made


def furnish(server, seed):
    """What an administrator has made for an example: {name on the page: moto's own name}."""
    server.post("/moto-api/reset")
    ec2, iam = server.client(region=seed.region), server.client("iam", region=seed.region)
    ec2.create_key_pair(KeyName=server.KEYPAIR)
    ec2.create_security_group(GroupName=server.GROUP, Description="workers")
    ec2.allocate_address(Domain="vpc", Address=seeds.ADDRESS)
    iam.create_instance_profile(InstanceProfileName="my_profile")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    groups = [ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
              for name in ("first", "second")]
    server.record()
    return {"subnet-12345": subnet, "sg-12345": groups[0], "sg-67890": groups[1]}


def check(calls, seed, service, substitutes):
    """Ours has sent what seed/NAME.json says; returns its last launch."""
    launches = [call for call in calls if call.action == "RunInstances"]
    sent = [seeds.our_launch(call, "seed", "bot1") for call in launches]
    assert [seeds.with_page_names(launch, substitutes) for launch, _ in sent] == (
        seed.expected_on(service))
    assert all(tags == seed.tags for _, tags in sent)
    assert all(seed.is_signer(call.signed_by, service) for call in launches)
    assert seeds.other_calls(calls, seed.calls) == seed.calls
    assert "RequestSpotInstances" not in [call.action for call in calls]
    return seeds.with_page_names(sent[-1][0], substitutes), sent[-1][1]


def equipment(calls):
    """What is put on the instance when it runs."""
    return [call.action for call in calls if call.action in ("AssociateAddress", "AttachVolume")]


@pytest.mark.parametrize("name", SEED_NAMES)
def test_on_ec2sim(name, directory):
    seed = seeds.Seed(name)
    with ec2sim.running("--credentials", CREDENTIALS[seed.signed_by]) as sim:
        sim.control("POST", "scenario", seed.scenario())
        with seeds.SeedDaemon(directory, sim.url, seed, sim.url) as daemon:
            daemon.up()
            check(seeds.of_sim(sim), seed, "ec2sim", {})
            daemon.down()


@pytest.mark.parametrize("name", SEED_NAMES)
def test_on_moto_and_against_the_original(name, directory, servers, tmp_path):
    """Each has an account of its own, furnished alike."""
    seed = seeds.Seed(name)
    server, its_server = servers
    substitutes = furnish(server, seed)
    with seeds.SeedDaemon(directory, server.url, seed, server.url, substitutes) as daemon:
        daemon.up()
        calls = seeds.of_moto(server)
        launch = check(calls, seed, "moto", substitutes)
        daemon.down()

    substitutes = furnish(its_server, seed)
    on_the_page, outcome = seeds.run_original(seed, tmp_path, its_server.url, substitutes)
    assert "started" in outcome, outcome
    if seed.refused:
        assert seed.refused in on_the_page["error"]
    its_calls = seeds.of_moto(its_server)
    theirs, tags = seeds.original_launch(its_calls)
    assert (seeds.with_page_names(theirs, substitutes), tags) == launch
    assert equipment(its_calls) == equipment(calls)
