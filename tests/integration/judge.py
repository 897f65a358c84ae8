# SPDX-License-Identifier: Apache-2.0
"""
The invariants, judged by two ledgers that know nothing of each other: the simulator's,
which has every instance and its bill, and the daemon's, which is read with Python's sqlite3.
"""

import contextlib
import sqlite3

from ec2sim import eventually

LIVE = {"pending", "running", "stopping", "stopped"}
OWNED = {"pending", "running", "equipping", "waiting", "ready"}


def rows(daemon, query):
    """What a query finds in the daemon's ledger, as dictionaries."""
    path = daemon.directory / "state" / "ledger.db"
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as ledger:
        ledger.row_factory = sqlite3.Row
        return [dict(row) for row in ledger.execute(query)]


def live(sim):
    """Ids of the instances that are paid for or can be again, by worker."""
    found = {}
    for instance in sim.ledger().values():
        if instance["state"] in LIVE:
            found.setdefault(instance["worker"], []).append(instance["id"])
    return found


def check_no_twin(sim):
    """I1: at no time two live instances of one worker."""
    lives = {}
    for instance in sim.ledger().values():
        lives.setdefault(instance["worker"], []).append(
            (instance["launched_at"], instance["ended_at"] or "for ever", instance["id"]))
    for worker, spans in lives.items():
        spans.sort()
        for (_, ended, first), (began, _, second) in zip(spans, spans[1:]):
            assert ended <= began, f"I1: {worker} had {first} and {second} at once: {spans}"


def check_agreement(daemon, sim):
    """I2 at rest, and I6: what lives is owned, what is owned lives, nothing is in doubt."""
    instances = {row["instance"]: row["phase"] for row in rows(
        daemon, "SELECT instance, phase FROM instance")}
    owned = {instance for instance, phase in instances.items() if phase in OWNED}
    alive = {instance for ids in live(sim).values() for instance in ids}
    assert alive == owned, f"I2, I6: live {alive}, ledger {instances}"
    doubts = rows(daemon, "SELECT launch, phase FROM launch"
                          " WHERE phase NOT IN ('gone', 'answered', 'reserved')")
    assert not doubts, f"I6: {doubts}"
    check_no_twin(sim)


def is_at_rest(daemon):
    """Nothing of any worker is on its way anywhere."""
    workers = daemon.call("worker.list")["workers"]
    return all(w["phase"] in (None, "waiting", "ready") for w in workers)


def check_rest(daemon, sim, timeout=60):
    """Waits until nothing moves any more, and judges that."""
    eventually(lambda: is_at_rest(daemon), timeout)
    check_agreement(daemon, sim)
