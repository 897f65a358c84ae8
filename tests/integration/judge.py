# SPDX-License-Identifier: Apache-2.0
"""
The invariants, judged by two ledgers that know nothing of each other: the simulator's,
which has every instance and its bill, and the daemon's, which is read with Python's sqlite3.
"""

import contextlib
import datetime
import math
import sqlite3

from ec2sim import eventually

LIVE = {"pending", "running", "stopping", "stopped"}
OWNED = {"pending", "running", "equipping", "waiting", "ready"}
# Who may end an instance with a build on it, besides a client by its uid (I3).
MAY_KILL = {"EC2", "on_stop", "owner_build_timeout"}


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


def ms(text):
    """A time as the simulator writes it, in the daemon's milliseconds; of None: never."""
    return math.inf if text is None else datetime.datetime.fromisoformat(
        text.replace("Z", "+00:00")).timestamp() * 1000


def owned_spans(daemon):
    """
    From when to when the daemon had each (launch, instance) in its books: from the launch's
    intent to the instance's proof; instance None: what became of it before there was one.
    """
    found = rows(daemon, "SELECT launch, instance, MIN(at) AS began,"
                         " MAX(CASE to_state WHEN 'gone' THEN at END) AS over"
                         " FROM history WHERE type = 'phase' GROUP BY launch, instance")
    began = {}
    for row in found:
        began[row["launch"]] = min(row["began"], began.get(row["launch"], math.inf))
    return {(row["launch"], row["instance"]): (
        began[row["launch"]], math.inf if row["over"] is None else row["over"]) for row in found}


def leak_cost(daemon, sim, since=""):
    """
    Seconds that are billed while no owner has the instance in its books, by instance; of those
    launched after the books were lost.
    """
    spans, now, costs = owned_spans(daemon), ms(sim.now()), {}
    for instance in sim.ledger().values():
        if instance["launched_at"] < since:
            continue
        launch = instance["tags"].get("ec2workerd:launch")
        began, ended = spans.get((launch, instance["id"])) or spans.get(
            (launch, None), (math.inf, math.inf))
        cost = 0
        for run in instance["runs"]:
            first, last = ms(run["from"]), min(ms(run["to"]), now)
            covered = max(0, min(last, ended) - max(first, began))
            cost += max(0, last - first - covered) / 1000
        if cost > 0:
            costs[instance["id"]] = cost
    return costs


def left_behind(sim):
    """Volumes that launches have made and nothing has, and spot requests that may still start something."""
    books = sim.control("GET", "ledger")
    return [v["id"] for v in books["volumes"]
            if v["state"] == "available" and "ec2workerd:launch" in v["tags"]] + [
        r["id"] for r in books["spot_requests"] if r["open"]]


def check_no_killed_build(daemon):
    """I3: what was condemned had no build on it, or whoever may do that said so."""
    builds = {}
    for event in rows(daemon, "SELECT * FROM history WHERE type = 'build'"
                              " OR type = 'phase' AND to_state = 'condemned' ORDER BY seq"):
        if event["type"] == "build":
            builds[event["instance"]] = event["to_state"]
        else:
            by = event["by"]
            # A build is reported before its worker has come, and then waits for it (L14).
            waited = by == "missing" and event["from_state"] != "ready"
            assert builds.get(event["instance"], "0") == "0" or waited or by in MAY_KILL or (
                by.startswith("uid ")), f"I3: {event}"


def check_agreement(daemon, sim, adopted=False, since=""):
    """
    I2 at rest, I3 and I6: what lives is owned, what is owned lives, nothing is in doubt.
    adopted: something came into this ledger that it had not launched. since: when the books
    were lost, if they were.
    """
    instances = {row["instance"]: row["phase"] for row in rows(
        daemon, "SELECT instance, phase FROM instance")}
    owned = {instance for instance, phase in instances.items() if phase in OWNED}
    alive = {instance for ids in live(sim).values() for instance in ids}
    assert alive == owned, f"I2, I6: live {alive}, ledger {instances}"
    doubts = rows(daemon, "SELECT launch, phase FROM launch"
                          " WHERE phase NOT IN ('gone', 'answered', 'reserved')")
    assert not doubts, f"I6: {doubts}"
    check_no_twin(sim)
    check_no_killed_build(daemon)
    assert adopted or not (leaks := leak_cost(daemon, sim, since)), f"I2: billed without an owner: {leaks}"
    assert not (left := left_behind(sim)), f"I2: left behind: {left}"


def is_at_rest(daemon):
    """Nothing of any worker is on its way anywhere."""
    workers = daemon.call("worker.list")["workers"]
    return all(w["phase"] in (None, "waiting", "ready") for w in workers)


def check_rest(daemon, sim, timeout=60, adopted=False):
    """Waits until nothing moves any more, and judges that."""
    eventually(lambda: is_at_rest(daemon), timeout)
    check_agreement(daemon, sim, adopted)
