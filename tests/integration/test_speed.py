# SPDX-License-Identifier: Apache-2.0
"""Many workers at once: what they cost in calls. How long they take is make bench's to judge."""

import ec2sim
import judge
import speed
from daemon import Daemon
from ec2sim import eventually
from lives import finish, has_phase


def test_two_hundred_at_once(directory, capsys):
    """The price of a listing is its pages, not the workers."""
    up, down = speed.run(directory)
    with capsys.disabled():
        print("\n" + speed.report(up, down))
    assert up[1]["RunInstances"] == speed.WORKERS
    assert up[1]["DescribeInstances"] < speed.LISTINGS
    assert down[1]["TerminateInstances"] == speed.WORKERS
    assert down[1]["DescribeInstances"] < speed.LISTINGS


def test_under_the_buckets_of_aws(directory):
    """A refusal for too many requests costs no attempt, and no terminate waits for it (N19)."""
    with ec2sim.running("--throttle", "aws", pending="0.1", shutdown="0.1") as sim:
        names = [f"linux-{n:02}" for n in range(1, 17)]
        workers = {"linux-[01-16]": {"password": "generated"}}
        with Daemon(directory, sim.url, workers) as daemon:
            for name in names:
                daemon.call("worker.substantiate", worker=name)
            for name in names:
                eventually(lambda n=name: has_phase(daemon, "waiting", n), 60)
            refused = [r for r in sim.requests() if r.get("code") == "RequestLimitExceeded"]
            assert refused and {r["action"] for r in refused} == {"RunInstances"}
            launches = judge.rows(daemon, "SELECT worker, sends, token FROM launch")
            assert sorted(row["worker"] for row in launches) == names
            assert all(row["sends"] == 1 for row in launches)
            assert len(sim.ledger()) == len(names)
            judge.check_rest(daemon, sim)
            finish(daemon, sim)
