# SPDX-License-Identifier: Apache-2.0
"""
Windows besides those of sweep.py: moments that a failpoint has a name for and that no
ordinary launch or stop comes by. What stands in a window's orders is said along.
"""

import contextlib
import itertools
import sqlite3
import uuid

import judge
import sweep
from ec2sim import eventually
from lives import is_down, show

QUICK = {"interval": 1, "grace": 1}
ONE = {"bot1": {"password": "generated"}}
KEYS = itertools.count()


def start_afresh(lane):
    if show(lane.daemon)["state"] != "not_substantiated":
        sweep.take_down(lane)
    lane.sim.control("POST", "reset")


def has_gone(lane):
    """Its worker is down, or the daemon has ended."""
    return lane.has_ended(0) or is_down(lane.daemon)


class Keyed(sweep.Launch):
    """A launch under the client's own key, whose reply may be lost (I4)."""

    name = "keyed launch"

    def prepare(self, lane):
        super().prepare(lane)
        lane.key = f"up-{next(KEYS)}"

    def act(self, lane, said):
        said["accepted"] = lane.daemon.call("worker.substantiate", worker="bot1",
                                            request=lane.key)

    def repeat(self, lane):
        again = [lane.daemon.call("worker.substantiate", worker="bot1", request=lane.key,
                                  wait="running") for _ in range(2)]
        assert again[0]["generation"] == again[1]["generation"] == show(lane.daemon)["generation"]
        assert len(lane.sim.ledger()) == 1, "a second machine was started for one key"


class FirstUse(sweep.Launch):
    """A launch by a daemon that has not asked yet what its keys may do."""

    name = "first use"

    def prepare(self, lane):
        super().prepare(lane)
        lane.daemon.kill()
        lane.daemon.start()


class Full(sweep.Launch):
    """A launch whose intent finds the disk full: the reserve is given up for it."""

    name = "full disk"
    orders = "ledger.commit=nth:1,err:ENOSPC"


class Idle(sweep.Window):
    """Nobody gives it a build."""

    name = "idle"
    workers = {"bot1": {"password": "x", "build_wait_timeout": 1}}

    def prepare(self, lane):
        start_afresh(lane)
        lane.daemon.call("worker.substantiate", worker="bot1", wait="running")

    def act(self, lane, said):
        said["attached"] = lane.daemon.call("worker.attached", worker="bot1")
        eventually(lambda: has_gone(lane), 30)

    def judge(self, lane):
        eventually(lambda: is_down(lane.daemon), 30)
        super().judge(lane)

    def repeat(self, lane):
        assert {i["state"] for i in lane.sim.ledger().values()} == {"terminated"}


class Lapse(Idle):
    """Its owner goes away, and does not come back."""

    name = "lapse"
    workers = ONE
    config = {"owner_timeout": 0.5}

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            rpc.call("session.open", owner="master")
            said["attached"] = rpc.call("worker.attached", worker="bot1")
        eventually(lambda: has_gone(lane), 30)


class Pause(sweep.Window):
    """A pause and its end, so often that the ledger's log is written back."""

    name = "pause"
    workers = dict(ONE)
    times = 1

    def prepare(self, lane):
        lane.daemon.call("pool.resume")

    def act(self, lane, said):
        with lane.daemon.connect() as rpc:
            for _ in range(self.times):
                said.pop("resumed", None)
                said["paused"] = rpc.call("pool.pause")
                said["resumed"] = rpc.call("pool.resume")

    def check(self, lane, said):
        paused = lane.daemon.call("pool.status")["paused"]
        assert "resumed" not in said or not paused, "I4"

    def repeat(self, lane):
        lane.daemon.call("pool.resume")
        sweep.bring_up(lane)
        sweep.take_down(lane)


class Checkpoint(Pause):
    name = "checkpoint"
    times = 1000


class Shutdown(sweep.Stop):
    """The daemon is told to end, and to end all with it."""

    name = "shutdown"
    workers = dict(ONE)
    config = {"on_stop": "terminate"}

    def act(self, lane, said):
        lane.daemon.process.terminate()
        eventually(lambda: lane.has_ended(0.1), 30)


class Lease(sweep.Window):
    """A machine that ends by itself unless its lease is renewed."""

    name = "lease"
    workers = {"bot1": {"password": "x", "dead_man": 3}}

    def prepare(self, lane):
        start_afresh(lane)
        lane.daemon.call("worker.substantiate", worker="bot1", wait="running")
        lane.daemon.call("worker.attached", worker="bot1")

    def act(self, lane, said):
        before = lane.sim.calls("CreateTags")
        eventually(lambda: lane.has_ended(0.1) or lane.sim.calls("CreateTags") > before + 1, 30)

    def check(self, lane, said):
        before = lane.sim.calls("CreateTags")
        eventually(lambda: lane.sim.calls("CreateTags") > before, 30)

    def repeat(self, lane):
        assert show(lane.daemon)["attached"]


# Ledgers that do not know all, or nothing

def tags_of(lane, **tags):
    """As a launch of this ledger would have them."""
    [meta] = judge.rows(lane.daemon, "SELECT lineage, epoch FROM meta")
    tags = {"pool": "test", "worker": "bot1", "launch": str(uuid.uuid4()), **tags,
            "lineage": meta["lineage"], "epoch": str(meta["epoch"])}
    return [{"Key": f"ec2workerd:{key}", "Value": value} for key, value in tags.items()]


class Stray(sweep.Window):
    """An instance with all our tags that is in no row."""

    name = "stray"
    workers = dict(ONE)
    config = {"orphans": QUICK}

    def prepare(self, lane):
        start_afresh(lane)
        sweep.bring_up(lane)  # so that the stray's generation is no news
        sweep.take_down(lane)

    def act(self, lane, said):
        lane.sim.client().run_instances(
            ImageId="ami-12345678", InstanceType="m5.large", MinCount=1, MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance",
                                "Tags": tags_of(lane, generation="1")}])
        eventually(lambda: lane.has_ended(0) or not judge.live(lane.sim), 60)

    def judge(self, lane):
        eventually(lambda: not judge.live(lane.sim), 60)
        judge.check_rest(lane.daemon, lane.sim, adopted=True)

    def repeat(self, lane):
        assert is_down(lane.daemon)


class Restored(sweep.Start):
    """An old copy of the ledger, and an instance that is newer than it."""

    name = "restored ledger"
    workers = dict(ONE)
    config = {"orphans": QUICK}

    def prepare(self, lane):
        start_afresh(lane)
        ledger = lane.daemon.directory / "state/ledger.db"
        old = lane.daemon.directory / "old.db"
        old.unlink(missing_ok=True)
        with contextlib.closing(sqlite3.connect(ledger)) as now, \
                contextlib.closing(sqlite3.connect(old)) as copy:
            now.backup(copy)
        sweep.bring_up(lane)
        lane.daemon.kill()
        for part in ledger.parent.glob("ledger.db*"):
            part.unlink()
        old.rename(ledger)
        # Else the start itself would know, and nothing would be left to find out.
        (ledger.parent / "starts").unlink()

    def run(self, lane, said):
        super().run(lane, said)
        eventually(lambda: lane.has_ended(0.1) or self.settle(lane), 90)

    def settle(self, lane):
        """Its worker says once more that it is there; whether all is well then."""
        with contextlib.suppress(*sweep.GONE):
            if show(lane.daemon)["phase"] == "waiting":
                lane.daemon.call("worker.attached", worker="bot1")
            return sweep.is_up(lane) and not lane.daemon.call("pool.status")["hold"]
        return False

    def judge(self, lane):
        eventually(lambda: self.settle(lane), 90)
        judge.check_rest(lane.daemon, lane.sim, adopted=True)

    def repeat(self, lane):
        assert len(lane.sim.ledger()) == 1, "a second machine was started for one wish"


class Damaged(sweep.Start):
    """Rubbish in the ledger, whose log is sound and does not make up for it."""

    name = "damaged ledger"
    workers = dict(ONE)

    def prepare(self, lane):
        start_afresh(lane)
        lane.daemon.kill()
        state = lane.daemon.directory / "state"
        for old in state.glob("*.damaged*"):
            old.unlink()
        with contextlib.closing(sqlite3.connect(state / "ledger.db")) as ledger:
            ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        lane.daemon.start()
        lane.daemon.call("pool.pause")
        lane.daemon.kill()
        sound = (state / "ledger.db").read_bytes()
        (state / "ledger.db").write_bytes(sound[:4096] + b"rubbish!" * (len(sound) // 8 - 512))

    def judge(self, lane):
        judge.check_rest(lane.daemon, lane.sim)

    def check(self, lane, said):
        state = lane.daemon.directory / "state"
        assert not lane.daemon.call("pool.status")["paused"]
        assert any(b"rubbish" in path.read_bytes() for path in state.glob("*.damaged*"))

    def repeat(self, lane):
        sweep.bring_up(lane)
        assert len(lane.sim.ledger()) == 1
        sweep.take_down(lane)
